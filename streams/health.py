"""Health: whether the process lives, and whether it can take events."""

from fasthtml.core import APIRouter
from starlette.datastructures import State
from starlette.responses import JSONResponse

routes = APIRouter(prefix="/health")


@routes("/live", methods=["GET"])
def live() -> JSONResponse:
    """Say that the process answers."""
    return JSONResponse({"live": True})


@routes("/ready", methods=["GET"])
def ready(state: State) -> JSONResponse:
    """Say whether events can be published: 503 with the reason where they cannot."""
    trouble = state.hub.trouble
    return JSONResponse({"ready": trouble is None, "trouble": trouble}, 503 if trouble else 200)
