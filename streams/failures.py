"""What is answered when a request fails."""

import logging
import secrets
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from components.page import Layout, NotFound, ServerError
from tidewire import JournalUnavailable

log = logging.getLogger("tidewire")


def unavailable(request: Request, fault: JournalUnavailable) -> JSONResponse:
    """Answer 503 while nothing can be published."""
    return JSONResponse({"error": str(fault)}, 503, {"Retry-After": "2"})


def not_found(request: Request, fault: HTTPException) -> Any:
    """Answer 404 with a page, or an action with what it says is not there: its button's page shows that line."""
    if request.method == "POST":
        return PlainTextResponse(f"{fault.detail}\n", 404)
    return NotFound(request.url.path)


def server_error(request: Request, fault: Exception) -> Any:
    """Answer 500 with a page that tells a reference, and nothing of the fault."""
    reference = secrets.token_hex(4)
    log.error("%s %s failed, reference %s", request.method, request.url.path, reference)
    request.body_wrap = partial(Layout, parts=False)  # type: ignore[attr-defined]  # they may be what has failed
    return ServerError(reference)


def too_deep(request: Request, fault: RecursionError) -> Any:
    """Answer 400 where JSON is nested deeper than Python's parser goes; any other recursion is a fault of ours."""
    if request.headers.get("content-type") != "application/json":
        raise fault
    return PlainTextResponse("Invalid JSON body: nested too deep", 400)


def left(request: Request, fault: ClientDisconnect) -> Response:
    """Answer nobody: who left in the middle of a request, an upload perhaps, is no fault to be logged."""
    return Response(status_code=400)


handlers: dict[Any, Any] = {
    404: not_found,
    500: server_error,
    JournalUnavailable: unavailable,
    RecursionError: too_deep,
    ClientDisconnect: left,
}
