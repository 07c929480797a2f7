// A sample of a stream, written as it is on the wire: the newest messages, the last of them at the end. It acts before
// live-put.js would put what they draw into the page.

const LONGEST = 1500; // characters of one message
const places = new WeakMap(); // where a sample was scrolled to by its newest message; elsewhere, a reader holds it

document.addEventListener(
  "htmx:sseBeforeMessage",
  (event) => {
    const wire = event.target.closest("[data-wire]");
    if (!wire) return;
    event.preventDefault();
    const { type, lastEventId, data } = event.detail;
    const text = data.length > LONGEST ? `${data.slice(0, LONGEST)} …` : data;
    const fields = [["event", type === "message" ? "" : type], ["id", lastEventId]].filter(([, value]) => value);
    const message = document.createElement("span");
    message.textContent = [...fields, ...text.split("\n").map((line) => ["data", line])]
      .map(([name, value]) => `${name}: ${value}\n`)
      .join("");
    wire.querySelector(".waiting")?.remove();
    const follows = Math.abs(wire.scrollTop - (places.get(wire) ?? 0)) < 2;
    wire.append(message, "\n");
    while (wire.children.length > Number(wire.dataset.wire)) {
      wire.firstChild.remove();
      wire.firstChild.remove();
    }
    if (!follows) return;
    wire.scrollTop = message.offsetTop - wire.offsetTop - wire.clientTop; // the beginning of a long one
    places.set(wire, wire.scrollTop);
  },
  true,
);
