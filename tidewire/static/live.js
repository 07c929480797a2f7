// What htmx-ext-sse lacks, for every page that loads it after htmx: the page's state of liveness, a pause for what
// moves, a cursor that survives HTTP errors, and putting by id. No dependency but htmx, no build step.

(() => {
  /** @typedef {"connecting"|"live"|"silent"|"waiting"|"offline"|"limited"|"closed"} State */

  /** From best to worst: a page is as live as the worst of its sources. One that was told to end is no fault. */
  const STATES = ["closed", "live", "connecting", "silent", "waiting", "limited", "offline"];
  const SOURCES = "[sse-connect], [data-sse-connect]";
  const LISTS = ["beforeend", "afterbegin", "beforebegin", "afterend"];
  const REPLACING = ["innerHTML", "outerHTML", "textContent"]; // of these the newest message is all there is to see
  const HELD_AT_MOST = 500; // messages a paused list keeps
  const SETTLED_MS = 1500; // a state this old is told to screen readers; a shorter one is noise

  /** @type {any} htmx's internal interface, as it hands it to extensions */
  let api;
  htmx.defineExtension("tidewire-live", { init: (given) => void (api = given) });

  // ---- The page's state -------------------------------------------------------------------------------------

  /** @type {WeakMap<Element, State>} of each element that connects; one that has said nothing is connecting */
  const states = new WeakMap();
  /** @type {State} */
  let pageState = "connecting";
  let announced = "live"; // a page that comes up live needs no telling
  let settling = 0;

  /** @param {Element} element @param {State} state */
  function setState(element, state) {
    if (states.get(element) === state) return;
    states.set(element, state);
    showPageState();
  }

  function showPageState() {
    const all = sources().map(stateOf);
    const state = STATES[Math.max(...all.map((one) => STATES.indexOf(one)))];
    if (state === undefined || state === pageState) return;
    pageState = state;
    for (const badge of document.querySelectorAll("[data-live-badge]")) {
      badge.dataset.state = state;
      badge.textContent = state;
    }
    clearTimeout(settling);
    settling = setTimeout(announce, SETTLED_MS);
    document.dispatchEvent(new CustomEvent("live:state", { detail: { state } }));
  }

  function announce() {
    if (announced === pageState) return;
    announced = pageState;
    for (const output of document.querySelectorAll("[data-live-announce]")) {
      output.textContent = `Live updates: ${pageState}`;
    }
  }

  const sources = () => [...document.querySelectorAll(SOURCES)];
  /** @param {Element} element @returns {State} */
  const stateOf = (element) => states.get(element) ?? "connecting";
  const broken = () => (navigator.onLine ? "waiting" : "offline");

  document.addEventListener("htmx:sseOpen", (event) => setState(event.target, "live"));
  document.addEventListener("htmx:sseError", (event) => setState(event.target, broken()));
  document.addEventListener("htmx:sseClose", (event) => {
    forget(event.detail.source);
    if (event.detail.type === "message") setState(event.target, "closed");
    else queueMicrotask(showPageState); // by then the element is gone, and counts no more
  });
  // What the browser believes of the network may be wrong (a board on this very machine): the next message says.
  addEventListener("offline", () => {
    for (const element of sources()) if (stateOf(element) !== "closed") setState(element, "offline");
  });
  addEventListener("online", () => {
    for (const element of sources()) if (stateOf(element) === "offline") setState(element, "waiting");
  });

  // ---- The cursor -------------------------------------------------------------------------------------------

  // After an HTTP error a browser gives a source up. The extension makes another for the same element, which begins
  // without Last-Event-ID; so one made for the URL of a source that was given up goes on after the last id seen.

  /** @type {Set<{source: EventSource, url: string, id: string}>} */
  const cursors = new Set();

  /** @param {string} url @returns {EventSource} */
  htmx.createEventSource = (url) => {
    const last = [...cursors].find((one) => one.url === url && one.source.readyState === EventSource.CLOSED);
    cursors.delete(last);
    const source = new EventSource(last?.id ? after(url, last.id) : url, { withCredentials: true });
    cursors.add({ source, url, id: last?.id ?? "" });
    queueMicrotask(showPageState); // a part that was swapped in may bring a source of its own
    return source;
  };

  /** @param {string} url @param {string} id @returns {string} */
  function after(url, id) {
    const resumed = new URL(url, document.baseURI);
    resumed.searchParams.set("after", id);
    return resumed.href;
  }

  /** @param {MessageEvent} message */
  function remember(message) {
    for (const one of cursors) if (one.source === message.target && message.lastEventId) one.id = message.lastEventId;
  }

  /** @param {EventSource} source one that was closed on purpose: nothing goes on from it */
  function forget(source) {
    for (const one of cursors) if (one.source === source) cursors.delete(one);
  }

  // ---- Messages: held back, or put ----------------------------------------------------------------------------

  /** @type {Map<Element, MessageEvent[]>} what waits for each element, the oldest first */
  const held = new Map();

  document.addEventListener("htmx:sseBeforeMessage", (event) => {
    const { target, detail: message } = event;
    remember(message);
    setState(target.closest(SOURCES) ?? target, "live");
    if (event.defaultPrevented) return;
    const pause = pauseOf(target);
    if (pause) {
      event.preventDefault();
      hold(target, message);
      pause.dataset.liveHeld = String(Number(pause.dataset.liveHeld ?? 0) + 1);
    } else if (LISTS.includes(swapOf(target).swapStyle)) {
      event.preventDefault(); // the extension would double what is there
      put(target, message);
    }
  });
  document.addEventListener("htmx:sseMessage", (event) => {
    if (event.detail instanceof MessageEvent) remember(event.detail); // of hx-trigger="sse:...", which has no Before
  });

  /** @param {Element} element @returns {HTMLElement|null} the pressed button that pauses a region around it */
  function pauseOf(element) {
    for (const button of document.querySelectorAll('[data-live-pause][aria-pressed="true"]')) {
      if (document.getElementById(button.dataset.livePause)?.contains(element)) return button;
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
      if (element.isConnected) for (const message of messages) put(element, message);
    }
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest?.("[data-live-pause]");
    if (!button) return;
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    delete button.dataset.liveHeld;
    release();
  });

  /** @param {Element} element @returns {{swapStyle: string}} */
  const swapOf = (element) => api.getSwapSpecification(element);

  /** Swap a message in as the extension does. @param {Element} element @param {MessageEvent} message */
  function put(element, message) {
    const swap = swapOf(element);
    const text = LISTS.includes(swap.swapStyle) ? upserting(message.data) : message.data;
    api.swap(api.getTarget(element), text, swap, { contextElement: element });
    cap(element, swap.swapStyle);
    api.triggerEvent(element, "htmx:sseMessage", message);
  }

  /** Let the oldest go where a list is longer than its data-max. @param {Element} list @param {string} swapStyle */
  function cap(list, swapStyle) {
    const most = Number(list.dataset.max ?? Infinity);
    while (list.children.length > most) {
      (swapStyle === "afterbegin" ? list.lastElementChild : list.firstElementChild).remove();
    }
  }

  // The answer to a form that adds to a list may come after the stream has put the same element there.
  document.addEventListener("htmx:beforeSwap", (event) => {
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
