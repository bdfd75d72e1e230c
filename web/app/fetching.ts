// What is fetched for a view: asked for again when it may have changed, and never silently old.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Refused, get, type Page } from "./api";

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
