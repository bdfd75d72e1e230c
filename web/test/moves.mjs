// Watches the web UI through a proxy, behind which are two logic environments: kills the one that
// answers, then lets a connection fall silent. Each time the stream has to move on by itself.
// usage: node moves.mjs URL_A URL_B TOKEN_FILE PID_A
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import net from "node:net";
import { chromium } from "playwright-core";

const [a, b, tokenFile, pid] = process.argv.slice(2);
const token = readFileSync(tokenFile, "utf8").trim();
/** How soon the stream has to have moved on, in milliseconds. */
const SOON = 10_000;

const backends = [a, b].map((url) => new URL(url));
/** The connections of the browser to a logic environment. */
const pairs = new Set();
/** Called with a connection on which the stream of the site has passed. */
let onCells = () => {};

function connect(client, [backend, ...others]) {
  const server = net.connect(Number(backend.port), backend.hostname);
  const pair = { client, server, backend };
  server.on("connect", () => {
    pairs.add(pair);
    client.pipe(server).pipe(client);
    server.on("data", (data) => data.includes("event: cells") && onCells(pair));
  });
  server.on("error", () => {
    if (!pairs.has(pair) && others.length > 0) connect(client, others);
    else client.destroy();
  });
  server.on("close", () => pairs.delete(pair) && client.destroy());
  client.on("close", () => server.destroy());
}

const proxy = net.createServer((client) => {
  client.on("error", () => {});
  connect(client, backends);
});
await new Promise((resolve) => proxy.listen(0, "127.0.0.1", resolve));

/** The next connection on which the stream passes, of those that are meant. */
function stream(isMeant) {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no stream within ${SOON} ms`)), SOON);
    onCells = (pair) => {
      if (!isMeant(pair)) return;
      clearTimeout(timer);
      resolve(pair);
    };
  });
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--lang=en"],
});
const page = await browser.newPage({ locale: "en-GB" });
await page.goto(`http://127.0.0.1:${proxy.address().port}`);
await page.getByLabel("Token").fill(token);
const first = stream(() => true);
await page.keyboard.press("Enter");
const { backend } = await first;
assert.equal(backend, backends[0]);
const live = page.getByText("live", { exact: true });
await live.waitFor();

async function movesOn(what, breakIt, isMeant) {
  const began = performance.now();
  const next = stream(isMeant);
  breakIt();
  const found = await next;
  await live.waitFor({ timeout: SOON });
  console.log(`${what}: the stream moved on in ${Math.round(performance.now() - began)} ms`);
  return found;
}

const second = await movesOn(
  "the logic environment is killed",
  () => process.kill(Number(pid), "SIGKILL"),
  (pair) => pair.backend === backends[1],
);

// A machine that has lost its power closes no connection: what it says is nothing at all.
await Promise.all([
  page.getByText(/^not live: nothing heard for/).waitFor(),
  movesOn(
    "the connection falls silent",
    () => {
      second.server.unpipe(second.client);
      second.client.unpipe(second.server);
    },
    (pair) => pair !== second,
  ),
]);
await browser.close();
proxy.close();
process.exit(0);
