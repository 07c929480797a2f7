// Opens tabs of an address in one window, and prints for each whether what moves by itself moves, and is hidden:
// node tabs.cjs URL 12 /usr/bin/firefox-esr firefox
const puppeteer = require("puppeteer-core");

const SHOWN = () =>
  ["#clock time", "#counter button", "#events"].map((one) => document.querySelector(one)?.textContent ?? "");

(async () => {
  const [url, count, executablePath, kind, ...args] = process.argv.slice(2);
  const options =
    kind === "firefox"
      ? { browser: "firefox", protocol: "webDriverBiDi", executablePath, headless: true }
      : { executablePath, headless: false, args };
  const browser = await puppeteer.launch(options);
  const tabs = [];
  const took = [];
  for (let number = 0; number < Number(count); number++) {
    const tab = await browser.newPage();
    const began = Date.now();
    await tab.goto(url, { waitUntil: "domcontentloaded" });
    await tab.waitForSelector('[data-live-badge][data-state="live"]', { timeout: 20000 });
    took.push(Date.now() - began);
    tabs.push(tab);
  }
  const moves = [];
  for (const tab of tabs) {
    await tab.waitForSelector("#counter button", { timeout: 5000 });
    const before = await tab.evaluate(SHOWN);
    const moved = () => tab.evaluate(SHOWN).then((now) => now.every((text, index) => text && text !== before[index]));
    const until = Date.now() + 3000;
    let held = false;
    while (!(held = await moved()) && Date.now() < until);
    moves.push(held);
  }
  const hidden = [];
  for (const tab of tabs) hidden.push(await tab.evaluate(() => document.hidden));
  const health = await (await fetch(new URL("/sse-health", url))).json();
  console.log(JSON.stringify({ took, moves, hidden, connections: health.active_connections, carried: health.subscriptions }));
  await browser.close();
})();
