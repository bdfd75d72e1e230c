// What a plan would do: to which targets, what each has today, and what hangs on them.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Refused, get, path } from "../api";
import { value } from "../format";
import { Mark } from "../parts";
import { t } from "../text";
import type { PlannedTask, Topology } from "../types";

/** The number of targets whose relations are looked at. */
const MOST = 12;

interface Loss {
  name: string;
  /** The feeds that remain. */
  others: string[];
}

/** What would lose a feed if these outlets were off. */
async function losses(names: string[], outlet: string | undefined, signal: AbortSignal): Promise<Loss[]> {
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
  if (found.length === 0) return null;
  return (
    <ul class="plain blast">
      {found.map(({ name, others }) => (
        <li key={name} class={others.length ? "" : "bad"}>
          <Mark of={others.length ? "minor" : "critical"} />{" "}
          {others.length ? t("losesCord", { name, others: others.join(", ") }) : t("lastCord", { name })}
        </li>
      ))}
    </ul>
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
