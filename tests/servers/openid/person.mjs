// A person with a browser, who logs in, agrees, and ends where the provider is left.
// usage: node person.mjs URL SUBJECT [no]
// Prints {"url": the address to which the provider sends the browser, "text": or its last page}.
const [start, subject, answer] = process.argv.slice(2);
const home = new URL(start).origin;
const jar = new Map();

async function visit(url, form) {
  const cookies = Array.from(jar, ([name, value]) => `${name}=${value}`).join("; ");
  const response = await fetch(url, {
    method: form ? "POST" : "GET",
    body: form,
    headers: { cookie: cookies },
    redirect: "manual",
  });
  for (const line of response.headers.getSetCookie()) {
    const [name, value] = line.split(";")[0].split(/=(.*)/s);
    value ? jar.set(name, value) : jar.delete(name);
  }
  return response;
}

/** The first form of a page, filled in as this person does. */
function filled(page, url) {
  const action = /<form[^>]*action="([^"]*)"/.exec(page)?.[1];
  if (!action) return undefined;
  const form = new URLSearchParams();
  for (const [input] of page.matchAll(/<input[^>]*>/g)) {
    const of = (name) => new RegExp(`${name}="([^"]*)"`).exec(input)?.[1];
    if (of("name")) form.set(of("name"), of("value") ?? "");
  }
  if (page.includes('name="login"')) {
    form.set("login", subject);
    form.set("password", "any");
  }
  if (page.includes('value="yes"')) form.set("confirm", "yes");
  return { action: new URL(action.replaceAll("&amp;", "&"), url), form };
}

let url = new URL(start);
let response = await visit(url);
for (let step = 0; step < 30; step += 1) {
  const next = response.headers.get("location");
  if (next) {
    url = new URL(next, url);
    if (url.origin !== home) {
      console.log(JSON.stringify({ url: url.href }));
      process.exit(0);
    }
    response = await visit(url);
    continue;
  }
  const page = await response.text();
  const abort = /href="([^"]*\/abort)"/.exec(page)?.[1];
  const sheet = answer === "no" && abort ? undefined : filled(page, url);
  if (answer === "no" && abort) {
    url = new URL(abort, url);
    response = await visit(url);
  } else if (sheet) {
    url = sheet.action;
    response = await visit(url, sheet.form);
  } else {
    const text = page.replace(/<style[^]*?<\/style>/g, " ").replace(/<[^>]*>/g, " ").replace(/\s+/g, " ").trim();
    console.log(JSON.stringify({ text: `${response.status} ${text}` }));
    process.exit(0);
  }
}
console.error("the provider asks without end");
process.exit(1);
