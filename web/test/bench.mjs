// Measures the floor of a large site in a real Chromium, without a GPU: first paint, frames while it
// is live, heap, and the longest task, plainly and with the processor slowed down four times.
// usage: node bench.mjs [TARGETS] [UPDATES_A_SECOND]
// The site is made up here: what is measured is the browser's side.
import { readFileSync } from "node:fs";
import http from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const [count, rate] = [Number(process.argv[2] ?? 20_000), Number(process.argv[3] ?? 2000)];
const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const IN_RACK = 40;
const IN_ROW = 25;
const TICK = 250;
const PART = 2000;

const targets = Array.from({ length: count }, (_, number) => {
  const rack = Math.floor(number / IN_RACK);
  const row = String.fromCharCode(65 + (Math.floor(rack / IN_ROW) % 26));
  const name = `${row}${String((rack % IN_ROW) + 1).padStart(2, "0")}`;
  const kind = number % IN_RACK < 2 ? "apc-pdu" : "redfish";
  return {
    name: `${kind}-${name.toLowerCase()}-${number % IN_RACK}`,
    kind,
    zone: "default",
    labels: { room: `room-${Math.floor(rack / IN_ROW / 26)}`, row, rack: name },
  };
});

function cell(number) {
  const health = Math.random() < 0.003 ? "stale" : null;
  const degrees = Math.round((20 + (number % 977) / 109 + Math.random()) * 10) / 10;
  return [number, health, 200 + Math.round(Math.random() * 400), degrees, Math.floor(Math.random() * 40)];
}

const message = (name, data) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const cells = (list) => message("cells", { cells: { at: Date.now(), alarms: 0, outcomes: 0, cells: list } });
let sent = 0;

const server = http.createServer((request, response) => {
  const path = new URL(request.url, "http://site").pathname;
  if (path === "/v1/view") {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let from = 0; from < count; from += PART) {
      const items = targets.slice(from, from + PART);
      response.write(message("targets", { targets: { from, of: count, items } }));
    }
    for (let from = 0; from < count; from += PART) {
      response.write(cells(targets.slice(from, from + PART).map((_, number) => cell(from + number))));
    }
    const timer = setInterval(() => {
      const changed = Array.from({ length: (rate * TICK) / 1000 }, () => cell(Math.floor(Math.random() * count)));
      const text = cells(changed);
      sent += text.length;
      response.write(text);
    }, TICK);
    response.on("close", () => clearInterval(timer));
  } else if (path.startsWith("/v1/")) {
    response.setHeader("content-type", "application/json");
    const answer = path === "/v1/me" ? { name: "bench", rights: [{ right: "see" }] } : { items: [], targets: {}, failing: [], findings: [] };
    response.end(JSON.stringify(answer));
  } else {
    const isFile = extname(path) in TYPES;
    response.writeHead(200, {
      "content-type": TYPES[extname(path)] ?? "text/html",
      "content-encoding": "gzip",
    });
    response.end(readFileSync(join(dist, `${isFile ? path : "index.html"}.gz`)));
  }
});
await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${server.address().port}/floor/room-0?layer=power`;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});
for (const slowdown of [1, 4]) {
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 } });
  const page = await context.newPage();
  const session = await context.newCDPSession(page);
  await session.send("Emulation.setCPUThrottlingRate", { rate: slowdown });
  await page.addInitScript(() => {
    window.longest = 0;
    new PerformanceObserver((list) => {
      for (const task of list.getEntries()) window.longest = Math.max(window.longest, task.duration);
    }).observe({ type: "longtask", buffered: true });
  });
  await page.goto(url);
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
          if (at - began < 5000) requestAnimationFrame(frame);
          else {
            const [paint] = performance.getEntriesByName("first-contentful-paint");
            resolve({ fps: frames / 5, paint: paint.startTime, longest: window.longest });
          }
        };
        requestAnimationFrame(frame);
      }),
  );
  await session.send("HeapProfiler.collectGarbage");
  const { usedSize } = await session.send("Runtime.getHeapUsage");
  const rounded = (value) => Math.round(value);
  console.log(
    `${count} targets, ${rate} updates/s, processor 1/${slowdown}: first paint ${rounded(seen.paint)} ms, ` +
      `live ${rounded(live)} ms, ${rounded(seen.fps)} fps, longest task ${rounded(seen.longest)} ms, ` +
      `heap ${(usedSize / 1e6).toFixed(1)} MB`,
  );
  await context.close();
}
console.log(`${Math.round(sent / 1000)} kB of changes were sent`);
await browser.close();
server.closeAllConnections();
server.close();
