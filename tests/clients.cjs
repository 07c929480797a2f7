// Reads streams with one of other people's clients, and prints what each is told, a JSON object a line:
// node clients.cjs eventsource|eventsource-client|eventsource-parser|fetch-event-source <<< '[{"url": ..., "events": [...]}]'
// node clients.cjs chromium|firefox PROGRAM FLAG... <<< '[...]'   its EventSource, under htmx's extension alone

const [name, executablePath, ...args] = process.argv.slice(2);
const streams = JSON.parse(require("node:fs").readFileSync(0, "utf8"));

/** @param {string} url @param {string|undefined} event @param {string|undefined} id */
const told = (url, event, id) => console.log(JSON.stringify({ url, event: event || "message", id: id ?? "" }));

/** Those that come back by themselves, and those whose user asks again. */
const clients = {
  eventsource({ url, events }) {
    const { EventSource } = require("eventsource");
    const source = new EventSource(url);
    for (const event of events) source.addEventListener(event, ({ lastEventId }) => told(url, event, lastEventId));
  },

  "eventsource-client"({ url }) {
    const { createEventSource } = require("eventsource-client");
    createEventSource({ url, onMessage: ({ event, id }) => told(url, event, id) });
  },

  async "eventsource-parser"({ url }) {
    const { createParser } = require("eventsource-parser");
    let last = "";
    let wait = 1000;
    const onEvent = ({ event, id }) => told(url, event, (last = id ?? last));
    for (;;) {
      const parser = createParser({ onEvent, onRetry: (retry) => void (wait = retry) });
      try {
        const { body } = await fetch(url, { headers: last ? { "Last-Event-ID": last } : {} });
        for await (const text of body.pipeThrough(new TextDecoderStream())) parser.feed(text);
      } catch {}
      await new Promise((resolve) => setTimeout(resolve, wait));
    }
  },

  "fetch-event-source"({ url }) {
    globalThis.window ??= globalThis; // it is made for browsers, and asks whether its page is seen
    globalThis.document ??= { hidden: false, addEventListener() {}, removeEventListener() {} };
    const { fetchEventSource } = require("@microsoft/fetch-event-source");
    const onclose = () => {
      throw new Error("ended"); // how one says that it is to come back
    };
    // It makes a message of every empty line, so also of a comment's or a heartbeat's.
    const onmessage = ({ event, id, data }) => (event || data) && told(url, event, id);
    fetchEventSource(url, { onmessage, onclose });
  },
};

/** A page without live.js, of tests/probe.py, for every five streams: a browser has six connections. */
async function browser(kind) {
  const puppeteer = require("puppeteer-core");
  const options = kind === "firefox" ? { browser: "firefox", protocol: "webDriverBiDi" } : { args };
  const opened = await puppeteer.launch({ executablePath, headless: true, ...options });
  process.on("SIGTERM", () => opened.close().then(() => process.exit()));
  for (let at = 0; at < streams.length; at += 5) {
    const page = await (await opened.createBrowserContext()).newPage();
    page.on("console", (said) => said.text().startsWith("{") && console.log(said.text()));
    await page.evaluateOnNewDocument(() =>
      document.addEventListener("htmx:sseMessage", ({ target, detail: { type: event, lastEventId: id } }) =>
        console.log(JSON.stringify({ url: target.title, event, id })),
      ),
    );
    const some = streams.slice(at, at + 5);
    await page.goto(`${new URL("/plain", some[0].url)}?streams=${encodeURIComponent(JSON.stringify(some))}`);
  }
}

if (executablePath) browser(name);
else streams.forEach(clients[name]);
