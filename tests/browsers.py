"""Tabs of a real Chromium, in the words of the board."""

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Error, Page, expect, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
NAMES = ("chromium", "chromium-browser", "google-chrome")
LIVE_SECONDS = 15
expect.set_options(timeout=LIVE_SECONDS * 1000)  # a busy machine; what holds at once is not waited for


def program(*names: str) -> str:
    """Find a program; without it a test is skipped, but never in CI."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        (pytest.fail if "CI" in os.environ else pytest.skip)(f"no {names[0]}")
    return found


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    """The system's Chromium, or Playwright's own; without one a test is skipped, but never in CI."""
    with sync_playwright() as playwright:
        path = next((found for name in NAMES if (found := shutil.which(name))), None)
        if path is None and Path(playwright.chromium.executable_path).exists():
            path = playwright.chromium.executable_path
        if path is None:
            (pytest.fail if "CI" in os.environ else pytest.skip)(
                "no Chromium: install it (Debian: apt install chromium)"
            )
        browser = playwright.chromium.launch(executable_path=path, args=[*FLAGS, *flags])
        try:
            yield browser
        finally:
            browser.close()


class Complaints(list[str]):
    """What goes wrong in the tabs of a browser: console errors, exceptions, requests that leave the origin.

    That Chromium skips the transition from page to page when it is busy is no fault.
    """

    def __init__(self, context: BrowserContext, origin: str) -> None:
        super().__init__()
        context.on("console", lambda said: self.hear(said.text) if said.type in ("error", "warning") else None)
        context.on("weberror", lambda fault: self.hear(str(fault.error)))
        context.on("request", lambda request: self._watch(request.url, origin))

    def hear(self, text: str) -> None:
        if not re.match(r"(\w+: )?(View)?Transition (was |opt-in )", text):
            self.append(text)

    def _watch(self, url: str, origin: str) -> None:
        if not url.startswith((origin + "/", "data:", "blob:" + origin)):
            self.append(f"a request left the origin: {url}")


def open_tab(context: BrowserContext, url: str) -> Page:
    tab = context.new_page()
    tab.goto(url, wait_until="domcontentloaded")
    return tab


def badge(tab: Page) -> Any:
    return tab.locator("[data-live-badge]")


def wait_until_live(tab: Page, seconds: float = LIVE_SECONDS) -> None:
    """Wait until the page says that it is live."""
    expect(badge(tab)).to_have_text("live", timeout=seconds * 1000)


def wait_until_not_live(tab: Page, seconds: float = LIVE_SECONDS) -> None:
    expect(badge(tab)).not_to_have_text("live", timeout=seconds * 1000)


def counter_of(tab: Page) -> int:
    """The count that a tab shows."""
    text = tab.locator("#counter button.counter").inner_text(timeout=LIVE_SECONDS * 1000)
    return int(re.match(r"Update #(\d+) ", text)[1])


def next_count(tab: Page) -> int:
    """The count that takes the place of the one that a tab shows."""
    expect(tab.locator("#counter")).not_to_contain_text(f"#{counter_of(tab)} ", timeout=LIVE_SECONDS * 1000)
    return counter_of(tab)


def wait_for_count(tab: Page, count: int, seconds: float = LIVE_SECONDS) -> None:
    """Wait until a tab has counted at least so far."""
    wanted = "|".join(str(n) for n in range(count, count + 100))
    expect(tab.locator("#counter button.counter")).to_have_text(
        re.compile(rf"^\s*Update #({wanted}) "), timeout=seconds * 1000
    )


__all__ = [
    "BrowserContext",
    "Complaints",
    "Error",
    "Page",
    "badge",
    "chromium",
    "counter_of",
    "expect",
    "next_count",
    "open_tab",
    "program",
    "wait_for_count",
    "wait_until_live",
    "wait_until_not_live",
]
