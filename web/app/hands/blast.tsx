// What hangs on the targets of a plan: what loses its last feed, its way or its cooling, and what hangs
// on that in turn.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Refused, get, path } from "../api";
import { all } from "../fetching";
import { numberOf, targets } from "../live";
import { Mark } from "../parts";
import { t, word } from "../text";
import type { Reading, Relation, Topology } from "../types";

/** The number of targets whose relations are looked at, in each step. */
const MOST = 12;
/** The number of steps: a UPS, its PDUs, their servers, what these reach. */
const DEPTH = 4;

interface Loss {
  name: string;
  relation: Relation["relation"];
  /** What remains. */
  others: string[];
}

type Edge = Topology["edges"][number];

/** Relations by which something is lost with what is at their beginning. */
const CARRIES = ["feeds", "reaches", "cools"];

/** A name that somebody has given, and not the PDU itself. */
export const isGiven = (name: string | undefined): name is string => !!name && !/^outlet ?\d+$/i.test(name);

/** What has the name of this outlet, and the outlets of the rack that have the same. */
async function named(names: string[], outlet: string, signal: AbortSignal): Promise<Loss[]> {
  const racks = new Set(
    names.flatMap((name) => {
      const labels = targets.value[numberOf(name) ?? -1]?.labels;
      if (!labels?.rack) return [];
      return [labels.room ? `room=${labels.room},rack=${labels.rack}` : `rack=${labels.rack}`];
    }),
  );
  const lists = await Promise.all(
    [...racks].slice(0, MOST).map((selector) =>
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
        return {
          name,
          relation: "feeds" as const,
          others: others.map((other) => `${other.target} ${other.attributes?.outlet ?? ""}`),
        };
      }),
  );
}

/** What hangs on these by relations, and on what they take with them. */
async function related(names: string[], outlet: string | undefined, signal: AbortSignal): Promise<Loss[]> {
  const around = (name: string): Promise<Topology> => get(path("/v1/topology", { around: name }), signal);
  const gone = new Set(names);
  const found = new Map<string, Loss>();
  // Of the targets themselves, only the outlet that is meant.
  const isMeant = (edge: Edge): boolean =>
    gone.has(edge.from) &&
    (!names.includes(edge.from) || outlet === undefined || edge.outlet === undefined || edge.outlet === outlet);
  let wave = names;
  for (let depth = 0; depth < DEPTH && wave.length > 0; depth += 1) {
    const sources = await Promise.all(wave.slice(0, MOST).map(around));
    const edges = sources.flatMap((one) => one.edges).filter((edge) => CARRIES.includes(edge.relation) && isMeant(edge));
    const hit = new Map(edges.filter(({ to }) => !gone.has(to)).map((edge) => [edge.to, edge]));
    const those = [...hit.values()].slice(0, MOST);
    const needs = await Promise.all(those.map(({ to }) => around(to)));
    those.forEach(({ to, relation }, at) => {
      const others = (needs[at]?.edges ?? [])
        .filter((edge) => edge.to === to && edge.relation === relation && !isMeant(edge) && edge.outlet_state !== "off")
        .map((edge) => (edge.outlet ? `${edge.from} ${edge.outlet}` : edge.from));
      found.set(to, { name: to, relation: relation as Loss["relation"], others });
    });
    wave = those.map(({ to }) => to).filter((name) => found.get(name)?.others.length === 0);
    for (const name of wave) gone.add(name);
  }
  return [...found.values()];
}

/** By declared relations, and by the names of outlets. */
async function losses(names: string[], outlet: string | undefined, signal: AbortSignal): Promise<Loss[]> {
  const [declared, given] = await Promise.all([
    related(names, outlet, signal),
    outlet === undefined ? [] : named(names, outlet, signal),
  ]);
  // What is declared counts more than what is called the same; and each is named once.
  const found = new Map([...given, ...declared].map((loss) => [loss.name, loss]));
  return [...found.values()].sort((a, b) => a.others.length - b.others.length);
}

export function BlastRadius(props: { names: string[]; parameters: Record<string, unknown> }): JSX.Element | null {
  const [found, setFound] = useState<Loss[]>();
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
  if (!found) return <p class="hint">{t("loading")}</p>;
  const last = found.filter(({ others }) => others.length === 0).length;
  return (
    <>
      {last > 1 && <p class="note bad">{t("lastCords", { n: last })}</p>}
      {props.names.length > MOST && <p class="hint">{t("lookedAt", { n: MOST })}</p>}
      <p class="hint">{found.length > 0 ? t("hangsOn", { n: found.length }) : t("nothingHangs")}</p>
      <ul class="plain blast">
        {found.slice(0, 3 * MOST).map(({ name, relation, others }) => (
          <li key={name} class={others.length ? "" : "bad"}>
            <Mark of={others.length ? "minor" : "critical"} />{" "}
            {others.length
              ? t(relation === "feeds" ? "losesCord" : "losesOther", { name, others: others.join(", ") })
              : relation === "feeds"
                ? t("lastCord", { name })
                : `${name} ${word("loss", relation)}`}
          </li>
        ))}
      </ul>
    </>
  );
}
