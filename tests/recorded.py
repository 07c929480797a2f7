"""Tabs that note what they are told: every state with its time, every message in its order."""

import json
from typing import Any

from browsers import BrowserContext, Page

RECORD = """
window.told = {states: [], messages: {}};
document.addEventListener("live:state", ({detail}) => told.states.push([Date.now(), detail.state, detail]));
document.addEventListener("htmx:sseMessage", ({detail}) => {
  if (detail instanceof MessageEvent) (told.messages[detail.type] ??= []).push([detail.lastEventId, detail.data]);
});
"""


class Tab:
    """One tab of a browser."""

    def __init__(self, context: BrowserContext, url: str) -> None:
        self.page: Page = context.new_page()
        self.page.add_init_script(RECORD)
        self.page.goto(url, wait_until="domcontentloaded")

    def wait_until(self, state: str, seconds: float = 10) -> "Tab":
        """Wait until the badge says a state."""
        self.page.wait_for_selector(f'[data-live-badge][data-state="{state}"]', timeout=seconds * 1000)
        return self

    def wait_until_live(self, seconds: float = 10) -> "Tab":
        return self.wait_until("live", seconds)

    def wait_for(self, expression: str, seconds: float = 10) -> Any:
        """Wait until an expression in the page is true, and give its value."""
        return self.page.wait_for_function(f"() => {expression}", timeout=seconds * 1000).json_value()

    def messages(self, event: str) -> list[tuple[str, str]]:
        """What came of an event since the page was opened: (id, data)."""
        return [tuple(one) for one in json.loads(self.page.evaluate(f"JSON.stringify(told.messages[{event!r}] ?? [])"))]

    def numbers(self, event: str = "counter") -> list[int]:
        """The ids of a numbered stream."""
        return [int(number) for number, _ in self.messages(event)]

    def wait_for_next(self, event: str = "counter", seconds: float = 5) -> int:
        """Wait for one more message than there are, and give its number."""
        count = len(self.messages(event))
        self.wait_for(f"(told.messages[{event!r}] ?? []).length > {count}", seconds)
        return self.numbers(event)[count]

    def states(self) -> list[tuple[int, str]]:
        """The states it was in, each with its beginning in milliseconds."""
        return [(at, state) for at, state, _ in self.page.evaluate("told.states")]

    @property
    def detail(self) -> str:
        """What stands beside the badge."""
        return self.page.text_content("[data-live-detail]") or ""
