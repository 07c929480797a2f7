// What the board's pages do by themselves besides being live: say when a request failed.

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
