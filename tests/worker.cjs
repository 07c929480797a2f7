// Runs live-worker.js with a clock, a server and tabs of a test's making, and prints what the test's steps return:
// node worker.cjs live-worker.js < steps. They know `tab()`, `server` and `pass(ms)`; no real time passes.
const fs = require("node:fs");
const { runInThisContext } = require("node:vm");

let time = 0; // milliseconds since the start, which only go on
let wall = 1e12; // and what the wall clock says, which may be set
const timers = new Map();
const turn = () => new Promise((resolve) => setImmediate(resolve));

async function pass(ms) {
  for (const end = time + ms; ; ) {
    for (let n = 0; n < 5; n++) await turn(); // promises and streams
    const [next] = [...timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at);
    const at = next ? next[1].at : end;
    [wall, time] = [wall + at - time, at];
    if (!next) return;
    timers.delete(next[0]);
    next[1].act();
  }
}

const server = {
  asked: [], // the bodies of its requests
  links: [], // what it opened: say, end, cut; cancelled: that nobody reads it any more
  answer: () => server.open(),

  open(headers = { "Tidewire-Link": `link ${server.links.length}` }) {
    const link = { cancelled: false, status: 200, headers };
    link.body = new ReadableStream({
      start(stream) {
        link.say = (text) => stream.enqueue(Buffer.from(text));
        link.end = () => stream.close();
        link.cut = () => stream.error(new Error("cut"));
      },
      cancel: () => void (link.cancelled = true),
    });
    server.links.push(link);
    return link;
  },
};

function tab() {
  const told = [];
  const port = { postMessage: (what) => told.push(what) };
  onconnect({ ports: [port] });
  /** States are told as an object, events as another. */
  const states = () => told.filter(({ now }) => now).map(({ now }) => now);
  return { told, states, want: (want, more) => port.onmessage({ data: { want, ...more } }) };
}

Object.assign(globalThis, {
  self: globalThis,
  onconnect: null, // it is a SharedWorker
  location: { href: "http://board/tidewire/live-worker.js" },
  setTimeout(act, ms = 0, ...given) {
    const number = timers.size ? Math.max(...timers.keys()) + 1 : 1;
    const after = ms > 2 ** 31 - 1 ? 1 : Math.max(1, ms); // as browsers do
    timers.set(number, { at: time + after, act: () => act(...given) });
    return number;
  },
  clearTimeout: (number) => timers.delete(number),
  async fetch(url, { body, signal }) {
    server.asked.push(JSON.parse(body));
    const { body: said = null, status, headers } = await server.answer(server.asked.at(-1));
    const answer = new Response(said, { status, headers });
    signal.addEventListener("abort", () => {
      const [link] = server.links.filter((one) => one.body === said);
      if (link) link.cancelled = true;
      if (link && !said.locked) said.cancel();
      else link?.cut();
    });
    return answer;
  },
});
Date.now = () => wall;
Object.defineProperty(globalThis, "navigator", { value: {} }); // without locks, as on an insecure origin
Object.defineProperty(globalThis, "performance", { value: { now: () => time } });
Math.random = () => 1; // the longest wait

runInThisContext(fs.readFileSync(process.argv[2], "utf8"));
const steps = new Function("tab", "server", "pass", "set", `return (async () => {${fs.readFileSync(0, "utf8")}})()`);
steps(tab, server, pass, (to) => (wall = to)).then((said) => process.stdout.write(JSON.stringify(said), () => process.exit()));
