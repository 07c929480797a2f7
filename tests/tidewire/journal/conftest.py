"""The journals under test."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from journals import Backend


@pytest.fixture(params=["memory", "sqlite", "sqlite-fastlite"])
async def backend(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    backend = Backend(request.param, tmp_path)
    yield backend
    await backend.close()


@pytest.fixture(params=["sqlite", "sqlite-fastlite"])
async def sqlite(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Backend]:
    backend = Backend(request.param, tmp_path)
    yield backend
    await backend.close()
