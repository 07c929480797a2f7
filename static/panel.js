// The connection panel: an Alpine component that listens to one Live region, counts what comes, and ends and begins its
// stream. The page is live without it.

document.addEventListener("alpine:init", () => {
  const EVENTS = ["connected", "reading", "charts", "batch", "stream-error", "close"];
  const MINUTE_MS = 60_000;
  const WHY = { stop: "the server is stopping", age: "the stream was old", closed: "somebody closed it" };

  Alpine.data("connection", () => ({
    state: "connecting",
    problem: "",
    seconds: 0, // until the next attempt
    why: "", // the server ended it
    network: navigator.onLine ? "online" : "offline",
    follow: true,
    fault: "",
    reference: "",
    attempts: 1,
    events: 0,
    times: [], // of the events of the last minute
    last: 0, // when the last event came
    lastName: "",
    since: 0, // when it became live
    now: Date.now(),

    init() {
      const region = this.region();
      const known = new WeakSet();
      region.addEventListener("htmx:sseOpen", ({ detail: { source } }) => {
        if (known.has(source)) return; // it came back
        known.add(source);
        for (const name of EVENTS) source.addEventListener(name, (event) => this.heard(event));
      });
      region.addEventListener("htmx:sseError", ({ detail: { source } }) => {
        if (source.readyState !== EventSource.CLOSED) this.attempts++;
      });
      document.addEventListener("live:state", ({ detail }) => this.become(detail));
      for (const name of ["online", "offline"]) addEventListener(name, () => (this.network = name));
      setInterval(() => (this.now = Date.now()), 1000);
      this.keepPlace(region);
    },

    region() {
      return document.getElementById(this.$root.dataset.target);
    },
    scroller() {
      return this.region().querySelector("[data-scroll]");
    },

    become({ state, seconds, problem }) {
      if (state === "live" && this.state !== "live") {
        this.since = this.now = Date.now();
        this.why = "";
      }
      Object.assign(this, { state, seconds, problem });
    },

    heard({ type, data }) {
      this.now = this.last = Date.now();
      this.events++;
      this.lastName = type;
      this.times = [...this.times.filter((time) => this.now - time < MINUTE_MS), this.now];
      if (type === "close") this.why = WHY[data] ?? "";
      if (type !== "stream-error") return;
      this.fault = "The stream has failed. It comes back by itself.";
      this.reference = data;
    },

    // The newest row comes on top. Whoever follows sees it; else what is being read stays where it is.
    keepPlace(region) {
      let first = null;
      let top = 0;
      region.addEventListener("htmx:sseBeforeMessage", () => {
        first = this.scroller().querySelector("tbody tr");
        top = first?.offsetTop ?? 0;
      });
      region.addEventListener("htmx:sseMessage", () => {
        const scroller = this.scroller();
        if (this.follow) scroller.scrollTop = 0;
        else if (first?.isConnected) scroller.scrollTop += first.offsetTop - top;
      });
    },

    get detail() {
      const next = this.seconds && `in ${this.seconds} s`;
      return [this.why, this.problem, next].filter(Boolean).join(", ");
    },
    get action() {
      return this.state === "closed" ? "Connect" : "Disconnect";
    },
    get connectedFor() {
      if (this.state !== "live") return "–";
      const seconds = Math.floor(Math.max(0, this.now - this.since) / 1000);
      return [seconds / 60, seconds % 60].map((part) => String(Math.floor(part)).padStart(2, "0")).join(":");
    },
    get aMinute() {
      return this.times.filter((time) => this.now - time < MINUTE_MS).length;
    },
    get ago() {
      return this.last ? `${Math.floor(Math.max(0, this.now - this.last) / 1000)} s ago` : "–";
    },

    toggle() {
      if (this.state === "closed") this.connect();
      else this.source()?.close();
    },
    source() {
      return this.region()["htmx-internal-data"]?.sseEventSource; // where the extension keeps it
    },

    // Another stream, which goes on after what this tab has seen: as if htmx had just found the region.
    connect() {
      const region = this.region();
      const url = new URL(region.getAttribute("sse-connect"), location.href);
      const seen = this.source()?.cursor;
      if (seen) url.searchParams.set("after", seen);
      region.setAttribute("sse-connect", url.pathname + url.search);
      this.attempts++;
      for (const one of [region, ...region.querySelectorAll("[sse-swap]")]) htmx.trigger(one, "htmx:afterProcessNode");
    },

    retry() {
      this.dismiss();
      this.source()?.close();
      this.connect();
    },
    dismiss() {
      this.fault = this.reference = "";
    },
    clear() {
      this.scroller().querySelector("tbody").replaceChildren();
      this.events = this.last = 0;
      this.lastName = "";
      this.times = [];
    },
  }));
});
