// Policies: what acts by itself, how much it may still do, and all hands off.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import type { Page } from "../api";
import { useFetched, useLast } from "../fetching";
import { outcomeNews } from "../live";
import { Age, Empty, Hand, Panel, Trouble } from "../parts";
import { ReasonDialog, StopAll } from "../policies/hands";
import { ModeMark, Use, busiest, changesText, tightest } from "../policies/parts";
import { to } from "../route";
import { t, word } from "../text";
import type { Envelope, Policy } from "../types";
import { PolicyDetail } from "./policy";

function Row({ of }: { of: Policy }): JSX.Element {
  const { policy } = of;
  const does = busiest(of.instances);
  const limit = tightest(of.uses);
  return (
    <tr>
      <th scope="row">
        <a href={to.policy(policy.name)}>{policy.name}</a>
        {policy.about && <div class="hint">{policy.about}</div>}
      </th>
      <td>
        <ModeMark of={of} />
        {of.asked_by && <div class="hint">{t("askedBy", { by: of.asked_by })}</div>}
      </td>
      <td>
        {of.stopped ? (
          <span class="bad">{of.stopped}</span>
        ) : (
          does && (
            <>
              <b>{word("decision", does.decision)}:</b> <span class="hint">{does.target}</span> {does.why}
            </>
          )
        )}
        {of.instances.length > 1 && <div class="hint">{t("found", { n: of.instances.length })}</div>}
      </td>
      <td>{changesText(of.instances)}</td>
      <td>{limit ? <Use of={limit} /> : <span class="hint">{t("noLimit")}</span>}</td>
      <td class="number">
        <Age of={does?.at} />
      </td>
    </tr>
  );
}

function Envelopes({ list, onDone }: { list: Envelope[]; onDone: () => void }): JSX.Element {
  const [isResuming, setResuming] = useState(false);
  const red = list.find((one) => one.red);
  return (
    <Panel title={t("envelopes")} tools={<span class="count">{list.length}</span>}>
      {red && (
        <p class="note bad">
          {t("isRed", { name: red.envelope.name })} {red.red}{" "}
          <Hand right={["control:high"]} class="small" onClick={() => setResuming(true)}>
            {t("resume")} …
          </Hand>
        </p>
      )}
      {list.length === 0 && <Empty>{t("noEnvelopes")}</Empty>}
      <ul class="plain rows">
        {list.map(({ envelope, uses, waits }) => (
          <li key={envelope.name}>
            <b>{envelope.name}</b>
            <div>
              {envelope.about}
              <div class="uses">
                {uses.map((one) => (
                  <Use key={one.limit} of={one} />
                ))}
              </div>
              {waits?.map((one) => (
                <div key={one.task} class="hint">
                  {t("waitsFor")}: {one.why}
                </div>
              ))}
            </div>
            <span class="hint">{t(envelope.applies === "all" ? "bindsAll" : "bindsPolicies")}</span>
          </li>
        ))}
      </ul>
      {isResuming && (
        <ReasonDialog
          title={t("resume")}
          says="resumeHint"
          verb="resume"
          path="/v1/smart-control/resume"
          onClose={() => setResuming(false)}
          onDone={onDone}
        />
      )}
    </Panel>
  );
}

export function PoliciesView({ name }: { name: string | undefined }): JSX.Element {
  return name === undefined ? <List /> : <PolicyDetail name={name} key={name} />;
}

function List(): JSX.Element {
  const policies = useFetched<Page<Policy>>("/v1/policies?limit=1000", 3000, outcomeNews.value);
  const envelopes = useFetched<Page<Envelope>>("/v1/envelopes?limit=1000", 10_000, outcomeNews.value);
  const shown = useLast(policies.data)?.items;
  const armed = shown?.filter(({ mode }) => mode === "armed" || mode === "advise").length ?? 0;
  return (
    <>
      <h1 class="title">
        {t("policies")} {shown && <span class="hint">{t("armedCount", { n: armed, of: shown.length })}</span>}
      </h1>
      <div class="toolbar">
        <StopAll onDone={policies.again} />
        <span class="hint">{t("holdKey")}</span>
      </div>
      <Trouble of={policies.error} />
      {shown?.length === 0 && <Empty>{t("noPolicies")}</Empty>}
      {shown && shown.length > 0 && (
        <Panel title={t("policies")}>
          <table class="policies">
            <thead>
              <tr>
                <th scope="col">{t("name")}</th>
                <th scope="col">{t("mode")}</th>
                <th scope="col">{t("now")}</th>
                <th scope="col">{t("changed")}</th>
                <th scope="col">{t("budget")}</th>
                <th scope="col" class="number">
                  {t("age")}
                </th>
              </tr>
            </thead>
            <tbody>
              {shown.map((one) => (
                <Row key={one.policy.name} of={one} />
              ))}
            </tbody>
          </table>
        </Panel>
      )}
      <Trouble of={envelopes.error} />
      {envelopes.data && <Envelopes list={envelopes.data.items} onDone={envelopes.again} />}
    </>
  );
}
