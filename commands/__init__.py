"""What `python main.py` does besides serving: tell a board that runs something, and run a command with it watching.

It builds no board: nothing here imports FastHTML, uvicorn, the live things or the package.
"""

import argparse
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from commands.board import Board, BoardError
from commands.running import run
from settings import Parser, read, stop

NOTIFY = "tell everybody who has the board open"
RUN = "run a command; its output, its progress and its end are on the board"
HELP = f"""commands:
  notify MESSAGE        {NOTIFY}
  run -- COMMAND ...    {RUN}

without one it serves the board; `python main.py COMMAND --help` tells more of one
"""
CODES = "Ends with 0; 2 for bad usage, 3 where no board answers, 4 without its token, 5 where it refuses the message."
CODES_OF_RUN = (
    "Ends as the command does: with its exit code, 128 and the number of the signal that ended it, 127 where there is "
    "no such command, 126 where it cannot be run; 2 for bad usage. The board changes nothing in that."
)
INTERRUPTED = 130  # as shells have it
LEVELS = ("info", "success", "warning", "error")


def asked(arguments: Sequence[str]) -> bool:
    """Tell whether these arguments ask for a command, and not for the board."""
    return bool(arguments) and arguments[0] in ("notify", "run")


def main(arguments: Sequence[str]) -> int:
    """Do what the arguments ask for, and return the exit code; bad usage ends the process with 2 and one line."""
    ours, command = _split(arguments)
    given = vars(_parser().parse_args(ours))
    task, url = given.pop("task"), given.pop("url", None)
    said = {name: given.pop(name) for name in ("message", "level", "name") if name in given}
    settings = read(given)
    board = Board(url or settings.origin, settings.database.parent / "token")
    try:
        return run(board, command, **said) if task == "run" else notify(board, **said)
    except KeyboardInterrupt:
        return INTERRUPTED


def notify(board: Board, message: str, level: str = "info") -> int:
    """Send a notification, and return the exit code."""
    try:
        board.post("/notifications", {"message": message, "level": level}, key=secrets.token_hex(8))
    except BoardError as fault:
        print(f"tidewire: {fault}", file=sys.stderr)
        return fault.code
    return 0


def _split(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Part what is ours from the command to run, which may have flags of the same names."""
    ours = list(arguments)
    if ours[0] != "run" or {"-h", "--help"} & set(ours[: ours.index("--") if "--" in ours else None]):
        return ours, []
    at = ours.index("--") if "--" in ours else len(ours)
    if not ours[at + 1 :]:
        stop('run: expected a command after "--", as in: python main.py run -- make test')
    return ours[:at], ours[at + 1 :]


def _parser() -> Parser:
    parser = Parser(prog="python main.py", allow_abbrev=False)
    tasks = parser.add_subparsers(dest="task", required=True, parser_class=Parser)
    where = argparse.ArgumentParser(add_help=False, argument_default=argparse.SUPPRESS)
    where.add_argument("--url", type=_url, help="address of the board (default: that of --host and --port)")
    where.add_argument("--host", help="as the board's own (TIDEWIRE_HOST)")
    where.add_argument("--port", help="as the board's own (TIDEWIRE_PORT)")
    where.add_argument("--database", type=Path, help="the token lies in its folder (TIDEWIRE_DATABASE)")
    kept: dict[str, Any] = {"parents": [where], "allow_abbrev": False, "argument_default": argparse.SUPPRESS}
    telling = tasks.add_parser("notify", help=NOTIFY, description=f"{NOTIFY.capitalize()}.", epilog=CODES, **kept)
    telling.add_argument("message", help="what to tell")
    telling.add_argument("--level", choices=LEVELS, help="how it is meant (default info)")
    usage = (
        "python main.py run [-h] [--name NAME] [--url URL] [--host HOST] [--port PORT] [--database DATABASE] -- COMMAND"
    )
    running = tasks.add_parser(
        "run", help=RUN, usage=f"{usage} ...", description=f"{RUN.capitalize()}.", epilog=CODES_OF_RUN, **kept
    )
    running.add_argument("--name", help="what the job is called (default: the command)")
    return parser


def _url(text: str) -> str:
    try:
        place = urlsplit(text)
        port = place.port  # raises where it can be none
    except ValueError as fault:
        raise argparse.ArgumentTypeError(f"expected http://... or https://..., got {text!r}: {fault}") from fault
    plain = place.path.isascii() and " " not in text and text.isprintable() and not place.query + place.fragment
    if place.scheme not in ("http", "https") or not place.hostname or port == 0 or not plain:
        raise argparse.ArgumentTypeError(f"expected http://... or https://..., got {text!r}")
    return text
