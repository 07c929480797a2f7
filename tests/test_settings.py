"""Every setting, from flags and environment, and the one line that says what is wrong with it."""

import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from checkout import ROOT

from settings import Settings, load


@pytest.fixture(autouse=True)
def _settings_of_this_test_only(monkeypatch):
    for name in [name for name in os.environ if name.startswith("TIDEWIRE_")]:
        monkeypatch.delenv(name)


def test_flags_count_more_than_the_environment_and_that_more_than_defaults(monkeypatch):
    assert (load([]).port, load([]).host, load(None).workers) == (5001, "127.0.0.1", 1)
    monkeypatch.setenv("TIDEWIRE_PORT", "6001")
    monkeypatch.setenv("TIDEWIRE_HOST", "::1")
    settings = load(["--port", "7001"])
    assert (settings.port, settings.host) == (7001, "::1")


def test_allowed_hosts_are_names_with_commas(monkeypatch):
    monkeypatch.setenv("TIDEWIRE_ALLOWED_HOSTS", "a.example, b.example,")
    assert load([]).allowed_hosts == ["a.example", "b.example"]
    assert load(["--allowed-hosts", "*"]).allowed_hosts == ["*"]


def test_what_is_exported_is_read_back_the_same(monkeypatch, tmp_path):
    given = load(["--port", "7001", "--database", str(tmp_path / "x.db"), "--workers", "3", "--allowed-hosts", "a,b"])
    for name in Settings.model_fields:
        monkeypatch.setenv(f"TIDEWIRE_{name.upper()}", "")
    given.export()
    assert load(None) == given


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("127.0.0.1", "http://127.0.0.1:5001"),
        ("0.0.0.0", "http://127.0.0.1:5001"),
        ("::1", "http://[::1]:5001"),
        ("::", "http://[::1]:5001"),
    ],
)
def test_the_address_that_is_shown_can_be_opened(host, origin):
    assert load(["--host", host]).origin == origin


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("port", "high"),
        ("port", "0"),
        ("port", "70000"),
        ("rate_limit", "often"),
        ("workers", "0"),
        ("workers", "1.5"),
        ("reload", "perhaps"),
    ],
)
def test_a_bad_value_in_the_environment_is_one_line(capsys, monkeypatch, name, value):
    monkeypatch.setenv(f"TIDEWIRE_{name.upper()}", value)
    with pytest.raises(SystemExit) as ended:
        load([])
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert f"TIDEWIRE_{name.upper()}" in line
    assert value in line


@pytest.mark.parametrize(
    "arguments",
    [["--port", "high"], ["--port", "-1"], ["--port"], ["--prot", "1"], ["extra"], ["--workers", "many"]],
)
def test_a_bad_flag_is_one_line(capsys, arguments):
    with pytest.raises(SystemExit) as ended:
        load(arguments)
    assert ended.value.code == 2
    line = capsys.readouterr().err
    assert line.count("\n") == 1
    assert arguments[-1] in line


def test_a_limit_that_is_none_is_refused_with_one_that_is(capsys):
    with pytest.raises(SystemExit):
        load(["--rate-limit", "often"])
    assert capsys.readouterr().err.endswith("got 'often': expected limits as in 100/second,2000/minute, or off\n")


def test_the_token_is_found_by_a_shell_in_a_folder_of_any_name(tmp_path):
    folder = tmp_path / "my $(echo board)'s data"
    folder.mkdir()
    (folder / "token").write_text("found")
    said = f'echo "$(cat {Settings(database=folder / "tidewire.db").token_in_a_shell})"'
    assert subprocess.run(["sh", "-c", said], capture_output=True, text=True, check=True).stdout == "found\n"


def test_help_explains_every_setting(capsys):
    with pytest.raises(SystemExit) as ended:
        load(["--help"])
    assert ended.value.code == 0
    text = re.sub(r"\s+", " ", capsys.readouterr().out)
    for name, field in Settings.model_fields.items():
        assert f"--{name.replace('_', '-')}" in text
        assert f"TIDEWIRE_{name.upper()}" in text
        assert field.description in text


@pytest.mark.parametrize("which", ["tidewire.db", "."])
def test_a_database_that_is_not_ours_to_write_is_one_line(tmp_path, monkeypatch, capsys, which):
    (tmp_path / "tidewire.db").touch()
    closed = tmp_path / which
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != closed)  # root may write everywhere
    with pytest.raises(SystemExit) as ended:
        load(["--database", str(tmp_path / "tidewire.db")])
    assert ended.value.code == 2
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX")
def test_secrets_are_made_once_and_are_for_their_owner_only(tmp_path):
    settings = Settings(database=tmp_path / "new" / "tidewire.db")
    secret = settings.secret("token")
    assert len(secret) >= 32
    assert settings.secret("token") == secret != settings.secret("session.key")
    assert [stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "new").iterdir()] == [0o600, 0o600]


def test_two_processes_that_start_at_once_agree_on_one_secret(tmp_path):
    script = (
        "import sys; from pathlib import Path; from settings import Settings\n"
        "settings = Settings(database=Path(sys.argv[1]) / 'tidewire.db')\n"
        "print(flush=True); sys.stdin.readline()\n"
        "print(*(settings.secret(f'secret{n}') for n in range(200)))\n"
    )
    several = [
        subprocess.Popen(
            [sys.executable, "-c", script, str(tmp_path)], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in several:
        process.stdout.readline()
    for process in several:
        process.stdin.write(b"go\n")
        process.stdin.flush()
    said = {process.communicate(timeout=20)[0] for process in several}
    assert len(said) == 1
    assert len(set(said.pop().split())) == 200


def test_a_folder_that_cannot_be_written_is_one_line(tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit) as ended:
        Settings(database=tmp_path / "file" / "tidewire.db").secret("token")
    assert ended.value.code == 2
    assert str(tmp_path / "file") in capsys.readouterr().err
