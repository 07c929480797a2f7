// What the board's pages do by themselves besides being live: say when a request failed, and tell times in the
// reader's zone.

const notice = document.getElementById("notice");

/** @param {string} text what went wrong; it stays until the next request succeeds */
function say(text) {
  notice.textContent = text;
}

document.addEventListener("htmx:responseError", (event) => {
  const { status, responseText } = event.detail.xhr;
  const plain = !/^\s*</.test(responseText) && responseText.trim().slice(0, 200);
  say(plain || `That did not work: the server answered ${status}.`);
});
document.addEventListener("htmx:sendError", () => say("That did not work: the server could not be reached."));
document.addEventListener("htmx:timeout", () => say("That did not work: the server took too long."));
document.addEventListener("htmx:afterRequest", (event) => {
  if (event.detail.successful) say("");
});

// A form that says so is emptied as it is sent: an answer that emptied it would take what was typed meanwhile. What
// did not arrive comes back. `data-newest` names what is then scrolled to its end, where the answer will be.
/** @type {WeakMap<XMLHttpRequest, Map<HTMLInputElement, string>>} */
const sent = new WeakMap();

document.addEventListener("htmx:beforeSend", ({ target, detail }) => {
  if (!target.matches("form[data-empty-on-send]")) return;
  const fields = [...target.elements].filter((field) => field.matches("input, textarea"));
  sent.set(detail.xhr, new Map(fields.map((field) => [field, field.value])));
  for (const field of fields) field.value = "";
});
document.addEventListener("htmx:afterRequest", ({ detail }) => {
  const end = detail.successful && document.getElementById(detail.elt.dataset.newest);
  if (end) scrollToEnd(end);
  if (detail.successful) return;
  for (const [field, text] of sent.get(detail.xhr) ?? []) field.value = [text, field.value].filter(Boolean).join(" ");
});

const SCROLLING_MS = 1000; // that a browser takes at most to scroll smoothly

/**
 * Scroll to the end, and again while a scrolling goes on that had begun before, until the reader scrolls anew.
 * @param {HTMLElement} scroller
 */
function scrollToEnd(scroller) {
  const stay = () => (scroller.scrollTop = scroller.scrollHeight);
  const over = new AbortController();
  const heard = { passive: true, signal: over.signal };
  scroller.addEventListener("scroll", stay, heard);
  for (const act of ["keydown", "wheel", "pointerdown", "touchstart"]) scroller.addEventListener(act, () => over.abort(), heard);
  setTimeout(() => over.abort(), SCROLLING_MS);
  stay();
}

// A command that is reached by keyboard is chosen whole, so that it can be copied.
document.addEventListener("focusin", ({ target }) => {
  if (target.matches(".command:focus-visible")) getSelection().selectAllChildren(target);
});

// The menu of a narrow page lies over it, so it closes when the focus goes elsewhere, but to its button, which does that.
const menu = document.getElementById("menu");
menu?.addEventListener("focusout", ({ relatedTarget: to }) => {
  if (to && !menu.contains(to) && !to.matches("[popovertarget=menu]") && menu.matches(":popover-open")) menu.hidePopover();
});

const time = new Intl.DateTimeFormat([], { timeStyle: "medium" });
const minute = new Intl.DateTimeFormat([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" }); // short: of a chart
const dayAndTime = new Intl.DateTimeFormat([], { dateStyle: "medium", timeStyle: "medium" });

/** @param {ParentNode} root what has just come into the page */
function tellTimes(root) {
  for (const element of root.querySelectorAll("time[data-moment]")) {
    const moment = new Date(element.dateTime);
    const today = moment.toDateString() === new Date().toDateString();
    element.textContent = (today ? time : dayAndTime).format(moment);
    element.title = dayAndTime.format(moment);
    element.removeAttribute("data-moment"); // or a morph or a second look would do it again
  }
  for (const element of root.querySelectorAll("[data-minute]")) {
    element.textContent = minute.format(new Date(element.dataset.minute));
    element.removeAttribute("data-minute");
  }
}

tellTimes(document);
new MutationObserver((changes) => {
  const parents = new Set(changes.flatMap(({ addedNodes }) => [...addedNodes].map((node) => node.parentElement)));
  for (const parent of parents) if (parent) tellTimes(parent); // once for each, or a long list would be searched often
}).observe(document.body, { childList: true, subtree: true });
