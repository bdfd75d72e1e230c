// One policy: what it sees and decides, and why, now or at a time of the past; what it did, and what
// it would have done, over its inputs.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Page, path } from "../api";
import { useFetched, useLast } from "../fetching";
import { age, clock, seconds, value } from "../format";
import { now, outcomeNews, past } from "../live";
import { Age, Choice, Empty, Hand, Panel, Trouble } from "../parts";
import { timeText } from "../past";
import { ReasonDialog, TestAndArm } from "../policies/hands";
import { ModeMark, Use } from "../policies/parts";
import { RANGES, type Range, Timeline, actsOf } from "../policies/timeline";
import { CONTROL, has, isPresent } from "../rights";
import { ask, place, to } from "../route";
import { me } from "../session";
import { t, word } from "../text";
import type { Operation, Policy, PolicyExplanation, PolicyInstance, PolicyTest } from "../types";

const shownValue = (one: unknown, unit = ""): string =>
  one === null || one === undefined
    ? t("unknown")
    : typeof one === "boolean"
      ? t(one ? "yes" : "no")
      : value(one as string | number, unit);

/** What it does, and what is done with it. */
function Acts({ of }: { of: Policy["policy"] }): JSX.Element {
  return (
    <>
      {of.for_each !== undefined && (
        <>
          <dt>{t("forEach")}</dt>
          <dd>
            <code>{of.for_each}</code>
          </dd>
        </>
      )}
      {of.act.map((act) => (
        <>
          <dt>{t("does")}</dt>
          <dd>
            <b>{act.action}</b> <code>{[act.on.relation, act.on.selector, act.on.from].filter(Boolean).join(" · ")}</code>{" "}
            {Object.entries(act.parameters ?? {}).map(([key, one]) => `${key}=${String(one)}`).join(" ")}
          </dd>
        </>
      ))}
    </>
  );
}

/** The conditions of the document, and whether each holds. */
function Conditions({ of, holds }: { of: Policy["policy"]; holds: PolicyInstance["conditions"] }): JSX.Element {
  const texts = { when: of.when, until: of.until, unless: of.unless, back: of.back?.when };
  return (
    <dl class="conditions">
      <Acts of={of} />
      {Object.entries(texts).map(([key, text]) => {
        if (text === undefined) return null;
        const is = holds?.[key];
        const known = is === true ? "true" : is === false ? "false" : "unknown";
        return (
          <>
            <dt>
              {word("condition", key)}
              {key === "when" && of.hold && <span class="hint"> {t("heldFor", { n: age(seconds(of.hold)) })}</span>}
              {key === "back" && of.back?.hold && <span class="hint"> {t("heldFor", { n: age(seconds(of.back.hold)) })}</span>}
            </dt>
            <dd>
              <code>{text}</code> <span class={`holds is-${known}`}>{word("holds", known)}</span>
            </dd>
          </>
        );
      })}
      {Object.entries(of.let ?? {}).map(([key, text]) => (
        <>
          <dt>{key}</dt>
          <dd>
            <code>{text}</code>
          </dd>
        </>
      ))}
    </dl>
  );
}

function Inputs({ of, policy }: { of: PolicyInstance; policy: Policy["policy"] }): JSX.Element {
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t("input")}</th>
          <th scope="col" class="number">{t("value")}</th>
          <th scope="col" class="number">{t("age")}</th>
          <th scope="col" class="number">{t("seenOf")}</th>
        </tr>
      </thead>
      <tbody>
        {of.inputs?.map((one) => (
          <tr key={one.name}>
            <th scope="row">
              {one.name}
              <div class="hint">{policy.watch[one.name]?.metric ?? (policy.watch[one.name]?.silence ? t("silence") : "")}</div>
            </th>
            <td class="number value">
              {shownValue(one.value, policy.watch[one.name]?.unit)}
              {one.missing && <div class="bad">{one.missing}</div>}
            </td>
            <td class="number age">{age(seconds(one.age))}</td>
            <td class="number">
              {one.present} {t("of")} {one.of}
            </td>
          </tr>
        ))}
        {Object.entries(of.lets ?? {}).map(([name, one]) => (
          <tr key={name}>
            <th scope="row">{name}</th>
            <td class="number value">{shownValue(one)}</td>
            <td />
            <td />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

function Changes({ of }: { of: PolicyInstance }): JSX.Element | null {
  if (!of.changes?.length) return null;
  return (
    <>
      <h3>{t("changed")}</h3>
      <ul class="plain rows">
        {of.changes.map((one) => (
          <li key={`${one.key}/${one.target}/${one.outlet}`}>
            <span class={`state ${one.stage === "done" ? "succeeded" : ""}`}>{word("stage", one.stage)}</span>
            <div>
              {one.action} <a href={to.device(one.target)}>{one.target}</a>{" "}
              {Object.entries(one.parameters).map(([key, text]) => `${key}=${String(text)}`).join(" ")}
            </div>
            <Age of={one.at} />
          </li>
        ))}
      </ul>
    </>
  );
}

/** The decision of one instance, now or then. */
function Decision(props: { policy: Policy; instances: PolicyInstance[]; isRecomputed: boolean }): JSX.Element {
  const { policy, instances } = props;
  const wanted = place.value.query.get("target");
  const shown = instances.find(({ target }) => target === wanted) ?? instances[0];
  if (!shown) return <Empty>{t("noInstance")}</Empty>;
  return (
    <>
      {instances.length > 1 && (
        <label>
          {t("target")}{" "}
          <select value={shown.target} onChange={(event) => ask("target", event.currentTarget.value)}>
            {instances.map(({ target, decision }) => (
              <option key={target} value={target}>
                {target}: {word("decision", decision)}
              </option>
            ))}
          </select>
        </label>
      )}
      <p class="lead">
        <b>{word("decision", shown.decision)}:</b> {shown.why}
      </p>
      {props.isRecomputed && <p class="hint">{t("recomputed")}</p>}
      {shown.needs && shown.needs.some((one) => one !== shown.why) && (
        <p>
          {t("needs")}: {shown.needs.join("; ")}
        </p>
      )}
      <Conditions of={policy.policy} holds={shown.conditions} />
      <Inputs of={shown} policy={policy.policy} />
      <Changes of={shown} />
    </>
  );
}

type Open = "test" | "arm" | "shadow" | "off";

/** What can be done with a policy. */
function Hands(props: { policy: Policy; onTested: (test: PolicyTest) => void; onDone: () => void }): JSX.Element {
  const { policy } = props;
  const { name } = policy.policy;
  const token = place.value.query.get("result") ?? undefined;
  const [open, setOpen] = useState<Open>();
  const close = (): void => setOpen(undefined);
  const isSecond = token !== undefined && policy.asked_by !== undefined && policy.asked_by !== me.value;
  const isIdle = policy.mode === "off" || policy.mode === "shadow";
  const canStop = isPresent() && has(CONTROL);
  return (
    <>
      {isSecond && (
        <Hand right={["control:high"]} class="primary" onClick={() => setOpen("arm")}>
          {t("armToo", { by: policy.asked_by ?? "" })} …
        </Hand>
      )}
      <Hand right={["inventory"]} class={isSecond ? "" : "primary"} onClick={() => setOpen("test")}>
        {has(["control:high"]) ? t("testAndArm") : t("test")} …
      </Hand>
      {canStop && policy.mode !== "shadow" && (
        <button type="button" onClick={() => setOpen("shadow")}>
          {t("toShadow")} …
        </button>
      )}
      {canStop && policy.mode !== "off" && (
        <button type="button" onClick={() => setOpen("off")}>
          {t("switchOff")} …
        </button>
      )}
      {isIdle && isPresent() && !has(["control:high"]) && <span class="hint">{t("whoArms")}</span>}
      {(open === "test" || open === "arm") && (
        <TestAndArm
          policy={policy}
          token={open === "arm" ? token : undefined}
          onTested={props.onTested}
          onClose={close}
          onDone={props.onDone}
        />
      )}
      {(open === "shadow" || open === "off") && (
        <ReasonDialog
          title={`${t(open === "shadow" ? "toShadow" : "switchOff")}: ${name}`}
          says={open === "shadow" ? "shadowHint" : "offHint"}
          verb={open === "shadow" ? "toShadow" : "switchOff"}
          path={`/v1/policies/${encodeURIComponent(name)}/${open}`}
          onClose={close}
          onDone={props.onDone}
        />
      )}
    </>
  );
}

export function PolicyDetail({ name }: { name: string }): JSX.Element {
  const base = `/v1/policies/${encodeURIComponent(name)}`;
  const policy = useFetched<Policy>(base, 2000, outcomeNews.value);
  const at = past.value;
  const explained = useFetched<PolicyExplanation>(at === null ? null : path(`${base}/explain`, { at: timeText(at) }), 600_000);
  const operations = useFetched<Page<Operation>>("/v1/operations?class=control&limit=500", 10_000, outcomeNews.value);
  const [test, setTest] = useState<PolicyTest>();
  const shown = useLast(policy.data);
  const given = place.value.query.get("range") as Range | null;
  const range: Range = given && given in RANGES ? given : "1h";
  if (!shown) return policy.error ? <Trouble of={policy.error} /> : <Empty>{t("loading")}</Empty>;
  const document = shown.policy;
  const instances = at === null ? shown.instances : (explained.data?.instances ?? []);
  const acts = actsOf(name, operations.data?.items ?? [], test);
  const refresh = (): void => {
    policy.again();
    operations.again();
  };
  return (
    <>
      <h1 class="title">
        {name}
        <ModeMark of={shown} />
        <a class="hint" href="/policies">
          {t("policies")}
        </a>
      </h1>
      <div class="toolbar">
        <span class="hint">{document.about}</span>
        <span class="space" />
        <Hands policy={shown} onTested={setTest} onDone={refresh} />
      </div>
      <Trouble of={policy.error} />
      {shown.stopped && <p class="note bad">{t("stoppedBecause", { why: shown.stopped })}</p>}
      {shown.hands_back && <p class="note">{t("handsBack")}</p>}
      {shown.asked_by && <p class="note">{t("askedBy", { by: shown.asked_by })}</p>}
      {at === null && shown.by && (
        <p class="hint">
          {shown.until
            ? t("modeUntil", { by: shown.by, time: clock(shown.until, now.value) })
            : t("modeBy", { by: shown.by })}
        </p>
      )}
      <div class="columns">
        <Panel title={at === null ? t("decidesNow") : t("decidedThen", { time: clock(at, now.value) })}>
          <Trouble of={explained.error} />
          {at !== null && !explained.data && !explained.error && <Empty>{t("loading")}</Empty>}
          {(at === null || explained.data) && (
            <Decision policy={shown} instances={instances} isRecomputed={explained.data?.recomputed ?? false} />
          )}
        </Panel>
        <div>
          <Panel
            title={t("overInputs")}
            tools={
              <Choice
                label="history"
                of={Object.keys(RANGES) as Range[]}
                chosen={range}
                text={(one) => one}
                onChoose={(one) => ask("range", one)}
              />
            }
          >
            <Trouble of={operations.error} />
            <Timeline policy={document} target={instances[0]?.target} range={range} acts={acts} hasTest={!!test} />
          </Panel>
          <Panel title={t("budget")}>
            {!shown.uses?.length && <Empty>{t("noLimit")}</Empty>}
            <div class="uses">
              {shown.uses?.map((one) => (
                <Use key={one.limit} of={one} />
              ))}
            </div>
          </Panel>
        </div>
      </div>
    </>
  );
}
