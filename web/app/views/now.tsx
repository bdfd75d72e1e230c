// Now: how many causes there are, what waits for a person, what is being done.

import type { JSX } from "preact";
import { useFetched, useReadings } from "../fetching";
import { degrees, inOrder, value, watts } from "../format";
import { cell, heard, now, outcomeNews, past, revision, targets } from "../live";
import { Age, By, Empty, Panel, SeverityMark, Trouble } from "../parts";
import { feeds, hottest, rooms } from "../rooms";
import { changesText, ModeMark } from "../policies/parts";
import { hasEverywhere } from "../rights";
import { to } from "../route";
import { alarms, alarmsKnown, overview } from "../session";
import { t, word } from "../text";
import type {
  Alarm,
  Environment,
  Health,
  History,
  Lock,
  Operation,
  Policy,
  Reading,
  Relation,
  Rollout,
  Task,
} from "../types";
import type { Page } from "../api";
import { path } from "../api";
import { Acts } from "./alarms";
import { FloorCanvas } from "./floor";

/** The slope of the last values in units per minute; NaN if there are too few. */
function slope(times: number[], values: number[]): number {
  const count = values.length;
  if (count < 4) return Number.NaN;
  const x = times.map((time) => (time - times[0]!) / 60_000);
  const meanX = x.reduce((sum, one) => sum + one, 0) / count;
  const meanY = values.reduce((sum, one) => sum + one, 0) / count;
  const above = x.reduce((sum, one, at) => sum + (one - meanX) * (values[at]! - meanY), 0);
  const below = x.reduce((sum, one) => sum + (one - meanX) ** 2, 0);
  return below > 0 ? above / below : Number.NaN;
}

/** The metrics of a UPS that its line shows. */
const OF_UPS = ["hw.battery.charge", "hw.battery.time_left", "utakata.ups.on_battery", "utakata.ups.source"];

function useUps(): Map<string, Map<string, Reading>> {
  const names = targets.value.filter(({ kind }) => kind === "ups" || kind === "nut").map(({ name }) => name);
  const asked = names.length > 0 && names.length <= 50;
  const selector = asked ? `name in (${names.join(",")})` : "";
  const battery = useReadings(asked ? selector : null, "hw.battery", 5000);
  const state = useReadings(asked ? selector : null, "utakata.ups", 5000);
  const found = new Map<string, Map<string, Reading>>();
  for (const reading of [...(battery.data ?? []), ...(state.data ?? [])]) {
    if (!OF_UPS.includes(reading.metric)) continue;
    const known = found.get(reading.target) ?? new Map<string, Reading>();
    known.set(reading.metric, reading);
    found.set(reading.target, known);
  }
  return found;
}

function UpsLine({ name, readings }: { name: string; readings: Map<string, Reading> | undefined }): JSX.Element {
  const charge = readings?.get("hw.battery.charge");
  const left = readings?.get("hw.battery.time_left");
  const on = readings?.get("utakata.ups.on_battery")?.value;
  const source = readings?.get("utakata.ups.source")?.value;
  const isOnBattery = on === 1 || on === "on" || on === "yes" || on === "true" || source === "battery";
  return (
    <span class={`ups ${isOnBattery ? "on-battery" : ""}`}>
      <a href={to.device(name)}>{name}</a>
      {source !== undefined && <span>{String(source)}</span>}
      {charge && <b>{value(charge.value, charge.unit)}</b>}
      {isOnBattery && left && <b>{value(left.value, left.unit)}</b>}
      {charge?.quality === "stale" && <span class="quality stale">{t("stale")}</span>}
    </span>
  );
}

function Feeds(): JSX.Element {
  const ups = useUps();
  const total = feeds.value.reduce((sum, { power }) => sum + power, 0);
  return (
    <div class="tile wide">
      <h2>{t("feeds")}</h2>
      {feeds.value.length === 0 && <p class="hint">{t(heard.value.here ? "noFeeds" : "connecting")}</p>}
      {feeds.value.map(({ name, power, supplies }) => (
        <div class="feed" key={name}>
          <b class="name">{name}</b>
          <meter min={0} max={Math.max(1, total)} value={power} aria-label={`${t("feed")} ${name}`} />
          <span class="hint share">{total > 0 ? `${Math.round((power / total) * 100)} %` : ""}</span>
          <b class="number">{watts(power)}</b>
          {supplies.map((number) => {
            const target = targets.value[number]!.name;
            return <UpsLine key={target} name={target} readings={ups.get(target)} />;
          })}
        </div>
      ))}
    </div>
  );
}

function Hottest(): JSX.Element | null {
  const number = hottest.value;
  const target = targets.value[number];
  const history = useFetched<History>(
    target
      ? path("/v1/history", {
          selector: `name=${target.name}`,
          metric: "hw.temperature",
          from: new Date(Math.floor(now.value / 60_000) * 60_000 - 900_000).toISOString(),
          to: past.value === null ? undefined : new Date(past.value).toISOString(),
          step: "1m",
          aggregate: "avg",
          limit: 5,
        })
      : null,
    60_000,
  );
  if (!target) return null;
  const series = history.data?.series[0];
  const rise = series
    ? slope(series.times, series.values.filter((one): one is number => typeof one === "number"))
    : Number.NaN;
  const degree = cell.temperature(number);
  const minutes = (32 - degree) / rise;
  return (
    <div class="tile">
      <h2>{t("hottest")}</h2>
      <p class="big">
        {degrees(degree)}
        {Math.abs(rise) >= 0.05 && (
          <span class="trend">
            {rise > 0 ? "↑" : "↓"} {Math.abs(rise).toFixed(1)}/min
            {rise > 0 && minutes < 120 && minutes > 0 && ` → 32 °C: ${Math.round(minutes)} m`}
          </span>
        )}
      </p>
      <p>
        <a href={to.device(target.name)}>{target.name}</a>
        {target.labels.rack && (
          <>
            {" · "}
            <a href={to.rack(target.labels.room ?? "", target.labels.rack)}>
              {t("rack")} {target.labels.rack}
            </a>
          </>
        )}
      </p>
    </div>
  );
}

function Cooling(): JSX.Element | null {
  void revision.value;
  const relations = useFetched<Page<Relation>>("/v1/relations?limit=1000", 60_000);
  const cooling = new Set(
    relations.data?.items.filter((one) => one.relation === "cools").map((one) => one.from) ?? [],
  );
  const units = targets.value
    .map((target, number) => ({ target, number }))
    .filter(({ target }) => cooling.has(target.name) || /crac|crah|cooling|chiller/.test(target.kind));
  if (units.length === 0) return null;
  const well = units.filter(({ number }) => cell.health(number) === "answering");
  return (
    <div class="tile">
      <h2>{t("cooling")}</h2>
      <p class="big">{t("coolingAnswer", { n: well.length, of: units.length })}</p>
      {units
        .filter(({ number }) => cell.health(number) !== "answering")
        .slice(0, 3)
        .map(({ target, number }) => (
          <p key={target.name}>
            <a href={to.device(target.name)}>{target.name}</a> {word("health", cell.health(number))}
          </p>
        ))}
    </div>
  );
}

function Targets(): JSX.Element {
  void revision.value;
  const counts = new Map<Health, number>();
  targets.value.forEach((_, number) => {
    const health = cell.health(number);
    counts.set(health, (counts.get(health) ?? 0) + 1);
  });
  const others = [...counts].filter(([health]) => health !== "answering");
  return (
    <div class="tile">
      <h2>{t("targets")}</h2>
      <p class="big">
        {counts.get("answering") ?? 0}{" "}
        <small>
          {t("of")} {targets.value.length} {t("answer")}
        </small>
      </p>
      {others.map(([health, count]) => (
        <p key={health}>
          {past.value === null ? (
            <a href={`/inventory?health=${health}`}>
              {count} {word("health", health)}
            </a>
          ) : (
            `${count} ${word("health", health)}`
          )}
        </p>
      ))}
    </div>
  );
}

export function AlarmLine({ alarm }: { alarm: Alarm }): JSX.Element {
  return (
    <li class="alarm">
      <SeverityMark of={alarm.severity} />
      <div>
        <a href={to.alarm(alarm.id)}>{alarm.text}</a>
        <div class="hint">
          <a href={to.device(alarm.target)}>{alarm.target}</a>
          {" · "}
          {alarm.seen ? t("seenBy", { by: alarm.seen.by }) : t("nobodyHasIt")}
          {alarm.flapping && ` · ${t("flapping")}`}
        </div>
      </div>
      <span class="number">
        {!!alarm.explains && t("explains", { n: alarm.explains })} <Age of={alarm.raised} />
      </span>
      <Acts alarm={alarm} onDone={() => undefined} />
    </li>
  );
}

function Causes(): JSX.Element {
  const causes = alarms.value.filter(
    (alarm) => alarm.active && alarm.held?.by !== "cause" && alarm.held?.by !== "person",
  );
  return (
    <Panel title={t("Causes")} tools={<span class="count">{alarmsKnown.value ? causes.length : "–"}</span>}>
      {!alarmsKnown.value && <Empty>{t("connecting")}</Empty>}
      {alarmsKnown.value && causes.length === 0 && <Empty>{t("allWell")}</Empty>}
      <ul class="plain rows">
        {causes.slice(0, 12).map((alarm) => (
          <AlarmLine key={alarm.id} alarm={alarm} />
        ))}
      </ul>
      {causes.length > 12 && <a href="/alarms?of=causes">{t("all")}</a>}
    </Panel>
  );
}

function ForYou(): JSX.Element {
  const news = outcomeNews.value;
  const unsettled = useFetched<Page<Task>>("/v1/tasks?state=unsettled&class=control&limit=20", 10_000, news);
  const unknown = useFetched<Page<Task>>("/v1/tasks?state=unknown&class=control&limit=20", 10_000, news);
  const operations = useFetched<Page<Operation>>("/v1/operations?limit=50", 10_000, news);
  const waiting = operations.data?.items.filter(({ state }) => state === "awaiting" || state === "stopped") ?? [];
  const tasks = [...(unsettled.data?.items ?? []), ...(unknown.data?.items ?? [])];
  const failing = overview.value?.failing ?? [];
  // Those about alarms are beside this, and those about targets above.
  const findings = overview.value?.findings.filter(({ about }) => about !== "alarm" && about !== "target") ?? [];
  const isEmpty = tasks.length + waiting.length + failing.length + findings.length === 0;
  return (
    <Panel title={t("ForYou")} tools={<span class="count">{unsettled.data && operations.data ? tasks.length + waiting.length : "–"}</span>}>
      <Trouble of={unsettled.error ?? operations.error} />
      {isEmpty && overview.value && <Empty>{t("nothingForYou")}</Empty>}
      <ul class="plain rows">
        {tasks.map((task) => (
          <li key={task.id}>
            <span class={`state ${task.state}`}>{word("task", task.state)}</span>
            <div>
              <a href={task.origin.operation ? to.operation(task.origin.operation) : to.device(task.target)}>
                {task.action} {task.target}
              </a>
            </div>
            <Age of={task.made} />
          </li>
        ))}
        {waiting.map((operation) => (
          <li key={operation.id}>
            <span class={`state ${operation.state}`}>{word("op", operation.state ?? "")}</span>
            <div>
              <a href={to.operation(operation.id)}>
                {operation.action} {operation.selector}
              </a>
              <div class="hint">
                <By of={operation} />
              </div>
            </div>
            <Age of={operation.requested} />
          </li>
        ))}
        {failing.map((group) => (
          <li key={`${group.kind}/${group.code}`}>
            <span class={`health ${group.health}`}>{word("health", group.health)}</span>
            <div>
              {group.says}
              <div class="hint">
                {group.count} {t("of")} {group.of} {group.kind}
                {": "}
                {group.examples.slice(0, 3).map((name) => (
                  <a key={name} href={to.device(name)}>
                    {name}{" "}
                  </a>
                ))}
              </div>
            </div>
            <span />
          </li>
        ))}
        {findings.map((finding) => (
          <li key={`${finding.about}/${finding.subject}`}>
            <span class={`finding ${finding.weight}`}>{finding.about}</span>
            <div>
              {finding.subject} {finding.says}
              {finding.cure && <div class="hint">{finding.cure}</div>}
            </div>
            <span />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

function UnderWay(): JSX.Element {
  const news = outcomeNews.value;
  const operations = useFetched<Page<Operation>>("/v1/operations?limit=50", 5000, news);
  const locks = useFetched<Page<{ target: string; lock: Lock }>>("/v1/locks?limit=20", 10_000, news);
  const rollouts = useFetched<Page<Rollout>>("/v1/rollouts?limit=10", 15_000);
  const environments = useFetched<Page<Environment>>("/v1/environments?limit=200", 30_000);
  const running = operations.data?.items.filter(({ state }) => state === "running" || state === "paused") ?? [];
  const rolling = rollouts.data?.items.filter(({ ended }) => !ended) ?? [];
  const stopped = environments.data?.items.flatMap((one) => one.standing ?? []) ?? [];
  const policies = useFetched<Page<Policy>>(hasEverywhere(["see"]) ? "/v1/policies?limit=1000" : null, 5000, news);
  const acting = policies.data?.items.filter((one) => one.mode === "armed" || one.hands_back || one.stopped) ?? [];
  const isEmpty =
    running.length + (locks.data?.items.length ?? 0) + rolling.length + stopped.length + acting.length === 0 &&
    operations.data;
  return (
    <Panel title={t("underWay")}>
      {isEmpty && <Empty>{t("nothingUnderWay")}</Empty>}
      <ul class="plain rows">
        {running.map((operation) => (
          <li key={operation.id}>
            <span class="state running">{word("op", operation.state ?? "")}</span>
            <div>
              <a href={to.operation(operation.id)}>
                {operation.action} {operation.selector}
              </a>{" "}
              <span class="hint">
                <By of={operation} />
              </span>
            </div>
            <Age of={operation.requested} />
          </li>
        ))}
        {acting.map((one) => (
          <li key={one.policy.name}>
            <ModeMark of={one} />
            <div>
              <a href={to.policy(one.policy.name)}>{one.policy.name}</a>{" "}
              <span class="hint">{one.stopped ?? changesText(one.instances)}</span>
            </div>
            <span />
          </li>
        ))}
        {locks.data?.items.map(({ target, lock }) => (
          <li key={target}>
            <span class="state">{t("lock")}</span>
            <div>
              <a href={to.device(target)}>{target}</a> <span class="hint">{lock.by}: {lock.why}</span>
            </div>
            <Age of={lock.since} />
          </li>
        ))}
        {rolling.map((rollout) => (
          <li key={rollout.id}>
            <span class="state running">{word("run", rollout.state)}</span>
            <div>
              <a href={`/rollouts/${rollout.id}`}>
                {rollout.kind} {rollout.from.version} → {rollout.to.version}
              </a>
            </div>
            <Age of={rollout.began} />
          </li>
        ))}
        {stopped.map((order) => (
          <li key={JSON.stringify(order)}>
            <span class="state paused">{word("run", order.stop)}</span>
            <div>
              <a href="/environments">{Object.values(order.scope).join(" ")}</a>{" "}
              <span class="hint">{order.by} {order.why}</span>
            </div>
            <Age of={order.since} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

export function NowView(): JSX.Element {
  const room = [...rooms.value].sort((a, b) => b.rows.length - a.rows.length || inOrder(a.name, b.name))[0];
  return (
    <div class="now">
      <h1 class="spoken">{t("now")}</h1>
      <div class="tiles">
        <Feeds />
        <Hottest />
        <Cooling />
        <Targets />
      </div>
      <div class="columns">
        <div>
          {room && (
            <Panel
              title={`${t("floor")} ${room.name}`}
              tools={<a href={to.floor(room.name)}>{t("open")}</a>}
            >
              <FloorCanvas room={room} layer="alarms" height={Math.max(260, innerHeight - 480)} small />
            </Panel>
          )}
          {past.value === null && <UnderWay />}
        </div>
        <div>
          <Causes />
          {past.value === null && <ForYou />}
        </div>
      </div>
    </div>
  );
}
