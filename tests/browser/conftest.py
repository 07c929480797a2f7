"""A browser for each file, with tabs of its own for each test, in which nothing may go wrong unseen."""

from collections.abc import Iterator

import pytest
from browsers import BrowserContext, Complaints, chromium
from faults import Proxy
from playwright.sync_api import Browser
from servers import Server


# For one file and no longer: while Playwright runs, this thread has an event loop, and no other test may start one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def tabs(browser: Browser, board: Server) -> Iterator[BrowserContext]:
    """The tabs of one browser; relative addresses are the board's."""
    context = browser.new_context(base_url=board.url)
    yield context
    context.close()


@pytest.fixture
def complaints(tabs: BrowserContext, board: Server) -> Complaints:
    return Complaints(tabs, board.url)


@pytest.fixture
def proxy(board: Server) -> Iterator[Proxy]:
    """A way to the board that can be made bad."""
    with Proxy(board.port) as way:
        yield way
