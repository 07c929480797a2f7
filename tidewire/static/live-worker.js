// The one connection of a browser, for all its tabs: as a SharedWorker, or, where there is none, in a page itself.
// A tab opens and closes sources through its port; the server is asked with POST /sse/mux (see tidewire/link.py).

(() => {
  const GATHER_MS = 10; // a page's sources are asked for together
  const SILENT_MS = 20_000; // the server says something every 15 s
  const ANSWER_MS = 10_000; // for the head of an answer
  const FIRST_MS = 500;
  const CAP_MS = 4_500; // longest wait between two tries, so that a server that is back has everybody within 5 s
  const STEADY_MS = 5_000; // a link that lived this long was no failure
  const LEASE_MS = 150_000; // of a tab without locks; a hidden one's timers run once a minute
  const BUSY = [429, 503]; // say "later"
  const NEVER_MS = 2 ** 31 - 1; // a server that says to wait so long has closed for good
  const FINAL = [204, 401, 403, 404]; // to ask again would change nothing

  /** @typedef {{port: MessagePort, subs: Map<number, Sub>, seen: number, locked: boolean, out: object[]}} Tab */
  /** @typedef {{id: string, cut: AbortController, heard: number, born: number, silent: boolean, retry?: number}} Link */
  /**
   * wire: its number on a link, 0 while it is on none; link: unset while the server has not answered.
   * @typedef {{tab: Tab, key: number, url: string, cursor: string, wire: number, link?: Link, parser?: Parser,
   *   retry?: number, due: number, tries: number}} Sub
   */

  /** @type {Set<Tab>} */ const tabs = new Set();
  /** @type {Map<number, Sub>} */ const wires = new Map();
  /** @type {Set<Link>} */ const links = new Set();
  /** @type {{wire: number, link: Link}[]} what a server has still to be told */ let drops = [];
  let mux = "";
  let lastWire = 0;
  let tries = 0;
  let notBefore = 0;
  let asking = false;
  /** @type {any} */ let timer;

  // ---- Tabs ---------------------------------------------------------------------------------------------------

  /** @param {MessagePort} port */
  function connect(port) {
    /** @type {Tab} */
    const tab = { port, subs: new Map(), seen: Date.now(), locked: false, out: [] };
    tabs.add(tab);
    port.onmessage = ({ data }) => {
      tab.seen = Date.now();
      if (data.mux) mux = data.mux;
      if (data.lock) {
        tab.locked = true;
        navigator.locks.request(data.lock, () => bury(tab)); // granted once the tab is gone, however it went
      }
      if (data.open) open(tab, data.open);
      if (data.close) close(tab.subs.get(data.close));
      if (data.now) hurry();
      if (data.bye) bury(tab);
      if (data.ping) port.postMessage([{ pong: tabs.has(tab) }]);
    };
  }

  /** @param {Tab} tab @param {{key: number, url: string, cursor: string}} wanted */
  function open(tab, { key, url, cursor }) {
    tab.subs.set(key, { tab, key, url, cursor, wire: 0, due: 0, tries: 0 });
    plan();
  }

  /** @param {Sub=} sub */
  function close(sub) {
    if (!sub) return;
    sub.tab.subs.delete(sub.key);
    release(sub, true);
    plan();
  }

  /** @param {Tab} tab */
  function bury(tab) {
    tabs.delete(tab);
    for (const sub of tab.subs.values()) close(sub);
  }

  /** Take a subscription off its link. @param {Sub} sub @param {boolean} tell the server does not know it yet */
  function release(sub, tell) {
    wires.delete(sub.wire);
    if (tell && sub.link) drops.push({ wire: sub.wire, link: sub.link });
    sub.link = undefined;
    sub.wire = 0;
  }

  /** Tell a tab; what is told in one go is one message. @param {Sub} sub @param {object} what */
  function tell({ tab, key }, what) {
    if (tab.out.push({ key, ...what }) === 1) {
      queueMicrotask(() => tab.port.postMessage(tab.out.splice(0)));
    }
  }

  /** @param {Sub} sub @param {number} at when it is tried again @param {number} [status] */
  function wait(sub, at, status = 0, state = BUSY.includes(status) ? "limited" : "waiting") {
    release(sub, false);
    sub.due = at;
    tell(sub, { state, at, status, tries: Math.max(tries, sub.tries) });
  }

  /** End for good. @param {Sub} sub @param {number} status */
  function refuse(sub, status) {
    tell(sub, { state: "closed", status });
    close(sub);
  }

  // ---- Asking -------------------------------------------------------------------------------------------------

  const subs = () => [...tabs].flatMap((tab) => [...tab.subs.values()]);
  const now = () => Date.now();
  /** Full jitter. @param {number} failures */
  const backoff = (failures) => Math.random() * Math.min(CAP_MS, FIRST_MS * 2 ** failures);
  /** Read a Retry-After. @param {string|null|undefined} text @returns {number} milliseconds */
  const after = (text) => (text ? Math.max(0, Number(text) * 1000 || Date.parse(text) - now() || 0) : 0);

  function hurry() {
    notBefore = 0;
    for (const sub of subs()) sub.due = 0;
    plan();
  }

  function plan() {
    if (asking) return; // the answer plans anew
    const wanted = subs();
    if (!wanted.length) for (const link of links) leave(link);
    const waiting = wanted.filter((sub) => !sub.wire);
    const due = Math.max(notBefore, Math.min(drops.length ? 0 : Infinity, ...waiting.map((sub) => sub.due)));
    clearTimeout(timer);
    if (due < Infinity) timer = setTimeout(ask, Math.max(GATHER_MS, due - now()));
  }

  /** Add and drop: one request at a time. */
  async function ask() {
    let add = now() < notBefore ? [] : subs().filter((sub) => !sub.wire && sub.due <= now());
    let on = [...links];
    if (drops.length && (on.length > 1 || !add.length)) {
      on = [drops[0].link]; // other processes know nothing of it
      add = [];
    }
    const drop = drops.filter(({ link }) => on.includes(link));
    if (!add.length && !drop.length) return plan();
    asking = true;
    for (const sub of add) wires.set((sub.wire = ++lastWire), sub);
    const cut = new AbortController();
    const late = setTimeout(() => cut.abort(), ANSWER_MS);
    const asked = {
      on: on.map(({ id }) => id),
      add: add.map(({ wire, url, cursor }) => [wire, url, cursor]),
      drop: drop.map(({ wire }) => wire),
    };
    const wired = add.map((sub) => ({ sub, wire: sub.wire }));
    let status = 0;
    let retry = 0;
    /** @type {Link|undefined} */ let link;
    try {
      const headers = { "Content-Type": "application/json" };
      const answer = await fetch(mux, { method: "POST", headers, body: JSON.stringify(asked), signal: cut.signal });
      status = answer.status;
      retry = after(answer.headers.get("Retry-After"));
      const id = answer.headers.get("Tidewire-Link") ?? "";
      if (status === 202) {
        link = on.find((one) => one.id === id && links.has(one));
        drops = drops.filter((one) => !drop.includes(one));
      } else if (status === 200 && id && answer.body) {
        link = { id, cut, heard: now(), born: now(), silent: false };
        links.add(link);
        read(link, answer.body);
      }
    } catch {} // no answer
    clearTimeout(late);
    asking = false;
    if (status === 409) notBefore = now() + backoff(0);
    else if (status !== 202 && !link) notBefore = now() + (retry ? retry + backoff(0) : backoff(tries++));
    for (const { sub, wire } of wired) {
      const current = sub.wire === wire;
      if (link && current) sub.link ??= link;
      else if (link) drops.push({ wire, link }); // closed meanwhile
      else if (current && FINAL.includes(status)) refuse(sub, status);
      else if (current) wait(sub, notBefore, status);
    }
    plan();
  }

  // ---- Links --------------------------------------------------------------------------------------------------

  /** @param {Link} link @param {ReadableStream<Uint8Array>} body */
  async function read(link, body) {
    const reader = body.getReader();
    const frames = new Frames(link);
    let orderly = false;
    try {
      for (let part; !(part = await reader.read()).done; ) {
        link.heard = now();
        frames.take(part.value);
      }
      orderly = true;
    } catch {} // cut
    const lost = subs().filter((sub) => sub.link === link);
    leave(link);
    if (orderly && link.retry === NEVER_MS) {
      for (const sub of lost.splice(0)) {
        release(sub, false);
        refuse(sub, 204);
      }
    }
    if (lost.length) notBefore = now() + ((orderly && link.retry) || backoff(tries++));
    for (const sub of lost) wait(sub, notBefore, 0, link.silent ? "silent" : "waiting");
    plan();
  }

  /** @param {Link} link */
  function leave(link) {
    link.cut.abort();
    links.delete(link);
    drops = drops.filter((one) => one.link !== link);
  }

  setInterval(() => {
    for (const link of links) {
      if (now() - link.born > STEADY_MS) tries = 0;
      link.silent = now() - link.heard > SILENT_MS;
      if (link.silent) link.cut.abort();
    }
    for (const tab of tabs) if (!tab.locked && now() - tab.seen > LEASE_MS) bury(tab);
  }, 1000);

  class Frames {
    /** @param {Link} link */
    constructor(link) {
      this.link = link;
      this.rest = new Uint8Array();
    }

    /** @param {Uint8Array} bytes as they come, cut anywhere */
    take(bytes) {
      const all = new Uint8Array(this.rest.length + bytes.length);
      all.set(this.rest);
      all.set(bytes, this.rest.length);
      let at = 0;
      for (let end; (end = all.indexOf(10, at)) >= 0; ) {
        const line = new TextDecoder().decode(all.subarray(at, end));
        const [, numbers, size, what] = /^:([\d,]+) (?:(\d+)|(\{.*\}))$/.exec(line) ?? [];
        const next = end + 1 + Number(size ?? 0);
        if (next > all.length) break;
        for (const number of numbers?.split(",") ?? []) this.hand(Number(number), all.subarray(end + 1, next), what);
        if (line.startsWith("retry: ")) this.link.retry = Number(line.slice(7));
        at = next;
      }
      this.rest = all.slice(at);
    }

    /** @param {number} wire @param {Uint8Array} bytes @param {string} [what] */
    hand(wire, bytes, what) {
      const sub = wires.get(wire);
      if (!sub) return; // dropped, and on its way when it was
      sub.link ??= this.link;
      if (what) answered(sub, JSON.parse(what));
      else sub.parser?.take(bytes);
    }
  }

  /** @param {Sub} sub @param {{status?: number, type?: string, retry?: string, end?: boolean}} said */
  function answered(sub, { status = 0, type = "", retry, end }) {
    if (end && sub.retry === NEVER_MS) {
      refuse(sub, 204);
    } else if (end) {
      wait(sub, now() + (sub.retry ?? 1000));
    } else if (status === 200 && type.startsWith("text/event-stream")) {
      sub.tries = 0;
      sub.parser = new Parser(sub);
      tell(sub, { state: "live" });
    } else if (BUSY.includes(status) || status >= 500) {
      wait(sub, now() + after(retry) + backoff(sub.tries++), status);
    } else {
      refuse(sub, status);
    }
    plan();
  }

  /** Read a stream as the standard says: https://html.spec.whatwg.org/multipage/server-sent-events.html (9.2.6). */
  class Parser {
    /** @param {Sub} sub */
    constructor(sub) {
      this.sub = sub;
      this.decoder = new TextDecoder();
      this.rest = "";
      this.id = sub.cursor;
      this.type = "";
      /** @type {string[]} */ this.data = [];
      this.returned = false; // the last byte was a CR: a LF that follows belongs to it
    }

    /** @param {Uint8Array} bytes */
    take(bytes) {
      let text = this.decoder.decode(bytes, { stream: true });
      if (!text) return;
      if (this.returned && text[0] === "\n") text = text.slice(1);
      this.returned = text.endsWith("\r");
      const lines = (this.rest + text).split(/\r\n|\r|\n/);
      this.rest = lines.pop() ?? "";
      for (const line of lines) line ? this.field(line) : this.dispatch();
    }

    /** @param {string} line */
    field(line) {
      const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (name === "data") this.data.push(value);
      else if (name === "event") this.type = value;
      else if (name === "id" && !value.includes("\0")) this.id = value;
      else if (name === "retry" && /^\d+$/.test(value)) this.sub.retry = Number(value);
    }

    dispatch() {
      const moved = this.sub.cursor !== this.id;
      this.sub.cursor = this.id;
      if (this.data.length) tell(this.sub, { type: this.type || "message", data: this.data.join("\n"), id: this.id });
      else if (moved) tell(this.sub, { id: this.id });
      this.type = "";
      this.data = [];
    }
  }

  /** @param {MessageEvent} event */
  const onconnect = ({ ports }) => connect(ports[0]);
  if ("onconnect" in self) self.onconnect = onconnect;
  else Object.assign(self, { tidewireConnect: connect });
})();
