"""What the board lets in, and what it lets a page do: one rule for unsafe methods, one policy for browsers."""

import re
import secrets
from collections.abc import Iterable, Mapping
from urllib.parse import urlsplit

from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
LONGEST_PATH = 2048  # characters: of a number with more digits, Python's int() makes a fault of the server's
LARGEST_BODY = 1024 * 1024 + 64 * 1024  # bytes: an event of 1 MiB, and what a form puts around it
PORT = re.compile(r":\d*$")
POLICY = (
    (
        b"content-security-policy",
        b"default-src 'self'; script-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
        b"form-action 'self'; frame-ancestors 'none'",
    ),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),
)


class Guard:
    """Refuse what comes from elsewhere, and put the policy on every response.

    An unsafe method needs the same origin (a browser) or the token as `Authorization: Bearer` (a program): 401 for
    a wrong token, 403 for neither. A SameSite cookie would not do: it is sent from another port of localhost.
    A path may be no longer than `LONGEST_PATH` (414). A body has to say how large it is (411), and may be no larger
    than `LARGEST_BODY`, or than `larger` says for its path (413).
    A Host that is not among `hosts` is refused with 400, or a page elsewhere could read the board by DNS rebinding.
    """

    def __init__(self, app: ASGIApp, *, token: str, hosts: list[str], larger: Mapping[str, int] | None = None) -> None:
        self.app = app
        self.larger = larger or {}
        self.token = token.encode()
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or refuse it."""
        if scope["type"] != "http":
            return await self.app(scope, receive, send)

        async def with_policy(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [*message.get("headers", ())]
                given = {name for name, _ in headers}
                message["headers"] = headers + [pair for pair in POLICY if pair[0] not in given]
            await send(message)

        refusal = self.refusal(scope["method"], scope["path"], _first_of_each(scope["headers"]))
        if refusal is not None:
            return await refusal(scope, receive, with_policy)
        return await self.app(scope, receive, with_policy)

    def refusal(self, method: str, path: str, headers: dict[str, str]) -> PlainTextResponse | None:
        """Say why a request is refused; None where it is let in."""
        host = PORT.sub("", headers.get("host", "")).lower()
        if host not in self.hosts and "*" not in self.hosts:
            return PlainTextResponse(f"Unknown host {host!r}: TIDEWIRE_ALLOWED_HOSTS names those allowed.\n", 400)
        if len(path) > LONGEST_PATH:
            return PlainTextResponse(f"Expected a path of at most {LONGEST_PATH} characters.\n", 414)
        if "transfer-encoding" in headers:
            return PlainTextResponse("Say the Content-Length.\n", 411)
        most = self.larger.get(path, LARGEST_BODY)
        if int(headers.get("content-length", "0")) > most:
            return PlainTextResponse(f"Expected at most {most} bytes.\n", 413)
        if method in SAFE_METHODS:
            return None
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if scheme.lower() == "bearer":
            if secrets.compare_digest(given.strip().encode(), self.token):
                return None
            return PlainTextResponse("Unknown token.\n", 401, {"WWW-Authenticate": "Bearer"})
        if same_origin(headers):
            return None
        return PlainTextResponse(
            f"{method} needs a page of this origin, or the token: Authorization: Bearer <token>.\n", 403
        )


def same_origin(headers: dict[str, str]) -> bool:
    """Tell whether a browser sent this from a page of this origin; a program, which says neither, does not count."""
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site == "same-origin"
    origin = headers.get("origin")
    return origin is not None and urlsplit(origin).netloc == headers.get("host")


def _first_of_each(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    return {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed([*raw])}
