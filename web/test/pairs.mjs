// Two people at a site that wants approvals: what the first asks for, the second approves, and a policy
// is armed by both.
// usage: node pairs.mjs URL TOKEN_FILE
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { chromium } from "playwright-core";

const [url, tokenFile] = process.argv.slice(2);
const token = readFileSync(tokenFile, "utf8").trim();

async function api(method, path, body) {
  const answer = await fetch(new URL(path, url), {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body ? { "content-type": "application/json" } : {}) },
    ...(body ? { body: JSON.stringify(body) } : {}),
  });
  assert.ok(answer.ok, `${method} ${path}: ${answer.status} ${await answer.clone().text()}`);
  return answer.json();
}

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--lang=en"],
});

/** Somebody in a browser of their own, who asks for a view. */
async function as(theirs, address) {
  const context = await browser.newContext({ locale: "en-GB" });
  context.setDefaultTimeout(15_000);
  const page = await context.newPage();
  await page.goto(address);
  await page.getByLabel("Token").fill(theirs);
  await page.keyboard.press("Enter");
  await page.getByRole("navigation").waitFor();
  return page;
}

// Who has made somebody's token cannot have what they ask for approved by them: so admin approves.
const { token: hers } = await api("PUT", "/v1/people/eve");
await api("PUT", "/v1/bindings/eve-admin", { who: "eve", role: "admin" });
const first = await as(hers, new URL("/device/pdu-a2-a", url).href);

// What is of high risk waits for somebody else.
await first.getByRole("button", { name: "outlet-off 3", exact: true }).click();
const sheet = first.getByRole("dialog");
await sheet.getByRole("button", { name: "Plan" }).click();
await sheet.getByRole("button", { name: "Do it" }).click();
await sheet.getByText("awaits approval").first().waitFor();
assert.equal(await sheet.getByRole("button", { name: /^Approve/ }).count(), 0, "nobody approves their own");
const { items } = await api("GET", "/v1/operations");
const { id } = items.find(({ state, by }) => state === "awaiting" && by === "eve");
const second = await as(token, new URL(`/operations/${id}`, url).href);
await second.getByRole("button", { name: /^Approve/ }).click();
await sheet.getByRole("status").getByText("1 succeeded").waitFor();
console.log("an operation of high risk is approved by a second person");

// A policy is armed by two who have seen the same result.
await first.goto(new URL("/policies/spare-feed-a", url).href);
await first.getByRole("button", { name: "Test and arm …" }).click();
await sheet.getByRole("button", { name: "Test" }).click();
await sheet.getByRole("status").getByText(/It would have acted/).waitFor();
await sheet.getByRole("button", { name: "Arm …" }).click();
await sheet.getByRole("button", { name: "Arm", exact: true }).click();
await sheet.getByText("It is not armed yet: somebody other than eve").waitFor();
const address = await sheet.locator("code").innerText();
assert.equal((await api("GET", "/v1/policies/spare-feed-a")).mode, "shadow");
await second.goto(address);
await second.getByText("eve has asked for it to be armed").first().waitFor();
await second.getByRole("button", { name: "Arm it, as eve asks …" }).click();
await second.getByRole("dialog").getByRole("button", { name: "Arm", exact: true }).click();
await second.getByRole("heading", { level: 1, name: /spare-feed-a.*armed/ }).waitFor();
const armed = await api("GET", "/v1/policies/spare-feed-a");
assert.equal(armed.mode, "armed");
console.log("a policy is armed by a second person");
await browser.close();
