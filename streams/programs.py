"""What programs are answered: the id of the event they published, once however often they ask; or what is wrong."""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any, Concatenate, ParamSpec

from fasthtml.core import HtmxHeaders
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from streams import fragment
from tidewire import Change, Hub

A = ParamSpec("A")
Said = str | dict[str, Any]

KEPT_SECONDS = 24 * 3600
LONGEST_KEY = 200


def prepare(change: Change) -> None:
    """Make the table of answers."""
    change.db.t.answers.create(key=str, answer=str, time=float, pk="key", if_not_exists=True)
    change.db.execute(
        "CREATE INDEX IF NOT EXISTS answers_by_time ON answers (time)"
    )  # the old ones go with each new one


async def answer_once(
    request: Request, hub: Hub, publish: Callable[Concatenate[Change, A], Said], *args: A.args, **kwargs: A.kwargs
) -> JSONResponse:
    """Publish and answer 201 with the event's id, or with all that `publish` says.

    A request whose `Idempotency-Key` was answered within a day, for the same path, is given that answer again: the
    answer is kept in the very transaction that publishes, so a program that heard nothing may ask until it does.
    """
    key = request.headers.get("idempotency-key", "")
    if len(key) > LONGEST_KEY:
        return JSONResponse({"errors": {"Idempotency-Key": f"expected at most {LONGEST_KEY} characters"}}, 422)

    def once(change: Change) -> dict[str, Any]:
        if not key:
            return _all(publish(change, *args, **kwargs))
        answers = change.db.t.answers
        answers.delete_where("time < ?", (time.time() - KEPT_SECONDS,))
        name = f"{request.url.path} {key}"
        known = list(answers("key = ?", (name,)))
        if known:
            answer: dict[str, Any] = json.loads(known[0]["answer"])
            return answer
        answer = _all(publish(change, *args, **kwargs))
        answers.insert(key=name, answer=json.dumps(answer), time=time.time())
        return answer

    return JSONResponse(await hub.change(once), 201)


def _all(said: Said) -> dict[str, Any]:
    return {"id": said} if isinstance(said, str) else said


def faults(invalid: ValidationError) -> dict[str, str]:
    """Say what is wrong with each field, for a program's answer or for a form that is given back."""
    return {".".join(map(str, fault["loc"])): _said(fault) for fault in invalid.errors()}


def _said(fault: ErrorDetails) -> str:
    """Say what was expected; of what people come upon, in their words."""
    if fault["type"] == "string_too_short":
        return "expected some text"
    if fault["type"] == "string_too_long":
        return f"expected at most {fault['ctx']['max_length']} characters"
    return fault["msg"].removeprefix("Value error, ")


def invalid_answer(invalid: ValidationError) -> JSONResponse:
    """Answer 422, naming each field and what is wrong with it."""
    return JSONResponse({"errors": faults(invalid)}, 422)


def give_back(htmx: HtmxHeaders, invalid: ValidationError, form: Callable[[Mapping[str, str]], Any]) -> Response:
    """Answer 422: a person is given the form anew, drawn with what is wrong by field, and a program that alone."""
    return fragment(form(faults(invalid)), status=422) if htmx.request else invalid_answer(invalid)
