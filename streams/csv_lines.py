"""Sensor readings in a CSV file: what its first line has to say, and each further line as a reading or as a reason.

A line is a row: no value of a reading holds a line break, so a line's number and its place in the file say where a
reader was, and an unclosed quote costs one row, not the rest of the file.
"""

import csv
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from components.job import Problem
from components.readings import SensorReading

SENSOR = "sensor"
VALUES = ("time", "temperature", "humidity", "pressure")
LONGEST_LINE = 10_000  # bytes; a reading takes about sixty
BLOCK = 256 * 1024  # bytes read at once: a moment, so that others are served in between
UTF8_MARK = b"\xef\xbb\xbf"
OTHERS = {  # how files begin that are no CSV
    b"\xff\xfe": "UTF-16: save it as UTF-8",
    b"\xfe\xff": "UTF-16: save it as UTF-8",
    b"PK\x03\x04": "a ZIP file or an Excel workbook: save it as CSV",
    b"\x1f\x8b": "a gzip file: unpack it first",
    b"%PDF": "a PDF",
}
DELIMITERS = {";": "semicolons", "\t": "tabs", "|": "bars"}


class Malformed(ValueError):
    """Say what is wrong with the whole of a file."""


@dataclass(frozen=True)
class Sheet:
    """A file that can be read: its columns, where its rows begin, how many lines follow the first."""

    path: Path
    columns: list[str]
    begins: int
    lines: int


@dataclass
class Part:
    """Some lines of a file, read: up to which byte and which line of the file, the first being 1."""

    offset: int
    line: int
    readings: list[SensorReading] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)  # the line of each reading
    problems: list[Problem] = field(default_factory=list)

    def join(self, following: "Part") -> None:
        """Take in the lines that follow."""
        self.offset, self.line = following.offset, following.line
        self.readings += following.readings
        self.numbers += following.numbers
        self.problems += following.problems


def look(path: Path) -> Sheet:
    """Read the first line and count the others; raise Malformed where this is no CSV of readings."""
    with path.open("rb") as file:
        first = file.readline(LONGEST_LINE + 1)
        columns = header(first)
        begins = file.tell()
        lines = count(file)
    if not lines:
        raise Malformed("expected at least one reading after the first line, got none")
    return Sheet(path, columns, begins, lines)


def header(first: bytes) -> list[str]:
    """Read the names of the columns."""
    if not first:
        raise Malformed("expected a CSV file, got an empty one")
    for mark, kind in OTHERS.items():
        if first.startswith(mark):
            raise Malformed(f"expected a CSV file in UTF-8, got {kind}")
    if b"\0" in first:
        raise Malformed("expected a CSV file, got binary data")
    if len(first) > LONGEST_LINE:
        raise Malformed(f"expected a first line of at most {LONGEST_LINE:,} bytes, got a longer one")
    try:
        text = first.removeprefix(UTF8_MARK).decode().rstrip("\r\n")
    except UnicodeDecodeError as fault:
        raise Malformed(f"expected UTF-8, got {_byte(fault)} in the first line: save it as UTF-8") from None
    if "\r" in text:
        raise Malformed("expected lines that end in LF or CRLF, got lines that end in CR alone")
    return named(text)


def named(text: str) -> list[str]:
    """Read the first line's text: the four values by name in any order, `sensor` perhaps, and whatever else."""
    names = [name.strip().lower() for name in cells(text)]
    known = [name for name in names if name in (SENSOR, *VALUES)]
    if not known:
        other = next((word for mark, word in DELIMITERS.items() if mark in text and VALUES[1] in text.lower()), "")
        if other:
            raise Malformed(f"expected columns separated by commas, got {other}")
        raise Malformed(f"expected a first line that names the columns, {', '.join(VALUES)}, got {text[:80]!r}")
    missing = [name for name in VALUES if name not in known]
    if missing:
        raise Malformed(f"expected a column {' and a column '.join(missing)} too, got {', '.join(names)[:200]}")
    twice = [name for name, times in Counter(known).items() if times > 1]
    if twice:
        raise Malformed(f"expected each column once, got {' and '.join(twice)} more often")
    return names


def count(file: BinaryIO) -> int:
    """Count the lines that are left."""
    lines, last = 0, b"\n"
    while block := file.read(BLOCK):
        lines += block.count(b"\n")
        last = block[-1:]
    return lines + (last != b"\n")


def read(sheet: Sheet, offset: int, line: int, most: int, sensor: str) -> Part:
    """Read up to `most` lines after a place; `sensor` is whose readings they are where no column says so."""
    part = Part(offset, line)
    with sheet.path.open("rb") as file:
        file.seek(offset)
        for _ in range(most):
            raw = file.readline(LONGEST_LINE + 1)
            if not raw:
                break
            part.line += 1
            try:
                if len(raw) > LONGEST_LINE:
                    skip(file, raw)
                    raise ValueError(f"expected at most {LONGEST_LINE:,} bytes, got more")
                if reading := of(sheet.columns, raw, sensor):
                    part.readings.append(reading)
                    part.numbers.append(part.line)
            except ValueError as fault:
                part.problems.append(Problem(line=part.line, reason=reason(fault)))
        part.offset = file.tell()
    return part


def skip(file: BinaryIO, raw: bytes) -> None:
    """Read on to the end of a line that is too long."""
    while raw and not raw.endswith(b"\n"):
        raw = file.readline(BLOCK)


def of(columns: list[str], raw: bytes, sensor: str) -> SensorReading | None:
    """Read a line; None for an empty one. Raises ValueError where it is no reading."""
    text = raw.decode().rstrip("\r\n")
    if not text or text.isspace():
        return None
    if "\0" in text:
        raise ValueError("expected text, got a NUL byte")
    values = cells(text)
    if len(values) != len(columns):
        raise ValueError(f"expected {len(columns)} values, got {len(values)}")
    return SensorReading.model_validate({SENSOR: sensor} | dict(zip(columns, values, strict=True)))


def cells(text: str) -> list[str]:
    """Take a line apart."""
    if '"' not in text:
        return text.split(",")
    try:
        return next(csv.reader([text], strict=True))
    except csv.Error as fault:
        raise Malformed(f"expected quotes that are closed, got {text[:80]!r} ({fault})") from None


def reason(fault: ValueError) -> str:
    """Say in one line why a row is no reading."""
    if isinstance(fault, UnicodeDecodeError):
        return f"expected UTF-8, got {_byte(fault)}"
    if not isinstance(fault, ValidationError):
        return str(fault)
    told = []
    for error in fault.errors():
        message = error["msg"].removeprefix("Value error, ")
        told.append(
            f"{error['loc'][0]}: {message}" + ("" if ", got " in message else f", got {str(error['input'])[:40]!r}")
        )
    return "; ".join(told)


def _byte(fault: UnicodeDecodeError) -> str:
    return f"the byte 0x{fault.object[fault.start]:02X}, as Latin-1 has them"
