// What is fetched for a view: asked for again when it may have changed, and never silently old.

import { useCallback, useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Refused, get, path, type Page } from "./api";
import { past } from "./live";
import type { History, Reading, Series } from "./types";

export interface Fetched<T> {
  data: T | undefined;
  /** Why the last try failed; what is shown is older than that. */
  error: Refused | undefined;
  /** Asks again now. */
  again: () => void;
}

/** Fetches a path, again every so often, and whenever `news` changes. */
export function useFetched<T>(path: string | null, every = 10_000, news: unknown = 0): Fetched<T> {
  const [state, setState] = useState<{ path: string | null; data?: T; error?: Refused }>({ path });
  const run = useRef<() => void>(() => {});
  useEffect(() => {
    if (path === null) return;
    let timer: ReturnType<typeof setTimeout>;
    const ended = new AbortController();
    const look = async (): Promise<void> => {
      clearTimeout(timer);
      try {
        const data = await get<T>(path, ended.signal);
        if (ended.signal.aborted) return;
        setState({ path, data });
      } catch (error) {
        if (ended.signal.aborted) return;
        if (!(error instanceof Refused)) throw error;
        setState((before) => ({ ...(before.path === path ? before : { path }), error }));
      }
      // A tab that nobody sees asks rarely.
      timer = setTimeout(look, document.hidden ? Math.max(every, 30_000) : every);
    };
    run.current = () => void look();
    void look();
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [path, every, news]);
  const again = useCallback(() => run.current(), []);
  const isSame = state.path === path;
  return { data: isSame ? state.data : undefined, error: isSame ? state.error : undefined, again };
}

/** What was fetched last: while the next is fetched, it stays. */
export function useLast<T>(data: T | undefined): T | undefined {
  const [last, setLast] = useState<T>();
  if (data !== undefined && data !== last) setLast(data);
  return data ?? last;
}

/** Fetches all pages of a list, up to a number of items. */
export async function all<T>(path: string, most = 5000, signal?: AbortSignal): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const separator = path.includes("?") ? "&" : "?";
    const next = cursor ? `&cursor=${encodeURIComponent(cursor)}` : "";
    const page = await get<Page<T>>(`${path}${separator}limit=1000${next}`, signal);
    items.push(...page.items);
    cursor = page.next;
  } while (cursor && items.length < most);
  return items;
}

/** The time before a moment of the past in which its values are looked for, in milliseconds. */
const LOOK_BACK = 15 * 60_000;
/** The past does not change. */
const RARELY = 3_600_000;

const last = ({ target = "", metric, attributes, unit, times, values }: Series): Reading[] => {
  const [time, value] = [times.at(-1), values.at(-1)];
  if (time === undefined || value === undefined) return [];
  return [
    {
      target,
      metric,
      value,
      time: new Date(time).toISOString(),
      ...(attributes ? { attributes } : {}),
      ...(unit ? { unit } : {}),
    },
  ];
};

/** The readings of some targets, now or at the time of the past that is shown. */
export function useReadings(
  selector: string | null,
  metric: string | undefined,
  every: number,
  news: unknown = 0,
): Fetched<Reading[]> {
  const at = past.value;
  const asked =
    selector === null
      ? null
      : at === null
        ? path("/v1/readings", { selector, metric, limit: 1000 })
        : path("/v1/history", {
            selector,
            metric,
            from: new Date(at - LOOK_BACK).toISOString(),
            to: new Date(at + 1).toISOString(),
            limit: 1000,
          });
  const { data, error, again } = useFetched<Page<Reading> | History>(
    asked,
    at === null ? every : RARELY,
    at === null ? news : at,
  );
  const readings = useMemo(() => data && ("items" in data ? data.items : data.series.flatMap(last)), [data]);
  return { data: readings, error, again };
}
