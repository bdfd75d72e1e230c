// Rollouts: the phase of each environment, the evidence, and the verbs.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Page, Refused, post } from "../api";
import { useFetched, useLast } from "../fetching";
import { inOrder } from "../format";
import { Age, Dialog, Empty, Hand, Panel, Time, Trouble } from "../parts";
import { go } from "../route";
import { type Key, t, word } from "../text";
import type { Rollout } from "../types";

const PHASES = ["waiting", "starting", "shadow", "canary", "rolling", "done"];

function Detail({ id }: { id: string }): JSX.Element {
  const { data, error, again } = useFetched<Rollout>(`/v1/rollouts/${id}`, 2000);
  const [refused, setRefused] = useState<Refused>();
  const shown = useLast(data);
  if (!shown) return <Trouble of={error} />;
  const verb = async (name: string): Promise<void> => {
    try {
      setRefused(undefined);
      await post(`/v1/rollouts/${id}/${name}`, {});
      again();
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setRefused(failure);
    }
  };
  const verbs: [Key, boolean][] = [
    ["promote", shown.state === "running"],
    ["pause", shown.state === "running"],
    ["resume", shown.state === "paused"],
    ["abort", !shown.ended],
  ];
  return (
    <Panel title={`${shown.kind} ${shown.from.version} → ${shown.to.version}`}>
      <p class="figures">
        <span class={`state ${shown.state}`}>{word("run", shown.state)}</span> {shown.by}, <Time of={shown.began} /> {shown.why}
      </p>
      {shown.problem && <p class="note bad">{shown.problem.message}</p>}
      <table>
        <thead>
          <tr>
            <th scope="col">{t("environments")}</th>
            <th scope="col">{t("phase")}</th>
            <th scope="col" class="number">%</th>
            <th scope="col">{t("evidence")}</th>
          </tr>
        </thead>
        <tbody>
          {Object.entries(shown.environments).map(([name, one]) => {
            const { evidence } = one;
            return (
              <tr key={name}>
                <th scope="row">{name}</th>
                <td>
                  <span class="phases" role="img" aria-label={one.phase}>
                    {PHASES.map((phase, at) => (
                      <i key={phase} class={at <= PHASES.indexOf(one.phase) ? "past" : ""} />
                    ))}
                  </span>{" "}
                  {one.phase}
                </td>
                <td class="number">{Math.round((evidence.share ?? 0) * 100)}</td>
                <td>
                  {!!evidence.compared &&
                    `${t("evidenceText", { compared: evidence.compared, differing: evidence.differing ?? 0 })} `}
                  {evidence.candidate &&
                    t("evidenceTasks", { n: evidence.candidate.tasks, failed: evidence.candidate.failed })}
                  {!!evidence.stable?.tasks && (
                    <span class="hint">
                      {" "}
                      ({evidence.stable.tasks}, {evidence.stable.failed})
                    </span>
                  )}
                  {one.problem && <div class="bad">{one.problem.message}</div>}
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
      <Trouble of={refused} />
      <div class="buttons">
        {verbs
          .filter(([, isOffered]) => isOffered)
          .map(([name]) => (
            <Hand key={name} right={["release:serve"]} onClick={() => void verb(name)}>
              {t(name)}
            </Hand>
          ))}
      </div>
    </Panel>
  );
}

/** Begins a rollout: the release of a kind, with the plan that utakata has for it. */
function Begin({ onClose }: { onClose: () => void }): JSX.Element {
  const { data, error } = useFetched<Page<{ kind: string; version: string }>>("/v1/releases?limit=1000", 60_000);
  const [refused, setRefused] = useState<Refused>();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const [kind, to] = String(form.get("release")).split("@");
    const why = String(form.get("why") ?? "").trim();
    try {
      const begun = await post<Rollout>("/v1/rollouts", { kind, to, ...(why ? { why } : {}) });
      onClose();
      go(`/rollouts/${begun.id}`);
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setRefused(failure);
    }
  };
  const names = data?.items.map(({ kind, version }) => `${kind}@${version}`).sort(inOrder) ?? [];
  return (
    <Dialog title={t("begin")} onClose={onClose}>
      <form class="fields" onSubmit={submit}>
        <label>
          {t("release")}
          <select name="release" required>
            {names.map((one) => (
              <option key={one}>{one}</option>
            ))}
          </select>
        </label>
        <label>
          {t("why")}
          <input name="why" maxLength={1000} placeholder={t("optional")} />
        </label>
        <Trouble of={refused ?? error} />
        <button type="submit" class="primary">
          {t("begin")}
        </button>
      </form>
    </Dialog>
  );
}

export function RolloutsView({ id }: { id: string | undefined }): JSX.Element {
  const { data, error } = useFetched<Page<Rollout>>("/v1/rollouts?limit=100", 10_000);
  const [isBeginning, setBeginning] = useState(false);
  return (
    <>
      <h1 class="title">{t("rollouts")}</h1>
      <div class="toolbar">
        <Hand right={["release:serve"]} onClick={() => setBeginning(true)}>
          {t("begin")} …
        </Hand>
      </div>
      {isBeginning && <Begin onClose={() => setBeginning(false)} />}
      <Trouble of={error} />
      {data?.items.length === 0 && <Empty>{t("noRollouts")}</Empty>}
      {data && data.items.length > 0 && (
        <div class={id ? "columns" : ""}>
          <table>
            <thead>
              <tr>
                <th scope="col">{t("state")}</th>
                <th scope="col">{t("kind")}</th>
                <th scope="col">{t("version")}</th>
                <th scope="col">{t("by")}</th>
                <th scope="col" class="number">{t("age")}</th>
              </tr>
            </thead>
            <tbody>
              {data.items.map((one) => (
                <tr key={one.id} class={one.id === id ? "current" : ""}>
                  <td>
                    <span class={`state ${one.state}`}>{word("run", one.state)}</span>
                  </td>
                  <th scope="row">
                    <a href={`/rollouts/${one.id}`}>{one.kind}</a>
                  </th>
                  <td>
                    {one.from.version} → {one.to.version}
                  </td>
                  <td>{one.by}</td>
                  <td class="number">
                    <Age of={one.began} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
          {id && <Detail id={id} key={id} />}
        </div>
      )}
    </>
  );
}
