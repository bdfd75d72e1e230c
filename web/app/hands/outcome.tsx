// An operation as it goes on: what is unknown first, why it waits, and the way back.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Page, Refused, get, path, post } from "../api";
import { useFetched } from "../fetching";
import { value } from "../format";
import { outcomeNews } from "../live";
import { Age, By, Dialog, Hand, StateMark, Time, Trouble } from "../parts";
import { CONTROL, type Right } from "../rights";
import { to } from "../route";
import { me } from "../session";
import { type Key, t, word } from "../text";
import type { Operation, Task, TaskState, UndoPlan, Waiting } from "../types";
import { PlanTable } from "./plan";

/** The order in which tasks are shown: what nobody knows first. */
const ORDER: TaskState[] = [
  "unsettled",
  "unknown",
  "failed",
  "expired",
  "verifying",
  "permitted",
  "queued",
  "planned",
  "cancelled",
  "succeeded",
];
const OPEN: TaskState[] = ["planned", "queued", "permitted", "verifying", "unknown"];

export const isOver = (operation: Operation): boolean =>
  operation.state === "done" || operation.state === "cancelled";

export function counts(operation: Operation): [TaskState, number][] {
  return ORDER.map((state): [TaskState, number] => [state, operation.counts[state] ?? 0]).filter(([, count]) => count > 0);
}

function Explained({ what }: { what: string }): JSX.Element | null {
  const { data } = useFetched<Waiting>(`${what}/explain`, 2000);
  if (!data || data.waits_for === "ended") return null;
  return (
    <div class="hint">
      {data.says} {data.cure}
    </div>
  );
}

function Settle({ task, onDone }: { task: Task; onDone: () => void }): JSX.Element {
  const [isOpen, setOpen] = useState(false);
  const [error, setError] = useState<Refused>();
  const submit = async (event: SubmitEvent): Promise<void> => {
    event.preventDefault();
    const form = new FormData(event.currentTarget as HTMLFormElement);
    try {
      await post(`/v1/tasks/${task.id}/settle`, { verdict: form.get("verdict"), why: form.get("why") });
      setOpen(false);
      onDone();
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setError(failure);
    }
  };
  return (
    <>
      <Hand right={["settle"]} on={[task.target]} class="small" onClick={() => setOpen(true)}>
        {t("settle")}
      </Hand>
      {isOpen && (
        <Dialog title={`${t("settle")}: ${task.action} ${task.target}`} onClose={() => setOpen(false)}>
          <form class="fields" onSubmit={submit}>
            <p>{t("settleHint")}</p>
            <label>
              {t("outcome")}
              <select name="verdict">
                {["succeeded", "failed", "again"].map((one) => (
                  <option key={one} value={one}>
                    {word("verdict", one)}
                  </option>
                ))}
              </select>
            </label>
            <label>
              {t("why")}
              <input name="why" required maxLength={1000} />
            </label>
            <Trouble of={error} />
            <button type="submit" class="primary">
              {t("settle")}
            </button>
          </form>
        </Dialog>
      )}
    </>
  );
}

function TaskLine({ task, again }: { task: Task; again: () => void }): JSX.Element {
  const isOpen = OPEN.includes(task.state);
  return (
    <li>
      <StateMark of={task.state} />
      <div>
        <a href={to.device(task.target)}>{task.target}</a>
        {task.prior !== undefined && (
          <span class="hint">
            {" "}
            {t("before")}: {value(task.prior)}
          </span>
        )}
        {task.outcome?.problem && <div>{task.outcome.problem.message}</div>}
        {isOpen && <Explained what={`/v1/tasks/${task.id}`} />}
      </div>
      {(task.state === "unsettled" || task.state === "unknown") && <Settle task={task} onDone={again} />}
      <Age of={task.outcome?.timings?.ended ?? task.made} />
    </li>
  );
}

/** Undoing: its plan, and then the operations that it makes. */
export function UndoDialog(props: { operation: Operation; onClose: () => void; onUndone: (id: string) => void }): JSX.Element {
  const base = `/v1/operations/${props.operation.id}/undo`;
  const [plan, setPlan] = useState<UndoPlan>();
  const [error, setError] = useState<Refused>();
  const fail = (failure: unknown): void => {
    if (!(failure instanceof Refused)) throw failure;
    setError(failure);
  };
  useEffect(() => {
    post<{ plan: UndoPlan }>(base, { dry_run: true }).then((answer) => setPlan(answer.plan), fail);
  }, []);
  const submit = async (): Promise<void> => {
    try {
      const answer = await post<{ undone: { operations: Operation[] } }>(base, { plan: plan?.token });
      props.onClose();
      const first = answer.undone.operations[0];
      if (first) props.onUndone(first.id);
    } catch (failure) {
      fail(failure);
    }
  };
  return (
    <Dialog title={`${t("undo")}: ${props.operation.action ?? ""}`} onClose={props.onClose}>
      <p class="hint">{t("planHint")}</p>
      <Trouble of={error} />
      {plan?.steps.map((step) => (
        <div key={JSON.stringify([step.action, step.parameters])}>
          <h3>
            {step.action} {JSON.stringify(step.parameters)}
          </h3>
          <PlanTable targets={step.targets} />
        </div>
      ))}
      {plan && plan.left_out.length > 0 && (
        <>
          <h3>{t("leftOut")}</h3>
          <ul class="plain">
            {plan.left_out.map((one) => (
              <li key={one.target}>
                {one.target}: {one.why}
              </li>
            ))}
          </ul>
        </>
      )}
      {plan?.needs_approval && <p class="note">{t("needsApproval")}</p>}
      <div class="buttons">
        <button type="button" onClick={props.onClose}>
          {t("close")}
        </button>
        <button type="button" class="primary" disabled={!plan || plan.steps.length === 0} onClick={() => void submit()}>
          {t("undo")}
        </button>
      </div>
    </Dialog>
  );
}

/** An operation, followed until it is over. */
export function OperationCard(props: { id: string; onUndone: (id: string) => void }): JSX.Element {
  const [isOver_, setOver] = useState(false);
  const operation = useFetched<Operation>(`/v1/operations/${props.id}`, isOver_ ? 15_000 : 700, outcomeNews.value);
  const tasks = useFetched<Page<Task>>(path("/v1/tasks", { operation: props.id, limit: 200 }), isOver_ ? 15_000 : 700, outcomeNews.value);
  const [isUndoing, setUndoing] = useState(false);
  const [error, setError] = useState<Refused>();
  const [last, setLast] = useState<{ operation?: Operation; tasks?: Task[] }>({});
  useEffect(() => {
    if (operation.data) {
      setLast((before) => ({ ...before, operation: operation.data! }));
      setOver(isOver(operation.data));
    }
    if (tasks.data) setLast((before) => ({ ...before, tasks: tasks.data!.items }));
  }, [operation.data, tasks.data]);
  const shown = operation.data ?? last.operation;
  if (!shown) return <Trouble of={operation.error} />;
  const list = [...(tasks.data?.items ?? last.tasks ?? [])].sort(
    (a, b) => ORDER.indexOf(a.state) - ORDER.indexOf(b.state) || a.target.localeCompare(b.target),
  );
  const verb = async (name: string): Promise<void> => {
    try {
      setError(undefined);
      await post(`/v1/operations/${props.id}/${name}`, {});
      operation.again();
      tasks.again();
    } catch (failure) {
      if (!(failure instanceof Refused)) throw failure;
      setError(failure);
    }
  };
  const names = list.map(({ target }) => target);
  const isOwn = shown.by === me.value;
  const verbs: [Key, readonly Right[], boolean][] = [
    ["approve", ["approve"], shown.state === "awaiting" && !isOwn],
    ["pause", CONTROL, shown.state === "running"],
    ["resume", CONTROL, shown.state === "paused" || shown.state === "stopped"],
    ["cancel", CONTROL, !isOver(shown)],
  ];
  const refresh = (): void => {
    operation.again();
    tasks.again();
  };
  return (
    <div class="operation">
      <p class="figures" role="status">
        <span class={`state ${shown.state}`}>{word("op", shown.state ?? "")}</span>
        {counts(shown).map(([state, count]) => (
          <span key={state} class={`state ${state}`}>
            {count} {word("task", state)}
          </span>
        ))}
      </p>
      <dl>
        <dt>{t("action")}</dt>
        <dd>
          {shown.action} {Object.entries(shown.parameters).map(([key, one]) => `${key}=${String(one)}`).join(" ")}
        </dd>
        <dt>{t("selector")}</dt>
        <dd>{shown.selector}</dd>
        <dt>{t("by")}</dt>
        <dd>
          <By of={shown} />, <Time of={shown.requested} />
        </dd>
        {shown.why && (
          <>
            <dt>{t("why")}</dt>
            <dd>{shown.why}</dd>
          </>
        )}
        {shown.undoes && (
          <>
            <dt>{t("undoes")}</dt>
            <dd>
              <a href={to.operation(shown.undoes)}>{shown.undoes}</a>
            </dd>
          </>
        )}
        {shown.undone_by?.map((id) => (
          <>
            <dt>{t("undoneBy")}</dt>
            <dd>
              <a href={to.operation(id)}>{id}</a>
            </dd>
          </>
        ))}
      </dl>
      {!isOver(shown) && <Explained what={`/v1/operations/${props.id}`} />}
      {shown.state === "awaiting" && isOwn && <p class="note">{t("needsApproval")}</p>}
      <Trouble of={error ?? operation.error} />
      <ul class="plain rows tasks">
        {list.map((task) => (
          <TaskLine key={task.id} task={task} again={refresh} />
        ))}
      </ul>
      <div class="buttons">
        {verbs
          .filter(([, , isOffered]) => isOffered)
          .map(([name, right]) => (
            <Hand key={name} right={right} on={names} onClick={() => void verb(name)}>
              {t(name)}
            </Hand>
          ))}
        {shown.class === "control" && shown.counts.succeeded > 0 && (
          <Hand right={CONTROL} on={names} onClick={() => setUndoing(true)}>
            {t("undo")} …
          </Hand>
        )}
      </div>
      {isUndoing && <UndoDialog operation={shown} onClose={() => setUndoing(false)} onUndone={props.onUndone} />}
    </div>
  );
}

export const fetchOperation = (id: string): Promise<Operation> => get(`/v1/operations/${id}`);
