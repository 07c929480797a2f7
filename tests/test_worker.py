"""The client's worker, with a server and a clock of the test's making: what it asks, how often, and when."""

import json
from pathlib import Path
from typing import Any

from javascript import node

WORKER = Path(__file__).parents[1] / "tidewire" / "static" / "live-worker.js"
HARNESS = Path(__file__).parent / "worker.cjs"
LIVE = r""":1 {"status":200,"type":"text/event-stream"}\n"""


def said(steps: str) -> Any:
    """What the steps return."""
    return json.loads(node(str(HARNESS), str(WORKER), given=steps))


def test_a_server_that_names_an_endless_wait_is_not_asked_again_at_once():
    for wait in ("3000000", "Tue, 01 Jan 2999 00:00:00 GMT"):
        asked, state = said(
            f"server.answer = () => ({{status: 503, headers: {{'Retry-After': '{wait}'}}}});"
            "const one = tab(); one.want([[1, '/sse/x', '']]); await pass(60_000);"
            "return [server.asked, one.states().at(-1)]"
        )
        assert len(asked) == 1, wait
        assert state["state"] == "limited"


def test_more_streams_than_a_server_reads_at_once_are_asked_for_in_several_requests():
    asked = said(
        "const one = tab(); one.want(Array.from({length: 1500}, (_, n) => [n + 1, `/sse/${n}`, '']));"
        "server.answer = () => server.links.length ? {status: 202, headers: server.links[0].headers} : server.open();"
        "await pass(1000); return server.asked"
    )
    assert all(len(one["add"]) <= 1024 for one in asked)
    assert sorted(url for one in asked for _, url, _ in one["add"]) == sorted(f"/sse/{n}" for n in range(1500))


def test_a_clock_that_is_set_back_makes_no_stream_wait():
    asked = said(
        f"const one = tab(); one.want([[1, '/sse/x', '']]); await pass(100); server.links[0].say('{LIVE}');"
        "await pass(10); server.links[0].cut(); await pass(10); set(1e12 - 3_600_000); await pass(5000);"
        "return server.asked"
    )
    assert [[url for _, url, _ in one["add"]] for one in asked] == [["/sse/x"]] * 2


def test_an_answer_that_is_no_link_is_not_left_open():
    cancelled = said(
        "server.answer = () => server.open({}); tab().want([[1, '/sse/x', '']]); await pass(10_000);"
        "return server.links.map((one) => one.cancelled)"
    )
    assert len(cancelled) > 1
    assert all(cancelled)


def test_a_link_that_makes_no_sense_is_let_go_and_another_is_asked_for():
    cancelled = said(
        "tab().want([[1, '/sse/x', '']]); await pass(100); server.links[0].say(':1 {senseless}\\n'); await pass(1000);"
        "return server.links.map((one) => one.cancelled)"
    )
    assert cancelled == [True, False]


def test_a_stream_that_ends_at_once_and_says_to_come_back_at_once_is_asked_for_twice_a_second_at_most():
    asked = said(
        "server.answer = ({add}) => { const link = server.open(); const [[number]] = add;"
        'link.say(`:${number} {"status":200,"type":"text/event-stream"}\\n:${number} 10\\nretry: 0\\n\\n'
        ':${number} {"end":true}\\n`); return link; };'
        "tab().want([[1, '/sse/x', '']]); await pass(2000); return server.asked"
    )
    assert 2 <= len(asked) <= 5


def test_what_is_no_stream_is_closed_and_the_page_is_told_what_it_is():
    statuses = (200, 303, 400, 404, 410)
    streams = [[key, f"/sse/{key}", ""] for key in range(1, len(statuses) + 1)]
    answers = "".join(f':{key} {{"status":{one},"type":"text/html"}}\\n' for key, one in enumerate(statuses, 1))
    states, asked = said(
        f"const one = tab(); one.want({json.dumps(streams)}); await pass(100); server.links[0].say('{answers}');"
        "await pass(10_000); return [one.states(), server.asked]"
    )
    assert len(asked) == 1
    assert {state["state"] for state in states} == {"closed"}
    told = dict(zip(statuses, (state["problem"] for state in states), strict=True))
    assert told.pop(404) == "no such stream"
    assert all(str(status) in problem for status, problem in told.items())
