// The site as it is now: a cell for each target, from the one stream of this browser; or as it was
// at a time of the past.
//
// Of all tabs, one has the stream and tells the others: a browser has six connections to a server,
// and a wall of screens would use them up.

import { batch, signal } from "@preact/signals";
import { Backoff } from "./backoff";
import type { Subject } from "./selector";
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

export type ViewTarget = Subject;

/** Its number; its health, null if it answers; W; degrees Celsius; the age of its last answer. */
type Cell = [number, Health | null, number | null, number | null, number | null];

interface Changes {
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

type Message = { targets: Part } | { cells: Changes } | { hello: true };

/** The site at a time of the past, as the API has it. */
export interface Past {
  at: number;
  /** Why history itself knows nothing of it. */
  away?: string;
  targets: ViewTarget[];
  cells: Cell[];
}

/** All targets that are shown, in the order in which the server counts them. */
export const targets = signal<ViewTarget[]>([]);
/** Rises with each message that changes cells. */
export const revision = signal(0);
/** Rise when the lists of alarms and of operations have changed. */
export const alarmNews = signal(0);
export const outcomeNews = signal(0);
/** The time of the server when it was last heard, and of this browser then. */
export const heard = signal({ server: 0, here: 0 });
/** The time that is shown: that of the server now, each second; or that of the past. */
export const now = signal(Date.now());
/** The time of the past that is shown; null for now. */
export const past = signal<number | null>(null);
/** How often in a row the stream was asked for without an answer. */
export const tries = signal(0);

const second = (milliseconds: number): number => Math.floor(milliseconds / 1000);

/** What is known of each target of a list, by its number. */
class Cells {
  readonly numbers: Map<string, number>;
  readonly health: Uint8Array;
  readonly power: Float32Array;
  readonly temperature: Float32Array;
  readonly answered: Float64Array;
  readonly changed: Uint32Array;

  constructor(readonly list: ViewTarget[]) {
    this.numbers = new Map(list.map(({ name }, number) => [name, number]));
    this.health = new Uint8Array(list.length);
    this.power = new Float32Array(list.length).fill(Number.NaN);
    this.temperature = new Float32Array(list.length).fill(Number.NaN);
    this.answered = new Float64Array(list.length).fill(Number.NaN);
    this.changed = new Uint32Array(list.length);
  }

  take(cells: Cell[], at: number): void {
    for (const [number, state, watts, degrees, age] of cells) {
      this.health[number] = HEALTHS.indexOf(state ?? "answering");
      this.power[number] = watts ?? Number.NaN;
      this.temperature[number] = degrees ?? Number.NaN;
      this.answered[number] = age === null ? Number.NaN : second(at) - age;
      this.changed[number] = revision.peek() + 1;
    }
  }

  all(at: number): Cell[] {
    const number = (value: number): number | null => (Number.isNaN(value) ? null : value);
    return this.list.map((_, one) => [
      one,
      HEALTHS[this.health[one]!]!,
      number(this.power[one]!),
      number(this.temperature[one]!),
      number(second(at) - this.answered[one]!),
    ]);
  }
}

/** What is so now, and what is shown. */
let live = new Cells([]);
let shown = live;

export const cell = {
  health: (at: number): Health => HEALTHS[shown.health[at] ?? 0] ?? "unseen",
  /** In W; NaN if not observed. */
  power: (at: number): number => shown.power[at] ?? Number.NaN,
  /** In degrees Celsius; NaN if not observed. */
  temperature: (at: number): number => shown.temperature[at] ?? Number.NaN,
  /** In seconds since 1970; NaN if it never answered. */
  answered: (at: number): number => shown.answered[at] ?? Number.NaN,
  /** The revision in which it changed last. */
  changed: (at: number): number => shown.changed[at] ?? 0,
};

export function numberOf(name: string): number | undefined {
  return shown.numbers.get(name);
}

function show(cells: Cells, at: number): void {
  batch(() => {
    shown = cells;
    now.value = at;
    targets.value = cells.list;
    revision.value += 1;
  });
}

const serverTime = (): number => {
  const { server, here } = heard.value;
  return server > 0 ? server + (Date.now() - here) : Date.now();
};

/** Shows a time of which nothing is known yet: what is so now is not what was so then. */
export function beginPast(at: number): void {
  if (past.value !== null) return;
  past.value = at;
  show(new Cells(live.list), at);
}

export function showPast(one: Past): void {
  const cells = new Cells(one.targets);
  cells.take(one.cells, one.at);
  past.value = one.at;
  show(cells, one.at);
}

export function showPresent(): void {
  if (past.value === null) return;
  past.value = null;
  show(live, serverTime());
}

/** The targets of a list that is not whole yet. */
let arriving: ViewTarget[] = [];

function apply(message: Message): void {
  if ("targets" in message) {
    const { from, of, items } = message.targets;
    if (from === 0) arriving = [];
    arriving.push(...items);
    if (arriving.length < of) return;
    live = new Cells(arriving);
    if (past.value === null) show(live, serverTime());
    return;
  }
  if (!("cells" in message)) return;
  const { at, alarms, outcomes, cells } = message.cells;
  live.take(cells, at);
  batch(() => {
    heard.value = { server: at, here: Date.now() };
    tries.value = 0;
    alarmNews.value = alarms;
    outcomeNews.value = outcomes;
    if (past.value !== null) return;
    now.value = at;
    if (cells.length > 0) revision.value += 1;
  });
}

/** Everything as it is, for a tab that has just been opened. */
function snapshot(): Message[] {
  const { server } = heard.value;
  const rest = { at: server, alarms: alarmNews.value, outcomes: outcomeNews.value };
  const list = live.list;
  return [{ targets: { from: 0, of: list.length, items: list } }, { cells: { ...rest, cells: live.all(server) } }];
}

/** The server says something each second. If it says nothing for so long, in milliseconds, it is
 * gone, also where nobody has closed the connection. */
const SILENCE = 4000;

/** Keeps the stream: whenever it ends, or says nothing, it is asked for again, ever more rarely. */
function lead(channel: BroadcastChannel | null, onLost: () => void): () => void {
  const backoff = new Backoff();
  let stream: EventSource;
  let silence: ReturnType<typeof setTimeout>;
  let again: ReturnType<typeof setTimeout>;
  const listen = (): void => {
    clearTimeout(silence);
    silence = setTimeout(lose, SILENCE);
  };
  // What arrived together is taken one after the other: the browser draws and listens in between.
  const { port1: next, port2: later } = new MessageChannel();
  const arrived: string[] = [];
  next.onmessage = () => {
    const text = arrived.shift();
    if (text === undefined) return;
    const message = JSON.parse(text) as Message;
    apply(message);
    channel?.postMessage(message);
  };
  const pass = (event: MessageEvent<string>): void => {
    listen();
    backoff.reset();
    arrived.push(event.data);
    later.postMessage(null);
  };
  const lose = (): void => {
    clearTimeout(silence);
    clearTimeout(again);
    stream.close();
    arrived.length = 0;
    tries.value += 1;
    onLost();
    again = setTimeout(open, backoff.next());
  };
  const open = (): void => {
    stream = new EventSource("/v1/view");
    stream.addEventListener("targets", pass);
    stream.addEventListener("cells", pass);
    stream.addEventListener("error", lose);
    listen();
  };
  open();
  if (channel) {
    channel.onmessage = ({ data }: MessageEvent<Message>) => {
      if ("hello" in data && live.list.length > 0) {
        for (const message of snapshot()) channel.postMessage(message);
      }
    };
  }
  return () => {
    clearTimeout(again);
    clearTimeout(silence);
    stream.close();
    next.close();
  };
}

/** Begins to follow the site, until the returned function is called. */
export function follow(onLost: () => void): () => void {
  const ended = new AbortController();
  let close = (): void => {};
  const channel = "BroadcastChannel" in window ? new BroadcastChannel("utakata-view") : null;
  const clock = setInterval(() => {
    if (heard.value.server > 0 && past.value === null) now.value = serverTime();
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
