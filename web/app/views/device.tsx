// A device: what it says and how old that is, its history, what it depends on, what was done to it,
// and what can be done.

import type { JSX } from "preact";
import { useMemo, useState } from "preact/hooks";
import { type Page, Refused, path, post, put, remove } from "../api";
import { Chart } from "../chart";
import { useFetched, useLast, useReadings } from "../fetching";
import { clock, inOrder, value, which, watts } from "../format";
import { cell, now, numberOf, outcomeNews, past, revision } from "../live";
import {
  Age,
  Choice,
  Dialog,
  Empty,
  Hand,
  HealthMark,
  Labels,
  Panel,
  SeverityMark,
  StateMark,
  Trouble,
} from "../parts";
import { CONTROL, type Right } from "../rights";
import { ask, place, to } from "../route";
import { act, selectorOf } from "../selection";
import { alarms } from "../session";
import { t, word } from "../text";
import type { History, KindView, Reading, Target, Task, Topology } from "../types";

const RANGES = { "1h": [3600, ""], "6h": [21_600, "1m"], "24h": [86_400, "5m"], "7d": [604_800, "30m"] } as const;
type Range = keyof typeof RANGES;

/** Metrics in the order in which people ask for them. */
const FIRST = ["hw.status", "hw.power", "hw.load", "hw.temperature", "hw.battery", "utakata.ups", "hw.current", "hw.voltage"];
const rank = (metric: string): number => {
  const at = FIRST.findIndex((one) => metric.startsWith(one));
  return at < 0 ? FIRST.length : at;
};

const keyOf = (reading: Pick<Reading, "metric" | "attributes">): string =>
  `${reading.metric}?${JSON.stringify(reading.attributes ?? {})}`;

function HistoryPanel({ name, readings }: { name: string; readings: Reading[] }): JSX.Element {
  const query = place.value.query;
  const asked = query.get("range") as Range | null;
  const range: Range = asked && asked in RANGES ? asked : "1h";
  const metrics = useMemo(() => {
    const numeric = readings.filter((one) => typeof one.value === "number" && !one.metric.startsWith("system."));
    return [...new Set(numeric.map((one) => one.metric))].sort((a, b) => rank(a) - rank(b) || inOrder(a, b));
  }, [readings]);
  const metric = query.get("metric") ?? metrics.find((one) => one === "hw.power") ?? metrics[0];
  const outlet = query.get("outlet");
  const [seconds, step] = RANGES[range];
  // The range moves on with the clock, a little at a time.
  const grain = Math.max(10, seconds / 360) * 1000;
  const end = Math.ceil(now.value / grain) * grain;
  const history = useFetched<History>(
    metric
      ? path("/v1/history", {
          selector: `name=${name}`,
          metric,
          from: new Date(end - seconds * 1000).toISOString(),
          to: new Date(end).toISOString(),
          step,
          ...(step ? { aggregate: "avg" } : {}),
          ...(outlet ? { where: `outlet=${outlet}` } : {}),
          limit: 100,
        })
      : null,
    60_000,
  );
  // While the next range is fetched, the last one stays.
  const shown = useLast(history.data);
  const series = useMemo(() => {
    const those = shown?.series.filter((one) => one.metric === metric) ?? [];
    const whole = those.filter((one) => !one.attributes?.outlet && !one.attributes?.phase && !one.attributes?.bank);
    return (outlet || whole.length === 0 ? those : whole).slice(0, 6);
  }, [shown, metric, outlet]);
  if (metrics.length === 0) return <Empty>{t("noHistory")}</Empty>;
  return (
    <Panel
      title={t("history")}
      tools={
        <>
          <select aria-label={t("metric")} value={metric} onChange={(event) => ask("metric", event.currentTarget.value)}>
            {metrics.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
          {outlet && (
            <button type="button" onClick={() => ask("outlet", "")}>
              {t("outlet")} {outlet} ✕
            </button>
          )}
          <Choice label="history" of={Object.keys(RANGES) as Range[]} chosen={range} text={(one) => one} onChoose={(one) => ask("range", one)} />
        </>
      }
    >
      <Trouble of={history.error} />
      {shown && <Chart series={series} from={shown.from} to={shown.to} label={metric ?? ""} />}
    </Panel>
  );
}

function Outlets({ name, readings, canSwitch }: { name: string; readings: Reading[]; canSwitch: ReadonlyMap<string, Right> }): JSX.Element | null {
  const states = readings.filter((one) => one.metric === "utakata.outlet.state");
  if (states.length === 0) return null;
  const powers = new Map(
    readings.filter((one) => one.metric === "hw.power" && one.attributes?.outlet).map((one) => [one.attributes!.outlet, one.value]),
  );
  const sorted = states.sort((a, b) => inOrder(a.attributes?.outlet ?? "", b.attributes?.outlet ?? ""));
  return (
    <Panel title={t("outlets")} tools={<span class="count">{states.length}</span>}>
      <ul class="outlets">
        {sorted.map((one) => {
          const outlet = one.attributes?.outlet ?? "";
          const isOn = one.value === "on";
          const action = isOn ? "outlet-off" : "outlet-on";
          const right = canSwitch.get(action);
          return (
            <li key={outlet} class={`${isOn ? "on" : "off"} ${one.quality === "stale" ? "stale" : ""}`}>
              <b>{outlet}</b>
              <a href={`${to.device(name)}?metric=hw.power&outlet=${outlet}`} class="what">
                {one.attributes?.["hw.name"] ?? ""}
              </a>
              <span class="number hint">{watts(Number(powers.get(outlet) ?? Number.NaN))}</span>
              <span class={isOn ? "spoken" : `outlet ${String(one.value)}`}>{word("outlet", String(one.value))}</span>
              {right && (
                <Hand
                  right={[right]}
                  on={[name]}
                  class="small"
                  label={`${action} ${outlet}`}
                  onClick={() => act([name], action, { outlet: Number(outlet) })}
                >
                  {word("outlet", isOn ? "off" : "on")}…
                </Hand>
              )}
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}

function Readings({ readings }: { readings: Reading[] }): JSX.Element {
  const [filter, setFilter] = useState("");
  const rows = useMemo(() => {
    const wanted = filter.trim().toLowerCase();
    const those = readings.filter(
      (one) => (wanted || !one.attributes?.outlet) && `${one.metric} ${which(one)}`.toLowerCase().includes(wanted),
    );
    return those.sort(
      (a, b) =>
        rank(a.metric) - rank(b.metric) ||
        Number(a.metric > b.metric) - Number(a.metric < b.metric) ||
        inOrder(which(a), which(b)),
    );
  }, [readings, filter]);
  return (
    <Panel
      title={t("readings")}
      tools={
        <input type="search" aria-label={t("search")} placeholder={t("metric")} value={filter} onInput={(event) => setFilter(event.currentTarget.value)} />
      }
    >
      <table>
        <thead>
          <tr>
            <th scope="col">{t("metric")}</th>
            <th scope="col">{t("name")}</th>
            <th scope="col" class="number">{t("value")}</th>
            <th scope="col" class="number">{t("age")}</th>
          </tr>
        </thead>
        <tbody>
          {rows.slice(0, 200).map((one) => (
            <tr key={keyOf(one)} class={`is-${one.quality ?? "good"}`}>
              <td>
                {typeof one.value === "number" ? (
                  <a
                    href={path(place.value.parts.length ? location.pathname : "", {
                      metric: one.metric,
                      outlet: one.attributes?.outlet,
                      range: place.value.query.get("range") ?? undefined,
                    })}
                  >
                    {one.metric}
                  </a>
                ) : (
                  one.metric
                )}
              </td>
              <td class="hint which">{which(one)}</td>
              <td class={typeof one.value === "number" ? "number value" : "value words"}>
                {value(one.value, one.unit)}
                {one.quality === "suspect" && <span class="suspect"> {t("suspect")}</span>}
                {one.quality === "stale" && <span class="quality stale"> {t("stale")}</span>}
              </td>
              <td class="number">
                <Age of={one.time} />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </Panel>
  );
}

function Relations({ name }: { name: string }): JSX.Element {
  const { data, error } = useFetched<Topology>(path("/v1/topology", { around: name }), 15_000);
  const health = new Map(data?.nodes.map((node) => [node.target, node]));
  const list = (edges: Topology["edges"], end: "from" | "to"): JSX.Element => (
    <ul class="plain rows">
      {edges.map((edge) => {
        const node = health.get(edge[end]);
        return (
          <li key={`${edge.from}/${edge.to}/${edge.outlet}`}>
            <span class="hint">{word("relation", edge.relation)}</span>
            <div>
              <a href={to.device(edge[end])}>{edge[end]}</a>
              {edge.outlet && ` · ${t("outlet")} ${edge.outlet}`} {edge.outlet_state}
            </div>
            {node && <HealthMark of={node.health} />}
          </li>
        );
      })}
    </ul>
  );
  const up = data?.edges.filter((edge) => edge.to === name) ?? [];
  const further = data?.edges.filter((edge) => edge.to !== name && edge.from !== name) ?? [];
  const down = data?.edges.filter((edge) => edge.from === name) ?? [];
  return (
    <Panel title={t("relations")}>
      <Trouble of={error} />
      {data && data.edges.length === 0 && <Empty>{t("noRelations")}</Empty>}
      {up.length > 0 && <h3>{t("dependsOn")}</h3>}
      {list([...up, ...further], "from")}
      {down.length > 0 && <h3>{t("neededBy")}</h3>}
      {list(down, "to")}
    </Panel>
  );
}

function Tasks({ name }: { name: string }): JSX.Element {
  const { data, error } = useFetched<Page<Task>>(
    path("/v1/tasks", { target: name, class: "control", limit: 10 }),
    10_000,
    outcomeNews.value,
  );
  return (
    <Panel title={t("tasks")}>
      <Trouble of={error} />
      {data?.items.length === 0 && <Empty>{t("noTasks")}</Empty>}
      <ul class="plain rows">
        {data?.items.map((task) => (
          <li key={task.id}>
            <StateMark of={task.state} />
            <div>
              <a href={to.operation(task.origin.operation ?? "")}>
                {task.action} {Object.entries(task.parameters).map(([key, one]) => `${key}=${String(one)}`).join(" ")}
              </a>
              {task.outcome?.problem && <div class="hint">{task.outcome.problem.message}</div>}
            </div>
            <Age of={task.made} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

interface Notification {
  key: string;
  name: string;
  count: number;
  last: string;
  values?: { name: string; value: string | number }[];
}

/** What the device has said unasked: traps and informs. */
function Notifications({ name }: { name: string }): JSX.Element | null {
  const { data, error } = useFetched<Page<Notification>>(
    path("/v1/notifications", { selector: selectorOf([name]), limit: 10 }),
    15_000,
  );
  if (error) return <Trouble of={error} />;
  if (!data?.items.length) return null;
  return (
    <Panel title={t("notifications")}>
      <ul class="plain rows">
        {data.items.map((one) => (
          <li key={one.key}>
            <b>{one.name}</b>
            <div class="hint">{one.values?.map((each) => `${each.name} ${String(each.value)}`).join(" · ")}</div>
            <span class="number hint">{one.count > 1 ? `${one.count} ×` : ""}</span>
            <Age of={one.last} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function LockDialog({ name, onClose, onDone }: { name: string; onClose: () => void; onDone: () => void }): JSX.Element {
  const [error, setError] = useState<Refused>();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    try {
      await put(`/v1/targets/${encodeURIComponent(name)}/lock`, { why: form.get("why"), for: form.get("for") });
      onDone();
      onClose();
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setError(failure);
    }
  };
  return (
    <Dialog title={`${t("lock")} ${name}`} onClose={onClose}>
      <form class="fields" onSubmit={submit}>
        <label>
          {t("why")}
          <input name="why" required maxLength={1000} autofocus />
        </label>
        <label>
          {t("for")}
          <input name="for" required defaultValue="2h" pattern="[0-9]+(s|m|h|d)" />
        </label>
        <Trouble of={error} />
        <button type="submit" class="primary">
          {t("lock")}
        </button>
      </form>
    </Dialog>
  );
}

const NONE: Reading[] = [];

export function DeviceView({ name }: { name: string }): JSX.Element {
  void revision.value;
  const number = numberOf(name);
  const answered = number === undefined ? Number.NaN : cell.answered(number);
  const encoded = encodeURIComponent(name);
  const target = useFetched<Target>(`/v1/targets/${encoded}`, 10_000, outcomeNews.value);
  // As soon as it has answered again, its readings are fetched anew.
  const readings = useReadings(selectorOf([name]), undefined, 10_000, answered);
  const kept = useLast(readings.data) ?? NONE;
  const kinds = useFetched<Page<KindView>>("/v1/kinds?limit=1000", 60_000);
  const [isLocking, setLocking] = useState(false);
  const [error, setError] = useState<Refused>();
  const actions = kinds.data?.items.find(({ kind }) => kind === target.data?.kind)?.manifest.action ?? [];
  const controls = actions.filter((action) => action.class === "control");
  const own = alarms.value.filter((alarm) => alarm.target === name && alarm.active);
  const lock = target.data?.control?.lock;
  const canSwitch = new Map(
    controls.map((one): [string, Right] => [one.name, one.risk === "high" ? "control:high" : "control:low"]),
  );
  const isPresent = past.value === null;
  const attempt = async (what: () => Promise<unknown>): Promise<void> => {
    try {
      setError(undefined);
      await what();
      target.again();
      readings.again();
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setError(failure);
    }
  };
  const seen = target.data;
  if (target.error && !seen) return <Trouble of={target.error} />;
  if (!seen) return <Empty>{t("loading")}</Empty>;
  return (
    <>
      <h1 class="title">
        {name}
        <HealthMark of={number === undefined ? seen.health : cell.health(number)} />
        <Age of={Number.isNaN(answered) ? (isPresent ? seen.answered : undefined) : new Date(answered * 1000).toISOString()} />
        {seen.labels.rack && (
          <a class="hint" href={to.rack(seen.labels.room ?? "", seen.labels.rack)}>
            {t("rack")} {seen.labels.rack}
          </a>
        )}
      </h1>
      <div class="toolbar">
        <span class="hint">
          {seen.kind} · {seen.address} · {seen.zone}
        </span>
        <Labels of={seen.labels} />
        <span class="space" />
        <Hand
          right={["read"]}
          on={[name]}
          onClick={() => void attempt(() => post("/v1/reads", { selector: selectorOf([name]), wait: "10s" }))}
        >
          {t("readNow")}
        </Hand>
        <Hand
          right={["lock"]}
          on={[name]}
          onClick={() => (lock ? void attempt(() => remove(`/v1/targets/${encoded}/lock`)) : setLocking(true))}
        >
          {t(lock ? "unlock" : "lock")}
        </Hand>
        {controls.length > 0 && (
          <Hand right={CONTROL} on={[name]} class="primary" onClick={() => act([name])}>
            {t("actions")}
          </Hand>
        )}
      </div>
      <Trouble of={error} />
      {isPresent && lock && <p class="note">{t("lockedBy", { by: lock.by, until: clock(lock.until), why: lock.why })}</p>}
      {isPresent && seen.problem && (
        <p class="note bad">
          {seen.problem.message} <code>{seen.problem.code}</code>
        </p>
      )}
      <div class="columns">
        <div>
          <HistoryPanel name={name} readings={kept} />
          <Readings readings={kept} />
          <Trouble of={readings.error} />
        </div>
        <div>
          {own.length > 0 && (
            <Panel title={t("alarms")}>
              <ul class="plain rows">
                {own.map((alarm) => (
                  <li key={alarm.id}>
                    <SeverityMark of={alarm.severity} />
                    <div>
                      <a href={to.alarm(alarm.id)}>{alarm.text}</a>
                    </div>
                    <Age of={alarm.raised} />
                  </li>
                ))}
              </ul>
            </Panel>
          )}
          <Outlets name={name} readings={kept} canSwitch={canSwitch} />
          {isPresent ? (
            <>
              <Relations name={name} />
              <Tasks name={name} />
              <Notifications name={name} />
            </>
          ) : (
            <p class="hint">{t("notInPast")}</p>
          )}
        </div>
      </div>
      {isLocking && <LockDialog name={name} onClose={() => setLocking(false)} onDone={target.again} />}
    </>
  );
}
