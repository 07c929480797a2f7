"""axe-core finds nothing against WCAG 2.2, A and AA, on any page: in light and in dark, on a screen and on a phone."""

import os
import re
from pathlib import Path
from typing import Any

import httpx
import pytest
from browsers import expect, open_tab, wait_until_live
from programs import Program

pytestmark = pytest.mark.slow

RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
LINK = re.compile(r'<a [^>]*href="(/[^"#?]*)')
ALIKE = 3  # pages of one kind, /rooms, /rooms/a and /rooms/b, that are enough
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
    program.post("/jobs", data={"name": "Build", "total": 10})
    program.post("/sensors/greenhouse", json={"temperature": 21.5, "humidity": 50, "pressure": 1013})
    program.post("/rooms/lobby", data={"message": "Ahoy"})
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
    assert {"/tasks", "/rooms/lobby"} <= set(html), html
    return [*html, "/nothing/here"]


def faults(tab: Any, axe: str, *rules: str) -> list[str]:
    """What axe finds in a tab; also text on a gradient, whose contrast it cannot tell: it would pass unseen.

    It is evaluated by the browser's debugger: the page's policy stays as it is.
    """
    tab.evaluate(axe)
    found = tab.evaluate("rules => axe.run({runOnly: rules})", list(rules) or RULES)
    unseen = [fault for fault in found["incomplete"] if fault["id"] == "color-contrast"]
    return [
        f"{tab.url} {fault['id']}: {node['html'][:200]} ({node['failureSummary']})"
        for fault in found["violations"] + unseen
        for node in fault["nodes"]
        if fault not in unseen or "gradient" in node["failureSummary"]
    ]


def faults_in_both_themes(tab: Any, axe: str) -> list[str]:
    tab.emulate_media(color_scheme="light")
    found = faults(tab, axe)
    tab.emulate_media(color_scheme="dark")
    return found + faults(tab, axe, "color-contrast", "link-in-text-block")  # a theme changes no more than colours


@pytest.mark.parametrize("size", SIZES)
def test_axe_finds_nothing_on_any_page_in_either_theme(browser, board, pages, axe, size):
    width, height = SIZES[size]
    context = browser.new_context(
        base_url=board.url, reduced_motion="reduce", viewport={"width": width, "height": height}
    )
    found = []
    for page in pages:
        tab = open_tab(context, page)
        tab.wait_for_load_state("load")
        if tab.locator("[sse-connect]").count():
            wait_until_live(tab)
        found += faults_in_both_themes(tab, axe)
        if size == "phone" and page == "/":
            tab.get_by_role("button", name="Menu").click()
            found += faults_in_both_themes(tab, axe)
        tab.close()
    context.close()
    assert found == [], "\n".join(found)


def test_axe_finds_nothing_while_a_page_says_what_is_new_and_what_is_wrong(browser, board, axe):
    context = browser.new_context(base_url=board.url, reduced_motion="reduce")
    tab = open_tab(context, "/tasks")
    wait_until_live(tab)
    for level in ("info", "success", "warning", "error"):
        Program(board).post("/notifications", data={"message": f"News of level {level}", "level": level})
        expect(tab.get_by_text(f"News of level {level}").first).to_be_visible()
    field = tab.get_by_label("Title of the new task")
    field.evaluate("field => field.removeAttribute('maxlength')")
    field.fill("y" * 300)
    field.press("Enter")
    expect(tab.locator(".fault").first).to_be_visible()
    assert faults_in_both_themes(tab, axe) == []
    context.close()


def test_axe_would_find_a_fault_and_one_of_the_dark_theme_alone(browser, board, axe):
    tab = open_tab(browser.new_context(base_url=board.url, reduced_motion="reduce"), "/nothing")
    tab.evaluate("document.querySelector('h1').insertAdjacentHTML('afterend', '<input><p id=dim>Black on black</p>')")
    tab.evaluate("document.getElementById('dim').style.color = '#222'")
    found = faults_in_both_themes(tab, axe)
    assert [fault.split(": <")[0].split()[-1] for fault in found] == ["label", "color-contrast"], found
    tab.context.close()
