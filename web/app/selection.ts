// The targets that were picked, and the action that is being planned for them.

import { signal } from "@preact/signals";
import { inOrder } from "./format";
import { numberOf, targets } from "./live";

/** The names of the picked targets. */
export const picked = signal<ReadonlySet<string>>(new Set());

export function toggle(name: string): void {
  const next = new Set(picked.value);
  if (!next.delete(name)) next.add(name);
  picked.value = next;
}

export function pick(names: Iterable<string>): void {
  picked.value = new Set(names);
}

/** Names of targets by their kinds. */
export function byKind(names: Iterable<string>): Map<string, string[]> {
  const kinds = new Map<string, string[]>();
  for (const name of names) {
    const kind = targets.value[numberOf(name) ?? -1]?.kind;
    if (kind) kinds.set(kind, [...(kinds.get(kind) ?? []), name]);
  }
  return kinds;
}

export interface Intent {
  /** The names of the targets. */
  names: string[];
  /** The action, if it is known already, with parameters that are known. */
  action?: string;
  parameters?: Record<string, unknown>;
}

/** The action that is being planned. */
export const intent = signal<Intent | null>(null);

export function act(names: Iterable<string>, action?: string, parameters?: Record<string, unknown>): void {
  intent.value = {
    names: [...names].sort(inOrder),
    ...(action ? { action } : {}),
    ...(parameters ? { parameters } : {}),
  };
}

/** The selector of targets by name. */
export function selectorOf(names: string[]): string {
  return names.length === 1 ? `name=${names[0]}` : `name in (${names.join(",")})`;
}
