"""A board that runs, as a program reaches it: over HTTP, with the token."""

import json
import time
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from components.plain import one_line

SECONDS = 5.0  # that a board may take to answer
LARGEST_ANSWER = 1024 * 1024  # bytes; a board's own are a few hundred, but something else may answer there
BLOCK = 64 * 1024  # bytes
LONGEST = 200  # characters of an answer that are shown


class BoardError(Exception):
    """Say in one line why the board was not told; `code` is the exit code for it."""

    code = 1


class Unreachable(BoardError):
    """No board answers; it may come back."""

    code = 3


class NoToken(BoardError):
    """The token is missing or wrong."""

    code = 4


class Refused(BoardError):
    """The board answered, and did not take it. answer: what it said, if that was JSON."""

    code = 5

    def __init__(self, line: str, status: int, answer: dict[str, Any], seconds: float) -> None:
        super().__init__(line)
        self.status, self.answer, self.seconds = status, answer, seconds


class Board:
    """A board at a URL; one connection, kept open and opened anew where it was lost.

    http.client, and not what reads proxies from the environment: the token is for the board alone.
    """

    def __init__(self, url: str, token: Path) -> None:
        self.url = url.rstrip("/")
        self._token = token
        self._connection: HTTPConnection | None = None

    def post(self, path: str, data: dict[str, Any], *, key: str = "") -> dict[str, Any]:
        """Send JSON, and return the JSON that is answered; raise a BoardError.

        key: an Idempotency-Key; with it, what got no answer on a connection that was open before is sent once more.
        """
        try:
            body = json.dumps(data).encode()
            headers = {"Authorization": f"Bearer {self._secret()}", "Content-Type": "application/json"}
            headers |= {"Idempotency-Key": key} if key else {}
            again = self._connection is not None
            try:
                return self._send(path, body, headers)
            except (OSError, HTTPException):
                if not again:
                    raise
                return self._send(path, body, headers)
        except (OSError, HTTPException, ValueError) as fault:  # ValueError: a host that can be none
            reason = getattr(fault, "strerror", None) or shown(fault) or type(fault).__name__
            raise Unreachable(f"no board answers at {self.url}: {reason}") from fault

    def _secret(self) -> str:
        try:
            token = self._token.read_bytes().strip()
        except OSError as fault:
            raise NoToken(
                f"no token in {self._token}: {fault.strerror}; --database says where a board's lies"
            ) from fault
        if not token.isascii() or not token.decode("latin-1").isprintable():
            raise NoToken(f"no token in {self._token}: expected one line of ASCII, got something else")
        return token.decode()

    def _send(self, path: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
        place = urlsplit(self.url)
        if self._connection is None:
            kind = HTTPSConnection if place.scheme == "https" else HTTPConnection
            self._connection = kind(place.hostname or "", place.port, timeout=SECONDS)
        try:
            self._connection.request("POST", place.path + path, body, headers)
            answer = self._connection.getresponse()
            said = _read(answer).decode(errors="replace")
        except (OSError, HTTPException):
            self._connection.close()
            self._connection = None
            raise
        return _taken(f"{self.url}{path}", answer.status, said, answer.getheader("Retry-After") or "")


def shown(said: object) -> str:
    """Write what somebody else has said as one line that moves no terminal."""
    return " ".join(str(one_line(str(said))).split())[:LONGEST]


def _read(answer: HTTPResponse) -> bytes:
    """Read an answer; raise HTTPException where it does not end: the timeout is that of each piece."""
    said, deadline = b"", time.monotonic() + SECONDS
    while piece := answer.read1(BLOCK):
        said += piece
        if len(said) > LARGEST_ANSWER or time.monotonic() > deadline:
            raise HTTPException("its answer does not end")
    answer.close()
    return said


def _taken(url: str, status: int, said: str, wait: str) -> dict[str, Any]:
    """Return what a board answered, or raise what it says against it."""
    try:
        answer = json.loads(said)
    except (ValueError, RecursionError):
        answer = None
    if status < 300 and isinstance(answer, dict):
        return answer
    if status == 401:
        raise NoToken("the board does not know this token; --database says where its own lies")
    told = answer if isinstance(answer, dict) else {}
    errors = told.get("errors")
    faults = [f"{field}: {fault}" for field, fault in errors.items()] if isinstance(errors, dict) else []
    plain = "" if said.lstrip().startswith("<") or said.strip() == "Not Found" else said
    line = shown("; ".join(faults) or told.get("error") or plain) or "is it a Tidewire board?"
    seconds = float(wait) if wait.isdigit() else 0.0
    raise Refused(f"{url} answered {status}: {line}", status, told, seconds)
