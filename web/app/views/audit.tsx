// The audit trail: its pages, the newest first, and whether it is whole.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Page, Refused, get } from "../api";
import { Empty, Time, Trouble } from "../parts";
import { to } from "../route";
import { t } from "../text";

interface AuditPage {
  page: number;
  hash: string;
  lines: Record<string, unknown>[];
}

interface Report {
  whole: boolean;
  pages: number;
  lines: number;
  found: number;
  findings: { subject: string; message: string }[];
}

const AT_ONCE = 50;

type Fields = Record<string, unknown>;

const fieldsOf = (one: unknown): Fields => (typeof one === "object" && one !== null ? (one as Fields) : {});

/** Who did it, and the rest of a line in a few words. */
function told(line: Fields): { by: string; says: string; operation: string } {
  const [operation, outcome, end] = [fieldsOf(line.operation), fieldsOf(line.outcome), fieldsOf(line.end)];
  const policy = operation.policy ?? (line.what === "policy.changed" ? line.policy : undefined);
  const changes = Array.isArray(line.changes) ? line.changes.map(fieldsOf) : [];
  const words = [
    changes.length > 0 ? changes.map((one) => `${String(one.subject)}: ${String(one.verdict)}`).join(", ") : line.request,
    line.policy,
    line.act,
    operation.action ?? outcome.action ?? line.action,
    operation.selector ?? outcome.target ?? line.target,
    Object.entries(fieldsOf(operation.parameters ?? line.parameters))
      .map(([key, one]) => `${key}=${String(one)}`)
      .join(" "),
    line.state ?? outcome.status ?? line.evidence ?? line.verdict,
    end.by && `(${String(end.by)})`,
    line.why ?? fieldsOf(line.attribution).why,
  ];
  return {
    by: String(line.by ?? operation.by ?? fieldsOf(line.attribution).by ?? policy ?? fieldsOf(outcome.ran_by).worker ?? fieldsOf(line.holder).environment ?? ""),
    says: words.filter(Boolean).map(String).join(" "),
    operation: String(operation.id ?? (typeof line.operation === "string" ? line.operation : fieldsOf(outcome.origin).operation) ?? ""),
  };
}

export function AuditView(): JSX.Element {
  const [pages, setPages] = useState<AuditPage[]>([]);
  const [from, setFrom] = useState<number>();
  const [error, setError] = useState<Refused>();
  const [report, setReport] = useState<Report>();
  const fail = (failure: unknown): void => {
    if (!(failure instanceof Refused)) throw failure;
    setError(failure);
  };
  const fetchBefore = async (end: number): Promise<void> => {
    const first = Math.max(1, end - AT_ONCE);
    const found = await get<Page<AuditPage>>(`/v1/audit?from=${first}&limit=${Math.max(1, end - first)}`);
    const those = found.items.filter((one) => one.page < end).reverse();
    setPages((before) => [...before, ...those]);
    setFrom(first);
  };
  useEffect(() => {
    get<{ page: number }>("/v1/audit/head")
      .then(({ page }) => fetchBefore(page + 1))
      .catch(fail);
  }, []);
  return (
    <>
      <h1 class="title">{t("audit")}</h1>
      <div class="toolbar">
        <button type="button" onClick={() => get<Report>("/v1/audit/verify").then(setReport, fail)}>
          {t("verify")}
        </button>
        {report && (
          <span role="status" class={report.whole ? "good" : "bad"}>
            {report.whole ? t("whole", { pages: report.pages, lines: report.lines }) : t("broken", { n: report.found })}
          </span>
        )}
      </div>
      {report?.findings.map((finding) => (
        <p key={finding.subject} class="note bad">
          {finding.subject}: {finding.message}
        </p>
      ))}
      <Trouble of={error} />
      {from !== undefined && pages.length === 0 && <Empty>{t("noOperations")}</Empty>}
      {pages.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col" class="number">{t("page")}</th>
              <th scope="col">{t("time")}</th>
              <th scope="col">{t("by")}</th>
              <th scope="col">{t("event")}</th>
              <th scope="col">{t("subject")}</th>
            </tr>
          </thead>
          <tbody>
            {pages.flatMap((page) =>
              [...page.lines].reverse().map((line, at) => {
                const { by, says, operation } = told(line);
                return (
                  <tr key={`${page.page}/${at}`}>
                    <td class="number hint" title={page.hash}>
                      {at === 0 ? page.page : ""}
                    </td>
                    <td>
                      <Time of={String(line.at ?? "") || undefined} />
                    </td>
                    <td>{by}</td>
                    <td>{operation ? <a href={to.operation(operation)}>{String(line.what)}</a> : String(line.what)}</td>
                    <td>
                      <details>
                        <summary>{says || String(line.task ?? line.id ?? line.what)}</summary>
                        <pre>{JSON.stringify(line, null, 1)}</pre>
                      </details>
                    </td>
                  </tr>
                );
              }),
            )}
          </tbody>
        </table>
      )}
      {from !== undefined && from > 1 && (
        <button type="button" onClick={() => fetchBefore(from).catch(fail)}>
          {t("older")}
        </button>
      )}
    </>
  );
}
