// Where the focus goes when what had it leaves the page: to what takes its place, else to what stands beside it. Left to
// itself a browser gives it to the page as a whole, and whoever works by keyboard or hears the page is back at its top.

(() => {
  const FOCUSABLE = "a[href], button, input, select, textarea, summary, [tabindex]";

  /** @type {any} what has the focus, or had it when it was taken away */ let had;

  document.addEventListener("focusin", ({ target }) => void (had = target));
  document.addEventListener("focusout", ({ target }) => {
    // Some browsers say so too when an element with the focus is taken away or disabled, before they have done it.
    queueMicrotask(() => {
      const there = had?.isConnected && !had.matches(":disabled");
      if (had === target && there && document.activeElement !== target) had = undefined;
    });
  });

  new MutationObserver((changes) => {
    if (!had || document.activeElement !== document.body) return;
    const heir = had.isConnected ? enabled(changes) : (replaced() ?? beside(changes));
    heir?.focus({ preventScroll: true }); // one that is still disabled cannot take it
  }).observe(document.documentElement, { childList: true, subtree: true, attributeFilter: ["disabled"] });

  /** @param {MutationRecord[]} changes @returns {HTMLElement|undefined} what was disabled while a request was under way */
  const enabled = (changes) => (changes.some(({ type, target }) => type === "attributes" && target === had) ? had : undefined);

  /** @returns {HTMLElement|undefined} the heir in what has the id of something that was around it, the nearest first */
  function replaced() {
    for (let one = had; one; one = one.parentElement) {
      const now = one.id && document.getElementById(one.id);
      if (now) return focusable(now).includes(now) ? now : heir(now);
    }
  }

  /** @param {MutationRecord[]} changes @returns {HTMLElement|undefined} the heir in what was next to it, or before it */
  function beside(changes) {
    for (let gone = had; gone; ) {
      const change = changes.filter(({ removedNodes }) => [...removedNodes].some((one) => one.contains(gone))).at(-1);
      if (!change) return;
      const { target } = change;
      const [next, previous] = [nearest(change, "nextSibling"), nearest(change, "previousSibling")];
      if (target.isConnected) return heir(next) ?? heir(previous) ?? heir(target) ?? around(target);
      gone = target;
    }
  }

  /** @param {any} from @param {string} way @returns {Node|null} the next element that way, over the text between */
  function nearest(from, way) {
    do from = from[way];
    while (from && !(from instanceof Element));
    return from;
  }

  /** @param {any} place @returns {HTMLElement|undefined} what is called the same in it, else the first */
  function heir(place) {
    if (!(place instanceof Element) || !place.isConnected) return;
    const heirs = focusable(place);
    return heirs.find((one) => one.tagName === had.tagName && called(one) === called(had)) ?? heirs[0];
  }

  /** @param {any} place @returns {HTMLElement|undefined} what can have the focus around it, else the last before it */
  function around(place) {
    const before = (/** @type {Node} */ one) => place.compareDocumentPosition(one) & Node.DOCUMENT_POSITION_PRECEDING;
    return place.closest("[tabindex='0']") ?? focusable(document.documentElement).filter(before).at(-1);
  }

  /** @param {Element} place @returns {HTMLElement[]} what can have the focus, the place itself too */
  function focusable(place) {
    const all = /** @type {HTMLElement[]} */ ([place, ...place.querySelectorAll(FOCUSABLE)]);
    return all.filter((one) => one.matches(FOCUSABLE) && one.tabIndex >= 0 && !one.matches(":disabled") && seen(one));
  }

  /** @param {Element} one */
  const seen = (one) => one.getClientRects().length > 0;

  /** @param {any} one */
  const called = (one) => one.name || one.ariaLabel || one.textContent;
})();
