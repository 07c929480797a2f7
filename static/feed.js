// The feed, for whoever reads further down: new posts wait above, as if its pause were pressed, so that nothing moves,
// and what was scrolled to stays. At its top the newest come by themselves, and live-put.js lets the oldest go.

(() => {
  const top = document.getElementById("feed-top");
  const button = document.querySelector(".feed-new > [data-live-pause]");
  if (!top || !button) return;
  const holding = () => button.getAttribute("aria-pressed") === "true";

  new IntersectionObserver((seen) => {
    const { isIntersecting, boundingClientRect } = seen.at(-1);
    const away = !isIntersecting && boundingClientRect.top < 0;
    if (away !== holding()) button.click();
  }).observe(top);

  button.addEventListener("click", ({ isTrusted }) => {
    if (!isTrusted) return;
    top.scrollIntoView({ block: "center" });
    document.getElementById("feed").focus({ preventScroll: true }); // the button is about to vanish
  });

  // A list that has let its oldest go has older ones again, wherever it had been read to.
  document.addEventListener("htmx:sseMessage", ({ target }) => {
    if (target.id !== "feed" || target.children.length < Number(target.dataset.max)) return;
    const [more, began] = document.getElementById("feed-older").children;
    more.hidden = false;
    began.hidden = true;
  });
})();
