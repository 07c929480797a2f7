"""The programs of docs/how-to run as they stand there, and do what each page says."""

import asyncio
import contextlib
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from asgi import Client

PAGES = sorted((Path(__file__).parents[1] / "docs" / "how-to").glob("*.md"))
PROGRAM = re.compile(r"^```python\n(# (\w+)\.py: uvicorn \2:app\n.*?)^```$", re.MULTILINE | re.DOTALL)
FORM = "application/x-www-form-urlencoded"


@contextlib.asynccontextmanager
async def lifespan(app: Any) -> AsyncIterator[None]:
    """Start an app as a server does, and shut it down."""
    asked: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    told: asyncio.Queue[dict[str, str]] = asyncio.Queue()
    running = asyncio.create_task(app({"type": "lifespan", "asgi": {"version": "3.0"}}, asked.get, told.put))
    async with asyncio.timeout(20):
        for word in ("startup", "shutdown"):
            await asked.put({"type": f"lifespan.{word}"})
            assert (await told.get())["type"] == f"lifespan.{word}.complete"
            if word == "startup":
                yield
        await running


@pytest.fixture
async def program(request, monkeypatch, tmp_path) -> AsyncIterator[Any]:
    """The app of the how-to that a test is marked with, started."""
    monkeypatch.chdir(tmp_path)  # their databases and FastHTML's key
    page = next(page for page in PAGES if page.stem == request.param)
    (source, name), *others = PROGRAM.findall(page.read_text())
    assert (name, others) == (page.stem, [])
    module = ModuleType(name)
    module.__file__ = str(tmp_path / f"{name}.py")
    monkeypatch.setitem(sys.modules, name, module)
    exec(compile(source, module.__file__, "exec"), module.__dict__)
    async with lifespan(module.app):
        yield module.app


def how_to(name: str) -> Any:
    return pytest.mark.parametrize("program", [name], indirect=True)


async def ask(app: Any, method: str, path: str, content: str = "") -> str:
    client = Client(
        app, path, method=method, content=content.encode(), content_type=FORM, content_length=str(len(content))
    )
    async with client:
        await client.done()
        assert client.status == 200, client.body
        return client.body


async def post(app: Any, path: str, content: str = "") -> str:
    return await ask(app, "POST", path, content)


async def page(app: Any, path: str = "/") -> str:
    return await ask(app, "GET", path)


def connected(html: str) -> tuple[str, str]:
    """Path and query of the stream that a piece of a page connects to."""
    path, _, query = re.search(r'sse-connect="([^"]+)"', html)[1].partition("?")
    return path, query


def test_every_how_to_is_tried():
    marked = {mark.args[1][0] for test in list(globals().values()) for mark in getattr(test, "pytestmark", [])}
    assert marked == {one.stem for one in PAGES}


@how_to("counter")
async def test_a_counter_counts_for_its_tab_and_goes_on_where_it_was(program):
    assert connected(await page(program)) == ("/sse/counter", "")
    async with Client(program, "/sse/counter", last_event_id="41") as tab:
        await tab.until(lambda: "Update #42 at" in tab.body)


@how_to("feed")
async def test_a_post_comes_to_a_tab_that_was_there_and_to_one_that_was_not_yet(program):
    path, query = connected(await page(program))
    async with Client(program, path, query=query) as tab:
        await post(program, "/feed", "author=Ada&text=%3Cb%3Ehi")
        await tab.until(lambda: "event: new-post" in tab.body)
        assert "&lt;b&gt;hi" in tab.body
    async with Client(program, path, query=query) as late:
        await late.until(lambda: 'id="post-1"' in late.body)
    assert 'id="post-1"' in await page(program)


@how_to("progress")
async def test_a_job_tells_its_steps_and_its_end_and_a_late_tab_sees_how_far_it_is(program):
    path, query = connected(await post(program, "/jobs"))
    async with Client(program, path, query=query) as tab:
        await tab.until(lambda: "3 of 20" in tab.body)
        assert re.search(r"([3-9]|1\d) of 20", await page(program))
        await tab.until(lambda: "event: complete" in tab.body)
        assert tab.body.count("event: complete") == 1
    assert "sse-connect" not in await page(program)
    async with Client(program, "/sse/progress/99") as unknown:
        await unknown.done()
        assert unknown.status == 404


@how_to("chat")
async def test_what_is_said_in_a_room_stays_in_that_room(program):
    path, query = connected(await page(program, "/rooms/lobby"))
    async with Client(program, path, query=query) as lobby, Client(program, "/sse/rooms/kitchen") as kitchen:
        await kitchen.until(lambda: ": open" in kitchen.body)
        await post(program, "/rooms/lobby", "author=Ada&text=one")
        await post(program, "/rooms/kitchen", "author=Bob&text=two")
        await lobby.until(lambda: "one" in lobby.body)
        await kitchen.until(lambda: "two" in kitchen.body)
        assert "two" not in lobby.body
        assert "one" not in kitchen.body
    async with Client(program, "/rooms/cellar") as unknown:
        await unknown.done()
        assert unknown.status == 404


@how_to("chart")
async def test_a_chart_is_drawn_with_words_beside_it(program):
    path, query = connected(await page(program))
    async with Client(program, path, query=query) as tab:
        await tab.until(lambda: "<polyline" in tab.body)
        assert re.search(r'role="img" aria-label="now [\d.]+ ms', tab.body)


@how_to("tokens")
async def test_an_answer_is_written_once_and_goes_on_where_a_tab_lost_it(program):
    path, query = connected(await post(program, "/ask", "question=why"))
    async with Client(program, path, query=query) as tab:
        await tab.until(lambda: "event: done" in tab.body)
        words = re.findall(r"^event: token\nid: \d+\ndata: (.*)$", tab.body, re.MULTILINE)
        assert "".join(words) == "This is no model, but you asked: why "
    async with Client(program, path, last_event_id="7") as back:
        await back.done()
        assert re.findall(r"^data: (.*)$", back.body, re.MULTILINE) == ["why ", ""]
    async with Client(program, "/sse/answers/1") as unknown:
        await unknown.done()
        assert unknown.status == 404
