// Environments: where workers run, how many, and what is stopped there.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Page, Refused, post } from "../api";
import { useFetched } from "../fetching";
import { bytes } from "../format";
import { Age, Dialog, Empty, Hand, Labels, Panel, Trouble } from "../parts";
import { to } from "../route";
import { type Key, t, word } from "../text";
import type { Environment } from "../types";

type Verb = "pause" | "drain" | "resume";

function Order(props: { of: Environment; verb: Verb; onClose: () => void; onDone: () => void }): JSX.Element {
  const [error, setError] = useState<Refused>();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const why = String(new FormData(event.currentTarget as HTMLFormElement).get("why") ?? "").trim();
    try {
      await post(`/v1/environments/${encodeURIComponent(props.of.id)}/${props.verb}`, why ? { why } : {});
      props.onDone();
      props.onClose();
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setError(failure);
    }
  };
  return (
    <Dialog title={`${t(props.verb as Key)} ${props.of.id}`} onClose={props.onClose}>
      <form class="fields" onSubmit={submit}>
        <label>
          {t("why")}
          <input name="why" maxLength={1000} required={props.verb !== "resume"} autofocus />
        </label>
        <Trouble of={error} />
        <button type="submit" class={`primary ${props.verb === "resume" ? "" : "danger"}`}>
          {t(props.verb as Key)}
        </button>
      </form>
    </Dialog>
  );
}

export function EnvironmentsView(): JSX.Element {
  const { data, error, again } = useFetched<Page<Environment>>("/v1/environments?limit=200", 5000);
  const [order, setOrder] = useState<{ of: Environment; verb: Verb } | null>(null);
  return (
    <>
      <h1 class="title">{t("environments")}</h1>
      <Trouble of={error} />
      {data?.items.length === 0 && <Empty>{t("noMatch")}</Empty>}
      {data?.items.map((one) => (
        <Panel
          key={one.id}
          title={one.id}
          tools={
            <>
              {(["pause", "drain", "resume"] as Verb[])
                .filter((verb) => (verb === "resume" ? !!one.standing?.length : true))
                .map((verb) => (
                  <Hand key={verb} right={["order"]} onClick={() => setOrder({ of: one, verb })}>
                    {t(verb as Key)}
                  </Hand>
                ))}
            </>
          }
        >
          <p class="figures">
            <span class={`state ${one.state}`}>{word("run", one.state)}</span>
            <span>
              {t("zone")} {one.zone}
            </span>
            <span>
              {t("version")} {one.version}
            </span>
            <Labels of={one.labels} />
            <Age of={one.time} />
          </p>
          {one.standing?.map((standing) => (
            <p key={JSON.stringify(standing)} class="note">
              {word("run", standing.stop)} {Object.values(standing.scope).join(" ")}: {standing.by}, <Age of={standing.since} /> {standing.why}
            </p>
          ))}
          {one.problems?.map((problem) => (
            <p key={problem.message} class="note bad">
              {problem.message}
            </p>
          ))}
          <table>
            <thead>
              <tr>
                <th scope="col">{t("pools")}</th>
                <th scope="col">{t("version")}</th>
                <th scope="col" class="number">{t("workers")}</th>
                <th scope="col" class="number">{t("running")}</th>
                <th scope="col" class="number">{t("waiting")}</th>
                <th scope="col" class="number">{t("lost")}</th>
                <th scope="col" class="number">{t("memory")}</th>
              </tr>
            </thead>
            <tbody>
              {one.pools.map((pool) => (
                <tr key={`${pool.release.kind}/${pool.release.version}`}>
                  <th scope="row">{pool.release.kind}</th>
                  <td>
                    {pool.release.version} {pool.problem && <span class="bad">{pool.problem.message}</span>}
                  </td>
                  <td class="number">
                    {pool.ready}
                    {pool.starting > 0 && ` +${pool.starting}`}
                    {pool.draining > 0 && ` −${pool.draining}`}
                  </td>
                  <td class="number">{pool.running}</td>
                  <td class="number">{pool.waiting}</td>
                  <td class="number">{pool.lost}</td>
                  <td class="number">{bytes(pool.memory)}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {!!one.breakers?.length && (
            <p class="hint">
              {t("breakersOpen")}:{" "}
              {one.breakers.slice(0, 20).map((breaker) => (
                <a key={breaker.target} href={to.device(breaker.target)}>
                  {breaker.target}{" "}
                </a>
              ))}
            </p>
          )}
        </Panel>
      ))}
      {order && <Order of={order.of} verb={order.verb} onClose={() => setOrder(null)} onDone={again} />}
    </>
  );
}
