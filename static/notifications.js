// What every page does with notifications: show each new one as a toast, and tell which are unread. Each tab has its
// own stream of them here, beside that of a page which lists them.

(() => {
  const region = document.getElementById("toasts");
  if (!region) return;
  const MOST = 4; // at once; when more come, the oldest leave sooner
  const SHOWN_MS = { status: 6_000, alert: 10_000 };
  const GRACE_MS = 2_000; // for one whose time was over while it was held
  const ALERTS = ["warning", "error"];
  const LAST = "tidewire-toasted"; // id of the event that this tab has shown last
  const still = matchMedia("(prefers-reduced-motion: reduce)");

  // ---- Toasts -------------------------------------------------------------------------------------------------

  /** @type {HTMLElement[]} the oldest first */
  let toasts = [];
  /** @type {Element|null} what had the focus before a toast did */
  let before = null;

  region.addEventListener("htmx:sseBeforeMessage", (event) => {
    event.preventDefault(); // nothing is swapped: the same message goes into the page's list, if it has one
    const template = document.createElement("template");
    template.innerHTML = event.detail.data;
    const said = template.content.firstElementChild;
    const news = said?.localName === "li"; // else it is a reset: the list as it is, which is no news
    heard(template.content, news);
    if (news && isNew(event.detail.lastEventId)) show(said);
  });

  /**
   * Tell whether an event was not shown yet: a page that the browser has kept begins where it was drawn, and is told
   * again what came after. Ids are `<epoch>-<number>`; those of another epoch are another board's.
   * @param {string} id
   */
  function isNew(id) {
    let last = "";
    try {
      last = sessionStorage.getItem(LAST) ?? "";
      const split = id.lastIndexOf("-") + 1;
      if (last.startsWith(id.slice(0, split)) && Number(id.slice(split)) <= Number(last.slice(split))) return false;
      sessionStorage.setItem(LAST, id);
    } catch {
      // without storage a page that was kept says it again
    }
    return true;
  }

  /** @param {Element} item the notification, as a list shows it */
  function show(item) {
    const level = item.querySelector("[data-level]")?.dataset.level;
    const role = ALERTS.includes(level) ? "alert" : "status";
    const toast = document.getElementById("toast").content.firstElementChild.cloneNode(true);
    const button = toast.querySelector("button");
    button.setAttribute("aria-label", `Dismiss: ${item.querySelector(".title").textContent}`);
    button.addEventListener("click", () => dismiss(toast));
    toast.dataset.level = level;
    toast.prepend(...item.childNodes);
    region.querySelector(`[role=${role}]`).prepend(toast);
    toasts.push(toast);
    while (toasts.length > MOST) leave(toasts.find((one) => !one.matches(":hover, :focus-within")) ?? toasts[0]);
    setTimeout(() => end(toast), SHOWN_MS[role]);
  }

  /** Let a toast leave, unless somebody is reading there. @param {HTMLElement} toast */
  function end(toast) {
    if (region.matches(":hover, :focus-within")) setTimeout(() => end(toast), GRACE_MS);
    else leave(toast);
  }

  /** @param {HTMLElement} toast */
  function leave(toast) {
    if (!toasts.includes(toast)) return;
    toasts = toasts.filter((one) => one !== toast);
    toast.inert = true;
    if (still.matches || document.hidden) toast.remove(); // what nobody sees is not animated to its end
    else toast.animate({ opacity: 0 }, 150).onfinish = () => toast.remove();
  }

  /** Let a toast leave that somebody has read, and give its focus on. @param {HTMLElement} toast */
  function dismiss(toast) {
    const focused = toast.contains(document.activeElement);
    leave(toast);
    if (!focused) return;
    const next = toasts.at(-1)?.querySelector("button") ?? (before?.isConnected ? before : document.querySelector("main"));
    next?.focus({ preventScroll: true });
  }

  region.addEventListener("focusin", ({ relatedTarget }) => {
    if (relatedTarget && !region.contains(relatedTarget)) before = relatedTarget;
  });
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape" || event.defaultPrevented) return;
    if (document.querySelector("dialog[open], [popover]:popover-open")) return; // it closes those first
    const focused = toasts.find((one) => one.contains(document.activeElement));
    for (const toast of focused ? [focused] : toasts) dismiss(toast);
  });

  // ---- What is unread -----------------------------------------------------------------------------------------

  let newest = Number(region.dataset.newest);
  let began = Number(region.dataset.began); // what this session had read when the page was drawn

  /** Learn of notifications. @param {DocumentFragment} content @param {boolean} news or all there are, anew */
  function heard(content, news) {
    const numbers = [...content.querySelectorAll("li[data-number]")].map((one) => Number(one.dataset.number));
    newest = Math.max(...numbers, news ? newest : 0);
    began = Math.min(began, newest); // another board's numbers may be lower
    mark();
  }

  /** Say how many are unread, and mark those in the page. */
  function mark() {
    const read = Math.max(began, Number(document.getElementById("read-up-to").textContent));
    const count = Math.max(0, newest - read);
    for (const one of document.querySelectorAll("[data-unread]")) {
      one.hidden = count === 0;
      one.querySelector("[data-unread-number]").textContent = String(count);
    }
    for (const item of document.querySelectorAll("li[data-number]")) {
      item.toggleAttribute("data-is-unread", Number(item.dataset.number) > read);
    }
  }

  document.addEventListener("htmx:sseMessage", ({ detail }) => {
    if (["notification", "read"].includes(detail.type)) mark();
  });
  mark();
})();
