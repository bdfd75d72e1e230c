// The difference that a drawing makes, and its application.

import type { JSX } from "preact";
import { useEffect, useState } from "preact/hooks";
import { Refused, get, post } from "../api";
import { type Difference, asYaml, differences, documentOf } from "../floor/arrange";
import { Dialog, Empty, Trouble } from "../parts";
import { lookAtFloors } from "../site";
import { t } from "../text";
import type { Applied, Floor } from "../types";

interface Shown {
  document: ReturnType<typeof documentOf>;
  verdict: Applied["changes"][number]["verdict"];
  differences: Difference[];
  warnings: string[];
}

/** What the server makes of a drawing, beside the floor that it has now. */
async function look(floor: Floor): Promise<Shown> {
  const document = documentOf(floor);
  const known = get<Floor>(`/v1/floors/${encodeURIComponent(floor.name)}`).catch((error: unknown) => {
    if (error instanceof Refused && error.problem.status === 404) return undefined;
    throw error;
  });
  const applied = await post<Applied>("/v1/apply", { documents: [document], dry_run: true });
  return {
    document,
    verdict: applied.changes[0]?.verdict ?? "unchanged",
    differences: differences(await known, document),
    warnings: (applied.warnings ?? []).map(({ message }) => message),
  };
}

function Changes({ of }: { of: Difference[] }): JSX.Element {
  return (
    <div class="plan" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("name")}</th>
            <th scope="col">{t("field")}</th>
            <th scope="col">{t("before")}</th>
            <th scope="col">{t("to")}</th>
          </tr>
        </thead>
        <tbody>
          {of.map(({ subject, field, before, after }) => (
            <tr key={subject + field}>
              <th scope="row">{subject}</th>
              <td>{field}</td>
              <td>{before ?? "–"}</td>
              <td>
                <b>{after ?? "–"}</b>
              </td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The difference, and then the application of exactly that. */
export function Apply(props: { floor: Floor; onClose: () => void; onApplied: () => void }): JSX.Element {
  const [shown, setShown] = useState<Shown>();
  const [error, setError] = useState<Refused>();
  const fail = (failure: unknown): void => {
    if (!(failure instanceof Refused)) throw failure;
    setError(failure);
  };
  useEffect(() => {
    look(props.floor).then(setShown, fail);
  }, []);
  const apply = async (): Promise<void> => {
    setError(undefined);
    try {
      // Somebody else may have changed this floor since: then what was shown is shown again.
      const again = await look(props.floor);
      const isSame = JSON.stringify(again) === JSON.stringify(shown);
      setShown(again);
      if (!isSame) return;
      await post<Applied>("/v1/apply", { documents: [again.document] });
      await lookAtFloors();
      props.onApplied();
    } catch (failure) {
      fail(failure);
    }
  };
  const isEmpty = shown?.verdict === "unchanged";
  return (
    <Dialog title={t("difference")} onClose={props.onClose} class="hands">
      {!shown && !error && <Empty>{t("loading")}</Empty>}
      <Trouble of={error} />
      {isEmpty && <Empty>{t("noDifference")}</Empty>}
      {shown && !isEmpty && (
        <>
          <p role="status">
            {t(shown.verdict === "created" ? "floorIsNew" : "floorChanges", { name: shown.document.name })}
          </p>
          {shown.warnings.map((one) => (
            <p key={one} class="note">
              {one}
            </p>
          ))}
          <Changes of={shown.differences} />
          <details>
            <summary>{t("asDocument")}</summary>
            <pre tabIndex={0}>{asYaml({ ...shown.document })}</pre>
          </details>
        </>
      )}
      <div class="buttons">
        <button type="button" onClick={props.onClose}>
          {t("back")}
        </button>
        <button type="button" class="primary" disabled={!shown || isEmpty} onClick={() => void apply()}>
          {t("applyIt")}
        </button>
      </div>
    </Dialog>
  );
}
