"""CSV files of readings, as they are and as they should not be."""

from pathlib import Path

import pytest

from components.readings import SensorReading
from streams.csv_lines import LONGEST_LINE, Malformed, Part, look, read

HEAD = b"sensor,time,temperature,humidity,pressure\n"
ROW = b"roof,2026-01-01T12:00:00Z,21.5,48,1013.2\n"


def whole(tmp_path: Path, content: bytes, most: int = 1_000) -> Part:
    """Read a file, some lines at a time."""
    path = tmp_path / "readings.csv"
    path.write_bytes(content)
    sheet = look(path)
    part = Part(sheet.begins, 1)
    while (more := read(sheet, part.offset, part.line, most, "imported")).line > part.line:
        part.join(more)
    assert part.offset == len(content)
    assert part.line == sheet.lines + 1
    return part


def test_a_row_is_a_reading(tmp_path: Path) -> None:
    [reading] = whole(tmp_path, HEAD + ROW).readings
    assert reading == SensorReading(
        sensor="roof", time="2026-01-01T12:00:00Z", temperature=21.5, humidity=48, pressure=1013.2
    )


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + HEAD + ROW,
        HEAD.replace(b"\n", b"\r\n") + ROW.replace(b"\n", b"\r\n"),
        HEAD + ROW.removesuffix(b"\n"),
        HEAD + b"\n" + ROW + b"  \r\n\n",
        b' Sensor ,"TIME",Temperature,humidity,pressure,note\n' + ROW.replace(b"\n", b',"a, b"\n'),
        b"pressure,humidity,temperature,time,sensor\n1013.2,48,21.5,2026-01-01T12:00:00+00:00,roof\n",
    ],
    ids=["BOM", "CRLF", "no last line end", "empty lines", "other names and columns", "other order"],
)
def test_what_programs_write_differently_is_the_same(tmp_path: Path, content: bytes) -> None:
    part = whole(tmp_path, content)
    assert part.problems == []
    assert part.readings == whole(tmp_path, HEAD + ROW).readings


def test_readings_without_a_sensor_are_of_the_one_that_was_said(tmp_path: Path) -> None:
    part = whole(tmp_path, b"time,temperature,humidity,pressure\n2026-01-01T12:00:00Z,21.5,48,1013.2\n")
    assert [reading.sensor for reading in part.readings] == ["imported"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty one"),
        (HEAD, "at least one reading"),
        (ROW, "a first line that names the columns, time, temperature, humidity, pressure, got 'roof,2026"),
        (HEAD.replace(b",", b";") + ROW, "separated by commas, got semicolons"),
        (HEAD.replace(b",", b"\t") + ROW, "separated by commas, got tabs"),
        (b"time,temperature\n1,2\n", "a column humidity and a column pressure too, got time, temperature"),
        (b"time,time,temperature,humidity,pressure\n", "each column once, got time more often"),
        (b"t\xe9mp,time\n", "expected UTF-8, got the byte 0xE9, as Latin-1 has them in the first line"),
        ("\ufeff".encode("utf-16-le") + HEAD, "got UTF-16"),
        (b"PK\x03\x04" + bytes(100), "an Excel workbook"),
        (b"\x1f\x8b\x08" + bytes(100), "a gzip file"),
        (b"\x7fELF\0\0\1\n" + bytes(100), "got binary data"),
        (b"x" * 100_000, "a first line of at most 10,000 bytes"),
        (HEAD.replace(b"\n", b"\r") + ROW.replace(b"\n", b"\r"), "lines that end in CR alone"),
        (b'"time,temperature\n', "quotes that are closed"),
    ],
)
def test_a_file_that_is_none_of_readings_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    with pytest.raises(Malformed, match=f".*{said[:15]}") as told:
        whole(tmp_path, content)
    assert said in str(told.value)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (b"roof,2026-01-01T12:00:00Z,hot,48,1013.2", "temperature: Input should be a valid number"),
        (
            b"roof,2026-01-01T12:00:00Z,21.5,101,1013.2",
            "humidity: Input should be less than or equal to 100, got",
        ),
        (b"roof,2026-01-01T12:00:00Z,nan,48,1013.2", "temperature:"),
        (b"roof,2999-01-01T12:00:00Z,21.5,48,1013.2", "time: expected a time that has come"),
        (b"roof,9999-12-31T23:59:59-14:00,21.5,48,1013.2", "time: expected a time that there is in UTC"),
        (b"roof,0001-01-01T00:00:00+14:00,21.5,48,1013.2", "time: "),
        (b"roof,yesterday,21.5,48,1013.2", "time:"),
        (b"roof,,21.5,48,1013.2", "time:"),
        (b"r oof,2026-01-01T12:00:00Z,21.5,48,1013.2", "sensor: expected letters"),
        (b"roof,2026-01-01T12:00:00Z,x,y,z", "pressure:"),
        (b"roof,2026-01-01T12:00:00Z,21,5,48,1013.2", "expected 5 values, got 6"),
        (b"roof", "expected 5 values, got 1"),
        (b"d\xe4ch,2026-01-01T12:00:00Z,21.5,48,1013.2", "expected UTF-8, got the byte 0xE4"),
        (b"roof\0,2026-01-01T12:00:00Z,21.5,48,1013.2", "a NUL byte"),
        (b'"roof,2026-01-01T12:00:00Z,21.5,48,1013.2', "quotes that are closed"),
        (b"x" * (LONGEST_LINE + 1), "at most 10,000 bytes"),
        (b"x" * 1_000_000, "at most 10,000 bytes"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_costs_no_other(tmp_path: Path, row: bytes, said: str) -> None:
    part = whole(tmp_path, HEAD + ROW + row + b"\n" + ROW)
    assert [problem.line for problem in part.problems] == [3]
    assert said in part.problems[0].reason
    assert part.numbers == [2, 4]
    assert len(part.readings) == 2


@pytest.mark.parametrize("most", [1, 2, 3, 100])
def test_a_file_is_the_same_in_whatever_parts_it_is_read(tmp_path: Path, most: int) -> None:
    content = HEAD + b"".join([ROW, b"\n", b"bad\n", b"x" * 50_000 + b"\n", ROW] * 3) + b"x" * 20_000
    part = whole(tmp_path, content, most)
    assert (len(part.readings), len(part.problems)) == (6, 7)
    assert part.numbers == [2, 6, 7, 11, 12, 16]
