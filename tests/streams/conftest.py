"""What the tests of rooms share."""

import zlib

import pytest
from programs import Program


@pytest.fixture
def room(program: Program, request: pytest.FixtureRequest) -> str:
    """A room of the test's own."""
    name = f"room-{zlib.crc32(request.node.name.encode())}"
    assert program.post("/rooms", json={"name": name}).status_code == 201
    return name
