"""A contract's fields in words."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal

import pytest
from fastcore.xml import to_xml
from pydantic import BaseModel, Field, StringConstraints

from components.schema import Fields, kind, meaning


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Part(BaseModel):
    weight: float


class Machine(BaseModel):
    name: Annotated[str, StringConstraints(min_length=1, max_length=9)] = Field(description="what it is called.")
    colour: Colour
    state: Literal["on", "off"] = "off"
    only: Literal["this"] = "this"
    parts: list[Part]
    built: datetime | None = None
    load: float = Field(0.5, ge=0, lt=1)


SCHEMA = Machine.model_json_schema()


@pytest.mark.parametrize(
    ("field", "said", "means"),
    [
        ("name", "string", ["what it is called", "not empty, at most 9 characters"]),
        ("colour", "red | blue", []),
        ("state", "on | off", ["default off"]),
        ("only", "this", ["default this"]),
        ("parts", "array of Part", []),
        ("built", "date-time | null", []),
        ("load", "number", ["at least 0, less than 1, default 0.5"]),
    ],
)
def test_a_field_is_said_in_words(field: str, said: str, means: list[str]) -> None:
    assert kind(SCHEMA["properties"][field], SCHEMA["$defs"]) == said
    assert list(meaning(SCHEMA["properties"][field])) == means


def test_a_field_that_may_be_left_out_is_marked() -> None:
    drawn = to_xml(Fields(SCHEMA))
    assert drawn.count("optional") == 4
    assert re.search(r"<code>name</code>\s*</td>", drawn)
