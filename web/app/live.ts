// The site as it is now: a cell for each target, from the one stream of this browser.
//
// Of all tabs, one has the stream and tells the others: a browser has six connections to a server,
// and a wall of screens would use them up.

import { batch, signal } from "@preact/signals";
import type { Health } from "./types";

const HEALTHS: Health[] = [
  "unseen",
  "answering",
  "failing",
  "stale",
  "partial",
  "not-understood",
  "unobserved",
];

export interface ViewTarget {
  name: string;
  kind: string;
  zone: string;
  labels: Record<string, string>;
}

/** Its number; its health, null if it answers; W; degrees Celsius; the age of its last answer. */
type Cell = [number, Health | null, number | null, number | null, number | null];

interface Cells {
  at: number;
  alarms: number;
  outcomes: number;
  cells: Cell[];
}

interface Part {
  from: number;
  of: number;
  items: ViewTarget[];
}

type Message = { targets: Part } | { cells: Cells } | { hello: true };

/** All targets, in the order in which the server counts them. */
export const targets = signal<ViewTarget[]>([]);
/** Rises with each message that changes cells. */
export const revision = signal(0);
/** Rise when the lists of alarms and of operations have changed. */
export const alarmNews = signal(0);
export const outcomeNews = signal(0);
/** The time of the server when it was last heard, and of this browser then. */
export const heard = signal({ server: 0, here: 0 });
/** The time of the server now, each second. */
export const now = signal(Date.now());

let numbers = new Map<string, number>();
let health = new Uint8Array(0);
let power = new Float32Array(0);
let temperature = new Float32Array(0);
let answered = new Float64Array(0);
let changed = new Uint32Array(0);

export const cell = {
  health: (at: number): Health => HEALTHS[health[at] ?? 0] ?? "unseen",
  /** In W; NaN if not observed. */
  power: (at: number): number => power[at] ?? Number.NaN,
  /** In degrees Celsius; NaN if not observed. */
  temperature: (at: number): number => temperature[at] ?? Number.NaN,
  /** In seconds since 1970; NaN if it never answered. */
  answered: (at: number): number => answered[at] ?? Number.NaN,
  /** The revision in which it changed last. */
  changed: (at: number): number => changed[at] ?? 0,
};

export function numberOf(name: string): number | undefined {
  return numbers.get(name);
}

/** Puts the list that has arrived in the place of the last one. */
function resize(): void {
  const { list } = arriving;
  numbers = arriving.numbers;
  health = new Uint8Array(list.length);
  power = new Float32Array(list.length).fill(Number.NaN);
  temperature = new Float32Array(list.length).fill(Number.NaN);
  answered = new Float64Array(list.length).fill(Number.NaN);
  changed = new Uint32Array(list.length);
  targets.value = list;
}

/** The targets of a list that is not whole yet. */
let arriving: { list: ViewTarget[]; numbers: Map<string, number> } = { list: [], numbers: new Map() };

function apply(message: Message): void {
  if ("targets" in message) {
    const { from, of, items } = message.targets;
    if (from === 0) arriving = { list: [], numbers: new Map() };
    const { list, numbers } = arriving;
    for (const target of items) {
      numbers.set(target.name, list.length);
      list.push(target);
    }
    if (list.length === of) resize();
    return;
  }
  if (!("cells" in message)) return;
  const { at, alarms, outcomes, cells } = message.cells;
  const second = Math.floor(at / 1000);
  for (const [number, state, watts, degrees, age] of cells) {
    health[number] = HEALTHS.indexOf(state ?? "answering");
    power[number] = watts ?? Number.NaN;
    temperature[number] = degrees ?? Number.NaN;
    answered[number] = age === null ? Number.NaN : second - age;
    changed[number] = revision.value + 1;
  }
  batch(() => {
    heard.value = { server: at, here: Date.now() };
    now.value = at;
    alarmNews.value = alarms;
    outcomeNews.value = outcomes;
    if (cells.length > 0) revision.value += 1;
  });
}

/** Everything as it is, for a tab that has just been opened. */
function snapshot(): Message[] {
  const { server } = heard.value;
  const second = Math.floor(server / 1000);
  const cells: Cell[] = targets.value.map((_, at) => {
    const number = (value: number): number | null => (Number.isNaN(value) ? null : value);
    return [at, cell.health(at), number(power[at]!), number(temperature[at]!), number(second - answered[at]!)];
  });
  const rest = { at: server, alarms: alarmNews.value, outcomes: outcomeNews.value };
  const list = targets.value;
  return [{ targets: { from: 0, of: list.length, items: list } }, { cells: { ...rest, cells } }];
}

/** The time after which a stream that was refused is asked for again, in milliseconds. */
const AGAIN = 2000;

function lead(channel: BroadcastChannel | null, onLost: () => void): () => void {
  let stream: EventSource;
  let again: ReturnType<typeof setTimeout> | undefined;
  const pass = (event: MessageEvent<string>): void => {
    const message = JSON.parse(event.data) as Message;
    apply(message);
    channel?.postMessage(message);
  };
  const open = (): void => {
    stream = new EventSource("/v1/view");
    stream.addEventListener("targets", pass);
    stream.addEventListener("cells", pass);
    stream.addEventListener("error", () => {
      // Where it is only interrupted, the browser connects again by itself.
      if (stream.readyState !== EventSource.CLOSED) return;
      again = setTimeout(open, AGAIN);
      onLost();
    });
  };
  open();
  if (channel) {
    channel.onmessage = ({ data }: MessageEvent<Message>) => {
      if ("hello" in data && targets.value.length > 0) {
        for (const message of snapshot()) channel.postMessage(message);
      }
    };
  }
  return () => {
    clearTimeout(again);
    stream.close();
  };
}

/** Begins to follow the site, until the returned function is called. */
export function follow(onLost: () => void): () => void {
  const ended = new AbortController();
  let close = (): void => {};
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("utakata-view") : null;
  const clock = setInterval(() => {
    const { server, here } = heard.value;
    if (server > 0) now.value = server + (Date.now() - here);
  }, 1000);
  if (channel && navigator.locks) {
    channel.onmessage = ({ data }: MessageEvent<Message>) => apply(data);
    channel.postMessage({ hello: true } satisfies Message);
    const held = navigator.locks.request("utakata-view", { signal: ended.signal }, () => {
      close = lead(channel, onLost);
      return new Promise<void>((resolve) => ended.signal.addEventListener("abort", () => resolve()));
    });
    held.catch(() => {});
  } else {
    close = lead(null, onLost);
  }
  return () => {
    ended.abort();
    close();
    clearInterval(clock);
    channel?.close();
  };
}
