// How a message gets into the page: put in the place of what has its id, without taking from whoever reads where they
// are, or what they are typing.

(() => {
  const LISTS = ["beforeend", "afterbegin", "beforebegin", "afterend"];
  const EDGE_PX = 8; // this near to the end of a list its reader follows it
  const FIELDS = "a[href], button, input, select, textarea";

  /** @type {any} htmx's internal interface, as it hands it to extensions */ let api;
  htmx.defineExtension("tidewire-put", { init: (/** @type {any} */ given) => void (api = given) });

  /** @param {string} name @returns {NodeListOf<HTMLElement>} */
  const all = (name) => document.querySelectorAll(`[data-live-${name}]`);

  /** @param {Element} element @returns {{swapStyle: string}} */
  const swapOf = (element) => api.getSwapSpecification(element);

  document.addEventListener("htmx:sseBeforeMessage", (/** @type {any} */ event) => {
    const { target, detail: message } = event;
    if (event.defaultPrevented) return;
    event.preventDefault(); // the extension would double what is in a list, and forget what is being typed
    put(target, message);
  });

  // ---- Put ----------------------------------------------------------------------------------------------------

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

  /** Let the oldest go where a list is longer than its data-max. @param {Element} list @param {string} swapStyle */
  function cap(list, swapStyle) {
    const most = Number(list.getAttribute("data-max") ?? Infinity);
    while (list.children.length > most) {
      (swapStyle === "afterbegin" ? list.lastElementChild : list.firstElementChild)?.remove();
    }
  }

  /**
   * Remember what is typed and where the focus is.
   * @param {ParentNode} inside @returns {() => void} put it back, where a swap has taken it
   */
  function keep(inside) {
    const kept = fieldsOf(inside).filter((one) => one === document.activeElement || edited(one)).map((one) => {
      const around = one.closest("[id]");
      const place = fieldsOf(around).indexOf(one); // -1: it has the id itself
      return { one, id: around?.id, place, focused: one === document.activeElement };
    });
    return () => {
      for (const { one, id, place, focused } of kept) {
        if (one.isConnected) continue;
        const around = document.getElementById(id);
        const heirs = fieldsOf(around);
        // A button in the same place may do anything: which gets the focus then is for live-focus.js to say.
        const there = one.matches("a, button") ? null : heirs[place];
        const heir = place < 0 ? around : (heirs.find((other) => called(other) === called(one)) ?? there);
        if (heir?.tagName !== one.tagName) continue;
        if (one.type === "file") heir.files = one.files; // its value may not be set
        else if (edited(one)) Object.assign(heir, { value: one.value, checked: one.checked });
        if (!focused) continue;
        heir.focus({ preventScroll: true });
        if (typeof one.selectionStart === "number") heir.setSelectionRange(one.selectionStart, one.selectionEnd);
      }
    };
  }

  /** @param {ParentNode|null} inside @returns {any[]} */
  const fieldsOf = (inside) => [...(inside?.querySelectorAll(FIELDS) ?? [])];

  /** @param {any} field */
  const called = (field) => field.name || field.ariaLabel || field.textContent;

  /** @param {any} field */
  const edited = ({ type, value, defaultValue, checked, defaultChecked, options }) => {
    if (options) return [...options].some((/** @type {any} */ one) => one.selected !== one.defaultSelected);
    if (type === "checkbox" || type === "radio") return checked !== defaultChecked;
    return defaultValue !== undefined && value !== defaultValue;
  };

  // ---- Where a list is read -----------------------------------------------------------------------------------

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
    for (const button of all("newest")) if (button.dataset.liveNewest === scroller.id) button.hidden = !unseen;
  }

  const followed = (/** @type {Event} */ { target }) =>
    target instanceof Element && all("newest").length && atEnd(target) && tellNewest(target, false);
  document.addEventListener("scroll", followed, { capture: true, passive: true });

  document.addEventListener("click", ({ target }) => {
    /** @type {HTMLElement|null} */
    const button = target instanceof Element ? target.closest("[data-live-newest]") : null;
    const scroller = document.getElementById(button?.dataset.liveNewest ?? "");
    if (!scroller) return;
    scroller.scrollTop = scroller.scrollHeight;
    scroller.focus({ preventScroll: true }); // the button is about to go
  });

  // ---- By id --------------------------------------------------------------------------------------------------

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
    const named = [...template.content.children].filter((one) => one.id);
    const repeated = named.filter((one) => document.getElementById(one.id));
    for (const one of repeated) if (!one.hasAttribute("hx-swap-oob")) one.setAttribute("hx-swap-oob", "true");
    const gone = named.filter((one) => one.getAttribute("hx-swap-oob") === "delete" && !repeated.includes(one));
    for (const one of gone) one.remove(); // htmx would complain that it is not there
    return repeated.length || gone.length ? template.innerHTML : text;
  }
})();
