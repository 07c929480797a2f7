// The one connection of a browser, for all its tabs: a SharedWorker, or, where there is none, a page's own worker.
// A tab says all that it wants whenever that changes, and now and then: {want: [[key, url, cursor]]}. The server is
// asked for what it does not carry yet, and told what nobody wants any more, by POST /sse/mux (tidewire/link.py).

const MUX = new URL("../sse/mux", self.location.href).href;
const GATHER_MS = 10; // a page's sources are asked for together
const TOGETHER = 250; // but no more: the server reads 1,024 and 1 MiB, and would refuse them all, again and again
const ANSWER_MS = 10_000; // for the head of an answer
const SILENT_MS = 20_000; // the server says something every 15 s
const FIRST_MS = 500;
const CAP_MS = 4_500; // longest wait between two tries, so that a server that is back has everybody within 5 s
const STEADY_MS = 5_000; // a link that lived this long was no failure
const LEASE_MS = 150_000; // of a tab that says nothing; a hidden one's timers run once a minute
const NEVER_MS = 2e9; // a server that says to wait so long, 23 days, has closed for good; a timer takes no more
const FRAME = /^(?::([\d,]+) (?:(\d+)|(\{.*\}))|retry: (\d+))$/; // numbers, then a length or an answer; or a wait
/** @type {Record<number, [string, string]>} the state that a status puts a stream in, and what is wrong */
const STATUSES = {
  204: ["closed", ""], 401: ["closed", "signed out"], 403: ["closed", "not allowed"], 404: ["closed", "no such stream"],
  429: ["limited", "too many connections"], 503: ["limited", "server busy"],
};

/**
 * A stream that a tab wants. number: on the wire, another for each try, 0 between them. link: "" until it is known.
 * @typedef {{port: MessagePort, key: number, url: string, cursor: string, number: number, link: string, due: number,
 *   tries: number, retry: number, read?: (bytes: Uint8Array) => void}} Stream
 */
/** @type {Set<Stream>} */ const wanted = new Set();
/** @type {Map<number, Stream>} what the server was asked for, by number */ const carried = new Map();
/** @type {Map<string, AbortController>} one for each process of the server, by id */ const links = new Map();
let [lastNumber, tries, notBefore, asking] = [0, 0, 0, false];
/** @type {any} */ let timer;

const now = () => performance.now(); // which nobody sets back
const waiting = () => [...wanted].filter(({ number, due }) => !number && due < Infinity);
const unwanted = () => [...carried.values()].filter((one) => one.link && !wanted.has(one));
/** Full jitter. @param {number} failures */
const backoff = (failures) => Math.random() * Math.min(CAP_MS, FIRST_MS * 2 ** failures);
/** Read a Retry-After. @param {string|null|undefined} text @returns {number} milliseconds */
const after = (text) => Math.min(NEVER_MS, Math.max(0, Number(text) * 1e3 || Date.parse(`${text}`) - Date.now() || 0));

/** @type {Promise<string>} the name of a lock that is free once this worker is gone, however it goes */
const lock = new Promise((tell) =>
  navigator.locks?.request(`tidewire ${crypto.randomUUID()}`, (held) => new Promise(() => tell(held?.name ?? "")))
    .catch(() => {}), // blocked, as storage is
);

/** Serve a tab. @param {MessagePort} port */
function connect(port) {
  /** @type {any} */ let lease;
  /** @param {[number, string, string][]} all */
  function want(all) {
    const mine = new Map([...wanted].filter((one) => one.port === port).map((one) => [one.key, one]));
    for (const [key, url, cursor] of all)
      mine.delete(key) || wanted.add({ port, key, url, cursor, number: 0, link: "", due: 0, tries: 0, retry: 1000 });
    for (const one of mine.values()) wanted.delete(one);
    plan();
  }

  port.onmessage = ({ data }) => {
    if (data.lock) navigator.locks.request(data.lock, () => want([])); // granted once the tab is gone
    if (data.lock) lock.then((name) => port.postMessage({ lock: name }));
    if (data.hurry) for (const one of waiting()) one.due = notBefore = 0;
    want(data.want);
    clearTimeout(lease);
    lease = setTimeout(want, LEASE_MS, []);
    port.postMessage({}); // it is heard
  };
}

function plan() {
  if (asking) return; // the answer plans anew
  if (!wanted.size) {
    for (const cut of links.values()) cut.abort();
    links.clear();
    carried.clear();
  }
  const due = Math.max(notBefore, Math.min(...unwanted().map(() => 0), ...waiting().map((one) => one.due)));
  clearTimeout(timer);
  if (due < Infinity) timer = setTimeout(ask, Math.max(GATHER_MS, due - now()));
}

/** Add or drop, one request at a time. */
async function ask() {
  asking = true;
  const add = waiting().filter((one) => one.due < now() + GATHER_MS).slice(0, TOGETHER);
  const drop = add.length ? [] : unwanted().filter((one, _, [first]) => one.link === first.link);
  for (const one of add) carried.set((one.number = ++lastNumber), one);
  const body = JSON.stringify({
    on: drop.length ? [drop[0].link] : [...links.keys()], // other processes know nothing of what is dropped
    add: add.map(({ number, url, cursor }) => [number, url, cursor]),
    drop: drop.map(({ number }) => number),
  });
  let [link, status, retry] = ["", 0, 0];
  const [headers, cut] = [{ "Content-Type": "application/json" }, new AbortController()];
  const late = setTimeout(() => cut.abort(), ANSWER_MS);
  try {
    const answer = await fetch(MUX, { method: "POST", headers, body, signal: cut.signal });
    status = answer.status;
    retry = after(answer.headers.get("Retry-After"));
    link = answer.headers.get("Tidewire-Link") ?? "";
    if (status === 200 && link && answer.body) read(link, cut, answer.body.getReader());
    if (!link) cut.abort(); // unread, it might keep one of the browser's connections for ever
  } catch {} // no answer
  clearTimeout(late);
  if (status === 202) for (const { number } of drop) carried.delete(number);
  if (!links.has(link)) notBefore = now() + (retry || status === 409 ? retry + backoff(0) : backoff(tries++));
  for (const one of add.filter(({ number }) => number)) // the others a frame that was faster has ended
    if (links.has(link)) one.link = link;
    else wait(one, notBefore, STATUSES[status]);
  asking = false;
  plan();
}

/** Let a stream wait for its next try. @param {Stream} one @param {number} at @param {string[]} [fate] */
function wait(one, at, [state, problem] = [at - now() < NEVER_MS ? "waiting" : "closed", ""]) {
  carried.delete(one.number);
  Object.assign(one, { number: 0, link: "", due: state === "closed" ? Infinity : at });
  one.port.postMessage({ key: one.key, now: { state, problem, ms: at - now(), tries: Math.max(tries, one.tries) } });
  plan();
}

/** @param {string} link @param {AbortController} cut @param {ReadableStreamDefaultReader} reader */
async function read(link, cut, reader) {
  links.set(link, cut);
  const born = now();
  let [rest, silent, orderly, retry] = [new Uint8Array(), false, false, 1000];
  try {
    while (!orderly) {
      const silence = setTimeout(() => cut.abort((silent = true)), SILENT_MS);
      const { done, value } = await reader.read();
      clearTimeout(silence);
      if (!(orderly = done)) rest = frames(rest, value, (wished) => (retry = wished));
    }
  } catch {} // cut, or it made no sense
  cut.abort();
  if (!links.delete(link)) return; // nobody wanted it
  if (now() - born > STEADY_MS) tries = 0;
  const ms = orderly ? retry : backoff(tries++);
  const at = ms < NEVER_MS ? (notBefore = now() + ms) : Infinity;
  for (const one of carried.values()) if (one.link === link) wait(one, at, silent ? ["silent", ""] : undefined);
}

/** @param {Uint8Array} rest @param {Uint8Array} more @param {(ms: number) => void} wish @returns the rest of these */
function frames(rest, more, wish) {
  const bytes = new Uint8Array(rest.length + more.length);
  bytes.set(rest);
  bytes.set(more, rest.length);
  let at = 0;
  for (let end; (end = bytes.indexOf(10, at)) >= 0; ) {
    const [, numbers = "", size = 0, said, retry] = FRAME.exec(new TextDecoder().decode(bytes.subarray(at, end))) ?? [];
    const next = end + 1 + Number(size);
    if (next > bytes.length) break;
    if (retry) wish(Number(retry));
    for (const number of numbers.split(",")) {
      const one = carried.get(Number(number)); // none if it was dropped, and this was on its way
      if (one && said) answered(one, JSON.parse(said));
      else one?.read?.(bytes.subarray(end + 1, next));
    }
    at = next;
  }
  return bytes.slice(at);
}

/** @param {Stream} one @param {{status?: number, type?: string, retry?: string, end?: boolean}} said */
function answered(one, { status = 0, type = "", retry, end }) {
  if (status === 200 && type.startsWith("text/event-stream")) {
    Object.assign(one, { tries: 0, read: parser(one) });
    one.port.postMessage({ key: one.key, now: { state: "live", problem: "", ms: 0, tries: 0 } });
  } else if (end) wait(one, now() + Math.max(FIRST_MS, one.retry));
  else if (status === 429 || status >= 500) wait(one, now() + after(retry) + backoff(one.tries++), STATUSES[status]);
  else wait(one, Infinity, STATUSES[status] ?? ["closed", `no stream there (${status})`]);
}

/** Read a stream as the standard says (html.spec.whatwg.org, 9.2.6). @param {Stream} one */
function parser(one) {
  const decoder = new TextDecoder();
  let [rest, id, type, returned] = ["", one.cursor, "", false]; // returned: a LF that follows belongs to the CR before
  /** @type {string[]} */ let data = [];

  return (/** @type {Uint8Array} */ bytes) => {
    const text = decoder.decode(bytes, { stream: true });
    const lines = (rest + (returned ? text.replace(/^\n/, "") : text)).split(/\r\n|\r|\n/);
    if (text) returned = text.endsWith("\r");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      const [, name, value = ""] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (name === "data") data.push(value);
      else if (name === "event") type = value;
      else if (name === "id" && !value.includes("\0")) id = value;
      else if (name === "retry" && /^\d+$/.test(value)) one.retry = Number(value);
      if (line) continue;
      const event = data.length ? { type: type || "message", data: data.join("\n") } : {};
      one.port.postMessage({ key: one.key, id, ...event });
      [one.cursor, type, data] = [id, "", []];
    }
  };
}

if ("onconnect" in self) self.onconnect = (/** @type {MessageEvent} */ { ports }) => connect(ports[0]);
else connect(/** @type {any} */ (self));
