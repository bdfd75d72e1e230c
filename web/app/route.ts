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

export function go(path: string, replace = false): void {
  if (replace) history.replaceState(null, "", path);
  else history.pushState(null, "", path);
  place.value = here();
  if (!replace) scrollTo(0, 0);
}

/** Changes one part of the query, and stays in the view. */
export function ask(key: string, value: string): void {
  const query = new URLSearchParams(location.search);
  if (value) query.set(key, value);
  else query.delete(key);
  const text = query.toString();
  go(location.pathname + (text ? `?${text}` : ""), true);
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
