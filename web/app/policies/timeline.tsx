// What a policy did, and what it would have done, over its inputs.

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { path } from "../api";
import { Chart, type ChartMark } from "../chart";
import { useFetched, useLast } from "../fetching";
import { clock } from "../format";
import { now, past } from "../live";
import { Trouble } from "../parts";
import { timeText } from "../past";
import { place, to } from "../route";
import { t, word } from "../text";
import type { History, Operation, Policy, PolicyInput, PolicyTest } from "../types";
import { asOne, questionOf, spans } from "./inputs";

export const RANGES = { "1h": [3600, "15s"], "6h": [21_600, "1m"], "24h": [86_400, "5m"], "7d": [604_800, "30m"] } as const;
export type Range = keyof typeof RANGES;

/** Something that a policy did, or would have done. */
export interface Act extends ChartMark {
  key: string;
  says: string;
  /** The operation, if it was done. */
  operation?: string;
}

/** What a policy did, by its operations, and would have done, by the last test, the newest first. */
export function actsOf(name: string, operations: Operation[], test: PolicyTest | undefined): Act[] {
  const done = operations
    .filter(({ policy }) => policy === name)
    .map(
      (one): Act => ({
        key: one.id,
        time: Date.parse(one.requested),
        is: one.undoes ? "back" : "act",
        isDone: true,
        says: `${one.action ?? ""} ${one.selector}`,
        operation: one.id,
      }),
    );
  const would = (test?.acts ?? []).map(
    (one, at): Act => ({
      key: `${one.at}/${at}`,
      time: Date.parse(one.at),
      is: one.decision === "back" || one.decision === "stop" ? one.decision : "act",
      isDone: false,
      says: [one.target, one.why].filter(Boolean).join(" "),
    }),
  );
  return [...done, ...would].sort((a, b) => b.time - a.time);
}

interface Frame {
  from: number;
  to: number;
  step: string;
}

/** An input whose values are numbers, as a line; or states, as a strip. */
function InputTrack(props: {
  name: string;
  input: PolicyInput;
  target: string | undefined;
  frame: Frame;
  acts: readonly Act[];
}): JSX.Element {
  const { name, input, frame } = props;
  const question = questionOf(input, props.target);
  const ask = (step: string): string =>
    path("/v1/history", {
      ...question,
      from: timeText(frame.from),
      to: timeText(frame.to),
      step,
      limit: 1000,
    });
  const inSteps = useFetched<History>(question ? ask(frame.step) : null, 60_000);
  const stepped = useLast(inSteps.data);
  const series = useMemo(() => stepped?.series.filter(({ metric }) => metric === question?.metric), [stepped]);
  const isText = !!series && !series.some(({ values }) => values.some((one) => typeof one === "number"));
  const raw = useFetched<History>(question && isText ? ask("") : null, 60_000);
  const words = useLast(raw.data);
  const one = useMemo(() => asOne(series ?? [], input.aggregate ?? "one", name), [series, name, input.aggregate]);
  if (!question) return <p class="hint">{t("notDrawn", { name })}</p>;
  const states = isText && words?.series.find(({ metric }) => metric === question.metric);
  return (
    <>
      <h3>
        {name} <span class="hint">{[input.aggregate, question.metric, input.selector].filter(Boolean).join(" · ")}</span>
      </h3>
      <Trouble of={inSteps.error ?? raw.error} />
      {states ? (
        <States of={spans(states, frame.from, frame.to)} frame={frame} acts={props.acts} label={name} />
      ) : (
        <Chart
          series={one ? [one] : []}
          from={timeText(frame.from)}
          to={timeText(frame.to)}
          label={name}
          marks={props.acts}
        />
      )}
    </>
  );
}

function States(props: { of: ReturnType<typeof spans>; frame: Frame; acts: readonly Act[]; label: string }): JSX.Element {
  const { from, to: until } = props.frame;
  const share = (time: number): number => ((time - from) / (until - from)) * 100;
  const values = [...new Set(props.of.map((one) => one.value))];
  const summary = props.of.map((one) => `${clock(one.from)} ${one.value ?? t("unknown")}`).join(", ");
  return (
    <div class="strip" role="img" aria-label={`${props.label}: ${summary}`}>
      {props.of.map((one) => (
        <span
          key={one.from}
          class={one.value === undefined ? "hatched" : `value-${values.indexOf(one.value) % 3}`}
          style={{ left: `${share(one.from)}%`, width: `${share(one.to) - share(one.from)}%` }}
          title={`${clock(one.from)} – ${clock(one.to)}: ${one.value ?? t("unknown")}`}
        >
          {share(one.to) - share(one.from) > 8 && (one.value ?? "?")}
        </span>
      ))}
      {props.acts
        .filter(({ time }) => time >= from && time <= until)
        .map((act) => (
          <i key={act.key} class={`is-${act.is} ${act.isDone ? "done" : ""}`} style={{ left: `${share(act.time)}%` }} />
        ))}
    </div>
  );
}

function ActLine({ of }: { of: Act }): JSX.Element {
  const query = new URLSearchParams(place.value.query);
  query.set("at", timeText(of.time));
  return (
    <li>
      <span class={`act is-${of.is} ${of.isDone ? "done" : ""}`}>{word(of.isDone ? "did" : "would", of.is)}</span>
      <div>{of.operation ? <a href={to.operation(of.operation)}>{of.says}</a> : of.says}</div>
      <a href={`${location.pathname}?${query.toString()}`}>{clock(of.time, now.value)}</a>
    </li>
  );
}

export function Timeline(props: {
  policy: Policy["policy"];
  target: string | undefined;
  range: Range;
  acts: readonly Act[];
  hasTest: boolean;
}): JSX.Element {
  const [seconds, step] = RANGES[props.range];
  // It moves on with the clock, a little at a time; a time of the past is in its middle.
  const grain = Math.max(15, seconds / 240) * 1000;
  const middle = past.value === null ? 0 : (seconds * 1000) / 2;
  const end = Math.ceil((now.value + middle) / grain) * grain;
  const frame = { from: end - seconds * 1000, to: end, step };
  const inFrame = props.acts.filter(({ time }) => time >= frame.from && time <= frame.to);
  return (
    <>
      {Object.entries(props.policy.watch).map(([name, input]) => (
        <InputTrack key={name} name={name} input={input} target={props.target} frame={frame} acts={inFrame} />
      ))}
      <p class="legend left">
        {(["act", "back", "stop"] as const).map((is) => (
          <span key={is} class={`act is-${is} done`}>
            {word("did", is)}
          </span>
        ))}
        <span class="hint">{props.hasTest ? t("wouldShown") : t("wouldHint")}</span>
      </p>
      {inFrame.length > 0 ? (
        <ul class="plain rows acts-list">
          {inFrame.slice(0, 50).map((one) => (
            <ActLine key={one.key} of={one} />
          ))}
        </ul>
      ) : (
        <p class="empty">{t("noActs")}</p>
      )}
    </>
  );
}
