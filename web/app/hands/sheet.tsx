// Hands: pick an action, see its plan with today's values, confirm what was shown, follow it, and
// undo it.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Page, Refused, newKey, post } from "../api";
import { useFetched } from "../fetching";
import { parametersOf } from "../format";
import { Dialog, Empty, Trouble } from "../parts";
import { hasOn, isPresent } from "../rights";
import { to } from "../route";
import { type Intent, byKind, intent, selectorOf } from "../selection";
import { t, word } from "../text";
import type { Action, KindView, Operation, Plan } from "../types";
import { BlastRadius } from "./blast";
import { SchemaForm } from "./form";
import { OperationCard } from "./outcome";
import { PlanTable } from "./plan";

interface Request {
  selector: string;
  action: string;
  parameters: Record<string, unknown>;
  why?: string;
  priority: string;
  pace?: { at_a_time: string };
}

type Step =
  | { is: "form" }
  | { is: "plan"; request: Request; plan: Plan; key: string }
  | { is: "done"; id: string };

/** The actions that all of these targets have. */
function shared(kinds: KindView[], names: string[]): Action[] {
  const lists = [...byKind(names).keys()].map(
    (kind) => kinds.find((one) => one.kind === kind)?.manifest.action.filter((action) => action.class === "control") ?? [],
  );
  const [first, ...rest] = lists;
  return first?.filter((action) => rest.every((list) => list.some((one) => one.name === action.name))) ?? [];
}

const rightOf = (action: Action): "control:low" | "control:high" =>
  action.risk === "high" ? "control:high" : "control:low";

const mayDo = (action: Action, names: string[]): boolean => hasOn([rightOf(action)], names);

function Form(props: {
  of: Intent;
  actions: Action[];
  onPlanned: (request: Request, plan: Plan) => void;
}): JSX.Element {
  const { of, actions } = props;
  const [name, setName] = useState(of.action ?? actions[0]?.name ?? "");
  const [values, setValues] = useState<Record<string, unknown>>(of.parameters ?? {});
  const [error, setError] = useState<Refused>();
  const [isBusy, setBusy] = useState(false);
  const action = actions.find((one) => one.name === name);
  const isYours = action !== undefined && mayDo(action, of.names);
  if (actions.length === 0) return <Empty>{t(byKind(of.names).size > 1 ? "noSharedAction" : "noActions")}</Empty>;
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    const why = String(form.get("why") ?? "").trim();
    const pace = String(form.get("pace") ?? "").trim();
    const request: Request = {
      selector: selectorOf(of.names),
      action: name,
      parameters: values,
      priority: String(form.get("priority") ?? "routine"),
      ...(why ? { why } : {}),
      ...(pace ? { pace: { at_a_time: pace } } : {}),
    };
    setBusy(true);
    setError(undefined);
    try {
      const answer = await post<{ plan: Plan }>("/v1/operations", { ...request, dry_run: true });
      props.onPlanned(request, answer.plan);
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <form class="fields" onSubmit={submit}>
      <label for="action">
        <span>{t("action")}</span>
        <select id="action" value={name} onChange={(event) => setName(event.currentTarget.value)}>
          {actions.map((one) => (
            <option key={one.name} value={one.name}>
              {one.name}
              {!mayDo(one, of.names) && ` (${t("notYours", { right: rightOf(one) })})`}
            </option>
          ))}
        </select>
        {action?.description && <span class="hint">{action.description}</span>}
      </label>
      {action?.risk === "high" && <p class="note bad">{t("highRisk")}</p>}
      <SchemaForm schema={action?.parameters} values={values} onChange={setValues} />
      <label for="why">
        <span>{t("why")}</span>
        <input id="why" name="why" maxLength={1000} placeholder={t("optional")} />
      </label>
      <div class="pair">
        <label for="priority">
          <span>{t("priority")}</span>
          <select id="priority" name="priority">
            {["routine", "urgent", "emergency"].map((one) => (
              <option key={one} value={one}>
                {word("priority", one)}
              </option>
            ))}
          </select>
        </label>
        {of.names.length > 1 && (
          <label for="pace">
            <span>{t("pace")}</span>
            <input id="pace" name="pace" pattern="[0-9]+%?" placeholder={t("all")} />
          </label>
        )}
      </div>
      <Trouble of={error} />
      <p class="hint">{t("planHint")}</p>
      <div class="buttons">
        {!isYours && action && <span class="bad">{t("notYours", { right: rightOf(action) })}</span>}
        <button type="submit" class="primary" disabled={isBusy || !isYours}>
          {t("plan")}
        </button>
      </div>
    </form>
  );
}

function Confirm(props: {
  request: Request;
  plan: Plan;
  operationKey: string;
  action: Action | undefined;
  onBack: () => void;
  onBegun: (id: string) => void;
}): JSX.Element {
  const { request, plan } = props;
  const [typed, setTyped] = useState("");
  const [error, setError] = useState<Refused>();
  const [isBusy, setBusy] = useState(false);
  const count = plan.targets.length;
  const mustType = count > 1 && (props.action?.risk === "high" || count > plan.many);
  const isConfirmed = !mustType || typed === String(count);
  const submit = async (event: Event): Promise<void> => {
    event.preventDefault();
    if (!isConfirmed) return;
    setBusy(true);
    setError(undefined);
    try {
      // The plan's token: exactly what was shown, or nothing. The key: once, however often it is sent.
      const body = { ...request, plan: plan.token, key: props.operationKey };
      const answer = await post<{ operation: Operation }>("/v1/operations", body);
      props.onBegun(answer.operation.id);
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setError(failure);
      setBusy(false);
    }
  };
  return (
    <form class="fields" onSubmit={submit}>
      <p>
        <b>{request.action}</b> {parametersOf(request.parameters, props.action?.parameters)}
      </p>
      <PlanTable targets={plan.targets} />
      {props.action?.risk === "high" && (
        <BlastRadius names={plan.targets.map((one) => one.target)} parameters={request.parameters} />
      )}
      {props.action?.risk === "high" && <p class="note bad">{t("highRisk")}</p>}
      {plan.needs_approval && <p class="note">{t("needsApproval")}</p>}
      {mustType && (
        <label for="typed">
          <span>{t("typeNumber", { n: count })}</span>
          <input id="typed" inputMode="numeric" autocomplete="off" value={typed} onInput={(event) => setTyped(event.currentTarget.value)} />
        </label>
      )}
      <Trouble of={error} />
      {error && <p class="hint">{t("nothingDone")}</p>}
      <div class="buttons">
        <button type="button" onClick={props.onBack}>
          {t("back")}
        </button>
        <button type="submit" class={`primary ${props.action?.risk === "high" ? "danger" : ""}`} disabled={!isConfirmed || isBusy}>
          {t("doIt")}
        </button>
      </div>
    </form>
  );
}

function Sheet({ of }: { of: Intent }): JSX.Element {
  const kinds = useFetched<Page<KindView>>("/v1/kinds?limit=1000", 60_000);
  const [step, setStep] = useState<Step>({ is: "form" });
  const [kept, setKept] = useState(of);
  const close = (): void => {
    intent.value = null;
  };
  const actions = kinds.data ? shared(kinds.data.items, of.names) : undefined;
  const title =
    of.names.length === 1 ? `${t("actions")}: ${of.names[0]}` : `${t("actions")}: ${of.names.length} ${t("targets").toLowerCase()}`;
  return (
    <Dialog title={title} onClose={close} class="hands">
      <Trouble of={kinds.error} />
      {step.is === "form" && actions && (
        <Form
          of={kept}
          actions={actions}
          onPlanned={(request, plan) => {
            setKept({ ...of, action: request.action, parameters: request.parameters });
            setStep({ is: "plan", request, plan, key: newKey() });
          }}
        />
      )}
      {step.is === "plan" && (
        <Confirm
          request={step.request}
          plan={step.plan}
          operationKey={step.key}
          action={actions?.find((one) => one.name === step.request.action)}
          onBack={() => setStep({ is: "form" })}
          onBegun={(id) => setStep({ is: "done", id })}
        />
      )}
      {step.is === "done" && (
        <>
          <OperationCard key={step.id} id={step.id} onUndone={(id) => setStep({ is: "done", id })} />
          <div class="buttons">
            <a href={to.operation(step.id)} onClick={close}>
              {t("open")}
            </a>
            <button type="button" onClick={close}>
              {t("close")}
            </button>
          </div>
        </>
      )}
    </Dialog>
  );
}

export function Hands(): JSX.Element | null {
  const of = intent.value;
  return of && isPresent() ? <Sheet key={`${of.action}/${of.names.join()}/${JSON.stringify(of.parameters)}`} of={of} /> : null;
}
