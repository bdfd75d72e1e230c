// Rooms, and what is known of their racks and targets.

import { computed, signal } from "@preact/signals";
import { build } from "./floor/room";
import { inOrder } from "./format";
import { cell, revision, targets } from "./live";
import { alarms } from "./session";
import type { Floor, Health, Severity } from "./types";

export type { Rack, Room, Row } from "./floor/room";

/** The floors that somebody has drawn. */
export const floors = signal<Floor[]>([]);

export const rooms = computed(() => build(targets.value, floors.value));

const RANK: Record<Severity, number> = { critical: 4, major: 3, minor: 2, notice: 1 };

/** The worst severity of the active alarms of each target, by name. Shelved ones do not count. */
export const worst = computed(() => {
  const found = new Map<string, Severity>();
  for (const alarm of alarms.value) {
    if (!alarm.active || alarm.held?.by === "person" || alarm.held?.by === "lock") continue;
    const known = found.get(alarm.target);
    if (!known || RANK[alarm.severity] > RANK[known]) found.set(alarm.target, alarm.severity);
  }
  return found;
});

let count = 0;
/** Another number whenever alarms have changed. */
export const alarmsRevision = computed(() => {
  void worst.value;
  return (count += 1);
});

/** The look of a target or of a rack on the floor: an alarm, or how much is known. */
export type Look = Severity | "failing" | "stale" | "unknown" | "well";

const LOOKS: Look[] = ["well", "unknown", "notice", "stale", "minor", "failing", "major", "critical"];

const LOOK_OF: Record<Health, Look> = {
  answering: "well",
  partial: "well",
  "not-understood": "unknown",
  unseen: "unknown",
  unobserved: "unknown",
  stale: "stale",
  failing: "failing",
};

export function lookOf(number: number): Look {
  const name = targets.value[number]?.name ?? "";
  const health = LOOK_OF[cell.health(number)];
  const severity = worst.value.get(name);
  if (!severity) return health;
  return LOOKS.indexOf(severity) > LOOKS.indexOf(health) ? severity : health;
}

export interface Summary {
  look: Look;
  /** The share that was not heard in time, from 0 to 1. */
  stale: number;
  /** In W; NaN if none is known. What a rack draws is the sum of its PDUs, if it has any. */
  power: number;
  /** The greatest, in degrees Celsius. */
  temperature: number;
  /** The oldest last answer, in seconds since 1970. */
  answered: number;
}

/** Kinds whose power is that of what hangs on them. */
const SUPPLIES = /pdu|ups|sts|meter/;

export function summary(members: number[]): Summary {
  let look: Look = "well";
  let stale = 0;
  let supplied = Number.NaN;
  let drawn = Number.NaN;
  let temperature = Number.NaN;
  let answered = Number.NaN;
  const plus = (a: number, b: number): number => (Number.isNaN(a) ? b : a + b);
  for (const number of members) {
    const own = lookOf(number);
    if (LOOKS.indexOf(own) > LOOKS.indexOf(look)) look = own;
    const health = cell.health(number);
    if (health === "stale" || health === "failing") stale += 1;
    const watts = cell.power(number);
    if (!Number.isNaN(watts)) {
      if (SUPPLIES.test(targets.value[number]?.kind ?? "")) supplied = plus(supplied, watts);
      else drawn = plus(drawn, watts);
    }
    const degrees = cell.temperature(number);
    if (!Number.isNaN(degrees) && !(temperature >= degrees)) temperature = degrees;
    const second = cell.answered(number);
    if (!Number.isNaN(second) && !(answered <= second)) answered = second;
  }
  return { look, stale: stale / Math.max(1, members.length), power: Number.isNaN(supplied) ? drawn : supplied, temperature, answered };
}

/** The target with the hottest inlet that is heard in time. */
export const hottest = computed(() => {
  void revision.value;
  let found = -1;
  for (let at = 0; at < targets.value.length; at += 1) {
    const degrees = cell.temperature(at);
    if (Number.isNaN(degrees) || cell.health(at) === "stale" || cell.health(at) === "failing") continue;
    if (SOURCES.test(targets.value[at]?.kind ?? "")) continue;
    if (found < 0 || degrees > cell.temperature(found)) found = at;
  }
  return found;
});

/** Kinds that feed PDUs, and kinds that hang on them: what they draw is counted there. */
const SOURCES = /ups|nut/;
const LOADS = /redfish|ipmi|server/;

export interface FeedSum {
  name: string;
  power: number;
  supplies: number[];
}

/** What is drawn from each feed, from the PDUs that have its label. */
export const feeds = computed(() => {
  void revision.value;
  const sums = new Map<string, FeedSum>();
  targets.value.forEach((target, number) => {
    const name = target.labels.feed;
    if (name === undefined) return;
    let sum = sums.get(name);
    if (!sum) sums.set(name, (sum = { name, power: 0, supplies: [] }));
    if (SOURCES.test(target.kind)) sum.supplies.push(number);
    else if (!LOADS.test(target.kind) && !Number.isNaN(cell.power(number))) sum.power += cell.power(number);
  });
  return [...sums.values()].sort((a, b) => inOrder(a.name, b.name));
});
