// The floor: each room from the labels of its targets, in layers, and its twin as a list.

import { effect } from "@preact/signals";
import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { Drawing, LAYERS, type Layer, colours } from "../floor/draw";
import { type Box, type Layout, at, layout, step, within } from "../floor/layout";
import { age, degrees, watts } from "../format";
import { cell, now, revision, targets } from "../live";
import { Choice, Empty, Hand, HealthMark, Mark, Panel } from "../parts";
import { CONTROL, isPresent } from "../rights";
import { type Look, type Room, type Summary, alarmsRevision, rooms, summary, worst } from "../rooms";
import { ask, go, place, to } from "../route";
import { act, byKind, pick, picked } from "../selection";
import { t, word } from "../text";
import { repaint } from "../theme";
import { Arrange } from "./arrange";

export function lookText(look: Look): string {
  if (look === "well") return t("well");
  if (look === "unknown") return t("unknown");
  if (look === "stale") return t("stale");
  return look === "failing" ? word("health", "failing") : word("severity", look);
}

/** One line about a rack or a target, as it is spoken. */
function spoken(box: Box): string {
  if (box.members.length === 0) return `${t("rack")} ${box.name}, ${t("emptyRack")}`;
  const sum = summary(box.members);
  const name = box.isRack ? `${t("rack")} ${box.name}` : (targets.value[box.members[0]!]?.name ?? "");
  return [
    name,
    `${box.members.length} ${t("devices")}`,
    lookText(sum.look),
    watts(sum.power),
    degrees(sum.temperature),
    Number.isNaN(sum.answered) ? t("never") : age(now.value / 1000 - sum.answered),
  ]
    .filter(Boolean)
    .join(", ");
}

function pathOf(room: Room, box: Box): string {
  return box.isRack ? to.rack(room.name, box.name) : to.device(targets.value[box.members[0]!]?.name ?? "");
}

export function FloorCanvas(props: { room: Room; layer: Layer; height: number; small?: boolean }): JSX.Element {
  const { room, layer } = props;
  const frame = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  const [focus, setFocus] = useState<Box | null>(null);
  const [lasso, setLasso] = useState<[number, number, number, number] | null>(null);
  useEffect(() => {
    const observer = new ResizeObserver(([entry]) => entry && setWidth(Math.floor(entry.contentRect.width)));
    if (frame.current) observer.observe(frame.current);
    return () => observer.disconnect();
  }, []);
  const plan: Layout = useMemo(() => layout(room, Math.max(width, 200), props.height, props.small), [room, width, props.height]);
  useEffect(() => {
    const element = canvas.current;
    const g = element?.getContext("2d", { alpha: false });
    if (!element || !g || width === 0) return;
    const { currentCSSZoom: zoom = 1 } = element as { currentCSSZoom?: number };
    const scale = (devicePixelRatio || 1) * zoom;
    element.width = plan.width * scale;
    element.height = plan.height * scale;
    element.style.width = `${plan.width}px`;
    element.style.height = `${plan.height}px`;
    g.setTransform(scale, 0, 0, scale, 0, 0);
    const drawing = new Drawing(g, plan, layer, colours());
    drawing.begin();
    let frameId = 0;
    const draw = (): void => {
      if (drawing.refresh()) frameId = requestAnimationFrame(draw);
    };
    const stop = effect(() => {
      void [revision.value, alarmsRevision.value, Math.floor(now.value / 10_000)];
      cancelAnimationFrame(frameId);
      frameId = requestAnimationFrame(draw);
    });
    return () => {
      stop();
      cancelAnimationFrame(frameId);
    };
  }, [plan, layer, repaint.value, width]);
  const point = (event: MouseEvent): [number, number] => [event.offsetX, event.offsetY];
  const press = (event: KeyboardEvent): void => {
    const from = focus ?? plan.boxes[0];
    if (!from) return;
    if (event.key.startsWith("Arrow")) setFocus(focus ? (step(plan.boxes, from, event.key) ?? from) : from);
    else if (event.key === "Enter" && focus) go(pathOf(room, focus));
    else if (event.key === " " && focus) choose(focus.members, true);
    else if (event.key === "Escape") pick([]);
    else return;
    event.preventDefault();
  };
  const choose = (members: number[], isMore: boolean): void => {
    const names = members.map((one) => targets.value[one]!.name);
    pick(isMore ? [...picked.value, ...names] : names);
  };
  return (
    <div class="floor" ref={frame}>
      <div class="drawing">
        <canvas
          ref={canvas}
          tabIndex={0}
          role="application"
          aria-label={`${t("floor")} ${room.name}`}
          aria-describedby="floor-line"
          onKeyDown={press}
          onMouseDown={(event) => {
            if (props.small || event.button !== 0) return;
            const [x, y] = point(event);
            setLasso([x, y, x, y]);
          }}
          onMouseMove={(event) => {
            const [x, y] = point(event);
            if (lasso) setLasso([lasso[0], lasso[1], x, y]);
            else setFocus(at(plan.boxes, x, y) ?? null);
          }}
          onMouseUp={(event) => {
            if (!lasso) return;
            const [x, y] = point(event);
            setLasso(null);
            if (Math.abs(x - lasso[0]) + Math.abs(y - lasso[1]) > 6) {
              const boxes = within(plan.boxes, lasso[0], lasso[1], x, y);
              choose(boxes.flatMap((box) => box.members), event.shiftKey);
              return;
            }
            const box = at(plan.boxes, x, y);
            if (!box) pick([]);
            else if (event.shiftKey || event.ctrlKey) choose(box.members, true);
            else go(pathOf(room, box));
          }}
          onClick={(event) => {
            if (!props.small) return;
            const box = at(plan.boxes, ...point(event));
            if (box) go(pathOf(room, box));
          }}
        />
        {focus && <Outline of={focus} class="focus" />}
        {plan.boxes
          .filter((box) => picked.value.size > 0 && box.members.some((one) => picked.value.has(targets.value[one]?.name ?? "")))
          .map((box) => (
            <Outline key={`${box.line}/${box.column}`} of={box} class="picked" />
          ))}
        {lasso && (
          <div
            class="lasso"
            style={{
              left: `${Math.min(lasso[0], lasso[2])}px`,
              top: `${Math.min(lasso[1], lasso[3])}px`,
              width: `${Math.abs(lasso[0] - lasso[2])}px`,
              height: `${Math.abs(lasso[1] - lasso[3])}px`,
            }}
          />
        )}
      </div>
      <p id="floor-line" class="line" aria-live="polite">
        {focus ? spoken(focus) : "\u00a0"}
      </p>
    </div>
  );
}

function Outline(props: { of: Box; class: string }): JSX.Element {
  const { x, y, w, h } = props.of;
  return (
    <div
      class={`outline ${props.class}`}
      style={{ left: `${x - 2}px`, top: `${y - 2}px`, width: `${w + 4}px`, height: `${h + 4}px` }}
    />
  );
}

function Legend({ layer }: { layer: Layer }): JSX.Element {
  if (layer === "power") {
    return (
      <p class="legend" aria-label={t("legend")}>
        {[0, 1, 2, 3, 4].map((one) => (
          <i key={one} class="swatch" style={{ background: `var(--power-${one})` }} />
        ))}
        0 … max
        <span>
          <Mark of="unknown" /> {t("unknown")}
        </span>
      </p>
    );
  }
  const looks: Look[] =
    layer === "alarms"
      ? ["critical", "major", "minor", "notice", "failing", "stale", "unknown", "well"]
      : layer === "temperature"
        ? ["critical", "notice", "unknown", "well"]
        : ["major", "minor", "unknown", "well"];
  const texts: Partial<Record<Look, string>> =
    layer === "temperature"
      ? { critical: "≥ 32 °C", notice: "< 18 °C", well: "18–27 °C" }
      : layer === "age"
        ? { major: "> 15 m", minor: "> 2 m" }
        : {};
  return (
    <p class="legend" aria-label={t("legend")}>
      {layer === "temperature" && (
        <span>
          <i class="swatch" style={{ background: "var(--warm-1)" }} /> ≥ 27 °C
        </span>
      )}
      {looks.map((look) => (
        <span key={look}>
          <Mark of={look} /> {texts[look] ?? lookText(look)}
        </span>
      ))}
    </p>
  );
}

function Row({ name, path, sum, count }: { name: string; path: string; sum: Summary; count: number }): JSX.Element {
  const mark = sum.look;
  return (
    <tr>
      <th scope="row">
        <a href={path}>{name}</a>
      </th>
      <td>{count === 0 ? t("emptyRack") : <><Mark of={mark} /> {lookText(mark)}</>}</td>
      <td class="number">{count}</td>
      <td class="number">{watts(sum.power)}</td>
      <td class="number">{degrees(sum.temperature)}</td>
      <td class="number">{Number.isNaN(sum.answered) ? t("never") : age(now.value / 1000 - sum.answered)}</td>
    </tr>
  );
}

/** The same as the drawing, as a table. */
function Twin({ room }: { room: Room }): JSX.Element {
  void revision.value;
  const racks = room.rows.flatMap((row) => row.racks);
  return (
    <table>
      <thead>
        <tr>
          <th scope="col">{t("name")}</th>
          <th scope="col">{t("worst")}</th>
          <th scope="col" class="number">{t("Devices")}</th>
          <th scope="col" class="number">{t("power")}</th>
          <th scope="col" class="number">{t("temperature")}</th>
          <th scope="col" class="number">{t("age")}</th>
        </tr>
      </thead>
      <tbody>
        {racks.map((rack) => (
          <Row
            key={rack.name}
            name={rack.name}
            path={to.rack(room.name, rack.name)}
            sum={summary(rack.members)}
            count={rack.members.length}
          />
        ))}
        {room.loose.map((number) => {
          const name = targets.value[number]!.name;
          return <Row key={name} name={name} path={to.device(name)} sum={summary([number])} count={1} />;
        })}
      </tbody>
    </table>
  );
}

/** What was picked, and what can be done with it. */
export function Picked(): JSX.Element | null {
  if (picked.value.size === 0) return null;
  const kinds = byKind(picked.value);
  return (
    <div class="picked-bar" role="status">
      <b>{t("selected", { n: picked.value.size })}</b>
      <span class="names">{[...picked.value].slice(0, 6).join(", ")}{picked.value.size > 6 ? " …" : ""}</span>
      {kinds.size > 1 &&
        [...kinds].map(([kind, names]) => (
          <button key={kind} type="button" class="small" onClick={() => pick(names)}>
            {t("onlyKind", { kind, n: names.length })}
          </button>
        ))}
      <Hand right={CONTROL} on={[...picked.value]} class="primary" onClick={() => act(picked.value)}>
        {t("act")} <kbd>.</kbd>
      </Hand>
      <button type="button" onClick={() => pick([])}>
        {t("clear")}
      </button>
    </div>
  );
}

export function FloorView({ room: wanted }: { room: string | undefined }): JSX.Element {
  const known = rooms.value;
  const room = known.find((one) => one.name === wanted) ?? known[0];
  if (!room) return <Empty>{t("noTargets")}</Empty>;
  const racks = room.rows.reduce((sum, row) => sum + row.racks.length, 0);
  const members = [...room.loose, ...room.rows.flatMap((row) => row.racks.flatMap((rack) => rack.members))];
  const isEditing = place.value.query.has("edit") && isPresent();
  return (
    <>
      <h1 class="title">
        {t("floor")} {room.name || t("noRoom")}
        <span class="hint">
          {racks} × {t("rack").toLowerCase()}, {members.length} {t("devices")}
        </span>
      </h1>
      {isEditing ? (
        <Arrange key={room.name} room={room} />
      ) : (
        <Shown room={room} known={known} members={members} />
      )}
    </>
  );
}

/** The floor, or its twin, with what can be chosen of it. */
function Shown({ room, known, members }: { room: Room; known: Room[]; members: number[] }): JSX.Element {
  const given = place.value.query.get("layer");
  const layer = LAYERS.find((one) => one === given) ?? "alarms";
  const isList = place.value.query.get("as") === "list";
  return (
    <>
      <div class="toolbar">
        {known.length > 1 && (
          <label>
            {t("room")}{" "}
            <select value={room.name} onChange={(event) => go(to.floor(event.currentTarget.value) + location.search)}>
              {known.map((one) => (
                <option key={one.name} value={one.name}>
                  {one.name || t("noRoom")}
                </option>
              ))}
            </select>
          </label>
        )}
        <Choice
          label="layer"
          of={LAYERS}
          chosen={layer}
          text={(one) => word("layer", one)}
          onChoose={(one) => ask("layer", one === "alarms" ? "" : one)}
        />
        <button type="button" aria-pressed={isList} onClick={() => ask("as", isList ? "" : "list")}>
          {isList ? t("asDrawing") : t("asList")}
        </button>
        <Hand right={["inventory"]} onClick={() => ask("edit", "1")}>
          {t("edit")} …
        </Hand>
        <Legend layer={layer} />
      </div>
      {room.floor && !isPresent() && <p class="hint">{t("drawingOfNow")}</p>}
      {isList ? <Twin room={room} /> : <FloorCanvas room={room} layer={layer} height={innerHeight - 210} />}
      <Picked />
      <Worst members={members} />
    </>
  );
}

/** The targets of a room that are not well. */
function Worst({ members }: { members: number[] }): JSX.Element | null {
  void revision.value;
  const those = members.filter((number) => {
    const name = targets.value[number]?.name ?? "";
    return worst.value.has(name) || cell.health(number) === "failing" || cell.health(number) === "stale";
  });
  if (those.length === 0) return null;
  return (
    <Panel title={t("wrongNow")}>
      <ul class="plain rows">
        {those.slice(0, 40).map((number) => {
          const name = targets.value[number]!.name;
          const severity = worst.value.get(name);
          return (
            <li key={name}>
              {severity && <Mark of={severity} />} <a href={to.device(name)}>{name}</a>{" "}
              <HealthMark of={cell.health(number)} />
            </li>
          );
        })}
      </ul>
    </Panel>
  );
}
