// The address of a view: each can be pasted into a ticket.

import { signal } from "@preact/signals";

export interface Place {
  /** The parts of the path: ["device", "pdu-a1-a"]. */
  parts: string[];
  query: URLSearchParams;
}

function here(): Place {
  const parts = location.pathname.split("/").filter(Boolean).map(decodeURIComponent);
  return { parts, query: new URLSearchParams(location.search) };
}

export const place = signal(here());

addEventListener("popstate", () => {
  place.value = here();
});

/** Views that can show the past. */
const OF_PAST = /^\/(?:$|(?:floor|rack|device|alarms)(?:\/|$)|policies\/.)/;
export const canShowPast = (path: string): boolean => OF_PAST.test(path);
/** Whether the view that is shown can. */
export const isOfPast = (): boolean => canShowPast(`/${place.value.parts.join("/")}`);

/** A path with a query, in which times can be read. */
function address(path: string, query: URLSearchParams): string {
  const text = query.toString().replaceAll("%3A", ":").replace(/=(&|$)/g, "$1");
  return path + (text ? `?${text}` : "");
}

function move(path: string, replace: boolean): void {
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  place.value = here();
  if (!replace) scrollTo(0, 0);
}

/** Goes to a view. The time that is shown, and the wall, stay as they are. */
export function go(path: string, replace = false): void {
  const [base = "/", search = ""] = path.split("?");
  const query = new URLSearchParams(search);
  for (const key of canShowPast(base) ? ["at", "wall"] : ["wall"]) {
    const kept = place.value.query.get(key);
    if (kept !== null && !query.has(key)) query.set(key, kept);
  }
  move(address(base, query), replace);
}

/** Changes one part of the query, and stays in the view. */
export function ask(key: string, value: string | undefined): void {
  const query = new URLSearchParams(location.search);
  if (value) query.set(key, value);
  else query.delete(key);
  move(address(location.pathname, query), true);
}

/** What has no room has a place in addresses all the same. */
const NO_ROOM = "-";
const roomPart = (room: string): string => encodeURIComponent(room || NO_ROOM);
export const roomOf = (part: string | undefined): string | undefined => (part === NO_ROOM ? "" : part);

export const to = {
  device: (name: string): string => `/device/${encodeURIComponent(name)}`,
  rack: (room: string, rack: string): string => `/rack/${roomPart(room)}/${encodeURIComponent(rack)}`,
  floor: (room: string): string => `/floor/${roomPart(room)}`,
  alarm: (id: string): string => `/alarms/${encodeURIComponent(id)}`,
  operation: (id: string): string => `/operations/${encodeURIComponent(id)}`,
  policy: (name: string): string => `/policies/${encodeURIComponent(name)}`,
};

/** Follows links inside the UI without loading the page again. */
addEventListener("click", (event) => {
  if (event.defaultPrevented || event.button !== 0) return;
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  const link = event.target instanceof Element ? event.target.closest("a[href]") : null;
  // A link in a drawing has no address of its own as a text.
  const url = link && new URL(link.getAttribute("href") ?? "", location.href);
  if (!url || url.origin !== location.origin || url.pathname.startsWith("/v1/")) return;
  event.preventDefault();
  go(url.pathname + url.search);
});
