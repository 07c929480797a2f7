"""What the documentation says is complete, and its examples run."""

import asyncio
import contextlib
import re
import runpy
import sqlite3
from pathlib import Path

import pytest
from checkout import copied
from starlette.testclient import TestClient

from settings import PREFIX, Settings
from tidewire.journal import Draft
from tidewire.journal.sqlite import SQLiteJournal

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md")
DOCUMENTS = [*(ROOT / name for name in PAGES), *sorted((ROOT / "docs").rglob("*.md"))]
README = (ROOT / "README.md").read_text()
PYTHON = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(path: Path) -> list[str]:
    return PYTHON.findall(path.read_text())


async def first_event(app, path: str) -> str:
    """Open a stream by hand, and leave after its first event."""
    got = asyncio.Queue()
    gone = asyncio.Event()
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": b"", "root_path": "", "headers": [],
        "client": ("127.0.0.1", 1), "server": ("127.0.0.1", 80),
    }  # fmt: skip

    async def receive():
        await gone.wait()
        return {"type": "http.disconnect"}

    async with asyncio.timeout(10):
        stream = asyncio.create_task(app(scope, receive, got.put))
        while "data:" not in (text := (await got.get()).get("body", b"").decode()):
            pass
        gone.set()
        await stream
    return text


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_readme_with_its_flag_its_variable_and_its_default(name):
    default = Settings.model_fields[name].default
    said = ",".join(default) if isinstance(default, list) else str(default).lower()
    row = f"| `--{name.replace('_', '-')}` | `{PREFIX}{name.upper()}` | `{said}` |"
    assert row in README


def test_readme_names_no_setting_that_is_not_there():
    assert set(re.findall(rf"{PREFIX}(\w+)", README)) == {name.upper() for name in Settings.model_fields}


async def test_the_example_of_readme_streams(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # FastHTML leaves its key there
    (example,) = examples(ROOT / "README.md")
    names = {}
    exec(compile(example, "README.md", "exec"), names)
    assert "Update #1" in await first_event(names["app"], "/sse/counter")


async def test_the_app_of_ones_own_streams_and_its_scripts_are_there(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (example,) = examples(DOCS / "own-app.md")
    names = {}
    exec(compile(example, "own-app.md", "exec"), names)
    assert "event: clock" in await first_event(names["app"], "/sse/clock")
    client = TestClient(names["app"])
    for script in re.findall(r'src="(/[^"]+)"', client.get("/").text):
        assert client.get(script).status_code == 200, script


def test_every_program_of_the_docs_is_one_that_a_test_runs():
    with_programs = {path.relative_to(DOCS) for path in DOCS.rglob("*.md") if examples(path)}
    tried = {Path("own-app.md"), *(path.relative_to(DOCS) for path in (DOCS / "how-to").glob("*.md"))}
    assert with_programs == tried


def test_the_index_of_the_docs_leads_to_every_page():
    linked = {(DOCS / link).resolve() for link in re.findall(r"\]\(([^)#]+)\)", (DOCS / "README.md").read_text())}
    pages = {path for path in DOCS.rglob("*.md") if path.parent.name != "decisions" and path.name != "README.md"}
    assert pages - linked == set()


def test_caddys_configuration_on_the_page_is_the_one_in_the_file():
    shown = re.search(r"^```caddyfile\n(.*?)^```$", (DOCS / "behind-a-proxy.md").read_text(), re.MULTILINE | re.DOTALL)[
        1
    ]
    assert (DOCS / "proxies" / "Caddyfile").read_text().endswith(shown)


async def test_what_to_do_after_restoring_a_backup_gives_the_journal_a_new_name_and_keeps_its_events(tmp_path):
    statement = re.search(r'sqlite3 \S+ "(DELETE .+?)"', (DOCS / "troubleshooting.md").read_text())[1]
    path, epochs = tmp_path / "tidewire.db", []
    for _ in range(2):
        journal = SQLiteJournal(path)
        await journal.open(lambda entries: None)
        await journal.append([Draft("feed", b"{}")])
        epochs.append(journal.epoch)
        kept = await journal.read(0, ["feed"], 10)
        await journal.close()
        with contextlib.closing(sqlite3.connect(path)) as db, db:
            db.execute(statement)
    assert len(set(epochs)) == 2
    assert len(kept) == 2


def test_the_live_things_of_architecture_run_as_they_stand_there(serve, tmp_path):
    board = copied(tmp_path / "board")
    for example in examples(ROOT / "ARCHITECTURE.md"):
        place = re.match(r"# ([\w/]+\.py)\n", example)
        assert place, f"the first line of an example names its file, got {example.splitlines()[0]!r}"
        (board / place[1]).parent.mkdir(parents=True, exist_ok=True)
        (board / place[1]).write_text(example)
    main = (board / "main.py").read_text()
    (board / "main.py").write_text(main.replace('"clock",', '"clock", "dice", "applause",'))
    server = serve(project=board)
    with server.open("/sse/dice") as stream:
        stream.read_until(b"event: dice")
    catalogue = server.get("/streams").text
    for name in ("dice", "applause"):
        assert f"/sse/{name}" in server.get(f"/{name}").text
        assert f'href="/{name}"' in server.get("/").text
        assert f"/sse/{name}" in catalogue
    runpy.run_path(str(board / "tests/streams/test_applause.py"))["test_a_clap_is_answered_and_told_to_everybody"](
        server
    )


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: path.name)
def test_every_link_and_every_file_that_is_named_is_there(path):
    text = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    links = [
        link.split("#")[0] for link in re.findall(r"\]\(([^)\s]+)\)|(?:src|srcset)=\"([^\"]+)\"", text) for link in link
    ]
    here = [link for link in links if link and "://" not in link]
    named = re.findall(r"`((?:tidewire|tests|docs|components|streams|benchmarks|static|\.ci)/[\w./-]+)`", text)
    assert [link for link in here if not (path.parent / link).exists()] == []
    assert [name for name in named if not (ROOT / name).exists() and not re.search("dice|applause", name)] == []


def test_the_pictures_of_readme_are_there_in_light_and_in_dark():
    pictures = re.findall(r"docs/assets/(\w+)-(light|dark)\.png", README)
    assert {theme for _, theme in pictures} == {"light", "dark"}
