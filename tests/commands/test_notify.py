"""`python main.py notify`: what it tells, and what it says where it cannot."""

import contextlib
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from checkout import ROOT
from servers import Server, environment
from shell import told, typed

from commands import main


def shown(board: Server) -> str:
    return board.get("/notifications", headers={"HX-Request": "true"}).text


def test_a_notification_is_sent_and_nothing_is_said(board: Server) -> None:
    ended = typed(board, "notify", "Build <done>", "--level", "success")
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, b"", b"")
    assert re.search(r'data-level="success"[^§]*?Build &lt;done&gt;', shown(board))


def test_the_board_is_found_by_its_url_from_anywhere(board: Server, tmp_path: Path) -> None:
    flags = ["--url", board.url + "/", "--database", str(board.folder / "data" / "tidewire.db")]
    main = [sys.executable, str(ROOT / "main.py")]
    ended = subprocess.run([*main, "notify", "By its URL", *flags], cwd=tmp_path, env=environment(), check=False)
    assert ended.returncode == 0
    assert "By its URL" in shown(board)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["x" * 501], 5, "422: message: expected at most 500 characters"),
        ([" "], 5, "422: message: expected some text"),
        (["x", "--port", "1"], 3, "no board answers at http://127.0.0.1:1: Connection refused"),
        (["x", "--url", "http://no.such.invalid"], 3, "no board answers at http://no.such.invalid: "),
        (["x", "--database", "{tmp}/tidewire.db"], 4, "no token in {tmp}/token: No such file or directory"),
        (["x", "--database", "{tmp}/other/tidewire.db"], 4, "the board does not know this token"),
        (["x", "--url", "{board}/nothing"], 5, "answered 404: is it a Tidewire board?"),
        ([], 2, "message"),
        (["x", "y"], 2, "y"),
        (["x", "--level", "loud"], 2, "'loud'"),
        (["x", "--url", "board"], 2, "expected http://... or https://..., got 'board'"),
        (["x", "--url", "http://"], 2, "expected http://... or https://..., got 'http://'"),
        (["x", "--url", "http://[::1"], 2, "got 'http://[::1': Invalid IPv6 URL"),
        (["x", "--url", "http://127.0.0.1:99999"], 2, "got 'http://127.0.0.1:99999': Port out of range"),
        (["x", "--url", "{board}/?q=1"], 2, "expected http://... or https://..., got"),
        (["x", "--url", "{board}/\u00e9"], 2, "expected http://... or https://..., got"),
        (["x", "--host", "x" * 300], 3, "no board answers at http://xxx"),
        (["x", "--port", "high"], 2, "TIDEWIRE_PORT (--port): got 'high'"),
    ],
    ids=lambda value: " ".join(value)[-30:] if isinstance(value, list) else None,
)
def test_what_is_wrong_is_said_in_one_line_and_by_the_exit_code(
    board: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    said: str,
) -> None:
    for name, value in told(board).items():
        monkeypatch.setenv(name, value)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "token").write_text("of another board")
    arguments = [one.replace("{tmp}", str(tmp_path)).replace("{board}", board.url) for one in arguments]
    with pytest.raises(SystemExit) as ended:
        sys.exit(main(["notify", *arguments]))
    assert ended.value.code == code
    out, err = capsys.readouterr()
    assert out == ""
    [line] = err.splitlines()
    assert line.startswith("tidewire: ")
    assert said.replace("{tmp}", str(tmp_path)) in line


@pytest.mark.parametrize("token", [b"\xff\xfe", b"two\nlines", "caf\u00e9".encode()], ids=str)
def test_a_file_that_holds_no_token_is_named(
    board: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], token: bytes
) -> None:
    (tmp_path / "token").write_bytes(token)
    assert main(["notify", "x", "--url", board.url, "--database", str(tmp_path / "tidewire.db")]) == 4
    assert capsys.readouterr().err == (
        f"tidewire: no token in {tmp_path / 'token'}: expected one line of ASCII, got something else\n"
    )


HEAD = b"HTTP/1.1 500 Broken\r\n"
ENDLESS = "its answer does not end"


@pytest.mark.parametrize(
    ("answer", "again", "code", "said"),
    [
        (HEAD + b"\r\n", b" ", 3, ENDLESS),
        (HEAD + b"\r\n", b"x" * 65_536, 3, ENDLESS),
        (HEAD + b"\r\n" + b"[" * 100_000, b"", 5, "answered 500: [[["),
        (HEAD + b'\r\n{"error": "\\u001b[31mred\\nline"}', b"", 5, "answered 500: red\u240aline"),
        (b"SSH-2.0-OpenSSH\r\n", b"", 3, "SSH-2.0-OpenSSH"),
    ],
    ids=["slow", "long", "deep", "escapes", "no HTTP"],
)
def test_what_is_no_board_holds_nobody_up_and_moves_no_terminal(
    board: Server,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: bytes,
    again: bytes,
    code: int,
    said: str,
) -> None:
    monkeypatch.setattr("commands.board.SECONDS", 0.5)

    def serve(listening: socket.socket) -> None:
        client, _ = listening.accept()
        with client, contextlib.suppress(OSError):
            client.recv(65_536)
            client.sendall(answer)
            while again:
                client.sendall(again)
                time.sleep(0.01 if len(again) == 1 else 0)
            client.shutdown(socket.SHUT_WR)
            while client.recv(65_536):  # to close with a request half read would reset the line
                pass

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=[listening], daemon=True).start()
        database = str(board.folder / "data" / "tidewire.db")
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        assert main(["notify", "x", "--url", url, "--database", database]) == code
    [line] = capsys.readouterr().err.splitlines()
    assert said in line


def test_it_makes_no_token_where_there_is_none(board: Server, tmp_path: Path) -> None:
    typed(board, "notify", "x", "--database", str(tmp_path / "data" / "tidewire.db"))
    assert list(tmp_path.iterdir()) == []


def test_too_many_are_refused_with_the_time_to_wait(serve) -> None:  # type: ignore[no-untyped-def]
    board = serve(env={"TIDEWIRE_RATE_LIMIT": "1/hour"})
    assert typed(board, "notify", "x").returncode == 0
    refused = typed(board, "notify", "x")
    assert refused.returncode == 5
    assert b"answered 429: Too many: at most 1 per hour. Ask again in 3" in refused.stderr


def test_it_does_not_build_a_board_to_send_one_line() -> None:
    heavy = {"fasthtml", "fastcore", "starlette", "uvicorn", "tidewire", "streams", "limits"}
    lines = "import commands, sys; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", lines], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert heavy & set(loaded.split()) == set()


def test_help_lists_the_commands() -> None:
    ended = subprocess.run([sys.executable, "main.py", "--help"], cwd=ROOT, capture_output=True, text=True, check=True)
    assert "notify MESSAGE" in ended.stdout
    assert "run -- COMMAND" in ended.stdout
