"""What the board lets in, and what it lets a page do: one rule for unsafe methods, one policy for browsers."""

import re
import secrets
from collections.abc import Mapping

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
                given = dict(headers)
                message["headers"] = headers + [pair for pair in POLICY if pair[0] not in given]
            await send(message)

        refusal = self.refusal(scope["method"], scope["path"], dict(reversed([*scope["headers"]])))
        if refusal is not None:
            return await refusal(scope, receive, with_policy)
        return await self.app(scope, receive, with_policy)

    def refusal(self, method: str, path: str, headers: dict[bytes, bytes]) -> PlainTextResponse | None:
        """Say why a request with these headers, the first of each, is refused; None where it is let in."""
        host = PORT.sub("", headers.get(b"host", b"").decode("latin-1")).lower()
        if host not in self.hosts and "*" not in self.hosts:
            return PlainTextResponse(f"Unknown host {host!r}: TIDEWIRE_ALLOWED_HOSTS names those allowed.\n", 400)
        if len(path) > LONGEST_PATH:
            return PlainTextResponse(f"Expected a path of at most {LONGEST_PATH} characters.\n", 414)
        if b"transfer-encoding" in headers:
            return PlainTextResponse("Say the Content-Length.\n", 411)
        most = self.larger.get(path, LARGEST_BODY)
        if int(headers.get(b"content-length", b"0")) > most:
            return PlainTextResponse(f"Expected at most {most} bytes.\n", 413)
        if method in SAFE_METHODS:
            return None
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer":
            if secrets.compare_digest(given.strip(), self.token):
                return None
            return PlainTextResponse("Unknown token.\n", 401, {"WWW-Authenticate": "Bearer"})
        if same_origin(headers):
            return None
        return PlainTextResponse(
            f"{method} needs a page of this origin, or the token: Authorization: Bearer <token>.\n", 403
        )


def same_origin(headers: dict[bytes, bytes]) -> bool:
    """Tell whether a browser sent this from a page of this origin; a program, which says neither, does not count."""
    site = headers.get(b"sec-fetch-site")
    if site is not None:
        return site == b"same-origin"
    host = headers.get(b"host", b"")
    return host != b"" and headers.get(b"origin", b"").partition(b"://")[2] == host
