// What the frame shows of the whole site: the overview, and the alarms.

import { signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { Refused, get } from "./api";
import { all } from "./fetching";
import { alarmNews, follow, outcomeNews, targets } from "./live";
import { usePast } from "./past";
import { has, hasEverywhere } from "./rights";
import { floors } from "./rooms";
import { alarmsNow, identify, overview } from "./session";
import type { Alarm, Floor, Overview } from "./types";

/** Whether another version of utakata answers than the one that this page came from. */
export const isOutdated = signal(false);
let version: string | undefined;

function compare(now: string): void {
  version ??= now;
  isOutdated.value = version !== now;
}

/** How often it is looked whether the person may still do what is shown, in milliseconds. */
const RIGHTS_AGAIN = 60_000;
/** How often it is looked whether somebody has drawn something, in milliseconds. */
const FLOORS_AGAIN = 60_000;

/** Fetches something; undefined where it was refused. */
async function known<T>(asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof Refused) return undefined;
    throw error;
  }
}

/** Fetches what somebody has drawn. */
export async function lookAtFloors(signal?: AbortSignal): Promise<void> {
  const found = await known(all<Floor>("/v1/floors", 1000, signal));
  // Rooms are laid out again only where something is different.
  if (found && JSON.stringify(found) !== JSON.stringify(floors.value)) floors.value = found;
}

/** Keeps the floors: looked at again when targets come or go, and now and then. */
function useFloors(): void {
  const isAllowed = has(["see"]);
  useEffect(() => {
    if (!isAllowed) return;
    const ended = new AbortController();
    const look = (): void =>
      void lookAtFloors(ended.signal).catch((error: unknown) => {
        if (!ended.signal.aborted) throw error;
      });
    look();
    const timer = setInterval(look, FLOORS_AGAIN);
    return () => {
      ended.abort();
      clearInterval(timer);
    };
  }, [isAllowed, targets.value]);
}

/** Keeps what every view shows. */
export function useSite(): void {
  usePast();
  useFloors();
  useEffect(() => follow(() => void identify()), []);
  useEffect(() => {
    const timer = setInterval(() => void identify(), RIGHTS_AGAIN);
    return () => clearInterval(timer);
  }, []);
  const [alarmChange, outcomeChange] = [alarmNews.value, outcomeNews.value];
  useEffect(() => {
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const look = async (): Promise<void> => {
      try {
        const [seen, list] = await Promise.all([
          hasEverywhere(["see"]) ? known(get<Overview>("/v1/overview", ended.signal)) : undefined,
          known(all<Alarm>("/v1/alarms", 5000, ended.signal)),
        ]);
        if (seen) {
          overview.value = seen;
          compare(seen.version);
        }
        alarmsNow.value = list;
      } catch (error) {
        if (ended.signal.aborted) return;
        throw error;
      }
      timer = setTimeout(look, 5000);
    };
    // Several changes at once are one.
    timer = setTimeout(look, 100);
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [alarmChange, outcomeChange]);
}
