// What a list of log lines does besides being live: let in only the lines its filter wants, and begin at its end.

(() => {
  const LEVELS = ["debug", "info", "warning", "error"];
  const list = () => document.getElementById("log");

  /** @param {HTMLElement} line @param {DOMStringMap} filter */
  function fits({ dataset, children }, { least, text = "" }) {
    if (least && LEVELS.indexOf(dataset.level ?? "") < LEVELS.indexOf(least)) return false;
    const [source, said] = [...children].slice(-2).map((part) => part.textContent);
    return `${source} ${said}`.toLowerCase().includes(text.toLowerCase());
  }

  htmx.defineExtension("log", {
    // Before it is put: a line that the filter keeps out must not push another one off the end of the list.
    transformResponse(/** @type {string} */ text, /** @type {XMLHttpRequest|null} */ xhr) {
      const shown = list();
      if (xhr || !shown) return text;
      const coming = document.createElement("template");
      coming.innerHTML = text;
      const whole = /** @type {HTMLElement|null} */ (coming.content.querySelector("#log"));
      if (whole) {
        Object.assign(whole.dataset, shown.dataset); // the snapshot is the same for all
        // It holds the newest lines of all kinds: those that the filter wants reach further back.
        if (shown.dataset.least || shown.dataset.text) queueMicrotask(() => htmx.trigger("#log-filter", "submit"));
      }
      const lines = /** @type {HTMLElement[]} */ ([...coming.content.querySelectorAll("li[data-level]")]);
      const wanted = lines.filter((line) => fits(line, shown.dataset));
      const kept = new Set(wanted.slice(-Number(shown.dataset.max)));
      for (const line of lines) if (!kept.has(line)) line.remove();
      return coming.innerHTML;
    },
  });

  function toTheEnd() {
    const scroller = list()?.parentElement;
    if (scroller) scroller.scrollTop = scroller.scrollHeight;
  }

  toTheEnd();
  document.addEventListener("htmx:afterSettle", (/** @type {any} */ { detail }) => {
    if (detail.target?.id === "log-live") toTheEnd();
  });
  document.addEventListener("click", ({ target }) => {
    const button = /** @type {Element|null} */ (target)?.closest?.('[data-live-pause="log"]');
    if (button?.getAttribute("aria-pressed") === "false") toTheEnd(); // it follows again
  });
})();
