// What a plan would do: to which targets, what each has today, and what hangs on them.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Refused, get, path } from "../api";
import { all } from "../fetching";
import { value } from "../format";
import { numberOf, targets } from "../live";
import { Mark } from "../parts";
import { t } from "../text";
import type { PlannedTask, Reading, Topology } from "../types";

/** The number of targets whose relations are looked at. */
const MOST = 12;

interface Loss {
  name: string;
  /** The feeds that remain. */
  others: string[];
}

/** A name that somebody has given, and not the PDU itself. */
export const isGiven = (name: string | undefined): name is string => !!name && !/^outlet ?\d+$/i.test(name);

/** What has the name of this outlet, and the outlets of the rack that have the same. */
async function named(names: string[], outlet: string, signal: AbortSignal): Promise<Loss[]> {
  const racks = new Map(
    names.flatMap((name) => {
      const labels = targets.value[numberOf(name) ?? -1]?.labels;
      if (!labels?.rack) return [];
      const selector = labels.room ? `room=${labels.room},rack=${labels.rack}` : `rack=${labels.rack}`;
      return [[selector, selector]];
    }),
  );
  const lists = await Promise.all(
    [...racks.keys()].slice(0, MOST).map((selector) =>
      all<Reading>(path("/v1/readings", { selector, metric: "utakata.outlet.state" }), 5000, signal),
    ),
  );
  const isMeant = (one: Reading): boolean => names.includes(one.target) && one.attributes?.outlet === outlet;
  return lists.flatMap((list) =>
    list
      .filter((one) => isMeant(one) && isGiven(one.attributes?.["hw.name"]))
      .map((one) => {
        const name = one.attributes!["hw.name"]!;
        const others = list.filter(
          (other) => other.attributes?.["hw.name"] === name && !isMeant(other) && other.value === "on",
        );
        return { name, others: others.map((other) => `${other.target} ${other.attributes?.outlet ?? ""}`) };
      }),
  );
}

/** What would lose a feed if these outlets were off: by declared relations, and by their names. */
async function losses(names: string[], outlet: string | undefined, signal: AbortSignal): Promise<Loss[]> {
  const [declared, given] = await Promise.all([
    related(names, outlet, signal),
    outlet === undefined ? [] : named(names, outlet, signal),
  ]);
  // What is declared counts more than what is called the same; and each is named once.
  const found = new Map([...given, ...declared].map((loss) => [loss.name, loss]));
  return [...found.values()].sort((a, b) => a.others.length - b.others.length);
}

async function related(names: string[], outlet: string | undefined, signal: AbortSignal): Promise<Loss[]> {
  const around = (name: string): Promise<Topology> => get(path("/v1/topology", { around: name }), signal);
  const supplies = await Promise.all(names.slice(0, MOST).map(around));
  const isMeant = (edge: Topology["edges"][number]): boolean =>
    edge.relation === "feeds" &&
    names.includes(edge.from) &&
    (outlet === undefined || edge.outlet === undefined || edge.outlet === outlet);
  const hit = [...new Set(supplies.flatMap((one) => one.edges.filter(isMeant).map((edge) => edge.to)))];
  const needs = await Promise.all(hit.slice(0, MOST).map(around));
  return hit.slice(0, MOST).map((name, at) => ({
    name,
    others: (needs[at]?.edges ?? [])
      .filter((edge) => edge.to === name && edge.relation === "feeds" && !isMeant(edge) && edge.outlet_state !== "off")
      .map((edge) => (edge.outlet ? `${edge.from} ${edge.outlet}` : edge.from)),
  }));
}

export function BlastRadius(props: { names: string[]; parameters: Record<string, unknown> }): JSX.Element | null {
  const [found, setFound] = useState<Loss[]>([]);
  const [error, setError] = useState<Refused>();
  const outlet = props.parameters.outlet;
  useEffect(() => {
    const ended = new AbortController();
    losses(props.names, outlet === undefined ? undefined : String(outlet), ended.signal).then(setFound, (failure: unknown) => {
      if (failure instanceof Refused) setError(failure);
      else if (!ended.signal.aborted) throw failure;
    });
    return () => ended.abort();
  }, []);
  // What cannot be looked at is not "nothing hangs on it".
  if (error) return <p class="note">{error.problem.detail}</p>;
  const last = found.filter(({ others }) => others.length === 0).length;
  return (
    <>
      {last > 1 && <p class="note bad">{t("lastCords", { n: last })}</p>}
      {props.names.length > MOST && <p class="hint">{t("lookedAt", { n: MOST })}</p>}
      <ul class="plain blast">
        {found.slice(0, 3 * MOST).map(({ name, others }) => (
          <li key={name} class={others.length ? "" : "bad"}>
            <Mark of={others.length ? "minor" : "critical"} />{" "}
            {others.length ? t("losesCord", { name, others: others.join(", ") }) : t("lastCord", { name })}
          </li>
        ))}
      </ul>
    </>
  );
}

export function PlanTable({ targets }: { targets: PlannedTask[] }): JSX.Element {
  return (
    <div class="plan">
      <table>
        <thead>
          <tr>
            <th scope="col">{t("target")}</th>
            <th scope="col">{t("today")}</th>
            <th scope="col">{t("release")}</th>
          </tr>
        </thead>
        <tbody>
          {targets.slice(0, 200).map((one) => (
            <tr key={one.target}>
              <th scope="row">{one.target}</th>
              <td>
                {one.today === undefined ? (
                  <span class="hint">
                    <Mark of="unknown" /> {t("unknown")}
                  </span>
                ) : (
                  <>
                    <b>{value(one.today, one.unit)}</b> <span class="hint">{one.metric}</span>
                  </>
                )}
              </td>
              <td class="hint">
                {one.release.kind}@{one.release.version}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {targets.length > 200 && <p class="hint">+ {targets.length - 200}</p>}
    </div>
  );
}
