"""The database, as handlers read it."""

from pathlib import Path

import apsw
import pytest

from streams.database import Database, connect


def test_whoever_reads_for_the_first_time_waits_for_no_writer(tmp_path: Path) -> None:
    file = tmp_path / "tidewire.db"
    db = connect(str(file))
    things = db.t.things.create(id=int, name=str, pk="id")
    things.create_index(["name"])  # an index without statistics: fastlite's first act would be to make them
    things.insert_all({"name": f"thing {n}"} for n in range(100))
    db.execute("BEGIN IMMEDIATE")
    things.insert(name="not yet")
    assert Database(file).q("SELECT count(*) AS number FROM things") == [{"number": 100}]
    db.execute("COMMIT")


def test_what_is_for_reading_cannot_write(tmp_path: Path) -> None:
    file = tmp_path / "tidewire.db"
    connect(str(file)).t.things.create(id=int, name=str, pk="id")
    with pytest.raises(apsw.ReadOnlyError):
        Database(file).t.things.insert(name="x")
