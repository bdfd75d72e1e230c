// The inventory: filtered by the server, and only the rows that are on the screen are drawn.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Refused, path } from "../api";
import { all } from "../fetching";
import { degrees, watts } from "../format";
import { cell, numberOf, revision, targets } from "../live";
import { Age, Empty, HealthMark, Labels, Trouble } from "../parts";
import { hasEverywhere } from "../rights";
import { ask, place, to } from "../route";
import { pick, picked, toggle } from "../selection";
import { t, word } from "../text";
import type { Health, Target } from "../types";
import { Picked } from "./floor";

const HEALTHS: Health[] = ["answering", "failing", "stale", "partial", "not-understood", "unobserved", "unseen"];
const ROW = 28;
const MOST = 50_000;
/** How often it is asked again, in milliseconds. */
const AGAIN = 5000;

/** The part of a list that is on the screen. */
function useWindow(count: number): { from: number; to: number; frame: { current: HTMLDivElement | null } } {
  const frame = useRef<HTMLDivElement>(null);
  const [range, setRange] = useState({ from: 0, to: 60 });
  useEffect(() => {
    const element = frame.current;
    if (!element) return;
    const look = (): void => {
      const from = Math.max(0, Math.floor(element.scrollTop / ROW) - 10);
      const until = from + Math.ceil(element.clientHeight / ROW) + 20;
      setRange((before) => (before.from === from && before.to === until ? before : { from, to: until }));
    };
    look();
    element.addEventListener("scroll", look, { passive: true });
    const observer = new ResizeObserver(look);
    observer.observe(element);
    return () => {
      element.removeEventListener("scroll", look);
      observer.disconnect();
    };
  }, [count > 0]);
  return { from: Math.min(range.from, count), to: Math.min(range.to, count), frame };
}

function useTargets(selector: string, health: string): { list: Target[] | undefined; error: Refused | undefined } {
  const [state, setState] = useState<{ list?: Target[]; error?: Refused }>({});
  useEffect(() => {
    const ended = new AbortController();
    let timer: ReturnType<typeof setTimeout>;
    const look = (): void => {
      all<Target>(path("/v1/targets", { selector, health }), MOST, ended.signal).then(
        (list) => {
          setState({ list });
          // Who is of a health changes by itself.
          if (health) timer = setTimeout(look, AGAIN);
        },
        (error: unknown) => {
          if (ended.signal.aborted) return;
          if (!(error instanceof Refused)) throw error;
          setState((before) => ({ ...before, error }));
          timer = setTimeout(look, AGAIN);
        },
      );
    };
    // While somebody types, nothing is asked.
    timer = setTimeout(look, 200);
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
    // A target that comes or goes changes the list of the stream.
  }, [selector, health, targets.value]);
  return { list: state.list, error: state.error };
}

function Row(props: { target: Target; at: number; onChoose: (at: number, isRange: boolean) => void }): JSX.Element {
  const { target, at } = props;
  const number = numberOf(target.name);
  const answered = number === undefined ? Number.NaN : cell.answered(number);
  return (
    <div class="row" role="row" aria-rowindex={at + 2} style={{ top: `${at * ROW}px` }}>
      <span role="cell">
        <input
          type="checkbox"
          aria-label={`${t("select")} ${target.name}`}
          checked={picked.value.has(target.name)}
          onClick={(event) => props.onChoose(at, event.shiftKey)}
        />
      </span>
      <span role="rowheader">
        <a href={to.device(target.name)}>{target.name}</a>
      </span>
      <span role="cell">{target.kind}</span>
      <span role="cell">
        <HealthMark of={number === undefined ? target.health : cell.health(number)} />
      </span>
      <span role="cell" class="number">
        {number === undefined ? "" : watts(cell.power(number))}
      </span>
      <span role="cell" class="number">
        {number === undefined ? "" : degrees(cell.temperature(number))}
      </span>
      <span role="cell" class="number">
        <Age of={Number.isNaN(answered) ? target.answered : new Date(answered * 1000).toISOString()} />
      </span>
      <span role="cell">
        <Labels of={target.labels} />
      </span>
      <span role="cell" class="hint">
        {target.address}
      </span>
    </div>
  );
}

export function InventoryView(): JSX.Element {
  void revision.value;
  const query = place.value.query;
  const [selector, setSelector] = useState(query.get("selector") ?? "");
  const health = query.get("health") ?? "";
  const { list, error } = useTargets(selector, health);
  const count = list?.length ?? 0;
  const { from, to: until, frame } = useWindow(count);
  const last = useRef(0);
  /** Chooses one; with Shift all between it and the one before. */
  const choose = (at: number, isRange: boolean): void => {
    const [first, end] = [Math.min(last.current, at), Math.max(last.current, at)];
    if (isRange) pick([...picked.value, ...(list ?? []).slice(first, end + 1).map(({ name }) => name)]);
    else toggle(list![at]!.name);
    last.current = at;
  };
  return (
    <>
      <h1 class="title">
        {t("inventory")} {list && <span class="hint">{t("found", { n: count })}</span>}
      </h1>
      <div class="toolbar">
        <label class="grow">
          {t("selector")}{" "}
          <input
            type="search"
            value={selector}
            placeholder={t("selectorHint")}
            onInput={(event) => {
              setSelector(event.currentTarget.value);
              ask("selector", event.currentTarget.value);
            }}
          />
        </label>
        <label>
          {t("health")}{" "}
          <select value={health} onChange={(event) => ask("health", event.currentTarget.value)}>
            <option value="">{t("any")}</option>
            {HEALTHS.map((one) => (
              <option key={one} value={one}>
                {word("health", one)}
              </option>
            ))}
          </select>
        </label>
        <button type="button" disabled={count === 0} onClick={() => pick(list?.map(({ name }) => name) ?? [])}>
          {t("select")}: {t("all")}
        </button>
        {hasEverywhere(["see"]) && <a href="/inventory/found">{t("proposals")}</a>}
      </div>
      <Trouble of={error} />
      {list?.length === 0 && <Empty>{t("noMatch")}</Empty>}
      {count > 0 && (
        <div class="grid" role="table" aria-label={t("inventory")} aria-rowcount={count + 1}>
          <div class="row head" role="row" aria-rowindex={1}>
            {(["select", "name", "kind", "health", "power", "temperature", "age", "labels", "address"] as const).map((key) => (
              <span key={key} role="columnheader" class={["power", "temperature", "age"].includes(key) ? "number" : ""}>
                {t(key)}
              </span>
            ))}
          </div>
          <div class="body" ref={frame} role="rowgroup" tabIndex={0} aria-label={t("found", { n: count })}>
            <div role="presentation" style={{ height: `${count * ROW}px` }} />
            {list?.slice(from, until).map((target, at) => <Row key={target.name} target={target} at={from + at} onChoose={choose} />)}
          </div>
        </div>
      )}
      <Picked />
    </>
  );
}
