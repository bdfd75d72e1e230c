// A site that is made up: so many targets in racks of forty, of which so many change each second. What
// is measured against it is the browser's side alone.
import { readFileSync } from "node:fs";
import http from "node:http";
import { dirname, extname, join } from "node:path";
import { fileURLToPath } from "node:url";

const dist = join(dirname(fileURLToPath(import.meta.url)), "../dist");
const TYPES = { ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml" };
const IN_RACK = 40;
const IN_ROW = 25;
const PART = 2000;

function target(number) {
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
}

function cell(number) {
  const health = Math.random() < 0.003 ? "stale" : null;
  const degrees = Math.round((20 + (number % 977) / 109 + Math.random()) * 10) / 10;
  return [number, health, 200 + Math.round(Math.random() * 400), degrees, Math.floor(Math.random() * 40)];
}

const message = (name, data) => `event: ${name}\ndata: ${JSON.stringify(data)}\n\n`;
const cells = (list) => message("cells", { cells: { at: Date.now(), alarms: 0, outcomes: 0, cells: list } });

/** Serves such a site; a message comes each `tick` milliseconds. */
export async function makeUp({ count, rate, tick = 250 }) {
  const targets = Array.from({ length: count }, (_, number) => target(number));
  const sent = { messages: 0, bytes: 0 };
  /** Those who wait until so many messages were sent. */
  let waiting = [];
  const view = (response) => {
    response.writeHead(200, { "content-type": "text/event-stream" });
    for (let from = 0; from < count; from += PART) {
      const items = targets.slice(from, from + PART);
      response.write(message("targets", { targets: { from, of: count, items } }));
    }
    for (let from = 0; from < count; from += PART) {
      response.write(cells(targets.slice(from, from + PART).map((_, number) => cell(from + number))));
    }
    const timer = setInterval(() => {
      // Nobody is sent more than they take.
      if (response.writableNeedDrain) return;
      const length = Math.ceil((rate * tick) / 1000);
      const text = cells(Array.from({ length }, () => cell(Math.floor(Math.random() * count))));
      sent.bytes += text.length;
      sent.messages += 1;
      response.write(text);
      waiting = waiting.filter(({ until, done }) => sent.messages < until || done());
    }, tick);
    response.on("close", () => clearInterval(timer));
  };
  const server = http.createServer((request, response) => {
    const path = new URL(request.url, "http://site").pathname;
    if (path === "/v1/view") return view(response);
    if (path.startsWith("/v1/")) {
      response.setHeader("content-type", "application/json");
      const none = { items: [], targets: {}, failing: [], findings: [] };
      response.end(JSON.stringify(path === "/v1/me" ? { name: "bench", rights: [{ right: "see" }] } : none));
      return;
    }
    const isFile = extname(path) in TYPES;
    response.writeHead(200, {
      "content-type": TYPES[extname(path)] ?? "text/html",
      "content-encoding": "gzip",
    });
    response.end(readFileSync(join(dist, `${isFile ? path : "index.html"}.gz`)));
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    sent,
    /** Resolves once so many more messages were sent. */
    more: (messages) =>
      new Promise((resolve) => waiting.push({ until: sent.messages + messages, done: () => void resolve() })),
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}
