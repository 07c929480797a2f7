"""What is answered about jobs, to people and to programs."""

from typing import Any

from fasthtml.core import HtmxHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from components.job import Job
from streams import fragment
from streams.job_records import Refused


def begun(request: Request, htmx: HtmxHeaders, job: Job) -> Response:
    """Lead a person to the job that was begun, and tell a program of it."""
    if htmx.request:
        return fragment(headers={"HX-Redirect": f"/jobs/{job.id}"})
    return JSONResponse(said(request, job), 201, {"Location": f"/jobs/{job.id}"})


def said(request: Request, job: Job) -> dict[str, Any]:
    """Say to a program how a job stands, and where it is to be seen."""
    url, path = str(request.base_url).rstrip("/"), f"/jobs/{job.id}"
    told: dict[str, Any] = Job(**dict(job)).model_dump(mode="json")
    return told | {"cancelled": job.state == "cancelled", "url": url + path, "stream": f"{url}/sse{path}"}


def refused(request: Request, fault: Refused) -> Response:
    """Say why a job cannot be changed so."""
    if request.headers.get("hx-request"):
        return PlainTextResponse(str(fault), fault.status)
    told = said(request, fault.job) if fault.job else {}
    named = {"errors": {fault.field: str(fault)}} if fault.field else {"error": str(fault)}
    return JSONResponse(told | named, fault.status)


handlers: dict[Any, Any] = {Refused: refused}
