"""The catalogue: what it tells of each stream is so, and what it says to type works."""

import html
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from fasthtml.core import APIRouter
from jsonschema import Draft7Validator
from programs import Program
from pydantic import BaseModel
from servers import Server

from components.described import Stream, Thing
from streams import LiveThing
from streams.asyncapi import document
from streams.catalogue import described, streams_of
from tidewire import Retention, per_tab, sse_message, topic

SCHEMA = json.loads((Path(__file__).parents[1] / "vendor" / "asyncapi-3.0.0.json").read_text())


class Vote(BaseModel):
    """One vote."""

    option: str


@topic("polls/{poll}", Vote, event="vote", snapshot=lambda db, poll: "", retention=Retention(5, 3600.0))
async def votes(cast: Any) -> Any:
    """Tell each vote."""
    async for event in cast:
        yield sse_message(event.data, event="vote", id=event.id)


@topic("turnout", Vote, snapshot=lambda db: "", keep="latest")
async def turnout(counted: Any) -> Any:
    """Tell how many have voted."""
    async for event in counted:
        yield sse_message(event.data, event="turnout")


@per_tab("coin", events=["head", "tail"])
async def coin(start: int = 0) -> Any:
    """Toss a coin."""
    yield sse_message("head", event="head", id=start)


routes = APIRouter()


@routes("/polls/{poll}", methods=["POST"])
def vote(poll: str) -> None:
    """Cast a vote."""


def things(*polls: str) -> list[LiveThing]:
    return [
        LiveThing(
            "polls", "Polls", "What people want", "/polls", routes, [votes, turnout, coin],
            accepts={"/polls/{poll}": Vote}, example=lambda db: {"poll": polls[0]} if polls else {},
        )
    ]  # fmt: skip


def told(*polls: str) -> list[Thing]:
    return described(things(*polls), None)


def named(*polls: str) -> dict[str, Stream]:
    return {one.name: one for one in streams_of(told(*polls))}


def test_a_new_live_thing_is_told_of_by_itself() -> None:
    polls, counted, tossed, several = named("lunch").values()
    assert (polls.path, polls.example, polls.parameters) == ("/sse/polls/{poll}", "/sse/polls/lunch", ["poll"])
    assert (polls.events, polls.contract, polls.shared) == (["vote"], Vote, True)
    assert polls.about == "Tell each vote."
    assert [one.kept for one in (polls, counted, tossed)] == [
        "5 events, for 1 hour",
        "the newest only",
        "nothing; a tab that returns goes on where it was",
    ]
    assert (tossed.events, tossed.shared, tossed.contract) == (["head", "tail"], False, None)
    assert several.url("format=json") == "/sse/live?topic=turnout&format=json"
    [action] = told("lunch")[0].actions
    assert (action.path, action.about, action.contract, action.example) == (
        "/polls/{poll}", "Cast a vote.", Vote, "/polls/lunch",
    )  # fmt: skip


def test_where_there_is_nothing_to_fill_a_parameter_with_no_address_is_made_up() -> None:
    assert named()["polls/{poll}"].url() is None


def test_an_example_needs_one_for_each_field_that_is_needed() -> None:
    assert told("lunch")[0].actions[0].body is None


def faults(made: dict[str, Any]) -> list[str]:
    """What AsyncAPI's schema has against a document, and what refers to nothing in it."""
    found = [f"{fault.json_path}: {fault.message}" for fault in Draft7Validator(SCHEMA).iter_errors(made)]
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(made)):
        place: Any = made
        for step in reference.split("/"):
            place = place.get(step, {})
        if not place:
            found.append(f"nothing at {reference}")
    return found


def test_the_document_is_valid_asyncapi_also_with_parameters_and_below_a_path() -> None:
    made = document(told("lunch"), "https://board.example/live/")
    assert faults(made) == []
    assert made["servers"]["board"] == {"host": "board.example", "protocol": "https", "pathname": "/live"}
    channel = made["channels"]["polls-poll"]
    assert channel["address"] == "/sse/polls/{poll}"
    assert list(channel["parameters"]) == ["poll"]
    assert channel["messages"]["vote-json"]["payload"] == {"$ref": "#/components/schemas/Vote"}
    assert set(made["channels"]["coin"]["messages"]) == {"head", "tail", "stream-error"}
    sent = made["operations"]["send-post-polls-poll"]
    assert (sent["action"], sent["security"]) == ("receive", [{"$ref": "#/components/securitySchemes/token"}])


def test_a_document_that_is_wrong_is_found_out() -> None:
    made = document(told("lunch"), "http://board.example/")
    made["operations"]["read-coin"]["action"] = "shout"
    made["channels"]["coin"]["messages"]["head"] = {"$ref": "#/components/messages/none"}
    assert len(faults(made)) == 2


def test_the_boards_own_document_is_valid_and_tells_of_every_stream(board: Server) -> None:
    made = board.get("/asyncapi.json").json()
    assert faults(made) == []
    paths = set(board.get("/sse/nothing").json()["streams"])
    assert {channel["address"] for channel in made["channels"].values()} >= {
        re.sub(r":\w+}", "}", path) for path in paths
    }
    assert made["servers"]["board"]["host"] == board.url.removeprefix("http://")


def lines(board: Server, kind: str) -> list[str]:
    page = board.get("/streams").text
    found = [html.unescape(line) for line in re.findall(r'<code [^>]*class="command">(.*?)</code>', page, re.DOTALL)]
    return [line for line in found if line.startswith(kind)]


@pytest.fixture(scope="module")
def pasted(board: Server, program: Program) -> dict[str, str]:
    """What each curl line of the page that reads says within a second or so, all at once."""
    shutil.which("curl") or pytest.skip("no curl")
    reading = {
        line: subprocess.Popen(
            ["bash", "-c", f"{line} -i -sS --noproxy '*' --max-time 1.5"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        )
        for line in lines(board, "curl -N ")
    }  # fmt: skip
    return {line: process.communicate(timeout=30)[0] for line, process in reading.items()}


def test_every_curl_line_reads_a_stream(board: Server, pasted: dict[str, str]) -> None:
    assert len(pasted) >= 8
    for line, said in pasted.items():
        assert said.startswith("HTTP/1.1 200 "), (line, said)
        assert "content-type: text/event-stream" in said, (line, said)
        assert "\nretry: " in said, (line, said)


def test_every_curl_line_publishes(board: Server) -> None:
    found = lines(board, f"curl {board.url}/")
    for path in ("tasks", "notifications", "rooms/lobby", "sensors/greenhouse", "log", "jobs"):
        assert any(f"/{path} " in line for line in found), path
    for line in found:
        answer = subprocess.run(
            ["bash", "-c", f"{line} -sS --noproxy '*' -o /dev/null -w '%{{http_code}}'"],
            cwd=board.folder, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert answer.stdout in ("200", "201"), (line, answer)


def test_the_page_tells_of_a_contract_what_its_fields_mean(board: Server) -> None:
    page = board.get("/streams").text
    assert "in degrees Celsius; at least -100, at most 100<" in page
    assert "Pending | In Progress | Completed" in page
    assert "<code>POST /sse/mux</code>" in page


def test_a_sample_of_what_is_not_there_is_a_404(board: Server) -> None:
    assert board.get("/streams/sample?name=nothing").status_code == 404
    assert board.get("/streams/sample?name=feed&stop=perhaps").status_code == 404
