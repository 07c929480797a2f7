"""How often may be published: limits for each program and each browser's address."""

import math
import time

from limits import RateLimitItem, parse_many
from limits.storage import MemoryStorage
from limits.strategies import FixedWindowRateLimiter
from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from guard import SAFE_METHODS

STREAMS = "/sse/"  # the mux is asked by POST, and is a stream like the others


class Throttle:
    """Refuse with 429 who uses unsafe methods more often than `limits` says ("100/second,2000/minute").

    A window begins with the first request in it: at the seam of two, twice as many may come. Windows that moved would
    keep a time for each request, and limits forgets no client of those.

    A program counts by token and address, a page by its address; so it stands behind the guard, which has told them
    apart and let in no other token. A refused request does not count, has done nothing, and is told by Retry-After
    when the next one will be let in. Each process counts in its own memory: with several, up to so many times as much
    is let in.
    """

    def __init__(self, app: ASGIApp, limits: str) -> None:
        self.app = app
        self.limits = [] if limits == "off" else parse_many(limits)
        self.limiter = FixedWindowRateLimiter(MemoryStorage())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request, or say when to ask again."""
        if scope["type"] != "http" or scope["method"] in SAFE_METHODS or scope["path"].startswith(STREAMS):
            return await self.app(scope, receive, send)
        seconds = self.wait(client(scope))
        if seconds is None:
            return await self.app(scope, receive, send)
        line = f"Too many: at most {' and '.join(map(said, self.limits))}. Ask again in {seconds} s.\n"
        return await PlainTextResponse(line, 429, {"Retry-After": str(seconds)})(scope, receive, send)

    def wait(self, who: tuple[str, str]) -> int | None:
        """Count a request, or tell in how many seconds the next one will be let in; None where this one is."""
        full = [limit for limit in self.limits if not self.limiter.test(limit, *who)]
        if full:
            opens = max(self.limiter.get_window_stats(limit, *who).reset_time for limit in full)
            return max(1, math.ceil(opens - time.time()))
        for limit in self.limits:
            self.limiter.hit(limit, *who)
        return None


def client(scope: Scope) -> tuple[str, str]:
    """Tell who asks: a program by its token, a page, and the address of either."""
    scheme, _, token = Headers(scope=scope).get("authorization", "").partition(" ")
    address = scope["client"][0] if scope.get("client") else ""
    return (f"program {token.strip()}" if scheme.lower() == "bearer" else "page", address)


def said(limit: RateLimitItem) -> str:
    """Say a limit: `100 per second`, `5 per 2 minutes`."""
    several = f"{limit.multiples} {limit.GRANULARITY.name}s"
    return f"{limit.amount} per {several if limit.multiples > 1 else limit.GRANULARITY.name}"
