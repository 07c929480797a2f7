// What htmx-ext-sse lacks, for every page that loads it after htmx: sources that come back where they were, all on one
// connection of the browser (live-worker.js). What it says is put by live-put.js, how it is shown by live-state.js.

(() => {
  const PING_MS = 5000; // a worker that leaves two unanswered is dead, if its lock has not said so at once
  const WORKER = new URL("live-worker.js", /** @type {HTMLScriptElement} */ (document.currentScript).src);

  /** @type {Map<number, Source>} those that are open, and those whose end the page shows */ const sources = new Map();
  /** @type {WeakMap<Element, AbortController>} for an element's listeners */ const listening = new WeakMap();
  /** @type {Element|null} what htmx is about to give a source or listeners */ let processed = null;
  /** @type {any} a port to the shared one, or a worker of this page's own */ let worker;
  /** @type {string|undefined} the name of a lock that is free once this tab is gone, however it goes */ let lock;
  let [lastKey, deaths, unanswered, telling] = [0, 0, 0, false];

  /** A source as the standard's EventSource. */
  class Source extends EventTarget {
    element = processed;
    key = 0;
    url = "";
    cursor = "";
    now = { state: "connecting", problem: "", at: 0, tries: 0 };

    get readyState() {
      return { live: 1, closed: 2 }[this.now.state] ?? 0;
    }

    /** Read from an address, as a new source. @param {string} url */
    aim(url) {
      sources.delete(this.key);
      Object.assign(this, { key: ++lastKey, url, cursor: "", now: { ...this.now, state: "connecting", problem: "" } });
      sources.set(this.key, this);
      changed();
      return this;
    }

    /** @param {string} type @param {any} listener @param {any} [options] */
    addEventListener(type, listener, options) {
      const signal = processed && listening.get(processed)?.signal;
      super.addEventListener(type, listener, signal ? { ...options, signal } : options);
    }

    close() {
      this.now = { ...this.now, state: "closed" };
      changed();
    }

    /** Take what the worker says: how it is now, or an event, or a cursor alone. @param {any} said */
    take({ now, id, type, data }) {
      if (this.readyState === 2) return;
      if (this.element && !this.element.isConnected) return this.close(); // removed without htmx's knowledge
      if (now) {
        this.now = { ...now, at: performance.now() + now.ms };
        changed();
        this.fire(new Event(now.state === "live" ? "open" : "error"));
      } else {
        this.cursor = id;
        if (data !== undefined) this.fire(new MessageEvent(type, { data, lastEventId: id, origin: location.origin }));
      }
    }

    /** @param {Event} event */
    fire(event) {
      this.dispatchEvent(event);
      // htmx's extension would answer an error of a closed source with another source.
      if (event.type !== "error" || this.readyState !== 2) /** @type {any} */ (this)[`on${event.type}`]?.(event);
    }
  }
  Object.assign(Source, { CONNECTING: 0, OPEN: 1, CLOSED: 2 });
  Object.assign(Source.prototype, Source, { withCredentials: true, onopen: null, onmessage: null, onerror: null });

  // The extension makes a source, and adds listeners, whenever an element is processed: also again. Then the listeners
  // it had are taken back first, and its source is kept for it, moved if its address has changed.
  document.addEventListener("htmx:afterProcessNode", ({ target }) => {
    processed = /** @type {Element} */ (target);
    listening.get(processed)?.abort();
    listening.set(processed, new AbortController());
    queueMicrotask(() => (processed = null));
  });
  document.addEventListener("htmx:beforeCleanupElement", ({ target }) => listening.get(/** @type {any} */ (target))?.abort());

  /** @param {string} address @returns {EventSource|Source} */
  htmx.createEventSource = (address) => {
    const { origin, href } = new URL(address, document.baseURI);
    if (origin !== location.origin) return new EventSource(address, { withCredentials: true });
    const known = [...sources.values()].find(({ element }) => element && element === processed);
    if (known?.url === href && known.readyState !== 2) return known;
    return (known ?? new Source()).aim(href); // one that has ended is begun anew: what is inside listens to it
  };

  /** Tell the worker and the page, once for all that changes in one go. */
  function changed() {
    if (telling) return;
    telling = true;
    queueMicrotask(() => {
      telling = false;
      for (const [key, one] of sources) if (one.readyState === 2 && !one.element?.isConnected) sources.delete(key);
      want();
      document.dispatchEvent(new CustomEvent("live:sources", { detail: [...sources.values()] }));
    });
  }

  function connect() {
    leave();
    try {
      worker = deaths < 2 && new SharedWorker(WORKER, "tidewire 3").port; // named anew where its messages change
    } catch {
      deaths = 2; // there is none, or storage is blocked
    }
    worker ||= document.hidden ? undefined : new Worker(WORKER); // too dear for a page nobody sees
    if (!worker) return;
    const mine = worker;
    worker.onmessage = (/** @type {MessageEvent} */ { data }) => {
      unanswered = 0;
      sources.get(data.key)?.take(data);
      if (data.lock) navigator.locks.request(data.lock, { mode: "shared" }, () => worker === mine && died());
    };
    want({ lock });
  }

  /** Tell the worker all that this page wants; it answers. @param {object} [more] */
  function want(more) {
    const open = [...sources.values()].filter(({ readyState }) => readyState !== 2);
    const all = open.map(({ key, url, cursor }) => [key, url.slice(location.origin.length), cursor]);
    worker?.postMessage({ want: all, ...more });
  }

  const died = () => (deaths++, connect());

  function leave() {
    worker?.postMessage({ want: [] });
    worker?.close?.();
    worker?.terminate?.();
    [worker, unanswered] = [undefined, 0];
  }

  setInterval(() => {
    if (worker && unanswered++ > 1) died();
    want();
  }, PING_MS);
  document.addEventListener("live:hurry", () => want({ hurry: true }));
  addEventListener("pagehide", leave);
  addEventListener("pageshow", ({ persisted }) => persisted && connect());
  document.addEventListener("visibilitychange", () => deaths > 1 && (document.hidden ? leave() : connect()));

  const hold = (/** @type {Lock|null} */ held) => new Promise(() => ((lock = held?.name), connect()));
  if (!navigator.locks) connect(); // where they are blocked, as storage is, a shared worker would say nothing, or raise
  else navigator.locks.request(`tidewire ${crypto.randomUUID()}`, hold).catch(() => ((deaths = 2), connect()));
})();
