// Measures the floor of a large site in a real Chromium, without a GPU: script, first paint, live,
// frames while it is live, heap, and the longest task, plainly and with the processor slowed down four
// times.
// usage: node bench.mjs [--targets 20000] [--rate 2000]          a site that is made up: the browser alone
//        node bench.mjs --url URL --token FILE [--room ROOM]     one that is served
//                       [--device FILE --alone ROOM --rack RACK] and how long until a change in this file,
//                                                                which is read as the one device of this
//                                                                rack, is on the screen
import { readFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { makeUp } from "./site.mjs";

const text = { type: "string" };
const { values: given } = parseArgs({
  options: { targets: text, rate: text, url: text, token: text, room: text, device: text, alone: text, rack: text, changes: text },
});
const [count, rate] = [Number(given.targets ?? 20_000), Number(given.rate ?? 2000)];
const site = given.url ? undefined : await makeUp({ count, rate });
const url = (given.url ?? site.url).replace(/\/$/, "");
const floor = `${url}/floor/${given.room ?? "room-0"}?layer=power`;
const rounded = (value) => Math.round(value);

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});

/** A browser that nobody has used, logged in. */
async function fresh() {
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 }, locale: "en-GB" });
  context.setDefaultTimeout(120_000);
  if (given.token) {
    const page = await context.newPage();
    await page.goto(`${url}/audit`);
    await page.getByLabel("Token").fill(readFileSync(given.token, "utf8").trim());
    await page.keyboard.press("Enter");
    await page.getByRole("navigation").waitFor();
    await page.close();
  }
  return context;
}

async function measure(slowdown) {
  const context = await fresh();
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Network.enable");
  await session.send("Network.setCacheDisabled", { cacheDisabled: true });
  await session.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
  await page.addInitScript(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
    }).observe({ type: "longtask", buffered: true });
  });
  await page.goto(floor);
  const live = await page
    .waitForFunction(() => document.querySelector(".pulse.good") && performance.now())
    .then((handle) => handle.jsonValue());
  const seen = await page.evaluate(
    () =>
      new Promise((resolve) => {
        const began = performance.now();
        let frames = 0;
        const frame = (at) => {
          frames += 1;
          if (at - began < 5000) return requestAnimationFrame(frame);
          const [paint] = performance.getEntriesByName("first-contentful-paint");
          const files = performance.getEntriesByType("resource").filter(({ name }) => /\.(js|css)$/.test(name));
          const script = files.filter(({ name }) => name.endsWith(".js"));
          return resolve({
            fps: (frames * 1000) / (at - began),
            paint: paint.startTime,
            longest: window.longest,
            // The page itself is one.
            requests: files.length + 1,
            script: script.reduce((sum, { encodedBodySize }) => sum + encodedBodySize, 0),
          });
        };
        requestAnimationFrame(frame);
      }),
  );
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  if (slowdown === 1) {
    console.log(`script ${(seen.script / 1000).toFixed(1)} kB compressed, page, script and style in ${seen.requests} requests`);
  }
  console.log(
    `processor 1/${slowdown}: first paint ${rounded(seen.paint)} ms, live ${rounded(live)} ms, ` +
      `${rounded(seen.fps)} fps, longest task ${rounded(seen.longest)} ms, heap ${(usedSize / 1e6).toFixed(1)} MB`,
  );
  await context.close();
}

/** How long it takes from a change of what a device says until it is on the screen. */
async function changes() {
  const context = await fresh();
  const page = await context.newPage();
  await page.goto(`${url}/floor/${given.alone}?as=list`);
  const row = page.getByRole("row", { name: new RegExp(`^${given.rack} `) });
  await row.waitFor();
  const late = [];
  for (let at = 0; at < Number(given.changes ?? 40); at += 1) {
    // Watts of three digits are shown as they are.
    const watts = 100 + ((at * 7) % 800);
    const seen = row.evaluate(
      (element, wanted) =>
        new Promise((resolve) => {
          const table = element.closest("table");
          const look = () => {
            if (!element.textContent.includes(wanted)) return;
            observer.disconnect();
            requestAnimationFrame(() => resolve(performance.timeOrigin + performance.now()));
          };
          const observer = new MutationObserver(look);
          observer.observe(table, { subtree: true, childList: true, characterData: true });
          look();
        }),
      `${watts} W`,
    );
    // At any time between two polls.
    await sleep(Math.random() * 1000);
    const changed = performance.timeOrigin + performance.now();
    writeFileSync(given.device, String(watts));
    late.push((await seen) - changed);
  }
  late.sort((a, b) => a - b);
  const share = (one) => rounded(late[Math.round((late.length - 1) * one)]);
  console.log(`from the device to the screen, ${late.length} changes: p50 ${share(0.5)} ms, p99 ${share(0.99)} ms`);
  await context.close();
}

console.log(site ? `made up: ${count} targets, ${rate} updates a second` : `served: ${url}`);
for (const slowdown of [1, 4]) await measure(slowdown);
if (given.device) await changes();
await browser.close();
site?.close();
