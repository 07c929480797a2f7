"""axe-core finds nothing against WCAG 2.2, A and AA, on any page: in light and in dark, on a screen and on a phone."""

import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from browsers import open_tab, wait_until_live
from programs import Program

pytestmark = pytest.mark.slow

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LINK = re.compile(r'<a [^>]*href="(/[^"#?]*)')
ALIKE = 2  # pages of one kind, /rooms/a and /rooms/b, that are enough
SIZES = {"screen": (1280, 800), "phone": (390, 800)}


@pytest.fixture(scope="module")
def axe() -> str:
    """The text of axe-core, as npm brings it."""
    for root in filter(None, os.environ.get("NODE_PATH", "").split(os.pathsep)):
        if (path := Path(root, "axe-core", "axe.min.js")).exists():
            return path.read_text()
    return (pytest.fail if "CI" in os.environ else pytest.skip)("no axe-core: npm install it, and set NODE_PATH")


@pytest.fixture(scope="module")
def pages(board) -> list[str]:
    """Every page that links lead to from the overview, with something to show, and one that is not there."""
    program = Program(board)
    program.add_task("Look at every page")
    for level in ("info", "success", "warning", "error"):
        program.post("/notifications", data={"message": f"A message of level {level}", "level": level})
    levels = ("debug", "info", "warning", "error")
    said = [{"level": level, "line": f"A line of level {level}"} for level in levels]
    program.post("/log", json={"source": "look", "lines": said})
    found, kinds, html = ["/"], {}, []
    for page in found:
        with httpx.stream("GET", board.url + page, trust_env=False, timeout=10) as answer:  # a link may be to a stream
            if "text/html" not in answer.headers["content-type"]:
                continue
            answer.read()
        html.append(page)
        for link in LINK.findall(answer.text):
            kind = link.rsplit("/", 1)[0] or link
            if link not in found and kinds.get(kind, 0) < ALIKE:
                kinds[kind] = kinds.get(kind, 0) + 1
                found.append(link)
    assert "/tasks" in html, html
    return [*html, "/nothing/here"]


def faults(tab: Any, axe: str) -> list[str]:
    """What axe finds in a tab. It is evaluated by the browser's debugger: the page's policy stays as it is."""
    tab.evaluate(axe)
    found = tab.evaluate("rules => axe.run({runOnly: rules, resultTypes: ['violations']})", RULES)
    return [
        f"{tab.url} {fault['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for fault in found["violations"]
        for node in fault["nodes"]
    ]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_on_any_page(browser, board, pages, axe, scheme, size):
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=board.url, color_scheme=scheme, reduced_motion="reduce", viewport={"width": width, "height": height}
    )
    found = []
    for page in pages:
        tab = open_tab(context, page)
        if page != "/nothing/here":
            wait_until_live(tab)
        tab.wait_for_load_state("load")
        found += faults(tab, axe)
        if size == "phone" and page == "/":
            tab.get_by_role("button", name="Menu").click()
            found += faults(tab, axe)
        tab.close()
    context.close()
    assert found == [], "\n".join(found)


def test_axe_would_find_a_fault(browser, board, axe):
    tab = open_tab(browser.new_context(base_url=board.url), "/nothing")
    tab.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<input>')")
    assert [fault for fault in faults(tab, axe) if " label: <input" in fault]
    tab.context.close()
