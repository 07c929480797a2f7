"""The scripts of a live page: live.js and the like, and htmx with its extension in the versions it is tested with.

A page that loads them needs no other origin, and they fit each other: live.js stands on what the extension does.
"""

from pathlib import Path

from starlette.responses import Response
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

FOLDER = Path(__file__).parent / "static"
SCRIPTS = (  # in this order
    "/tidewire/vendor/htmx.min.js",
    "/tidewire/vendor/sse.js",
    "/tidewire/live.js",
    "/tidewire/live-hold.js",
    "/tidewire/live-put.js",
    "/tidewire/live-focus.js",
    "/tidewire/live-state.js",
)


class Scripts(StaticFiles):
    """Serve them so that a browser asks each time whether they have changed.

    Left to itself it would keep an old live.js beside a new server for hours.
    """

    async def get_response(self, path: str, scope: Scope) -> Response:
        """Answer with a file."""
        response = await super().get_response(path, scope)
        response.headers.setdefault("Cache-Control", "no-cache")
        if path.endswith(".js"):  # some systems know it by a name that browsers refuse
            response.headers["Content-Type"] = "text/javascript; charset=utf-8"
        return response


def scripts_route() -> Mount:
    """Make the route of `SCRIPTS`."""
    return Mount("/tidewire", Scripts(directory=FOLDER), name="tidewire")
