"""The client's source, held to the standard, and to its types, with Node."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from javascript import node

STATIC = Path(__file__).parents[1] / "tidewire" / "static"
WORKER = STATIC / "live-worker.js"
# Runs the worker's file with a server of the test's making, and prints what a tab is told.
HARNESS = """
const fs = require("node:fs");
const { file, chunks, cursor } = JSON.parse(fs.readFileSync(0, "utf8"));
const asked = [];
globalThis.self = globalThis;
globalThis.location = { href: "http://test/tidewire/live-worker.js" };
globalThis.fetch = async (url, { body }) => {
  asked.push(JSON.parse(body));
  const wire = asked.at(-1).add[0][0];
  const frames = [Buffer.from(`:${wire} {"status":200,"type":"text/event-stream"}\\n`)];
  for (const chunk of chunks) {
    const bytes = Buffer.from(chunk, "latin1");
    frames.push(Buffer.from(`:${wire} ${bytes.length}\\n`), bytes);
  }
  const all = Buffer.concat(frames);
  const stream = new ReadableStream({
    async start(controller) {
      for (let at = 0; at < all.length; at += 7) controller.enqueue(new Uint8Array(all.subarray(at, at + 7)));
      setTimeout(() => process.stdout.write(JSON.stringify({ told, asked }), () => process.exit()), 50);
    },
  });
  return new Response(stream, { status: 200, headers: { "Tidewire-Link": "x" } });
};
const told = [];
globalThis.postMessage = (what) => told.push(what);
Object.defineProperty(globalThis, "navigator", { value: {} });
require("node:vm").runInThisContext(fs.readFileSync(file, "utf8"));
onmessage({ data: { want: [[1, "/sse/x", cursor]] } });
"""

pytestmark = pytest.mark.slow


def read(*chunks: str, cursor: str = "") -> list[tuple[str, str, str]]:
    """Read a stream that comes in these chunks (UTF-8): its events as (type, data, last event id)."""
    raw = [chunk.encode().decode("latin-1") if isinstance(chunk, str) else chunk.decode("latin-1") for chunk in chunks]
    told = json.loads(node("-e", HARNESS, given=json.dumps({"file": str(WORKER), "chunks": raw, "cursor": cursor})))
    return [(one["type"], one["data"], one["id"]) for one in told["told"] if "data" in one]


@pytest.mark.parametrize(
    ("chunks", "events"),
    [
        (["data: a\n\n"], [("message", "a", "")]),
        (["data:a\n\ndata:  b\n\n"], [("message", "a", ""), ("message", " b", "")]),
        (["data: a\ndata: b\ndata\n\n"], [("message", "a\nb\n", "")]),
        (["data: a\r\n\r\ndata: b\r\rdata: c\n\r\n"], [("message", one, "") for one in "abc"]),
        (["data: a\r", "\n\r", "\ndata: b\r\n\r\n"], [("message", "a", ""), ("message", "b", "")]),
        (["\ufeffdata: a\n\n\ufeffdata: b\n\n"], [("message", "a", "")]),
        (["event: put\ndata: a\n\ndata: b\n\n"], [("put", "a", ""), ("message", "b", "")]),
        (["event: put\n\ndata: a\n\n"], [("message", "a", "")]),
        (["event: a\nevent:\ndata: x\n\n"], [("message", "x", "")]),
        (["id: 1\ndata: a\n\ndata: b\n\n"], [("message", "a", "1"), ("message", "b", "1")]),
        (["id: 1\ndata: a\n\nid\ndata: c\n\n"], [("message", "a", "1"), ("message", "c", "")]),
        (["id: 1\n\ndata: a\n\n"], [("message", "a", "1")]),
        (["id: 1\ndata: a\n\nid: x\0y\ndata: b\n\n"], [("message", "a", "1"), ("message", "b", "1")]),
        ([": a comment\n:\ndata: a\n: another\n\n"], [("message", "a", "")]),
        (["data\n\ndata:\n\n"], [("message", "", ""), ("message", "", "")]),
        (["\n\n\n", "id: 3\n\n"], []),
        (["data: unfinished\n"], []),
        (["DATA: a\nfoo: b\ndata : c\n data: d\n\n"], []),
        (["data: \u2028\u0085\x0b\x0c\n\n"], [("message", "\u2028\u0085\x0b\x0c", "")]),
        (["da", "ta", ": ", "\U0001f30a", "\n", "\n"], [("message", "\U0001f30a", "")]),
        ([b"data: \xf0\x9f", b"\x8c\x8a\xff\n\n"], [("message", "\U0001f30a\ufffd", "")]),
        (["data: a\nretry: 1000\nretry: x\n\n"], [("message", "a", "")]),
        (["data: a:b: c\n\n"], [("message", "a:b: c", "")]),
    ],
)  # fmt: skip
def test_the_client_reads_streams_as_the_standard_says(chunks, events):
    assert read(*chunks) == events


def test_an_event_without_id_keeps_the_cursor_a_source_came_with():
    assert read("data: a\n\nid: 9\ndata: b\n\n", cursor="7") == [("message", "a", "7"), ("message", "b", "9")]


def test_the_types_of_the_client_hold(tmp_path):
    compiler = shutil.which("tsc")
    if compiler is None:
        roots = [Path(root) for root in os.environ.get("NODE_PATH", "").split(os.pathsep) if root]
        compiler = next((str(r / "typescript/bin/tsc") for r in roots if (r / "typescript/bin/tsc").exists()), None)
    if compiler is None:
        pytest.skip("no TypeScript: npm install typescript, and say where in NODE_PATH")
    (tmp_path / "htmx.d.ts").write_text("declare const htmx: any;\ninterface Window { onconnect?: any }\n")
    files = [str(tmp_path / "htmx.d.ts"), *map(str, sorted(STATIC.glob("live*.js")))]
    options = [
        "--noEmit",
        "--checkJs",
        "--allowJs",
        "--strict",
        "--moduleDetection",
        "force",
        "--target",
        "es2022",
        "--lib",
        "es2022,dom,dom.iterable",
    ]
    done = subprocess.run(
        ["node", compiler, *options, *files], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, re.sub(r"^.*static/", "", done.stdout, flags=re.MULTILINE)
