// What the person may do, as the server says. It decides again, whatever is shown.

import { signal } from "@preact/signals";
import { numberOf, past, targets } from "./live";
import { type Selector, parseSelector, selects } from "./selector";
import type { Me } from "./types";

export type Right =
  | "see"
  | "read"
  | "control:low"
  | "control:high"
  | "approve"
  | "settle"
  | "lock"
  | "acknowledge"
  | "shelve"
  | "inventory"
  | "secret:write"
  | "secret:use"
  | "release:push"
  | "release:serve"
  | "order"
  | "people"
  | "audit"
  | "metrics";

export const CONTROL: readonly Right[] = ["control:low", "control:high"];

/** Where a right counts: on all targets and on what is none, or on what these select. */
type Scope = "everywhere" | readonly (Selector | undefined)[];

const held = signal<ReadonlyMap<string, Scope>>(new Map());

export function know(me: Me): void {
  held.value = new Map(
    (me.rights ?? []).map(({ right, on }) => [right, on ? on.map(parseSelector) : "everywhere"]),
  );
}

/** Whether the person has any right at all. */
export const hasAny = (): boolean => held.value.size > 0;

/** Whether the person has one of these rights somewhere. */
export const has = (rights: readonly Right[]): boolean => rights.some((right) => held.value.has(right));

/** Whether the person has one of these rights everywhere, as what is no target needs it. */
export const hasEverywhere = (rights: readonly Right[]): boolean =>
  rights.some((right) => held.value.get(right) === "everywhere");

function covers(scope: Scope | undefined, name: string): boolean {
  if (scope === undefined || scope === "everywhere") return scope !== undefined;
  const target = targets.value[numberOf(name) ?? -1];
  // What cannot be known here, the server knows.
  if (!target) return true;
  return scope.some((selector) => !selector || selects(selector, target) !== false);
}

/** Whether the person has one of these rights on every one of these targets. */
export const hasOn = (rights: readonly Right[], names: readonly string[]): boolean =>
  names.every((name) => rights.some((right) => covers(held.value.get(right), name)));

/** Whether anything can be done at all: what is past cannot be changed. */
export const isPresent = (): boolean => past.value === null;
