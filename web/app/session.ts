// Who is logged in, and what everybody's screen shows of the whole site.

import { signal } from "@preact/signals";
import { Refused, get, remove } from "./api";
import type { Alarm, Overview } from "./types";

/** The name of the person; null if nobody is logged in; undefined until that is known. */
export const me = signal<string | null | undefined>(undefined);
export const hasEnded = signal(false);

export const overview = signal<Overview | undefined>(undefined);
/** The active alarms, the worst first. */
export const alarms = signal<Alarm[]>([]);
/** Whether the list of alarms could be fetched: what cannot be looked at is not none. */
export const alarmsKnown = signal(false);

/** Finds out who is logged in. Where utakata does not answer, it is asked again. */
export async function identify(): Promise<void> {
  try {
    me.value = (await get<{ name: string }>("/v1/me")).name;
  } catch (error) {
    if (error instanceof Refused && error.problem.status === 401) me.value = null;
    else setTimeout(() => void identify(), 2000);
  }
}

export async function logOut(): Promise<void> {
  await remove("/v1/session").catch(() => {});
  hasEnded.value = false;
  me.value = null;
}
