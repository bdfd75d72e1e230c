// Who is logged in, and what everybody's screen shows of the whole site.

import { computed, signal } from "@preact/signals";
import { Refused, get, remove } from "./api";
import { past } from "./live";
import { know } from "./rights";
import { go } from "./route";
import type { Alarm, Me, Overview } from "./types";

/** The name of the person; null if nobody is logged in; undefined until that is known. */
export const me = signal<string | null | undefined>(undefined);
export const hasEnded = signal(false);

export const overview = signal<Overview | undefined>(undefined);
/** The active alarms of now, the worst first; undefined if they could not be fetched: what cannot
 * be looked at is not none. */
export const alarmsNow = signal<Alarm[] | undefined>(undefined);
/** Those of the time of the past that is shown. */
export const alarmsThen = signal<Alarm[] | undefined>(undefined);

const shown = computed(() => (past.value === null ? alarmsNow.value : alarmsThen.value));
export const alarms = computed(() => shown.value ?? []);
export const alarmsKnown = computed(() => shown.value !== undefined);

let asked: Promise<void> | undefined;

/** Finds out who is logged in, and what they may do. Where utakata does not answer, it is asked
 * again. */
export function identify(): Promise<void> {
  asked ??= look().finally(() => {
    asked = undefined;
  });
  return asked;
}

async function look(): Promise<void> {
  for (;;) {
    try {
      const found = await get<Me>("/v1/me");
      know(found);
      if (me.value !== found.name) comeBack();
      me.value = found.name;
      return;
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      if (error.problem.status === 401) {
        me.value = null;
        return;
      }
      // While somebody is at work, the stream says that nobody answers.
      if (typeof me.value === "string") return;
      await new Promise((resolve) => setTimeout(resolve, 2000));
    }
  }
}

/** Where the view is kept that was asked for, while its reader is at the identity provider. */
const ASKED_FOR = "utakata-asked-for";

export function leave(): void {
  sessionStorage.setItem(ASKED_FOR, location.pathname + location.search);
}

/** Goes on to the view that was asked for before logging in. */
function comeBack(): void {
  const path = sessionStorage.getItem(ASKED_FOR);
  sessionStorage.removeItem(ASKED_FOR);
  if (path && location.pathname === "/") go(path, true);
}

export async function logOut(): Promise<void> {
  await remove("/v1/session").catch(() => {});
  hasEnded.value = false;
  me.value = null;
}
