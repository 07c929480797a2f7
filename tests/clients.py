"""Reads streams with one of Python's clients, or with curl, as tests/clients.cjs does with Node's."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator

import aiohttp
import httpx
from aiohttp_sse_client2.client import EventSource
from httpx_sse import SSEError, aconnect_sse

Told = AsyncIterator[tuple[str, str]]  # (event, id)
AWAY_SECONDS = 1.0


def headers(last: str) -> dict[str, str]:
    return {"Last-Event-ID": last} if last else {}


async def curl(url: str, last: str) -> Told:
    header = [part for name, value in headers(last).items() for part in ("-H", f"{name}: {value}")]
    process = await asyncio.create_subprocess_exec(
        "curl", "-sN", "--noproxy", "*", *header, url, stdout=asyncio.subprocess.PIPE, limit=2**20
    )
    event, data = "", False
    async for line in process.stdout:
        field, _, value = line.decode().rstrip("\n").partition(": ")
        if field == "event":
            event = value
        elif field == "id":
            last = value
        elif field.startswith("data"):
            data = True
        elif not field:
            if data:
                yield event, last
            event, data = "", False


async def httpx_sse(url: str, last: str) -> Told:
    async with (
        httpx.AsyncClient(timeout=30, trust_env=False) as client,
        aconnect_sse(client, "GET", url, headers=headers(last)) as source,
    ):
        async for told in source.aiter_sse():
            if told.data or told.event != "message":  # it makes a message of a heartbeat, which is an id alone
                yield told.event, told.id


async def aiohttp_sse_client2(url: str, last: str) -> Told:
    async with EventSource(url, headers=headers(last), timeout=aiohttp.ClientTimeout(total=None)) as source:
        async for told in source:
            yield told.type, told.last_event_id


CLIENTS = {"curl": curl, "httpx-sse": httpx_sse, "aiohttp-sse-client2": aiohttp_sse_client2}


async def read(client: str, url: str) -> None:
    """Read a stream, and ask again after each end, as these clients leave it to their users."""
    last = ""
    while True:
        try:
            async for event, event_id in CLIENTS[client](url, last):
                last = event_id
                print(json.dumps({"url": url, "event": event or "message", "id": last}), flush=True)
        except (aiohttp.ClientError, ConnectionError, httpx.TransportError, SSEError):
            pass
        await asyncio.sleep(AWAY_SECONDS)


async def main() -> None:
    await asyncio.gather(*(read(sys.argv[1], stream["url"]) for stream in json.load(sys.stdin)))


if __name__ == "__main__":
    asyncio.run(main())
