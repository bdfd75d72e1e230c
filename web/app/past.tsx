// The past: the time in the address, what was so then, and the way to other times.

import { batch, computed, signal } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Refused, get, path } from "./api";
import { all } from "./fetching";
import { age, fullTime } from "./format";
import { type Past, beginPast, heard, past, showPast, showPresent } from "./live";
import { Trouble } from "./parts";
import { ask, isOfPast, place } from "./route";
import { alarmsThen } from "./session";
import { t } from "./text";
import type { Alarm } from "./types";

/** The time in the address; NaN if it is none, null if now is meant. */
export const wanted = computed((): number | null => {
  const given = isOfPast() ? place.value.query.get("at") : null;
  return given ? Date.parse(given) : null;
});

const error = signal<Refused | undefined>(undefined);
const away = signal<string | undefined>(undefined);
const isLoading = signal(false);

const MINUTE = 60_000;
/** How far the buttons go, in minutes. */
const STEPS = [
  [60, "1 h"],
  [10, "10 m"],
  [1, "1 m"],
] as const;
const DAY = 24 * 60 * MINUTE;
/** While somebody moves on, nothing is asked, in milliseconds. */
const DEBOUNCE = 200;
/** The largest number of alarms that are looked through. */
const MAX_ALARMS = 20_000;

/** The alarms that were active at a time, as they were then. */
export function activeAt(list: Alarm[], at: number): Alarm[] {
  return list
    .filter((one) => Date.parse(one.raised) <= at && !(one.over && Date.parse(one.over) <= at))
    .map(({ seen, ...one }) => {
      const wasSeen = seen && Date.parse(seen.at) <= at;
      return { ...one, active: true, state: wasSeen ? "acknowledged" : "unacknowledged", ...(wasSeen ? { seen } : {}) };
    });
}

/** The text of a time in an address. */
export const timeText = (at: number): string => new Date(at).toISOString().replace(/\.\d+Z$/, "Z");

export const goTo = (at: number | null): void => ask("at", at === null ? undefined : timeText(at));

function notATime(): Refused {
  const detail = t("notATime", { text: place.value.query.get("at") ?? "" });
  return new Refused({ code: "not-a-time", title: detail, detail, cure: timeText(Date.now() - 10 * MINUTE), status: 0 });
}

/** Fetches what was so at the time in the address. */
export function usePast(): void {
  const at = wanted.value;
  useEffect(() => {
    error.value = undefined;
    away.value = undefined;
    isLoading.value = false;
    if (at === null) {
      batch(() => {
        showPresent();
        alarmsThen.value = undefined;
      });
      return;
    }
    if (Number.isNaN(at)) {
      error.value = notATime();
      return;
    }
    beginPast(at);
    isLoading.value = true;
    const ended = new AbortController();
    const timer = setTimeout(() => {
      Promise.all([
        get<Past>(path("/v1/view/past", { at: new Date(at).toISOString() }), ended.signal),
        all<Alarm>("/v1/alarms?state=all", MAX_ALARMS, ended.signal),
      ]).then(
        ([cells, list]) =>
          batch(() => {
            alarmsThen.value = activeAt(list, at);
            away.value = cells.away;
            isLoading.value = false;
            showPast(cells);
          }),
        (failure: unknown) => {
          if (ended.signal.aborted) return;
          if (!(failure instanceof Refused)) throw failure;
          error.value = failure;
          isLoading.value = false;
        },
      );
    }, DEBOUNCE);
    return () => {
      ended.abort();
      clearTimeout(timer);
    };
  }, [at]);
}

/** A time as a field for times has it: in the zone of this browser. */
function fieldText(at: number): string {
  const local = new Date(at - new Date(at).getTimezoneOffset() * MINUTE);
  return local.toISOString().slice(0, 19);
}

/** The way to other times, and back to now. */
export function PastBar(): JSX.Element | null {
  const at = wanted.value;
  const [typed, setTyped] = useState<string>();
  if (at === null) return null;
  const shown = past.value ?? at;
  const present = heard.value.server || Date.now();
  const [from, until] = present - shown < DAY ? [present - DAY, present] : [shown - DAY / 2, shown + DAY / 2];
  const move = (to: number): void => {
    if (!Number.isNaN(to)) goTo(Math.min(to, present));
  };
  const isTime = !Number.isNaN(shown);
  return (
    <section class="past-bar" aria-label={t("past")}>
      <p role="status">
        <b>
          {t("asItWas")}: {isTime && <time dateTime={timeText(shown)}>{fullTime(shown)}</time>}
        </b>{" "}
        <span>{isTime && t("ago", { n: age((present - shown) / 1000) })}</span>{" "}
        {isLoading.value && <i>{t("loading")}</i>}
      </p>
      <span class="hint">{t("pastHint")}</span>
      <span class="space" />
      <button type="button" class="primary" onClick={() => goTo(null)}>
        {t("backToNow")}
      </button>
      {isTime && (
        <div class="times">
          {STEPS.map(([minutes, text]) => (
            <button key={minutes} type="button" class="small" onClick={() => move(at - minutes * MINUTE)}>
              −{text}
            </button>
          ))}
          <input
            type="range"
            aria-label={t("time")}
            aria-valuetext={fullTime(at)}
            min={Math.ceil(from / MINUTE)}
            max={Math.floor(until / MINUTE)}
            value={Math.round(at / MINUTE)}
            onInput={(event) => move(Number(event.currentTarget.value) * MINUTE)}
          />
          {STEPS.toReversed().map(([minutes, text]) => (
            <button
              key={minutes}
              type="button"
              class="small"
              disabled={at + minutes * MINUTE > present}
              onClick={() => move(at + minutes * MINUTE)}
            >
              +{text}
            </button>
          ))}
          <input
            type="datetime-local"
            step={1}
            aria-label={t("goToTime")}
            max={fieldText(present)}
            value={typed ?? fieldText(at)}
            onInput={(event) => setTyped(event.currentTarget.value)}
            onBlur={() => {
              if (typed !== undefined) move(Date.parse(typed));
              setTyped(undefined);
            }}
            onKeyDown={(event) => {
              if (event.key === "Enter") event.currentTarget.blur();
            }}
          />
        </div>
      )}
      <Trouble of={error.value} />
      {away.value && <p class="note bad">{t("historyAway", { reason: away.value })}</p>}
    </section>
  );
}

/** Goes to the past: ten minutes ago, to begin with. */
export function ToPast(): JSX.Element | null {
  if (wanted.value !== null || !isOfPast()) return null;
  const go = (): void => goTo(Math.floor(((heard.value.server || Date.now()) - 10 * MINUTE) / MINUTE) * MINUTE);
  return (
    <button type="button" class="quiet" onClick={go} title={t("pastHint")}>
      <span aria-hidden="true">⟲</span> {t("past")}
    </button>
  );
}
