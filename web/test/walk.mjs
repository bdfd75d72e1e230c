// Walks through the web UI of a running demo in a real Chromium, by roles and keys.
// usage: node walk.mjs URL TOKEN_FILE SIMULATOR_CONTROL [FOLDER_FOR_SCREENSHOTS]
// Each step says its name; the first that fails ends the walk with a non-zero exit code.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import net from "node:net";
import { join } from "node:path";
import { chromium } from "playwright-core";
import { makeUp } from "./site.mjs";

const [url, tokenFile, simulator, pictures] = process.argv.slice(2);
const token = readFileSync(tokenFile, "utf8").trim();
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const origin = new URL(url).origin;

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // In a container there is no user namespace for Chromium's own sandbox.
  args: ["--no-sandbox", "--disable-gpu", "--lang=en"],
});
const context = await browser.newContext({
  viewport: { width: 1280, height: 800 },
  colorScheme: "dark",
  locale: "en-GB",
});
context.setDefaultTimeout(15_000);
const page = await context.newPage();

/** Everything that must not happen, whatever the step. */
const wrong = [];
page.on("pageerror", (error) => wrong.push(`script: ${error.message}`));
page.on("console", (message) => {
  const text = message.text();
  if (/Content Security Policy|violates/.test(text)) wrong.push(`policy: ${text}`);
});
const requests = [];
context.on("request", (request) => requests.push(request));

async function step(name, walk) {
  const began = performance.now();
  await walk();
  assert.deepEqual(wrong, [], name);
  console.log(`${name}: ${Math.round(performance.now() - began)} ms`);
}

async function picture(name) {
  if (pictures) await page.screenshot({ path: join(pictures, `${name}.png`) });
}

/** Serious findings of axe-core on the page as it is. */
async function accessible(name) {
  // By the protocol of the debugger, since the policy of the page allows no script of ours.
  const session = await context.newCDPSession(page);
  const run = `${axe};axe.run(document, { resultTypes: ["violations"] }).then((found) => JSON.stringify(
    found.violations.filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => [id, nodes.slice(0, 4).map(({ html, any }) => [html, any[0]?.message])])))`;
  const { result, exceptionDetails } = await session.send("Runtime.evaluate", {
    expression: run,
    awaitPromise: true,
  });
  await session.detach();
  assert.equal(exceptionDetails, undefined, name);
  assert.equal(result.value, "[]", `axe-core on ${name}`);
}

/** Whether the token is anywhere that a script could read, or in an address. */
async function secret(name) {
  const seen = await page.evaluate(() =>
    JSON.stringify([
      document.documentElement.outerHTML,
      [...document.querySelectorAll("input")].map((one) => one.value),
      { ...localStorage },
      { ...sessionStorage },
      document.cookie,
      location.href,
      history.state,
    ]),
  );
  assert.ok(!seen.includes(token), `the token is on the page: ${name}`);
}

/** One request to the simulated room, which knows what is true. */
function simulate(request) {
  const [host, port] = simulator.split(":");
  return new Promise((resolve, reject) => {
    const socket = net.connect(Number(port), host, () => socket.write(`${JSON.stringify(request)}\n`));
    let answer = "";
    socket.on("data", (data) => {
      answer += data;
      if (!answer.includes("\n")) return;
      socket.destroy();
      const { devices, error } = JSON.parse(answer);
      if (error) reject(new Error(error));
      else resolve(devices);
    });
    socket.on("error", reject);
  });
}

async function isOn(device, number) {
  const [truth] = await simulate({ command: "show", device });
  return truth.outlets.find(({ outlet }) => outlet === number).on;
}

/** A request to the API as admin. */
async function api(method, path, body) {
  const answer = await fetch(`${origin}${path}`, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status}`);
  return answer.status === 204 ? undefined : answer.json();
}

/** Somebody with a role, and their token. */
async function person(name, role, selector) {
  const { token: theirs } = await api("PUT", `/v1/people/${name}`);
  await api("PUT", `/v1/bindings/${name}-${role}`, { who: name, role, ...(selector ? { selector } : {}) });
  return theirs;
}

/** Draws a lasso around something on the floor. */
async function lasso(what) {
  const { x, y, width, height } = await what.boundingBox();
  await page.mouse.move(x - 1, y - 1);
  await page.mouse.down();
  await page.mouse.move(x + width, y + height, { steps: 3 });
  await page.locator(".lasso").waitFor();
  await page.mouse.up();
  await page.locator(".lasso").waitFor({ state: "detached" });
}

const go = (path) => page.goto(url + path);
const heading = (name) => page.getByRole("heading", { level: 1, name });

await step("a view that is asked for without a session is the login", async () => {
  await go("/device/pdu-a1-a");
  await page.getByLabel("Token").waitFor();
  await picture("login");
  await accessible("login");
});

await step("a wrong token is refused", async () => {
  await page.getByLabel("Token").fill("wrong");
  await page.keyboard.press("Enter");
  await page.getByRole("alert").getByText("not valid").waitFor();
});

await step("a token becomes a session, and is nowhere afterwards", async () => {
  await page.getByLabel("Token").fill(token);
  await page.keyboard.press("Enter");
  await heading("pdu-a1-a").waitFor();
  await secret("after the login");
  const [cookie] = await context.cookies();
  assert.ok(cookie.httpOnly && cookie.sameSite === "Strict", JSON.stringify(cookie));
  assert.ok(!cookie.value.includes(token));
});

await step("a device shows its readings with their ages, its outlets and its history", async () => {
  await page.getByRole("row", { name: /hw\.temperature.*°C/ }).first().waitFor();
  await page.getByRole("button", { name: "outlet-off 3", exact: true }).waitFor();
  await page.getByRole("region", { name: "Relations" }).getByRole("link", { name: "ups-a" }).waitFor();
  await page.getByRole("img", { name: /hw\.power: .*W/ }).waitFor();
  await picture("device");
  await accessible("device");
});

await step("an outlet is switched: its plan, what was shown, the outcome, and the way back", async () => {
  await page.getByRole("button", { name: "outlet-off 3", exact: true }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByText("Nothing is done yet").waitFor();
  await accessible("the form of an action");
  await sheet.getByRole("button", { name: "Plan" }).click();
  // The plan has what hangs on the outlet, and what the outlet is today.
  await sheet.getByText("a1-compute-03 loses this feed and keeps pdu-a1-b 3").waitFor();
  await sheet.getByRole("row", { name: /pdu-a1-a on utakata\.outlet\.state/ }).waitFor();
  await picture("plan");
  await sheet.getByRole("button", { name: "Do it" }).click();
  await sheet.getByRole("status").getByText("1 succeeded").waitFor();
  await picture("outcome");
  assert.equal(await isOn("pdu-a1-a", 3), false);
  await sheet.getByRole("button", { name: "Undo …" }).click();
  const undo = page.getByRole("dialog", { name: /Undo/ });
  await undo.getByRole("row", { name: /pdu-a1-a off/ }).waitFor();
  await undo.getByRole("button", { name: "Undo", exact: true }).click();
  await page.getByRole("dialog").getByText("Undoes").waitFor();
  await page.getByRole("dialog").getByRole("status").getByText("1 succeeded").waitFor();
  assert.equal(await isOn("pdu-a1-a", 3), true);
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

await step("now shows the feeds, the hottest inlet and that all is well", async () => {
  await page.keyboard.press("g");
  await page.keyboard.press("n");
  await page.getByText(/19 of 19/).waitFor();
  await page.getByRole("meter", { name: "Feed A" }).waitFor();
  await page.getByText("live", { exact: true }).waitFor();
  await picture("now");
  await accessible("now");
});

await step("the floor has its layers, keys, and a twin as a list", async () => {
  await page.keyboard.press("g");
  await page.keyboard.press("f");
  const floor = page.getByRole("application", { name: "Floor demo" });
  await floor.focus();
  await page.keyboard.press("ArrowRight");
  await page.getByText(/^Rack A1, 5 devices, well, .*kW, \d/).waitFor();
  await page.keyboard.press("ArrowRight");
  await page.getByText(/^Rack A2, 6 devices/).waitFor();
  await picture("floor");
  await accessible("floor");
  await page.getByRole("button", { name: "temperature" }).click();
  assert.match(page.url(), /layer=temperature/);
  await picture("floor-temperature");
  await page.getByRole("button", { name: "As a list" }).click();
  await page.getByRole("row", { name: /A1 .*well.* 5 .*kW .*°C/ }).waitFor();
  await accessible("the floor as a list");
});

await step("a rack shows its cords", async () => {
  await page.getByRole("link", { name: "A1", exact: true }).click();
  await heading(/Rack A1/).waitFor();
  await page.getByRole("region", { name: "Cords" }).getByRole("row", { name: /on.*on/ }).first().waitFor();
  await picture("rack");
  await accessible("rack");
});

await step("the palette goes anywhere by a few letters", async () => {
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog").waitFor();
  await page.keyboard.type("pdu-a2-b2");
  await page.keyboard.press("Enter");
  await heading("pdu-a2-b2").waitFor();
});

// The next two are those of docs/guide/first-hour.md; between them the server's own supply has failed.
await step("a newcomer finds the hottest rack, and switches an outlet with its plan", async () => {
  await go("/");
  await page.getByText("Hottest inlet").waitFor();
  const [, hottest] = /Rack (A[12])/.exec(await page.getByRole("link", { name: /^Rack A[12]$/ }).innerText());
  await go("/floor/demo?layer=temperature&as=list");
  await page.getByRole("row", { name: new RegExp(`^${hottest} .*°C`) }).getByRole("link", { name: hottest }).click();
  await heading(new RegExp(`Rack ${hottest}.*°C`)).waitFor();
  await go("/rack/demo/A1");
  await page.getByRole("link", { name: "pdu-a1-a", exact: true }).first().click();
  await page.getByRole("button", { name: "outlet-off 1", exact: true }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("button", { name: "Plan" }).click();
  await sheet.getByText(/a1-compute-01 loses this feed and keeps pdu-a1-b 1/).waitFor();
  await sheet.getByRole("button", { name: "Do it" }).click();
  await sheet.getByRole("status").getByText("1 succeeded").waitFor();
  await page.keyboard.press("Escape");
});

await step("every other view can be pasted as an address", async () => {
  for (const [path, name, row] of [
    ["/alarms", "Alarms"],
    ["/operations", "Operations", /outlet-off outlet=3/],
    ["/policies", /Policies.*0 of 1 may act/, /spare-feed-a .*in shadow.*nothing.*30 left of 30 in 1h/],
    ["/inventory?selector=rack%3DA1", /Inventory.*5 targets/],
    ["/rollouts", "Rollouts"],
    ["/environments", "Environments", /apc-pdu 1\.0\.0/],
    ["/audit", "Audit"],
    ["/people", "People", /admin/],
  ]) {
    await go(path);
    await heading(name).waitFor();
    if (row) await page.getByRole("row", { name: row }).first().waitFor();
    await accessible(path);
    await secret(path);
    await picture(path.replaceAll(/\W+.*$|^\W/g, "") || path.slice(1).replace(/\?.*/, ""));
  }
});

await step("a policy is tested on the past, armed for a time, and all hands are taken off", async () => {
  await go("/policies");
  await page.getByRole("link", { name: "spare-feed-a" }).click();
  await heading(/spare-feed-a.*in shadow/).waitFor();
  await page.getByRole("row", { name: /source utakata\.ups\.source normal .* 1 of 1/ }).waitFor();
  await page.getByText("load > 6700.0 && source != 'normal' does not hold").waitFor();
  await page.getByRole("img", { name: /^source: .*normal/ }).waitFor();
  await accessible("a policy");
  await picture("policy");
  await page.getByRole("button", { name: "Test and arm …" }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("button", { name: "Test" }).click();
  await sheet.getByRole("status").getByText(/It would have acted 0 times/).waitFor();
  await accessible("the result of a test");
  await picture("policy-test");
  await sheet.getByRole("button", { name: "Arm …" }).click();
  await sheet.getByRole("combobox", { name: "For", exact: true }).selectOption("1 hour");
  await accessible("arming a policy");
  await sheet.getByRole("button", { name: "Arm", exact: true }).click();
  await heading(/spare-feed-a.*armed.*for (60|59) m more/).waitFor();
  // Held for a second, wherever one is: a moment does nothing.
  await page.keyboard.press("H");
  await page.keyboard.down("H");
  await page.getByText("All hands are off").waitFor();
  await page.keyboard.up("H");
  await heading(/spare-feed-a.*in shadow/).waitFor();
  assert.equal((await api("GET", "/v1/policies/spare-feed-a")).mode, "shadow");
});

await step("a newcomer sees the alarm of that, its cause, and undoes it", async () => {
  await go("/alarms");
  await page.getByRole("link", { name: "a power supply of bmc-a1-01 failed" }).click();
  const explained = page.getByRole("region", { name: "Explain" });
  await explained.getByText("it runs on the other one: check the cord and the feed, then replace it").waitFor();
  await explained.getByRole("link", { name: "bmc-a1-01" }).click();
  await page.getByRole("region", { name: "Relations" }).getByRole("link", { name: "pdu-a1-a" }).click();
  await page.getByRole("button", { name: "outlet-on 1", exact: true }).waitFor();
  await go("/operations");
  await page.getByRole("link", { name: /outlet-off outlet=1/ }).first().click();
  await page.getByRole("button", { name: "Undo …" }).click();
  await page.getByRole("dialog", { name: /Undo/ }).getByRole("button", { name: "Undo", exact: true }).click();
  await page.getByText("Undoes").first().waitFor();
  await page.getByRole("status").getByText("1 succeeded").first().waitFor();
  assert.equal(await isOn("pdu-a1-a", 1), true);
});

const before = new Date();

await step("a UPS without mains is an alarm, with its explanation", async () => {
  await simulate({ command: "fault", device: "ups-a", fault: "input-lost" });
  await go("/");
  const causes = page.getByRole("region", { name: "Causes" });
  await causes.getByRole("link", { name: /ups-a/ }).first().waitFor();
  await picture("incident");
  // By keys alone: to the alarms, to the first of them, its explanation, seen.
  await page.keyboard.press("g");
  await page.keyboard.press("a");
  await page.getByRole("row", { name: /ups-a/ }).getByRole("link").first().focus();
  await page.keyboard.press("e");
  const explained = page.getByRole("region", { name: "Explain" });
  await explained.getByText("ups-on-battery").first().waitFor();
  await page.keyboard.press("a");
  await explained.getByText("seen by admin").first().waitFor();
  await picture("alarm");
  await accessible("an alarm that is explained");
});

await step("the room is shown as it was, and nothing can be done there", async () => {
  const causes = page.getByRole("region", { name: "Causes" });
  await go("/");
  await causes.getByRole("link", { name: /ups-a/ }).first().waitFor();
  // Before the mains were lost there was no alarm, and everything answered.
  const text = before.toISOString().replace(/\.\d+/, "");
  await go(`/?at=${text}`);
  const bar = page.getByRole("region", { name: "Past" });
  await bar.getByText(/^As it was: /).waitFor();
  await causes.getByRole("link", { name: /ups-a/ }).first().waitFor({ state: "detached" });
  await page.getByText(/19 of 19/).waitFor();
  await page.getByText(/[1-9][\d.]* k?W/).first().waitFor();
  await accessible("the past");
  await picture("past");
  // It stays that time wherever one goes, and there are no hands.
  await page.getByRole("navigation").getByRole("link", { name: "Floor" }).click();
  assert.ok(page.url().endsWith(`/floor?at=${text}`), page.url());
  await page.getByRole("link", { name: /Rack A1/ }).or(page.getByRole("button", { name: "As a list" })).first().click();
  await page.getByRole("link", { name: "A1", exact: true }).click();
  await page.getByRole("region", { name: "Cords" }).getByRole("row", { name: /on.*on/ }).first().waitFor();
  await page.getByRole("link", { name: "pdu-a1-a", exact: true }).first().click();
  await page.getByRole("row", { name: /hw\.temperature.*°C/ }).first().waitFor();
  assert.equal(await page.getByRole("button", { name: /outlet-off|Lock|Read now|Actions/ }).count(), 0);
  await accessible("a device of the past");
  await picture("past-device");
  await go(`/policies/spare-feed-a?at=${text}`);
  await page.getByText("Computed from history").waitFor();
  await page.getByRole("row", { name: /source .*normal/ }).waitFor();
  await go("/floor/demo?at=nonsense");
  await page.getByRole("alert").getByText("“nonsense” is not a time.").waitFor();
  await page.getByRole("button", { name: "Back to now" }).click();
  await page.getByRole("button", { name: "Past" }).click();
  await page.getByRole("slider", { name: "Time" }).press("ArrowLeft");
  await page.getByRole("button", { name: "Back to now" }).click();
  await bar.waitFor({ state: "detached" });
  assert.ok(!page.url().includes("at="), page.url());
});

/** Devices, and what is the matter with them: it shows while the next steps are walked. */
const sick = { "pdu-a2-a2": "silent", "pdu-a1-b2": "garbage", "pdu-a2-b": "lying" };
for (const [device, fault] of Object.entries(sick)) await simulate({ command: "fault", device, fault });

await step("a floor is drawn by keys and by mouse, and applied after its difference was shown", async () => {
  const before = await api("GET", "/v1/targets/pdu-a1-a");
  await go("/floor/demo");
  await page.getByRole("button", { name: "Arrange …" }).click();
  const rack = (place) => page.getByRole("button", { name: `rack ${place}`, exact: true });
  await rack("A1, row A, place 1").focus();
  await page.keyboard.press("ArrowRight");
  await rack("A1, row A, place 2").waitFor();
  // A row by keys, in steps of a tile; exactly by its fields.
  const row = page.getByRole("button", { name: /^Row A, / });
  await row.focus();
  await page.keyboard.press("ArrowDown");
  await page.getByRole("button", { name: "Row A, 1.2 m from the left, 1.8 m from the top" }).waitFor();
  await page.getByRole("spinbutton", { name: "rack width, m" }).fill("0.8");
  await page.getByRole("combobox", { name: "fronts look" }).selectOption("down");
  await page.getByRole("button", { name: "New cold aisle" }).click();
  const aisle = page.getByRole("button", { name: /^cold aisle cold-1, / });
  await aisle.waitFor();
  await page.getByRole("combobox", { name: "Place", exact: true }).selectOption("ups-a");
  const unit = page.getByRole("button", { name: /^ups-a, / });
  await unit.scrollIntoViewIfNeeded();
  const from = await unit.boundingBox();
  await page.mouse.move(from.x + 10, from.y + 10);
  await page.mouse.down();
  await page.mouse.move(from.x + 200, from.y + 10, { steps: 4 });
  await page.mouse.up();
  assert.ok((await unit.boundingBox()).x > from.x + 100, "it was dragged");
  await accessible("the editor");
  await picture("arrange");
  // What overlaps is refused before anything is changed, with what to do.
  await aisle.focus();
  await page.getByRole("button", { name: "New row" }).click();
  await rack("A1, row A, place 2").focus();
  await page.keyboard.press("ArrowDown");
  await page.getByRole("spinbutton", { name: "from the top, m" }).fill("1.8");
  await page.getByRole("button", { name: "Show the difference …" }).click();
  const sheet = page.getByRole("dialog");
  await sheet.getByRole("alert").getByText(/rack A1 at 1\.2, 1\.8 is where rack A2 is: move row B/).first().waitFor();
  await sheet.getByRole("button", { name: "Back" }).click();
  for (let undone = 0; undone < 3; undone += 1) await page.getByRole("button", { name: "Undo the last step" }).click();
  await page.getByRole("button", { name: "Show the difference …" }).click();
  await sheet.getByText("The floor demo is drawn for the first time.").waitFor();
  await sheet.getByRole("row", { name: "row A racks – A2 A1" }).waitFor();
  await sheet.getByRole("row", { name: "row A rack – 0.8 × 1.2" }).waitFor();
  await sheet.getByRole("row", { name: "row A face – south" }).waitFor();
  await accessible("the difference");
  await picture("arrange-difference");
  await sheet.getByRole("button", { name: "Apply" }).click();
  await page.getByRole("button", { name: "Arrange …" }).waitFor();
  await page.getByRole("application", { name: "Floor demo" }).waitFor();
  await accessible("a floor that is drawn");
  await picture("floor-drawn");
  await page.getByRole("button", { name: "As a list" }).click();
  await page.getByRole("row").nth(1).getByRole("link", { name: "A2", exact: true }).waitFor();
  const floor = await api("GET", "/v1/floors/demo");
  assert.deepEqual(floor.rows[0].racks, ["A2", "A1"]);
  assert.deepEqual(floor.units.map(({ target }) => target), ["ups-a"]);
  // Selectors, envelopes and alarms see the labels, which no drawing changes.
  assert.deepEqual((await api("GET", "/v1/targets/pdu-a1-a")).labels, before.labels);
});

await step("a floor from a document has its empty racks and what nobody has drawn", async () => {
  const floor = await api("GET", "/v1/floors/demo");
  floor.rows[0].racks = ["A2", "A9"];
  const { warnings } = await api("POST", "/v1/apply", { documents: [{ type: "floor", ...floor }] });
  assert.match(warnings[0].message, /in rack A9: drawn empty/);
  await go("/floor/demo?as=list");
  await page.getByRole("row", { name: /^A9 empty 0/ }).waitFor();
  await page.getByRole("row", { name: /^A1 / }).waitFor();
  const canvas = page.getByRole("application", { name: "Floor demo" });
  await page.getByRole("button", { name: "As a drawing" }).click();
  await canvas.focus();
  for (const rack of [/^Rack A2, 6/, /^Rack A9, empty$/]) {
    await page.keyboard.press("ArrowRight");
    await page.getByText(rack).waitFor();
  }
  await go(`/floor/demo?at=${before.toISOString().replace(/\.\d+/, "")}`);
  await page.getByText("The drawing is that of now").waitFor();
  await api("DELETE", "/v1/floors/demo");
  await go("/floor/demo?as=list");
  await page.getByRole("row", { name: /^A1 / }).waitFor();
  assert.equal(await page.getByRole("row", { name: /^A9 / }).count(), 0);
});

await step("what discovery finds becomes a target, or is dismissed", async () => {
  const known = await api("GET", "/v1/targets/bmc-a2-01");
  const { address, labels } = await api("GET", "/v1/targets/bmc-a1-01");
  for (const name of ["bmc-a1-01", "bmc-a2-01"]) await api("DELETE", `/v1/targets/${name}`);
  await go("/inventory");
  // A range is chosen from the one to the other.
  await page.getByRole("checkbox", { name: "Select pdu-a1-a", exact: true }).click();
  await page.getByRole("checkbox", { name: "Select pdu-a1-b2", exact: true }).click({ modifiers: ["Shift"] });
  await page.getByText("4 selected").waitFor();
  await page.getByRole("button", { name: "Clear" }).click();
  await page.getByRole("link", { name: "Found by discovery" }).click();
  await heading(/Found by discovery/).waitFor();
  const sheet = page.getByRole("dialog");
  for (const port of [address, known.address].map((one) => one.split(":").at(-1))) {
    await page.getByRole("button", { name: "Discover …" }).click();
    await sheet.getByLabel("Addresses").fill("127.0.0.1");
    await sheet.getByLabel("Kinds").fill("redfish");
    await sheet.getByLabel("Port").fill(port);
    await accessible("asking addresses");
    await sheet.getByRole("button", { name: "Discover" }).click();
    await page.getByRole("row", { name: new RegExp(`new redfish 127\\.0\\.0\\.1:${port}`) }).waitFor();
    await page.getByText("done: redfish: 1 of 1 asked, 1 found").first().waitFor();
  }
  await accessible("what was found");
  await picture("found");
  const press = (of, verb) => {
    const row = page.getByRole("row", { name: new RegExp(of.address.split(":").at(-1)) });
    return row.getByRole("button", { name: new RegExp(`^${verb}`) }).click();
  };
  await press({ address }, "Accept");
  await sheet.getByLabel("Name").fill("bmc-a1-01");
  await sheet.getByLabel("Labels").fill(Object.entries(labels).map((one) => one.join("=")).join(", "));
  await sheet.getByLabel("Credential").fill("demo-bmc");
  await accessible("accepting what was found");
  await sheet.getByRole("button", { name: "Accept", exact: true }).click();
  await sheet.waitFor({ state: "detached" });
  assert.deepEqual((await api("GET", "/v1/targets/bmc-a1-01")).labels, labels);
  await press(known, "Dismiss");
  await sheet.getByRole("button", { name: "Dismiss", exact: true }).click();
  await page.getByText("Nothing is to be decided.").waitFor();
  await page.getByRole("button", { name: "Also what is decided" }).click();
  await page.getByRole("row", { name: / dismissed redfish / }).waitFor();
  const { name, kind, zone, credential } = known;
  await api("PUT", "/v1/targets/bmc-a2-01", { name, kind, address: known.address, zone, labels: known.labels, credential });
});

await step("what is silent, garbled or a lie is shown as that", async () => {
  await go("/inventory?health=failing");
  for (const name of ["pdu-a1-b2", "pdu-a2-a2"]) await page.getByRole("row", { name: new RegExp(`${name}.*fails`) }).waitFor();
  await accessible("devices that are not well");
  await picture("sick");
  await go("/device/pdu-a2-a2");
  await page.getByText(/does not answer any more/).first().waitFor();
  await accessible("a silent device");
  await picture("silent");
  await go("/floor/demo");
  await page.getByRole("application", { name: "Floor demo" }).focus();
  await page.keyboard.press("ArrowRight");
  await page.keyboard.press("ArrowRight");
  await page.getByText(/^Rack A2, 6 devices, (fails|major|critical)/).waitFor();
  await picture("floor-sick");
});

await step("a lasso picks a rack and of that one kind, and what is not known is told before what is done", async () => {
  await lasso(page.locator(".outline.focus"));
  const bar = page.getByRole("status").filter({ hasText: "selected" });
  await bar.getByText("6 selected").waitFor();
  await accessible("what was picked");
  await picture("lasso");
  // PDUs of two vendors and BMCs have nothing in common that could be done.
  const sheet = page.getByRole("dialog");
  await page.keyboard.press(".");
  await sheet.getByText("choose one kind").waitFor();
  await page.keyboard.press("Escape");
  await bar.getByRole("button", { name: "Only apc-pdu (2)" }).click();
  await bar.getByText("pdu-a2-a, pdu-a2-b", { exact: true }).waitFor();
  await page.keyboard.press(".");
  await sheet.getByLabel("Action").selectOption("outlet-off");
  await sheet.getByRole("spinbutton", { name: /outlet/ }).fill("4");
  await sheet.getByRole("button", { name: "Plan" }).click();
  await sheet.getByLabel(/Type 2/).fill("2");
  await sheet.getByRole("button", { name: "Do it" }).click();
  // The second says that it has done it, and has not: it is not believed before it was read back.
  const told = sheet.getByRole("status");
  await told.getByText("1 succeeded").waitFor();
  await told.getByText("1 being verified").waitFor();
  await sheet.getByRole("listitem").first().getByRole("link", { name: "pdu-a2-b" }).waitFor();
  assert.equal(await isOn("pdu-a2-a", 4), false);
  assert.equal(await isOn("pdu-a2-b", 4), true);
  await accessible("an action that is not believed");
  await picture("verifying");
});

await step("who may only see is shown no hands, and who may do something is told where not", async () => {
  const as = async (theirs, walk) => {
    const own = await browser.newContext({ locale: "en-GB", colorScheme: "dark" });
    own.setDefaultTimeout(15_000);
    const tab = await own.newPage();
    await tab.goto(`${url}/device/pdu-a2-a`);
    await tab.getByLabel("Token").fill(theirs);
    await tab.keyboard.press("Enter");
    await tab.getByRole("navigation").waitFor();
    await walk(tab);
    await own.close();
  };
  await as(await person("vera", "viewer"), async (tab) => {
    await tab.getByRole("region", { name: "Outlets" }).waitFor();
    assert.equal(await tab.getByRole("button", { name: /outlet-off|Lock|Read now|Actions/ }).count(), 0);
    assert.deepEqual(await tab.getByRole("navigation").getByRole("link", { name: /Audit|People/ }).all(), []);
    await tab.goto(`${url}/policies/spare-feed-a`);
    await tab.getByText("What it decides now").waitFor();
    assert.equal(await tab.getByRole("button", { name: /Test|Arm|off|shadow/ }).count(), 0);
    await tab.goto(`${url}/audit`);
    await tab.getByText("You may not see this: it needs audit").waitFor();
  });
  await as(await person("otto", "operator", "rack=A1"), async (tab) => {
    // Of other racks he sees nothing.
    await tab.goto(`${url}/device/pdu-a1-a`);
    await tab.getByRole("button", { name: "outlet-off 3", exact: true }).waitFor();
    await tab.getByText("5 targets").waitFor();
    assert.equal(await tab.getByRole("navigation").getByRole("link", { name: "Policies" }).count(), 0);
    await tab.goto(`${url}/`);
    await tab.getByRole("region", { name: "Causes" }).waitFor();
  });
});

await step("a small screen and a screen on a wall", async () => {
  await page.setViewportSize({ width: 390, height: 780 });
  for (const path of ["/", "/floor/demo", "/device/pdu-a1-a", "/alarms", "/policies/spare-feed-a"]) {
    await go(path);
    await page.getByText("live", { exact: true }).waitFor();
    await page.getByRole("heading", { level: 1 }).first().waitFor();
    const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
    assert.ok(wide <= 0, `${path} is ${wide} px too wide`);
    await picture(`small-${path.split("/")[1] || "now"}`);
  }
  await accessible("a small screen");
  await page.setViewportSize({ width: 1280, height: 800 });
  await go("/?wall");
  await page.getByText("live", { exact: true }).waitFor();
  assert.equal(await page.getByRole("navigation").isVisible(), false);
  await accessible("a wall");
  await picture("wall");
  await page.getByRole("button", { name: "Leave the wall" }).click();
  await page.getByRole("navigation").waitFor();
});

await step("light is as readable as dark", async () => {
  await page.emulateMedia({ colorScheme: "light" });
  for (const path of ["/", "/floor/demo", "/rack/demo/A2", "/device/ups-a", "/alarms", "/operations", "/policies", "/policies/spare-feed-a"]) {
    await go(path);
    await page.getByText("live", { exact: true }).waitFor();
    await accessible(`${path} in light`);
    await picture(`light-${path.split("/")[1] || "now"}`);
  }
  // It has been silent for long enough: its values are those of then, and hatched.
  await go("/device/pdu-a2-a2");
  await page.getByRole("row", { name: /hw\.power.*not heard in time/ }).first().waitFor();
  await accessible("a device that was not heard in time, in light");
  await picture("light-stale");
  for (const device of Object.keys(sick)) await simulate({ command: "fault", device, fault: "none" });
});

await step("Japanese has its words", async () => {
  await page.evaluate(() => localStorage.setItem("language", "ja"));
  await go("/");
  await page.getByRole("link", { name: "アラーム" }).waitFor();
  await page.getByText("ライブ", { exact: true }).waitFor();
  await picture("japanese");
  await page.evaluate(() => localStorage.setItem("language", "en"));
});

await step("another origin can read nothing and do nothing", async () => {
  const act = JSON.stringify({
    selector: "name=pdu-a1-a",
    action: "outlet-off",
    parameters: { outlet: 5 },
  });
  const evil = http.createServer((_, response) => {
    response.setHeader("content-type", "text/html");
    response.end("<!doctype html><title>another page</title>");
  });
  await new Promise((resolve) => evil.listen(0, "127.0.0.1", resolve));
  const other = await context.newPage();
  await other.goto(`http://127.0.0.1:${evil.address().port}/`);
  const tries = await other.evaluate(
    async ([target, body]) => {
      const attempt = (options) =>
        fetch(`${target}/v1/operations`, { credentials: "include", ...options }).then(
          (response) => `${response.type} ${response.status}`,
          () => "refused",
        );
      const form = document.createElement("form");
      form.method = "post";
      form.action = `${target}/v1/operations`;
      form.enctype = "text/plain";
      form.target = "_blank";
      document.body.append(form);
      return [
        await attempt({ method: "POST", body, headers: { "content-type": "application/json", "x-utakata": "1" } }),
        await attempt({ method: "POST", body, mode: "no-cors" }),
        await attempt({ method: "GET" }),
        await new Promise((resolve) => {
          const stream = new EventSource(`${target}/v1/view`, { withCredentials: true });
          stream.onopen = () => resolve("open");
          stream.onerror = () => resolve("refused");
        }),
      ];
    },
    [url.replace(/\/$/, ""), act],
  );
  assert.deepEqual(tries, ["refused", "opaque 0", "refused", "refused"]);
  await other.close();
  evil.close();
  assert.equal(await isOn("pdu-a1-a", 5), true);
  // The same by hand: the cookie alone changes nothing, from this origin neither.
  const cookie = (await context.cookies()).map(({ name, value }) => `${name}=${value}`).join("; ");
  for (const [headers, status] of [
    [{}, 403],
    [{ "x-utakata": "1", "sec-fetch-site": "same-site" }, 403],
    [{ "x-utakata": "1", origin: "http://127.0.0.1:1" }, 403],
    [{ "x-utakata": "1", cookie: "utakata=x" }, 401],
  ]) {
    const answer = await fetch(`${origin}/v1/operations`, {
      method: "POST",
      body: act,
      headers: { cookie, "content-type": "application/json", ...headers },
    });
    assert.equal(answer.status, status, JSON.stringify(headers));
  }
});

await step("a second tab shares the stream of the first", async () => {
  const streams = () => requests.filter((one) => one.url().endsWith("/v1/view") && one.frame().page() === second);
  const second = await context.newPage();
  await second.goto(`${url}/floor/demo`);
  await second.getByText("live", { exact: true }).waitFor();
  assert.equal(streams().length, 0);
  // When the first one is closed, the second takes the stream over.
  await Promise.all([
    second.waitForRequest((one) => one.url().endsWith("/v1/view")),
    page.goto("about:blank"),
  ]);
  await second.close();
});

await step("hours of looking around leave nothing behind", async () => {
  const session = await context.newCDPSession(page);
  const heap = async () => {
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  };
  await go("/");
  await page.getByText("live", { exact: true }).waitFor();
  const round = async () => {
    for (const letter of "faocireun") {
      await page.keyboard.press("g");
      await page.keyboard.press(letter);
    }
    await page.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
  };
  for (let at = 0; at < 2; at += 1) await round();
  const first = await heap();
  for (let at = 0; at < 5; at += 1) await round();
  const last = await heap();
  await session.detach();
  assert.ok(last <= first * 1.1 + 500_000, `the heap grew from ${first} to ${last}`);
});

await step("many changes leave nothing behind", async () => {
  // As many as 20,000 devices have in a quarter of an hour, from a site that is made up.
  const site = await makeUp({ count: 2000, rate: 250_000, tick: 2 });
  const tab = await (await browser.newContext()).newPage();
  const session = await tab.context().newCDPSession(tab);
  const heap = async () => {
    await site.more(100);
    await tab.evaluate(() => new Promise((resolve) => requestAnimationFrame(resolve)));
    await session.send("HeapProfiler.collectGarbage");
    return (await session.send("Runtime.getHeapUsage")).usedSize;
  };
  await tab.goto(`${site.url}/floor/room-0?layer=power`);
  await tab.locator(".pulse.good").waitFor();
  const first = await heap();
  await site.more(400);
  const last = await heap();
  assert.ok(last <= first * 1.1, `the heap grew from ${first} to ${last}`);
  await tab.context().close();
  site.close();
});

await step("who logs out is out", async () => {
  await go("/");
  await page.getByRole("button", { name: "admin" }).click();
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByLabel("Token").waitFor();
  assert.deepEqual(await context.cookies(), []);
});

await step("three requests make the page, and none leaves the host", async () => {
  const asked = requests.map((one) => new URL(one.url()));
  const elsewhere = asked.filter((one) => one.protocol.startsWith("http") && one.hostname !== "127.0.0.1");
  assert.deepEqual(elsewhere.map(String), []);
  for (const request of requests) {
    assert.ok(!request.url().includes(token), "the token is in an address");
  }
  const files = new Set(asked.filter((one) => one.origin === origin && /\.(js|css)$/.test(one.pathname)).map(String));
  // The third is that of charts, which is fetched with the first of them.
  assert.deepEqual([...files].map((one) => new URL(one).pathname).sort(), ["/app.css", "/app.js", "/plot.js"]);
  const script = await fetch(`${origin}/app.js`, { headers: { "accept-encoding": "gzip" } });
  assert.equal(script.headers.get("content-encoding"), "gzip");
  const policy = (await fetch(`${origin}/`)).headers.get("content-security-policy");
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe/);
});

await browser.close();
