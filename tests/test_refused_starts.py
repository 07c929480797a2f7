"""A start that cannot be: each way to run ends at once, with one line that says why."""

import socket
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT
from servers import environment, free_port

MAIN = [sys.executable, "main.py"]
UVICORN = [sys.executable, "-m", "uvicorn", "main:app", "--port", "0"]


def run(command, tmp_path, **env):
    given = {"TIDEWIRE_DATABASE": str(tmp_path / "data" / "tidewire.db"), **env}
    return subprocess.run(
        command, cwd=ROOT, env=environment(**given), capture_output=True, text=True, timeout=30, check=False
    )


def one_line(ended):
    """The line of a process that could not start; there must be no more than that."""
    assert ended.returncode in (1, 2), ended
    assert "Traceback" not in ended.stderr + ended.stdout
    [line] = ended.stderr.splitlines()
    assert line.startswith("tidewire: ")
    return line


@pytest.mark.parametrize("command", [MAIN, UVICORN], ids=["python main.py", "uvicorn main:app"])
def test_a_bad_value_ends_a_real_start_with_one_line(tmp_path, command):
    assert "TIDEWIRE_PORT (--port): got 'high'" in one_line(run(command, tmp_path, TIDEWIRE_PORT="high"))


def test_a_bad_flag_ends_a_real_start_with_one_line(tmp_path):
    assert "--prot" in one_line(run([*MAIN, "--prot", "1"], tmp_path))


@pytest.mark.parametrize("way", [[], ["--reload"], ["--workers", "2"]], ids=["", "--reload", "--workers 2"])
def test_a_used_port_ends_the_start_with_one_line(tmp_path, way):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert port in one_line(run([*MAIN, *way, "--port", port], tmp_path))


def test_an_address_that_is_not_this_machines_ends_the_start_with_one_line(tmp_path):
    assert "203.0.113.1" in one_line(run([*MAIN, "--host", "203.0.113.1", "--port", str(free_port())], tmp_path))


def test_a_name_that_is_no_address_ends_the_start_with_one_line(tmp_path):
    assert "no.such.invalid" in one_line(
        run([*MAIN, "--host", "no.such.invalid", "--port", str(free_port())], tmp_path)
    )


@pytest.fixture(params=["a folder", "below a file", "something else", "nowhere"])
def hopeless(request, tmp_path):
    """A place for a database where none can be."""
    file = tmp_path / "file"
    file.write_text("this is no database, and it is long enough to be taken for one\n" * 99)
    (tmp_path / "folder").mkdir()
    places = {
        "a folder": tmp_path / "folder",
        "below a file": file / "tidewire.db",
        "something else": file,
        "nowhere": Path("/proc/nowhere/tidewire.db"),
    }
    return places[request.param]


@pytest.mark.parametrize("command", [MAIN, UVICORN], ids=["python main.py", "uvicorn main:app"])
def test_a_database_that_cannot_be_ends_the_start_with_one_line(tmp_path, hopeless, command):
    port = ["--port", str(free_port())] if command is MAIN else []
    line = one_line(run([*command, *port], tmp_path, TIDEWIRE_DATABASE=str(hopeless)))
    assert str(hopeless) in line or str(hopeless.parent) in line


def test_a_database_flag_is_checked_like_the_environment(tmp_path):
    assert str(tmp_path) in one_line(run([*MAIN, "--database", str(tmp_path)], tmp_path))
