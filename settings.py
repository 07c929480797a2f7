"""Every setting of the board, once: from flags, from the environment (`TIDEWIRE_*`), or its default."""

import argparse
import os
import secrets
import socket
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from shlex import quote
from typing import Annotated, Any, Literal, NoReturn

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

PREFIX = "TIDEWIRE_"
SQLITE = b"SQLite format 3\0"  # how such a file begins; an empty one will


class Settings(BaseSettings):
    """The board's settings."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="ignore")

    host: str = Field("127.0.0.1", description="address to listen on")
    port: int = Field(5001, ge=1, le=65535, description="port to listen on")
    database: Path = Field(Path("data/tidewire.db"), description="SQLite file; the keys lie in its folder")
    durability: Literal["normal", "full"] = Field(
        "normal", description="what an event survives: normal, the process being killed; full, a power cut"
    )
    reload: bool = Field(False, description="restart when a source file changes")
    workers: int = Field(1, ge=1, le=64, description="number of processes")
    allowed_hosts: Annotated[list[str], NoDecode] = Field(
        ["localhost", "127.0.0.1", "[::1]"],
        description="names this board answers to, separated by commas; * for any (then put a proxy in front)",
    )
    rate_limit: str = Field(
        "100/second,2000/minute", description="how often one client may publish, in each process; off: without limit"
    )
    simulated_sensor: bool = Field(True, description="let the built-in sensor, which makes up what it measures, run")
    simulated_faults: float = Field(
        0.0, ge=0, le=1, description="share of its measurements that fail; three failures in a row end its stream"
    )

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, value: Any) -> Any:
        return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value

    @field_validator("rate_limit")
    @classmethod
    def _is_a_limit(cls, value: str) -> str:
        from limits import parse_many  # only here: what publishes one message need not wait for it

        try:
            limits = [] if value == "off" else parse_many(value)
        except ValueError as fault:
            raise ValueError("expected limits as in 100/second,2000/minute, or off") from fault
        if any(limit.amount < 1 for limit in limits):
            raise ValueError("expected at least 1")
        return value

    @property
    def origin(self) -> str:
        """The address to open in a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)  # noqa: S104
        return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{self.port}"

    @property
    def token_in_a_shell(self) -> str:
        """The file of the token as a shell takes it, whatever its folder is called."""
        return quote(str(self.database.parent / "token"))

    def secret(self, name: str) -> str:
        """Read the secret `name` beside the database; make it first (mode 0600) where there is none."""
        path = self.database.parent / name
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # Written elsewhere and linked into place: of two processes that start at once, both get one whole secret.
            draft = path.with_name(f"{name}.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(secrets.token_urlsafe(32))
            try:
                path.hardlink_to(draft)
            except FileExistsError:
                pass
            finally:
                draft.unlink()
            return path.read_text().strip()
        except OSError as fault:
            stop(f"{PREFIX}DATABASE: expected a folder that can be written, got {path.parent}: {fault.strerror}")

    def export(self) -> None:
        """Put the settings into the environment, for the processes that uvicorn starts."""
        for name in type(self).model_fields:
            value = getattr(self, name)
            os.environ[PREFIX + name.upper()] = ",".join(value) if isinstance(value, list) else str(value)

    def check_database(self) -> None:
        """Stop with one line where the database cannot be written, or is something else."""
        file = self.database
        for path in (file, file.parent):
            if path.exists() and not os.access(path, os.W_OK):
                stop(f"{PREFIX}DATABASE: expected a file that can be written, got {file}: not permitted")
        if file.is_dir():
            stop(f"{PREFIX}DATABASE: expected a file, got the folder {file}")
        if file.is_file():
            with file.open("rb") as content:
                if content.read(len(SQLITE)) not in (SQLITE, b""):
                    stop(f"{PREFIX}DATABASE: expected an SQLite database, got {file}, which is none")

    def check_port(self) -> None:
        """Stop with one line where the port is taken."""
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        with socket.socket(family) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((self.host.strip("[]"), self.port))
            except OSError as fault:
                stop(
                    f"--port, --host: expected a free port on an address of this machine, "
                    f"got {self.host}:{self.port}: {fault.strerror}"
                )


def load(arguments: Sequence[str] | None = None, commands: str = "") -> Settings:
    """Read the settings; `arguments` are those of the command line, None where it is somebody else's.

    A value that makes no sense, or a database that cannot be, ends the process with exit code 2 and one line.
    commands: what the help says at its end.
    """
    settings = read(vars(_parser(commands).parse_args(arguments)) if arguments is not None else {})
    settings.check_database()
    return settings


def read(given: Mapping[str, Any]) -> Settings:
    """Read the settings, those `given` before all others; one that makes no sense ends the process."""
    try:
        return Settings(**given)
    except ValidationError as invalid:
        faults = (
            f"{PREFIX}{str(error['loc'][0]).upper()} (--{str(error['loc'][0]).replace('_', '-')}): "
            f"got {error['input']!r}: {error['msg'].removeprefix('Value error, ')}"
            for error in invalid.errors()
        )
        stop("; ".join(faults))


def stop(line: str) -> NoReturn:
    """End the process with exit code 2 and this one line."""
    print(f"tidewire: {line}", file=sys.stderr)
    sys.exit(2)


class Parser(argparse.ArgumentParser):
    """A parser whose faults are one line."""

    def error(self, message: str) -> NoReturn:
        """End the process."""
        stop(f"{message}; --help lists what there is")


def _parser(commands: str) -> Parser:
    parser = Parser(
        prog="python main.py",
        usage="%(prog)s [-h] [setting ...]",
        description="Serve the live board. A flag wins over the environment, which wins over the default.",
        epilog=commands,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    for name, field in Settings.model_fields.items():
        default = ",".join(field.default) if isinstance(field.default, list) else field.default
        text = f"{field.description} ({PREFIX}{name.upper()}, default {default})"
        kind: dict[str, Any] = {"action": argparse.BooleanOptionalAction} if field.annotation is bool else {}
        parser.add_argument(f"--{name.replace('_', '-')}", help=text, **kind)
    return parser
