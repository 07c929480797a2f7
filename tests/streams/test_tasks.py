"""Tasks on a real board: what is done by one shows everywhere."""

import re

import httpx
import pytest
from programs import Program, events, payloads
from servers import Server


def test_the_first_start_seeds_three_tasks(serve) -> None:
    table = serve().get("/tasks", headers={"HX-Request": "true"}).text
    for title, status in (
        ("Learn HTMX", "In Progress"),
        ("Master FastHTML", "Pending"),
        ("Build a live app", "Pending"),
    ):
        assert title in table
        assert status in table
    assert "<html" not in table


def test_tasks_outlive_a_restart_and_are_not_seeded_again(serve) -> None:
    server = serve()
    program = Program(server)
    for task in (1, 2, 3):
        program.post(f"/tasks/{task}/delete")
    kept = program.add_task("Stay")
    server.stop()
    server.start()
    table = server.get("/tasks", headers={"HX-Request": "true"}).text
    assert f'id="task-{kept}"' in table
    assert "Learn HTMX" not in table


def test_completing_tells_the_row_the_stats_and_a_notification(program: Program, board: Server) -> None:
    task = program.add_task("Ship <it>")
    before = program.stats()
    with board.open("/sse/live?topic=tasks&topic=stats&topic=notifications") as stream:
        stream.read_until(b"retry:")
        answer = program.post(f"/tasks/{task}/complete")
        assert answer.text.startswith("<tr")
        assert "Completed" in answer.text
        stream.read_until(b"notification-count")
        told = {event["event"]: event for event in events(stream)}
    assert told["tasks"]["data"] == answer.text
    assert "Ship &lt;it&gt;" in told["notification"]["data"]
    assert 'data-level="success"' in told["notification"]["data"]
    assert program.stats() == [before[0] + 1, before[1], before[2] - 1, before[3]]


def test_an_action_that_changes_nothing_tells_nothing(program: Program, board: Server) -> None:
    task = program.add_task("Twice")
    program.post(f"/tasks/{task}/complete")
    with board.open("/sse/live?topic=tasks&topic=notifications&format=json") as stream:
        stream.read_until(b"retry:")
        assert program.post(f"/tasks/{task}/complete").status_code == 200
        program.post(f"/tasks/{task}/reopen")
        stream.read_until(b"Pending")
        assert [task["status"] for task in payloads(stream)] == ["Pending"]


def test_a_deleted_task_is_taken_away_everywhere(program: Program, board: Server) -> None:
    task = program.add_task("Gone")
    with board.open("/sse/tasks") as html, board.open("/sse/tasks?format=json") as json:
        html.read_until(b"retry:")
        json.read_until(b"retry:")
        assert program.post(f"/tasks/{task}/delete").text == ""
        html.read_until(b"delete")
        json.read_until(b"tasks-removed")
    assert f'<tr hx-swap-oob="delete" id="task-{task}"></tr>' in html.text


@pytest.mark.parametrize("title", ["", "   ", "x" * 201])
def test_a_title_that_is_none_gives_the_form_back_with_what_was_typed(program: Program, title: str) -> None:
    answer = program.post("/tasks", data={"title": title})
    assert answer.status_code == 422
    assert answer.headers["HX-Retarget"] == "#task-form"
    assert f'value="{title}"' in answer.text
    assert "Title of the new task:" in answer.text


def test_what_does_not_exist_is_404(program: Program, board: Server) -> None:
    for number in (999_999, 10**21):  # the second is more than SQLite holds
        answer = program.post(f"/tasks/{number}/complete")
        assert (answer.status_code, answer.text) == (404, f"There is no task {number}.\n")
    assert program.post("/tasks/1/explode").status_code == 404
    missing = board.get("/sse/live?topic=nonsense")
    assert missing.status_code == 404
    assert {"tasks", "stats", "notifications"} <= set(missing.json()["topics"])


def test_a_link_cannot_act(board: Server) -> None:
    assert board.get("/tasks/1/complete").status_code == 405


def test_the_page_carries_the_cursor_of_before_it_was_read(program: Program, board: Server) -> None:
    page = board.get("/tasks").text
    task = program.add_task("Between page and stream")
    url = page.split('sse-connect="')[1].split('"')[0].replace("&amp;", "&")
    with board.open(url) as stream:
        stream.read_until(f"task-{task}".encode())


def test_another_site_cannot_act(board: Server) -> None:
    for headers in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {}):
        answer = httpx.post(f"{board.url}/tasks", data={"title": "x"}, headers=headers, trust_env=False)
        assert answer.status_code == 403


def test_every_page_is_named_in_the_tab_of_the_browser(board: Server) -> None:
    navigation = re.search(r"<nav.*?</nav>", board.get("/").text, re.DOTALL)[0]
    for path in re.findall(r'href="([^"]+)"', navigation):
        head, _, _ = board.get(path).text.partition("</head>")
        assert re.search(r"<title>\w+ · Tidewire</title>", head), path
