// The audit trail: its pages, the newest first, and whether it is whole.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { type Page, Refused, get } from "../api";
import { Empty, Panel, Time, Trouble } from "../parts";
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

/** What a line says, apart from its time and its person. */
function rest(line: Record<string, unknown>): string {
  const parts = Object.entries(line).filter(([key]) => key !== "time" && key !== "at" && key !== "by");
  return parts
    .map(([key, one]) => (typeof one === "object" && one !== null ? `${key} ${JSON.stringify(one)}` : `${key} ${String(one)}`))
    .join(" · ");
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
      {pages.map((page) => (
        <Panel key={page.page} title={`${t("page")} ${page.page}`} tools={<code class="hint">{page.hash.slice(0, 12)}</code>}>
          <ul class="plain rows audit">
            {page.lines.map((line, at) => (
              <li key={at}>
                <Time of={String(line.time ?? line.at ?? "") || undefined} />
                <b>{String(line.by ?? "")}</b>
                <span>{rest(line)}</span>
              </li>
            ))}
          </ul>
        </Panel>
      ))}
      {from !== undefined && from > 1 && (
        <button type="button" onClick={() => fetchBefore(from).catch(fail)}>
          {t("older")}
        </button>
      )}
    </>
  );
}
