"""What the tests of the hub share: topics, and the journals that it is to work with."""

from pathlib import Path

import pytest
from hubs import Feed
from talks import Talk

from tidewire.journal import Journal
from tidewire.journal.memory import MemoryJournal
from tidewire.journal.sqlite import SQLiteJournal


@pytest.fixture
def feed() -> Feed:
    return Feed()


@pytest.fixture(params=["memory", "sqlite"])
def journal(request: pytest.FixtureRequest, tmp_path: Path) -> Journal:
    return MemoryJournal() if request.param == "memory" else SQLiteJournal(tmp_path / "journal.db")


@pytest.fixture
def talk() -> Talk:
    return Talk()
