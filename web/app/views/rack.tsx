// A rack: its front, from the labels `u` and `height`, and the cords of what is in it.

import type { JSX } from "preact";
import { useMemo } from "preact/hooks";
import { path } from "../api";
import { useFetched, useReadings } from "../fetching";
import { age, degrees, inOrder, watts } from "../format";
import { isGiven } from "../hands/blast";
import { cell, now, past, revision, targets } from "../live";
import { Empty, HealthMark, Mark, Panel } from "../parts";
import { lookOf, rooms, summary } from "../rooms";
import { to } from "../route";
import { picked, toggle } from "../selection";
import { t, word } from "../text";
import type { Reading, Topology } from "../types";
import { Picked, lookText } from "./floor";

interface Unit {
  number: number;
  name: string;
  /** The lowest height unit; undefined if nobody has said. */
  u: number | undefined;
  height: number;
}

/** Devices that stand beside the units of a rack. */
const BESIDE = /pdu/;

function unitsOf(members: number[]): Unit[] {
  return members.map((number) => {
    const { name, labels } = targets.value[number]!;
    const u = Number.parseInt(labels.u ?? "", 10);
    const height = Number.parseInt(labels.height ?? labels.size ?? "1", 10);
    return { number, name, u: Number.isNaN(u) ? undefined : u, height: Number.isNaN(height) ? 1 : height };
  });
}

const UNIT = 16;
const WIDTH = 240;

/** The states of the outlets of each PDU, in the order of their numbers. */
function useOutlets(names: string[]): Map<string, Reading[]> {
  const selector = names.length > 0 ? `name in (${names.join(",")})` : null;
  const outlets = useReadings(selector, "utakata.outlet.state", 5000);
  return useMemo(() => {
    const found = new Map<string, Reading[]>();
    for (const one of outlets.data ?? []) found.set(one.target, [...(found.get(one.target) ?? []), one]);
    for (const list of found.values()) {
      list.sort((a, b) => inOrder(a.attributes?.outlet ?? "", b.attributes?.outlet ?? ""));
    }
    return found;
  }, [outlets.data]);
}

function Front({ members }: { members: number[] }): JSX.Element {
  void revision.value;
  const units = unitsOf(members);
  const beside = units.filter((unit) => unit.u === undefined && BESIDE.test(targets.value[unit.number]!.kind));
  const placed = units.filter((unit) => unit.u !== undefined);
  const rest = units.filter((unit) => unit.u === undefined && !beside.includes(unit));
  const outlets = useOutlets(beside.map(({ name }) => name));
  const top = Math.max(42, ...placed.map((unit) => (unit.u ?? 1) + unit.height - 1));
  const slots = placed.length > 0 ? top : Math.max(rest.length * 2, 24);
  const isEmpty = placed.length + rest.length === 0;
  const height = slots * UNIT;
  const label = (unit: Unit): string => {
    const number = unit.number;
    const watt = cell.power(number);
    return [unit.name, lookText(lookOf(number)), watts(watt), degrees(cell.temperature(number))].filter(Boolean).join(", ");
  };
  const box = (unit: Unit, x: number, y: number, w: number, h: number): JSX.Element => {
    const look = lookOf(unit.number);
    const isUpright = h > w;
    return (
      <a key={unit.name} href={to.device(unit.name)} aria-label={label(unit)}>
        <rect x={x + 1} y={y + 1} width={w - 2} height={h - 2} class={`unit ${look} ${picked.value.has(unit.name) ? "picked" : ""}`} />
        {look !== "well" && <rect x={x + 1} y={y + 1} width={4} height={h - 2} class={`flag ${look}`} />}
        {isUpright &&
          outlets.get(unit.name)?.map((one, index, list) => {
            const pitch = Math.min(14, (h - 76) / list.length);
            return (
              <rect
                key={one.attributes?.outlet}
                x={x + w / 2 - 4}
                y={y + 6 + index * pitch}
                width={8}
                height={Math.max(2, pitch - 3)}
                class={`socket ${one.quality === "stale" ? "stale" : String(one.value)}`}
              />
            );
          })}
        <text x={isUpright ? 0 : x + 9} y={isUpright ? 0 : y + h / 2 + 4} transform={isUpright ? `translate(${x + w / 2 + 4} ${y + h - 8}) rotate(-90)` : undefined}>
          {unit.name}
        </text>
      </a>
    );
  };
  const side = 26;
  const half = Math.ceil(beside.length / 2);
  const left = 30 + half * side;
  return (
    <svg class="rack" viewBox={`0 0 ${left + WIDTH + (beside.length - half) * side + 12} ${height + 12}`} role="group" aria-label={t("front")}>
      <rect x={left} y={2} width={WIDTH} height={height + 6} class="frame" />
      {isEmpty && (
        <text x={left + WIDTH / 2} y={height / 2} class="nothing">
          {t("onlyPdus")}
        </text>
      )}
      {Array.from({ length: slots }, (_, at) => slots - at).map((u, at) => (
        <text key={u} x={left - 4} y={at * UNIT + UNIT + 1} class="u">
          {placed.length > 0 && (u % 5 === 0 || u === 1) ? u : ""}
        </text>
      ))}
      {beside.map((unit, at) =>
        at < half
          ? box(unit, at * side, 4, side, height)
          : box(unit, left + WIDTH + 6 + (at - half) * side, 4, side, height),
      )}
      {placed.map((unit) => box(unit, left, (slots - (unit.u ?? 1) - unit.height + 1) * UNIT + 4, WIDTH, unit.height * UNIT))}
      {rest.map((unit, at) => box(unit, left, at * UNIT * 2 + 4, WIDTH, UNIT * 2))}
    </svg>
  );
}

interface Cord {
  feed: string;
  pdu: string;
  outlet: string;
  state: string | undefined;
  watts: number;
}

/** What hangs on the outlets of the PDUs of a rack: by the names of outlets, and by relations. */
function Cords({ members }: { members: number[] }): JSX.Element {
  const pdus = members.map((number) => targets.value[number]!).filter(({ kind }) => BESIDE.test(kind));
  const names = pdus.map(({ name }) => name);
  const selector = names.length > 0 ? `name in (${names.join(",")})` : null;
  const outlets = useReadings(selector, "utakata.outlet.state", 5000);
  const powers = useReadings(selector, "hw.power", 5000);
  const rows = useMemo(() => {
    const watt = new Map(
      powers.data?.map((one) => [`${one.target}/${one.attributes?.outlet ?? ""}`, one.value as number]),
    );
    const found = new Map<string, Cord[]>();
    for (const one of outlets.data ?? []) {
      const outlet = one.attributes?.outlet ?? "";
      const name = one.attributes?.["hw.name"] ?? "";
      if (!isGiven(name)) continue;
      const feed = pdus.find((pdu) => pdu.name === one.target)?.labels.feed ?? "";
      const cords = found.get(name) ?? [];
      cords.push({ feed, pdu: one.target, outlet, state: String(one.value), watts: watt.get(`${one.target}/${outlet}`) ?? Number.NaN });
      found.set(name, cords);
    }
    return [...found].sort(([a], [b]) => inOrder(a, b));
  }, [outlets.data, powers.data, names.join()]);
  if (!selector) return <Empty>{t("noRelations")}</Empty>;
  const feeds = [...new Set(pdus.map(({ labels }) => labels.feed ?? ""))].sort(inOrder);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t("name")}</th>
          {feeds.map((feed) => (
            <th scope="col" key={feed}>
              {t("feed")} {feed}
            </th>
          ))}
          <th scope="col" class="number">
            {t("power")}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map(([name, cords]) => {
          const live = cords.filter((cord) => cord.state === "on").length;
          const total = cords.reduce((sum, cord) => sum + (Number.isNaN(cord.watts) ? 0 : cord.watts), 0);
          return (
            <tr key={name}>
              <th scope="row">
                {live === 0 ? <Mark of="critical" /> : live === 1 && cords.length > 1 ? <Mark of="minor" /> : null} {name}
              </th>
              {feeds.map((feed) => (
                <td key={feed}>
                  {cords
                    .filter((cord) => cord.feed === feed)
                    .map((cord) => (
                      <div key={`${cord.pdu}/${cord.outlet}`}>
                        <a href={`${to.device(cord.pdu)}?outlet=${cord.outlet}`}>
                          {cord.pdu} {cord.outlet}
                        </a>{" "}
                        <span class={`outlet ${cord.state}`}>{word("outlet", cord.state ?? "")}</span> <span class="hint">{watts(cord.watts)}</span>
                      </div>
                    ))}
                </td>
              ))}
              <td class="number">{watts(total)}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

function Needs({ name }: { name: string }): JSX.Element | null {
  const { data } = useFetched<Topology>(path("/v1/topology", { around: name }), 30_000);
  const sources = data?.edges.filter((edge) => edge.to === name && edge.relation === "feeds") ?? [];
  if (sources.length === 0) return null;
  return (
    <span class="hint">
      {sources.map((edge) => (
        <a key={`${edge.from}/${edge.outlet}`} href={to.device(edge.from)}>
          {edge.from}
          {edge.outlet && ` ${edge.outlet}`}
          {edge.outlet_state && ` ${word("outlet", edge.outlet_state)}`}{" "}
        </a>
      ))}
    </span>
  );
}

export function RackView(props: { room: string; rack: string }): JSX.Element {
  void revision.value;
  const room = rooms.value.find((one) => one.name === props.room);
  const rack = room?.rows.flatMap((row) => row.racks).find((one) => one.name === props.rack);
  if (!rack) return <Empty>{t("noTargets")}</Empty>;
  const sum = summary(rack.members);
  // Each is a question of its own.
  const hasNeeds = rack.members.length <= 12 && past.value === null;
  const sorted = [...rack.members].sort((a, b) => inOrder(targets.value[a]!.name, targets.value[b]!.name));
  return (
    <>
      <h1 class="title">
        {t("rack")} {rack.name}
        <a class="hint" href={to.floor(props.room)}>
          {t("floor")} {props.room}
        </a>
        <span class="figures">
          <Mark of={sum.look} /> {lookText(sum.look)}
          <b>{watts(sum.power)}</b>
          <b>{degrees(sum.temperature)}</b>
        </span>
      </h1>
      <div class="columns rack-columns">
        <Panel title={t("front")}>
          <Front members={sorted} />
          {rack.members.every((number) => !targets.value[number]!.labels.u) &&
            rack.members.some((number) => !BESIDE.test(targets.value[number]!.kind)) && <p class="hint">{t("noUnits")}</p>}
        </Panel>
        <div>
          <Panel title={t("Devices")}>
            <table>
              <thead>
                <tr>
                  <th scope="col">{t("select")}</th>
                  <th scope="col">{t("name")}</th>
                  <th scope="col">{t("kind")}</th>
                  <th scope="col">{t("health")}</th>
                  {hasNeeds && <th scope="col">{t("dependsOn")}</th>}
                  <th scope="col" class="number">{t("power")}</th>
                  <th scope="col" class="number">{t("temperature")}</th>
                  <th scope="col" class="number">{t("age")}</th>
                </tr>
              </thead>
              <tbody>
                {sorted.map((number) => {
                  const { name, kind } = targets.value[number]!;
                  const answered = cell.answered(number);
                  return (
                    <tr key={name}>
                      <td>
                        <input type="checkbox" aria-label={`${t("select")} ${name}`} checked={picked.value.has(name)} onChange={() => toggle(name)} />
                      </td>
                      <th scope="row">
                        <a href={to.device(name)}>{name}</a>
                      </th>
                      <td>{kind}</td>
                      <td>
                        <HealthMark of={cell.health(number)} />
                      </td>
                      {hasNeeds && (
                        <td>
                          <Needs name={name} />
                        </td>
                      )}
                      <td class="number">{watts(cell.power(number))}</td>
                      <td class="number">{degrees(cell.temperature(number))}</td>
                      <td class="number">{Number.isNaN(answered) ? t("never") : age(now.value / 1000 - answered)}</td>
                    </tr>
                  );
                })}
              </tbody>
            </table>
          </Panel>
          <Panel title={t("cords")}>
            <Cords members={rack.members} />
          </Panel>
        </div>
      </div>
      <Picked />
    </>
  );
}
