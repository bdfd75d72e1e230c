// Operations: what was requested, by whom, what became of it; and the tasks that nobody has settled.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Page } from "../api";
import { useFetched, useLast } from "../fetching";
import { shortId } from "../format";
import { counts, OperationCard } from "../hands/outcome";
import { outcomeNews } from "../live";
import { Age, By, Empty, Panel, StateMark, Trouble } from "../parts";
import { go, to } from "../route";
import { t, word } from "../text";
import type { Operation, Task } from "../types";

function Unsettled(): JSX.Element | null {
  const { data } = useFetched<Page<Task>>("/v1/tasks?state=unsettled&class=control&limit=50", 10_000, outcomeNews.value);
  if (!data?.items.length) return null;
  return (
    <Panel title={t("unsettled")} tools={<span class="count">{data.items.length}</span>}>
      <ul class="plain rows">
        {data.items.map((task) => (
          <li key={task.id}>
            <StateMark of={task.state} />
            <div>
              <a href={to.operation(task.origin.operation ?? "")}>
                {task.action} {task.target}
              </a>
              <div class="hint">{task.outcome?.problem?.message}</div>
            </div>
            <Age of={task.made} />
          </li>
        ))}
      </ul>
    </Panel>
  );
}

export function OperationsView({ id }: { id: string | undefined }): JSX.Element {
  const [limit, setLimit] = useState(100);
  const list = useFetched<Page<Operation>>(`/v1/operations?limit=${limit}`, 5000, outcomeNews.value);
  const shown = useLast(list.data)?.items;
  return (
    <>
      <h1 class="title">{t("operations")}</h1>
      <Trouble of={list.error} />
      <div class={id ? "columns" : ""}>
        <div>
          <Unsettled />
          {shown?.length === 0 && <Empty>{t("noOperations")}</Empty>}
          {shown && shown.length > 0 && (
            <table>
              <thead>
                <tr>
                  <th scope="col">{t("state")}</th>
                  <th scope="col">{t("action")}</th>
                  <th scope="col">{t("selector")}</th>
                  <th scope="col">{t("outcome")}</th>
                  <th scope="col">{t("by")}</th>
                  <th scope="col" class="number">{t("age")}</th>
                </tr>
              </thead>
              <tbody>
                {shown.map((operation) => (
                  <tr key={operation.id} class={operation.id === id ? "current" : ""}>
                    <td>
                      <span class={`state ${operation.state}`}>{word("op", operation.state ?? "")}</span>
                    </td>
                    <th scope="row">
                      <a href={to.operation(operation.id)}>
                        {operation.action ?? "read"}{" "}
                        {Object.entries(operation.parameters).map(([key, one]) => `${key}=${String(one)}`).join(" ")}
                      </a>{" "}
                      <span class="hint">{shortId(operation.id)}</span>
                    </th>
                    <td>{operation.selector}</td>
                    <td>
                      {counts(operation).map(([state, count]) => (
                        <span key={state} class={`state ${state}`}>
                          {count} {word("task", state)}{" "}
                        </span>
                      ))}
                    </td>
                    <td>
                      <By of={operation} />
                    </td>
                    <td class="number">
                      <Age of={operation.requested} />
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {list.data?.next && limit < 1000 && (
            <button type="button" onClick={() => setLimit(Math.min(1000, limit * 2))}>
              {t("older")}
            </button>
          )}
        </div>
        {id && (
          <div>
            <Panel title={`${t("operations")} ${shortId(id)}`}>
              <OperationCard key={id} id={id} onUndone={(other) => go(to.operation(other))} />
            </Panel>
          </div>
        )}
      </div>
    </>
  );
}
