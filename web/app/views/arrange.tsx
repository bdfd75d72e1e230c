// The rows of a room, arranged: racks are moved, and what follows is applied as documents, after its
// difference was shown.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Refused, path, post } from "../api";
import { all } from "../fetching";
import { type Arrangement, arrangementOf, asYaml, documentsOf, move, nextRow, placeOf } from "../floor/arrange";
import { Dialog, Empty, Trouble } from "../parts";
import type { Room } from "../rooms";
import { ask } from "../route";
import { selectorOfRoom } from "../selection";
import { t } from "../text";
import type { Applied, Target } from "../types";

const W = 72;
const H = 54;
const GAP = 6;
const LABEL = 60;

type Documents = Record<string, unknown>[];

/** What would change, in words that can be compared. */
const changesOf = (applied: Applied): Applied["changes"] => applied.changes.filter(({ verdict }) => verdict !== "unchanged");

function Changes({ of }: { of: Applied["changes"] }): JSX.Element {
  const text = (one: unknown): string => (one === undefined ? "–" : String(one));
  return (
    <div class="plan" tabIndex={0}>
      <table>
        <thead>
          <tr>
            <th scope="col">{t("target")}</th>
            <th scope="col">{t("field")}</th>
            <th scope="col">{t("before")}</th>
            <th scope="col">{t("to")}</th>
          </tr>
        </thead>
        <tbody>
          {of.flatMap((change) =>
            (change.differences ?? []).map((one) => (
              <tr key={`${change.subject}/${one.field}`}>
                <th scope="row">{change.subject.replace(/^target /, "")}</th>
                <td>{one.field}</td>
                <td>{text(one.before)}</td>
                <td>
                  <b>{text(one.after)}</b>
                </td>
              </tr>
            )),
          )}
        </tbody>
      </table>
    </div>
  );
}

/** The difference, and then the application of exactly that. */
function Apply(props: { room: Room; rows: Arrangement; onClose: () => void; onApplied: () => void }): JSX.Element {
  const [shown, setShown] = useState<{ documents: Documents; changes: Applied["changes"] }>();
  const [error, setError] = useState<Refused>();
  const fail = (failure: unknown): void => {
    if (!(failure instanceof Refused)) throw failure;
    setError(failure);
  };
  const look = async (): Promise<{ documents: Documents; changes: Applied["changes"] }> => {
    const targets = await all<Target>(path("/v1/targets", { selector: selectorOfRoom(props.room.name) }), 50_000);
    const documents = documentsOf(props.rows, targets);
    if (documents.length === 0) return { documents, changes: [] };
    const applied = await post<Applied>("/v1/apply", { documents, dry_run: true });
    return { documents, changes: changesOf(applied) };
  };
  useEffect(() => {
    look().then(setShown, fail);
  }, []);
  const apply = async (): Promise<void> => {
    setError(undefined);
    try {
      // Somebody else may have changed these targets since: then what was shown is shown again.
      const again = await look();
      const isSame = JSON.stringify(again) === JSON.stringify(shown);
      setShown(again);
      if (!isSame) return;
      await post<Applied>("/v1/apply", { documents: again.documents });
      props.onApplied();
    } catch (failure) {
      fail(failure);
    }
  };
  const isEmpty = shown?.changes.length === 0;
  return (
    <Dialog title={t("difference")} onClose={props.onClose} class="hands">
      {!shown && !error && <Empty>{t("loading")}</Empty>}
      <Trouble of={error} />
      {isEmpty && <Empty>{t("noDifference")}</Empty>}
      {shown && !isEmpty && (
        <>
          <p role="status">{t("changesCount", { n: shown.changes.length })}</p>
          <Changes of={shown.changes} />
          <details>
            <summary>{t("asDocument")}</summary>
            <pre tabIndex={0}>{asYaml(shown.documents)}</pre>
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

export function Arrange({ room }: { room: Room }): JSX.Element {
  const [steps, setSteps] = useState<Arrangement[]>([arrangementOf(room)]);
  const [dragged, setDragged] = useState<{ rack: string; steps: Arrangement[] }>();
  const [moved, setMoved] = useState<string>();
  const [isApplying, setApplying] = useState(false);
  const drawing = useRef<SVGSVGElement>(null);
  const rows = steps.at(-1)!;
  const put = (rack: string, row: number, at: number, before = steps): void => {
    const next = move(rows, rack, row, at);
    setMoved(rack);
    if (JSON.stringify(next) !== JSON.stringify(rows)) setSteps([...before, next]);
  };
  const press = (event: KeyboardEvent, rack: string): void => {
    const place = placeOf(rows, rack);
    if (!place) return;
    const { row, at } = place;
    if (event.key === "ArrowLeft") put(rack, row, at - 1);
    else if (event.key === "ArrowRight") put(rack, row, at + 1);
    else if (event.key === "ArrowUp") put(rack, row - 1, at);
    else if (event.key === "ArrowDown") put(rack, row + 1, at);
    else return;
    event.preventDefault();
  };
  /** The place under the pointer. */
  const under = (event: PointerEvent): { row: number; at: number } => {
    const box = drawing.current!.getBoundingClientRect();
    return {
      row: Math.floor((event.clientY - box.top) / (H + GAP)),
      at: Math.round((event.clientX - box.left - LABEL - W / 2) / (W + GAP)),
    };
  };
  // What was moved keeps the focus, wherever it is now.
  useEffect(() => {
    if (moved === undefined || dragged) return;
    drawing.current?.querySelector<SVGElement>(`[data-rack="${CSS.escape(moved)}"]`)?.focus();
  }, [steps]);
  const width = LABEL + (Math.max(4, ...rows.map(({ racks }) => racks.length)) + 1) * (W + GAP);
  const height = Math.max(1, rows.length) * (H + GAP);
  const place = moved === undefined ? undefined : placeOf(rows, moved);
  return (
    <>
      <div class="toolbar">
        <button type="button" disabled={steps.length < 2} onClick={() => setSteps(steps.slice(0, -1))}>
          {t("stepBack")}
        </button>
        <button type="button" disabled={steps.length < 2} onClick={() => setSteps(steps.slice(0, 1))}>
          {t("revert")}
        </button>
        <button type="button" onClick={() => setSteps([...steps, [...rows, { name: nextRow(rows), racks: [] }]])}>
          {t("newRow")}
        </button>
        <span class="space" />
        <button type="button" onClick={() => ask("edit", undefined)}>
          {t("cancel")}
        </button>
        <button type="button" class="primary" disabled={steps.length < 2} onClick={() => setApplying(true)}>
          {t("showDiff")} …
        </button>
      </div>
      <p class="hint">{t("editHint")}</p>
      <div class="arrange">
        <svg
          ref={drawing}
          width={width}
          height={height}
          role="group"
          aria-label={t("edit")}
          onPointerMove={(event) => {
            if (dragged === undefined) return;
            const { row, at } = under(event);
            const from = placeOf(rows, dragged.rack);
            // However far it is dragged, that is one step.
            if (rows[row] && (from?.row !== row || from.at !== at)) put(dragged.rack, row, at, dragged.steps);
          }}
          onPointerUp={() => setDragged(undefined)}
          onPointerLeave={() => setDragged(undefined)}
        >
          {rows.map((row, number) => (
            <g key={row.name}>
              <rect class="lane" x={0} y={number * (H + GAP)} width={width} height={H} />
              <text class="row-name" x={12} y={number * (H + GAP) + H / 2 + 4}>
                {row.name || "–"}
              </text>
              {row.racks.map((rack, at) => (
                <g
                  key={rack}
                  tabindex={0}
                  role="button"
                  data-rack={rack}
                  aria-label={t("positionOf", { rack, row: row.name, n: at + 1 })}
                  class={`movable ${rack === dragged?.rack ? "dragged" : ""}`}
                  transform={`translate(${LABEL + at * (W + GAP)} ${number * (H + GAP) + 4})`}
                  onKeyDown={(event) => press(event, rack)}
                  onPointerDown={(event) => {
                    if (event.button === 0) setDragged({ rack, steps });
                  }}
                >
                  <rect width={W} height={H - 8} />
                  <text x={W / 2} y={H / 2}>
                    {rack}
                  </text>
                </g>
              ))}
            </g>
          ))}
        </svg>
      </div>
      <p class="spoken" role="status">
        {place && moved && t("positionOf", { rack: moved, row: rows[place.row]!.name, n: place.at + 1 })}
      </p>
      {isApplying && (
        <Apply
          room={room}
          rows={rows}
          onClose={() => setApplying(false)}
          onApplied={() => {
            setApplying(false);
            ask("edit", undefined);
          }}
        />
      )}
    </>
  );
}
