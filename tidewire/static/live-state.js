// What a page says of its liveness: the state of its worst source, as the event `live:state`, in html[data-live], and
// in the badge: [data-live-badge] the word, [data-live-detail] what is wrong and when it is tried again,
// [data-live-retry] a button to hurry it, and [data-live-announce] the word for screen readers.

(() => {
  /** From best to worst. A source that was told to end is no fault. */
  const STATES = ["closed", "live", "connecting", "silent", "waiting", "limited", "offline"];
  const SETTLED_MS = 1500; // a state this old is told to screen readers; a shorter one is noise
  const MANY_TRIES = 5; // after so many a person may hurry it

  /** @typedef {{element: Element|null, now: {state: string, problem: string, at: number, tries: number}}} Source */

  /** @type {Source[]} */ let sources = [];
  let shown = "";
  let state = "";
  let announced = "live"; // a page that comes up live needs no telling
  /** @type {any} */ let counting;
  /** @type {any} */ let settling;

  /** @param {string} name @returns {Iterable<HTMLElement>} */
  const all = (name) => document.querySelectorAll(`[data-live-${name}]`);
  const hurry = () => document.dispatchEvent(new Event("live:hurry"));

  // What the browser believes of the network may be wrong (a board on this very machine): only a source that has lost
  // its server is offline.
  /** @param {Source} source */
  const rank = ({ now: { state } }) => STATES.indexOf(state === "waiting" && !navigator.onLine ? "offline" : state);

  function show() {
    const own = sources.filter(({ element }) => !element?.closest("[data-live-aside]")); // what stands on every page
    const [worst] = (own.length ? own : sources).sort((a, b) => rank(b) - rank(a));
    if (!worst) return;
    const was = state;
    state = STATES[rank(worst)];
    const { at, tries } = worst.now;
    const ms = state === "closed" ? 0 : at - performance.now();
    const seconds = Math.max(0, Math.ceil(ms / 1000));
    clearTimeout(counting);
    if (seconds) counting = setTimeout(show, ms % 1000 || 1000);
    const problem = sources.find(({ now }) => now.problem)?.now.problem ?? "";
    const said = [state, seconds, problem, tries].join();
    if (said === shown) return;
    shown = said;

    document.documentElement.dataset.live = state;
    for (const badge of all("badge")) {
      badge.dataset.state = state;
      badge.textContent = state;
    }
    const detail = [problem, seconds && `in ${seconds} s`].filter(Boolean).join(", ");
    for (const small of all("detail")) small.textContent = detail;
    for (const button of all("retry")) button.hidden = state === "live" || tries < MANY_TRIES;
    if (state !== was) {
      clearTimeout(settling);
      settling = setTimeout(announce, SETTLED_MS);
    }
    document.dispatchEvent(new CustomEvent("live:state", { detail: { state, seconds, problem } }));
  }

  function announce() {
    if (announced === state) return;
    announced = state;
    for (const output of all("announce")) output.textContent = `Live updates: ${state}`;
  }

  document.addEventListener("live:sources", (/** @type {any} */ { detail }) => {
    sources = detail;
    show();
  });
  document.addEventListener("click", ({ target }) => {
    if (target instanceof Element && target.closest("[data-live-retry]")) hurry();
  });
  addEventListener("offline", show);
  addEventListener("online", () => {
    hurry();
    show();
  });
})();
