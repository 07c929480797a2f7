// What htmx-ext-sse lacks, for every page that loads it after htmx: sources that share one connection with all tabs of
// the browser and come back where they were, the page's state of liveness, a pause for what moves, and putting by id.

(() => {
  /** @typedef {"connecting"|"live"|"silent"|"waiting"|"offline"|"limited"|"closed"} State */

  /** From best to worst: a page is as live as the worst of its sources. One that was told to end is no fault. */
  const STATES = ["closed", "live", "connecting", "silent", "waiting", "limited", "offline"];
  /** @type {Record<number, string>} */
  const PROBLEMS = {
    401: "signed out",
    403: "not allowed",
    404: "no such stream",
    429: "too many connections",
    503: "server busy",
  };
  const LISTS = ["beforeend", "afterbegin", "beforebegin", "afterend"];
  const REPLACING = ["innerHTML", "outerHTML", "textContent"]; // of these the newest message is all there is to see
  const HELD_AT_MOST = 500; // messages a paused list keeps
  const SETTLED_MS = 1500; // a state this old is told to screen readers; a shorter one is noise
  const MANY_TRIES = 5; // after so many a person may hurry it
  const PING_MS = 5000; // a worker that does not answer one ping by the second next is dead
  const EDGE_PX = 8;

  const here = /** @type {HTMLScriptElement} */ (document.currentScript).src;
  const WORKER = new URL("live-worker.js", here).href;
  const MUX = new URL("../sse/mux", here).href;

  /** @type {any} htmx's internal interface, as it hands it to extensions */
  let api;
  htmx.defineExtension("tidewire-live", { init: (/** @type {any} */ given) => void (api = given) });

  // ---- Sources ----------------------------------------------------------------------------------------------

  /** @type {Map<number, Source>} all that are open, by key */
  const sources = new Map();
  /** @type {WeakMap<Element, (() => void)[]>} how to take back the listeners an element has added */
  const added = new WeakMap();
  /** @type {WeakMap<Element, Source>} */
  const owned = new WeakMap();
  /** @type {Element|null} what htmx is about to give a source or listeners */
  let processed = null;

  /** A source as the standard's EventSource, on the browser's one connection. */
  class Source extends EventTarget {
    static CONNECTING = 0;
    static OPEN = 1;
    static CLOSED = 2;
    static last = 0;
    CONNECTING = 0;
    OPEN = 1;
    CLOSED = 2;
    readyState = 0;
    withCredentials = true;
    /** @type {((event: Event) => any)|null} */ onopen = null;
    /** @type {((event: Event) => any)|null} */ onmessage = null;
    /** @type {((event: Event) => any)|null} */ onerror = null;
    key = ++Source.last;
    element = processed;
    cursor = "";
    /** @type {State} */ state = "connecting";
    at = 0;
    status = 0;
    tries = 0;

    /** @param {URL} url */
    constructor(url) {
      super();
      this.url = url.href;
      sources.set(this.key, this);
      if (this.element) owned.set(this.element, this);
      this.ask();
    }

    ask() {
      const { pathname, search } = new URL(this.url);
      worker.post({ open: { key: this.key, url: pathname + search, cursor: this.cursor } });
    }

    /** @param {string} type @param {any} listener @param {any} [options] */
    addEventListener(type, listener, options) {
      super.addEventListener(type, listener, options);
      if (processed) added.get(processed)?.push(() => this.removeEventListener(type, listener, options));
    }

    close() {
      if (this.readyState === 2) return;
      this.readyState = 2;
      this.state = "closed";
      worker.post({ close: this.key });
      if (!this.element?.isConnected) sources.delete(this.key);
      queueMicrotask(showPageState);
    }

    /** Take what the worker says. @param {any} said */
    take(said) {
      if (this.readyState === 2) return;
      if (this.element && !this.element.isConnected) return this.close(); // removed without htmx's knowledge
      if (said.id !== undefined) this.cursor = said.id;
      if (said.state) this.become(said);
      if (said.data === undefined) return;
      const { type, data, id } = said;
      this.fire(new MessageEvent(type, { data, lastEventId: id, origin: location.origin }));
    }

    /** @param {{state: State, at?: number, status?: number, tries?: number}} now */
    become({ state, at = 0, status = 0, tries = 0 }) {
      Object.assign(this, { state, at, status, tries, readyState: state === "live" ? 1 : state === "closed" ? 2 : 0 });
      this.fire(new Event(state === "live" ? "open" : "error"));
      showPageState();
    }

    /** @param {Event} event */
    fire(event) {
      this.dispatchEvent(event);
      // htmx's extension would answer an error of a closed source with another source.
      if (event.type === "error" && this.readyState === 2) return;
      const handler = { open: this.onopen, message: this.onmessage, error: this.onerror }[event.type];
      handler?.call(this, event);
    }
  }

  // The extension makes a source, and adds listeners, whenever an element is processed: also again. Then what it had
  // is taken back first, and its source is kept for it, moved if its address has changed.
  document.addEventListener("htmx:afterProcessNode", ({ target }) => {
    processed = /** @type {Element} */ (target);
    for (const takeBack of added.get(processed) ?? []) takeBack();
    added.set(processed, []);
    queueMicrotask(() => (processed = null));
  });

  /** @param {string} address @returns {EventSource|Source} */
  htmx.createEventSource = (address) => {
    const url = new URL(address, document.baseURI);
    if (url.origin !== location.origin) return new EventSource(address, { withCredentials: true });
    const known = processed && owned.get(processed); // htmx forgets its own note of it before it processes again
    queueMicrotask(showPageState);
    if (known?.readyState === 2) sources.delete(known.key); // begun anew
    if (!known || known.readyState === 2) return new Source(url);
    if (known.url !== url.href) {
      worker.post({ close: known.key });
      sources.delete(known.key);
      Object.assign(known, { url: url.href, key: ++Source.last, cursor: "", state: "connecting", readyState: 0 });
      sources.set(known.key, known);
      known.ask();
    }
    return known;
  };

  // ---- The worker that holds the connection -------------------------------------------------------------------

  const worker = {
    /** @type {MessagePort|null} */ port: null,
    /** @type {string|null} the lock that is free once this tab is gone */ lock: null,
    failed: 0, // how often it was found dead
    unanswered: 0,
    ready: false,

    /** @param {object} message */
    post(message) {
      if (this.ready) this.port?.postMessage(message);
    },

    /** Connect, and ask for all that is open. */
    connect() {
      if (typeof SharedWorker === "function" && this.failed < 2) {
        const shared = new SharedWorker(WORKER, "tidewire 1");
        shared.onerror = () => this.replace();
        this.use(shared.port);
      } else if (self.tidewireConnect) {
        const { port1, port2 } = new MessageChannel();
        self.tidewireConnect(port2);
        this.use(port1);
      } else {
        const script = document.createElement("script");
        script.src = WORKER;
        script.onload = () => this.connect();
        document.head.append(script);
      }
    },

    /** @param {MessagePort} port */
    use(port) {
      this.port = port;
      this.unanswered = 0;
      this.ready = true;
      port.onmessage = ({ data }) => {
        this.unanswered = 0;
        for (const one of data) {
          if (one.pong === false) this.replace(0); // it had given this tab up
          else sources.get(one.key)?.take(one);
        }
      };
      this.post({ mux: MUX, lock: this.lock });
      for (const source of sources.values()) if (source.readyState !== 2) source.ask();
    },

    /** Connect anew. @param {number} [fault] 1 if the worker is dead */
    replace(fault = 1) {
      this.leave();
      this.failed += fault;
      this.connect();
    },

    leave() {
      this.post({ bye: true });
      this.ready = false;
      this.port?.close();
    },

    /** Take the lock first: from then on the worker is told of this tab's end, however it comes. */
    start() {
      if (!navigator.locks) return this.connect();
      const name = `tidewire ${crypto.randomUUID()}`;
      navigator.locks.request(name, () => {
        this.lock = name;
        this.connect();
        return new Promise(() => {});
      });
    },
  };

  setInterval(() => {
    if (!worker.ready) return;
    if (worker.unanswered++ > 1) worker.replace();
    else worker.post({ ping: true });
  }, PING_MS);
  addEventListener("pagehide", () => worker.leave());
  addEventListener("pageshow", ({ persisted }) => persisted && worker.connect());
  document.addEventListener("visibilitychange", () => {
    if (worker.failed < 2 && typeof SharedWorker === "function") return;
    if (document.hidden) worker.leave(); // a connection of its own is too dear for a page nobody sees
    else if (!worker.ready) worker.connect();
  });
  worker.start();

  // ---- The page's state ---------------------------------------------------------------------------------------

  /** @type {State} */
  let pageState = "connecting";
  let shown = "";
  let announced = "live"; // a page that comes up live needs no telling
  /** @type {any} */ let settling = 0;
  /** @type {any} */ let counting = 0;

  /** @param {string} selector @returns {Iterable<HTMLElement>} */
  const all = (selector) => document.querySelectorAll(selector);

  function showPageState() {
    for (const [key, { element, readyState }] of sources) if (readyState === 2 && !element?.isConnected) sources.delete(key);
    const open = [...sources.values()];
    const own = open.filter(({ element }) => !element?.closest("[data-live-aside]")); // what stands on every page
    const worst = (own.length ? own : open).sort((a, b) => STATES.indexOf(stateOf(b)) - STATES.indexOf(stateOf(a)))[0];
    if (!worst) return;
    const state = stateOf(worst);
    const seconds = state === "live" || !worst.at ? 0 : Math.max(0, Math.ceil((worst.at - Date.now()) / 1000));
    const problem = [...sources.values()].map(({ status }) => PROBLEMS[status]).find(Boolean) ?? "";
    clearTimeout(counting);
    if (seconds) counting = setTimeout(showPageState, (worst.at - Date.now()) % 1000 || 1000);
    if (shown === (shown = [state, seconds, problem, worst.tries].join())) return;
    document.documentElement.dataset.live = state;
    for (const badge of all("[data-live-badge]")) {
      badge.dataset.state = state;
      badge.textContent = state;
    }
    for (const detail of all("[data-live-detail]")) {
      detail.textContent = [problem, seconds && `in ${seconds} s`].filter(Boolean).join(", ");
    }
    for (const button of all("[data-live-retry]")) button.hidden = state === "live" || worst.tries < MANY_TRIES;
    if (state !== pageState) {
      clearTimeout(settling);
      settling = setTimeout(announce, SETTLED_MS);
    }
    pageState = state;
    document.dispatchEvent(new CustomEvent("live:state", { detail: { state, seconds, problem } }));
  }

  function announce() {
    if (announced === pageState) return;
    announced = pageState;
    for (const output of all("[data-live-announce]")) output.textContent = `Live updates: ${pageState}`;
  }

  // What the browser believes of the network may be wrong (a board on this very machine): only a source that has lost
  // its server is offline.
  /** @param {Source} source @returns {State} */
  const stateOf = ({ state }) => (state === "waiting" && !navigator.onLine ? "offline" : state);

  addEventListener("offline", showPageState);
  addEventListener("online", () => {
    worker.post({ now: true });
    showPageState();
  });

  document.addEventListener("click", ({ target }) => {
    if (!(target instanceof Element)) return;
    if (target.closest("[data-live-retry]")) worker.post({ now: true });
    const newest = /** @type {HTMLElement|null} */ (target.closest("[data-live-newest]"));
    const scroller = newest && document.getElementById(newest.dataset.liveNewest ?? "");
    if (scroller) {
      scroller.scrollTop = scroller.scrollHeight;
      scroller.focus({ preventScroll: true }); // the button is about to go
    }
    const button = /** @type {HTMLElement|null} */ (target.closest("[data-live-pause]"));
    if (!button) return;
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    delete button.dataset.liveHeld;
    release();
  });

  // ---- Messages: held back, or put ----------------------------------------------------------------------------

  /** @type {Map<Element, MessageEvent[]>} what waits for each element, the oldest first */
  const held = new Map();

  document.addEventListener("htmx:sseBeforeMessage", (/** @type {any} */ event) => {
    const { target, detail: message } = event;
    if (event.defaultPrevented) return;
    event.preventDefault(); // the extension would double what is in a list, and forget what is being typed
    const pause = pauseOf(target);
    if (!pause) return put(target, message);
    hold(target, message);
    pause.dataset.liveHeld = String(Number(pause.dataset.liveHeld ?? 0) + 1);
  });

  /** @param {Element} element @returns {HTMLElement|null} the pressed button that pauses a region around it */
  function pauseOf(element) {
    for (const button of all('[data-live-pause][aria-pressed="true"]')) {
      if (document.getElementById(button.dataset.livePause ?? "")?.contains(element)) return button;
    }
    return null;
  }

  /** @param {Element} element @param {MessageEvent} message */
  function hold(element, message) {
    const before = REPLACING.includes(swapOf(element).swapStyle) ? [] : (held.get(element) ?? []);
    held.set(element, [...before, message].slice(-HELD_AT_MOST));
  }

  /** Swap in what waits and is no longer held back. */
  function release() {
    for (const [element, messages] of held) {
      if (pauseOf(element)) continue;
      held.delete(element);
      if (!element.isConnected) continue;
      for (const message of messages) put(document.getElementById(element.id) ?? element, message); // a reset replaces it
    }
  }

  /** @param {Element} element @returns {{swapStyle: string}} */
  const swapOf = (element) => api.getSwapSpecification(element);

  /** Swap a message in as the extension does. @param {Element} element @param {MessageEvent} message */
  function put(element, message) {
    const swap = swapOf(element);
    const scroller = swap.swapStyle === "beforeend" ? scrollerOf(element) : undefined;
    const follow = scroller && atEnd(scroller); // else the browser keeps the place
    let text = message.data;
    api.withExtensions(element, (/** @type {any} */ one) => void (text = one.transformResponse(text, null, element)));
    if (LISTS.includes(swap.swapStyle)) text = upserting(text);
    const target = api.getTarget(element);
    const restore = keep(text.includes("hx-swap-oob") ? document : target);
    api.swap(target, text, swap, { contextElement: element });
    restore();
    cap(element, swap.swapStyle);
    if (follow) scroller.scrollTop = scroller.scrollHeight;
    else if (scroller) tellNewest(scroller, true);
    api.triggerEvent(element, "htmx:sseMessage", message);
  }

  /** @param {Element} element @returns {Element|undefined} what scrolls it, or will once it is full */
  function scrollerOf(element) {
    /** @type {Element|undefined} */ let unfilled;
    for (let one = /** @type {Element|null} */ (element); one && one !== document.body; one = one.parentElement) {
      if (!/auto|scroll/.test(getComputedStyle(one).overflowY)) continue;
      if (one.scrollHeight > one.clientHeight) return one;
      unfilled ??= one;
    }
    return unfilled;
  }

  /** @param {Element} scroller */
  function atEnd(scroller) {
    const reversed = getComputedStyle(scroller).flexDirection === "column-reverse"; // then it ends where scrollTop is 0
    return (reversed ? 0 : scroller.scrollHeight - scroller.clientHeight) - scroller.scrollTop < EDGE_PX;
  }

  // What has come at the end of something that is scrolled elsewhere is told of by a button, which leads there.
  /** @param {Element} scroller @param {boolean} unseen */
  function tellNewest(scroller, unseen) {
    for (const button of all("[data-live-newest]")) if (button.dataset.liveNewest === scroller.id) button.hidden = !unseen;
  }

  const followed = (/** @type {Event} */ { target }) =>
    target instanceof Element && document.querySelector("[data-live-newest]") && atEnd(target) && tellNewest(target, false);
  document.addEventListener("scroll", followed, { capture: true, passive: true });

  /** Let the oldest go where a list is longer than its data-max. @param {Element} list @param {string} swapStyle */
  function cap(list, swapStyle) {
    const most = Number(list.getAttribute("data-max") ?? Infinity);
    while (list.children.length > most) {
      (swapStyle === "afterbegin" ? list.lastElementChild : list.firstElementChild)?.remove();
    }
  }

  const FIELDS = "a[href], button, input, select, textarea";

  /**
   * Remember what is typed and where the focus is.
   * @param {ParentNode} inside @returns {() => void} put it back, where a swap has taken it
   */
  function keep(inside) {
    /** @type {any[]} */
    const fields = [...inside.querySelectorAll(FIELDS)];
    const kept = fields.filter((one) => one === document.activeElement || edited(one)).map((one) => {
      const { value, checked, selectionStart: start, selectionEnd: end } = one;
      const around = one.closest("[id]");
      const place = [...(around?.querySelectorAll(FIELDS) ?? [])].indexOf(one); // -1: it has the id itself
      const was = { focused: one === document.activeElement, edited: edited(one) };
      return { one, id: around?.id ?? "", place, value, checked, start, end, was };
    });
    return () => {
      for (const { one, id, place, value, checked, start, end, was } of kept) {
        const around = one.isConnected ? null : document.getElementById(id);
        /** @type {any[]} */
        const heirs = [...(around?.querySelectorAll(FIELDS) ?? [])];
        const heir = place < 0 ? around : (heirs.find((other) => called(other) === called(one)) ?? heirs[place]);
        if (heir?.tagName !== one.tagName) continue;
        if (was.edited) Object.assign(heir, { value }, checked === undefined ? {} : { checked });
        if (was.focused) heir.focus({ preventScroll: true });
        if (was.focused && typeof start === "number") heir.setSelectionRange?.(start, end);
      }
    };
  }

  /** @param {any} field */
  const called = (field) => field.name || field.ariaLabel || field.textContent;

  /** @param {any} field */
  const edited = (field) =>
    (field.defaultValue !== undefined && field.type !== "checkbox" && field.value !== field.defaultValue) ||
    (field.defaultChecked !== undefined && field.checked !== field.defaultChecked) ||
    [...(field.options ?? [])].some((/** @type {any} */ one) => one.selected !== one.defaultSelected);

  // The answer to a form that adds to a list may come after the stream has put the same element there.
  document.addEventListener("htmx:beforeSwap", (/** @type {any} */ event) => {
    const { detail } = event;
    const said = detail.xhr.getResponseHeader("HX-Reswap"); // htmx heeds it after this event
    const style = said ?? detail.swapOverride ?? swapOf(detail.requestConfig.elt).swapStyle;
    if (LISTS.includes(style)) detail.serverResponse = upserting(detail.serverResponse);
  });

  /**
   * Mark the elements whose id is in the page already, so that htmx puts each in its old place (out of band).
   * @param {string} text @returns {string}
   */
  function upserting(text) {
    const template = document.createElement("template");
    template.innerHTML = text;
    const repeated = [...template.content.children].filter((one) => one.id && document.getElementById(one.id));
    for (const one of repeated) if (!one.hasAttribute("hx-swap-oob")) one.setAttribute("hx-swap-oob", "true");
    return repeated.length ? template.innerHTML : text;
  }
})();
