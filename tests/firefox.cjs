// Opens tabs of an address in Firefox, and prints for each whether what moves by itself moves: node firefox.cjs URL 12
const puppeteer = require("puppeteer-core");

const SHOWN = () =>
  ["#clock time", "#counter button", "#events"].map((one) => document.querySelector(one)?.textContent ?? "");

(async () => {
  const [url, count, path] = process.argv.slice(2);
  const options = { browser: "firefox", protocol: "webDriverBiDi", executablePath: path, headless: true };
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
  const health = await (await fetch(new URL("/sse-health", url))).json();
  await tabs.pop().close();
  console.log(JSON.stringify({ took, moves, connections: health.active_connections, carried: health.subscriptions }));
  await browser.close();
})();
