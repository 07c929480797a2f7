"""The database, as handlers read it."""

from pathlib import Path

import apsw
import pytest

from streams.database import Database, connect


@pytest.fixture
def file(tmp_path: Path) -> Path:
    file = tmp_path / "tidewire.db"
    things = connect(str(file)).t.things.create(id=int, name=str, pk="id")
    things.create_index(["name"])
    things.insert_all({"name": f"thing {n}"} for n in range(100))
    return file


def test_whoever_reads_for_the_first_time_waits_for_no_writer(file: Path) -> None:
    writer = connect(str(file)).conn
    writer.execute("BEGIN IMMEDIATE")
    writer.execute("INSERT INTO things VALUES (101, 'not yet')")
    assert Database(file).q("SELECT count(*) AS number FROM things") == [{"number": 100}]
    writer.execute("COMMIT")


def test_what_is_for_reading_cannot_write(file: Path) -> None:
    with pytest.raises(apsw.ReadOnlyError):
        Database(file).t.things.insert(name="x")
