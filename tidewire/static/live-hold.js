// What comes while it is paused is held back, and nobody hears of it before the pause is over. It is kept as what will
// be put: an element once, by its id, as it is now. So a pause of hours loses nothing, and holds no more than the page.

(() => {
  const REPLACING = ["innerHTML", "outerHTML", "textContent"]; // of these the newest message is all there is to see
  const REVERSED = ["afterbegin", "afterend"]; // the newest first
  const WHOLE = [null, "true", "outerHTML", "delete"]; // an element with these says all of itself, others add to it
  const HELD_AT_MOST = 500; // elements, where the list lets its oldest go

  /**
   * rows: whether it is elements and no more, each with all that is to be said of it.
   * @typedef {{message: MessageEvent, content: DocumentFragment, rows: boolean, merged: boolean}} Held
   */
  /** @type {Map<Element, Held[]>} what waits for each element, the oldest first */ const held = new Map();
  /** @type {any} htmx's internal interface, as it hands it to extensions */ let api;
  htmx.defineExtension("tidewire-hold", { init: (/** @type {any} */ given) => void (api = given) });

  /** @param {Element} element @returns {HTMLElement|undefined} the pressed button that pauses a region around it */
  function pauseOf(element) {
    /** @type {NodeListOf<HTMLElement>} */
    const pressed = document.querySelectorAll('[data-live-pause][aria-pressed="true"]');
    return [...pressed].find((one) => document.getElementById(one.dataset.livePause ?? "")?.contains(element));
  }

  const hear = (/** @type {any} */ event) => {
    const pause = pauseOf(event.target);
    if (!pause) return;
    event.preventDefault(); // the extension would swap it in
    event.stopImmediatePropagation();
    hold(event.target, event.detail);
    pause.dataset.liveHeld = String(Number(pause.dataset.liveHeld ?? 0) + 1);
  };
  document.addEventListener("htmx:sseBeforeMessage", hear, true);

  /** @param {Element} element @param {MessageEvent} message */
  function hold(element, message) {
    for (const one of held.keys()) if (!one.isConnected) held.delete(one);
    const { swapStyle } = api.getSwapSpecification(element);
    const replacing = REPLACING.includes(swapStyle);
    const { content } = Object.assign(document.createElement("template"), { innerHTML: message.data });
    const rows = !replacing && [...content.childNodes].every((one) => isRow(one, element));
    const all = held.get(element) ?? [];
    const before = replacing ? all.filter((one) => [...one.content.children].some(elsewhere)) : all;
    const last = before.at(-1);
    if (rows && last?.rows) {
      merge(last.content, content, REVERSED.includes(swapStyle), element.hasAttribute("data-max"));
      Object.assign(last, { message, merged: true });
    } else before.push({ message, content, rows, merged: false });
    held.set(element, before.slice(-HELD_AT_MOST));
  }

  /** @param {Element} one whether it is put where its id is, wherever the message goes */
  const elsewhere = (one) => one.hasAttribute("hx-swap-oob");

  /** @param {any} node @param {Element} element what it is said to. A reset of that is no row of it. */
  function isRow(node, element) {
    if (!node.id) return !node.textContent.trim();
    return WHOLE.includes(node.getAttribute("hx-swap-oob")) && !document.getElementById(node.id)?.contains(element);
  }

  /** @param {DocumentFragment} before @param {ParentNode} news @param {boolean} reversed @param {boolean} capped */
  function merge(before, news, reversed, capped) {
    const old = new Map([...before.children].map((one) => [one.id, one]));
    for (const one of [...news.children]) old.get(one.id)?.replaceWith(one);
    before[reversed ? "prepend" : "append"](...news.children);
    const own = [...before.children].filter((one) => !elsewhere(one));
    const oldest = reversed ? own.slice(HELD_AT_MOST) : own.slice(0, -HELD_AT_MOST);
    if (capped) for (const one of oldest) one.remove();
  }

  document.addEventListener("click", ({ target }) => {
    /** @type {HTMLElement|null} */
    const button = target instanceof Element ? target.closest("[data-live-pause]") : null;
    if (!button) return;
    button.setAttribute("aria-pressed", String(button.getAttribute("aria-pressed") !== "true"));
    delete button.dataset.liveHeld;
    for (const [element, messages] of held) {
      if (pauseOf(element)) continue;
      held.delete(element);
      if (element.isConnected) for (const one of messages) release(element, one);
    }
  });

  /** @param {Element} element @param {Held} one */
  function release(element, { message, content, merged }) {
    const { type, data, lastEventId, origin } = message;
    const whole = document.createElement("template");
    whole.content.append(content);
    const detail = new MessageEvent(type, { data: merged ? whole.innerHTML : data, lastEventId, origin });
    const there = document.getElementById(element.id) ?? element; // a reset replaces it
    there.dispatchEvent(new CustomEvent("htmx:sseBeforeMessage", { bubbles: true, cancelable: true, detail }));
  }
})();
