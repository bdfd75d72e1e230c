// The floor of a room, drawn: rows, racks, aisles and units are moved, and what follows is applied as a
// document, after its difference was shown.

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Apply } from "../editor/apply";
import { Fields, Length, nameOf } from "../editor/fields";
import { type Thing, add, drawingOf, moveRack, moveThing, placeOf, snapped, spotOf, without } from "../floor/arrange";
import { rackSpot } from "../floor/drawing";
import { targets } from "../live";
import type { Room } from "../rooms";
import { ask } from "../route";
import { t } from "../text";
import type { Floor, Metres } from "../types";

/** The least and the most pixels of a metre. */
const SCALES = [36, 110] as const;
const MARGIN = 44;

type Held = { steps: Floor[]; rack: string } | { steps: Floor[]; thing: Thing; grip: Metres };

const isSame = (a: Thing | undefined, b: Thing): boolean => a?.list === b.list && a.at === b.at;

export function Arrange({ room }: { room: Room }): JSX.Element {
  const [steps, setSteps] = useState<Floor[]>(() => [drawingOf(room)]);
  const [held, setHeld] = useState<Held>();
  const [moved, setMoved] = useState<string>();
  const [chosen, setChosen] = useState<Thing>();
  const [isApplying, setApplying] = useState(false);
  const drawing = useRef<SVGSVGElement>(null);
  const floor = steps.at(-1)!;
  /** Makes a step; of the steps before something was dragged, if it is. */
  const edit = (make: (floor: Floor) => Floor, before?: Floor[]): void =>
    setSteps((known) => {
      const base = before ?? known;
      const next = make(base.at(-1)!);
      return JSON.stringify(next) === JSON.stringify(known.at(-1)) ? known : [...base, next];
    });
  const putNew = (what: Parameters<typeof add>[1]): void => {
    edit((now) => add(now, what)[0]);
    setChosen(add(floor, what)[1]);
  };
  const scale = Math.min(Math.max((innerWidth - 2 * MARGIN - 60) / floor.size[0], SCALES[0]), SCALES[1]);
  const px = (metres: number): number => Math.round(metres * scale);
  const rows = floor.rows ?? [];
  const pressRack = (event: KeyboardEvent, rack: string): void => {
    const place = placeOf(floor, rack);
    const by = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[event.key];
    if (!place || !by) return;
    event.preventDefault();
    setMoved(rack);
    edit((now) => moveRack(now, rack, place.row + by[0]!, place.at + by[1]!));
  };
  const pressThing = (event: KeyboardEvent, thing: Thing): void => {
    const by = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const spot = spotOf(floor, thing);
    if (event.key === "Delete") {
      edit((now) => without(now, thing));
      setChosen(undefined);
    } else if (event.key === "Enter") setChosen(thing);
    else if (by && spot) {
      const to = snapped(floor, [spot.x + by[0]! * floor.tile, spot.y + by[1]! * floor.tile]);
      edit((now) => moveThing(now, thing, to));
    } else return;
    event.preventDefault();
  };
  /** The place under the pointer, in metres. */
  const under = (event: PointerEvent): Metres => {
    const box = drawing.current!.getBoundingClientRect();
    return [(event.clientX - box.left - MARGIN) / scale, (event.clientY - box.top - MARGIN) / scale];
  };
  const drag = (event: PointerEvent): void => {
    if (!held) return;
    const [x, y] = under(event);
    // However far it is dragged, that is one step.
    if ("thing" in held) {
      edit((now) => moveThing(now, held.thing, snapped(now, [x - held.grip[0], y - held.grip[1]])), held.steps);
      return;
    }
    const row = rows.findIndex((_, at) => {
      const spot = spotOf(floor, { list: "rows", at })!;
      const near = floor.tile;
      return x > spot.x - near && x < spot.x + spot.w + near && y > spot.y - near / 2 && y < spot.y + spot.h + near / 2;
    });
    const into = rows[row];
    if (!into) return;
    const along = into.runs === "south" ? y - into.at[1] : x - into.at[0];
    edit((now) => moveRack(now, held.rack, row, Math.floor(along / into.width)), held.steps);
  };
  // What was moved keeps the focus, wherever it is now.
  useEffect(() => {
    if (moved === undefined || held) return;
    drawing.current?.querySelector<SVGElement>(`[data-rack="${CSS.escape(moved)}"]`)?.focus();
  }, [steps]);
  const place = moved === undefined ? undefined : placeOf(floor, moved);
  const positionText = (rack: string, row: number, at: number): string =>
    t("positionOf", { rack, row: rows[row]!.name, n: at + 1 });
  const spoken = chosen && spotOf(floor, chosen);
  const loose = room.loose
    .map((number) => targets.value[number]!.name)
    .filter((name) => !floor.units?.some(({ target }) => target === name));
  const grab = (event: PointerEvent, thing: Thing): void => {
    if (event.button !== 0) return;
    const spot = spotOf(floor, thing)!;
    const [x, y] = under(event);
    setChosen(thing);
    setMoved(undefined);
    setHeld({ steps, thing, grip: [x - spot.x, y - spot.y] });
  };
  const thing = (of: Thing, look: string, children: JSX.Element): JSX.Element => {
    const spot = spotOf(floor, of)!;
    return (
      <g
        key={`${of.list}${of.at}`}
        tabindex={0}
        role="button"
        aria-label={t("placeOf", { name: nameOf(floor, of), x: spot.x, y: spot.y })}
        aria-pressed={isSame(chosen, of)}
        class={`${look} ${isSame(chosen, of) ? "chosen" : ""}`}
        onFocus={() => setChosen(of)}
        onKeyDown={(event) => pressThing(event, of)}
        onPointerDown={(event) => grab(event, of)}
      >
        {children}
      </g>
    );
  };
  const boxOf = (of: Thing): JSX.Element => {
    const spot = spotOf(floor, of)!;
    return (
      <>
        <rect x={px(spot.x)} y={px(spot.y)} width={px(spot.w)} height={px(spot.h)} />
        <text x={px(spot.x) + 5} y={px(spot.y + spot.h / 2) + 4}>
          {nameOf(floor, of)}
        </text>
      </>
    );
  };
  return (
    <>
      <div class="toolbar">
        <button type="button" disabled={steps.length < 2} onClick={() => setSteps(steps.slice(0, -1))}>
          {t("stepBack")}
        </button>
        <button type="button" disabled={steps.length < 2} onClick={() => setSteps(steps.slice(0, 1))}>
          {t("revert")}
        </button>
        <button type="button" onClick={() => putNew("row")}>
          {t("newRow")}
        </button>
        <button type="button" onClick={() => putNew("cold")}>
          {t("newCold")}
        </button>
        <button type="button" onClick={() => putNew("hot")}>
          {t("newHot")}
        </button>
        {loose.length > 0 && (
          <label>
            {t("placeTarget")}{" "}
            <select value="" onChange={({ currentTarget: { value } }) => value && putNew({ target: value })}>
              <option value="" />
              {loose.map((name) => (
                <option key={name}>{name}</option>
              ))}
            </select>
          </label>
        )}
        <Length text="roomWidth" value={floor.size[0]} onChange={(width) => edit((now) => ({ ...now, size: [width, now.size[1]] }))} />
        <Length text="roomDepth" value={floor.size[1]} onChange={(depth) => edit((now) => ({ ...now, size: [now.size[0], depth] }))} />
        <span class="space" />
        <button type="button" onClick={() => ask("edit", undefined)}>
          {t("cancel")}
        </button>
        <button type="button" class="primary" disabled={steps.length < 2 && room.floor === floor} onClick={() => setApplying(true)}>
          {t("showDiff")} …
        </button>
      </div>
      <p class="hint">{t("editHint")}</p>
      {chosen && <Fields floor={floor} thing={chosen} onEdit={edit} onGone={() => setChosen(undefined)} />}
      <div class="arrange">
        <svg
          ref={drawing}
          width={px(floor.size[0]) + 2 * MARGIN}
          height={px(floor.size[1]) + 2 * MARGIN}
          role="group"
          aria-label={t("edit")}
          onPointerMove={drag}
          onPointerUp={() => setHeld(undefined)}
          onPointerLeave={() => setHeld(undefined)}
        >
          <g transform={`translate(${MARGIN} ${MARGIN})`}>
            <rect class="lane" width={px(floor.size[0])} height={px(floor.size[1])} />
            {floor.aisles?.map((aisle, at) => thing({ list: "aisles", at }, `area ${aisle.air}`, boxOf({ list: "aisles", at })))}
            {floor.units?.map((_, at) => thing({ list: "units", at }, "movable unit", boxOf({ list: "units", at })))}
            {rows.map((row, number) => {
              const spot = spotOf(floor, { list: "rows", at: number })!;
              const isDown = row.runs === "south";
              const [x, y] = isDown ? [px(spot.x), px(spot.y) - 26] : [px(spot.x) - 34, px(spot.y)];
              const [w, h] = isDown ? [px(spot.w), 24] : [32, px(spot.h)];
              return (
                <g key={number}>
                  {row.racks.length === 0 && <rect class="ghost" x={px(spot.x)} y={px(spot.y)} width={px(spot.w)} height={px(spot.h)} />}
                  {thing(
                    { list: "rows", at: number },
                    "handle",
                    <>
                      <rect x={x} y={y} width={w} height={h} />
                      <text class="row-name" x={x + w / 2} y={y + h / 2 + 4}>
                        {row.name || "–"}
                      </text>
                    </>,
                  )}
                  {row.racks.map((rack, at) => {
                    const own = rackSpot(row, at);
                    return (
                      <g
                        key={rack}
                        tabindex={0}
                        role="button"
                        data-rack={rack}
                        aria-label={positionText(rack, number, at)}
                        class={`movable ${held && "rack" in held && held.rack === rack ? "dragged" : ""}`}
                        onKeyDown={(event) => pressRack(event, rack)}
                        onPointerDown={(event) => {
                          if (event.button !== 0) return;
                          setMoved(rack);
                          setHeld({ steps, rack });
                        }}
                      >
                        <rect x={px(own.x) + 1} y={px(own.y) + 1} width={px(own.w) - 2} height={px(own.h) - 2} />
                        <text x={px(own.x + own.w / 2)} y={px(own.y + own.h / 2) + 4}>
                          {rack}
                        </text>
                      </g>
                    );
                  })}
                </g>
              );
            })}
          </g>
        </svg>
      </div>
      <p class="spoken" role="status">
        {place && moved
          ? positionText(moved, place.row, place.at)
          : spoken && t("placeOf", { name: nameOf(floor, chosen), x: spoken.x, y: spoken.y })}
      </p>
      {isApplying && (
        <Apply
          floor={floor}
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
