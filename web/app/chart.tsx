// A chart over history, with its holes explained.

import type { JSX } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type uPlot from "uplot";
import { clock, value, which } from "./format";
import { t } from "./text";
import { colour, repaint } from "./theme";
import type { Series } from "./types";

const HEIGHT = 220;
const COLOURS = ["line-0", "line-1", "line-2", "line-3", "line-4", "line-5"];

let library: Promise<typeof uPlot> | undefined;

/** Fetches the library of charts, once. */
function load(): Promise<typeof uPlot> {
  library ??= import("./plot.js").then((found) => found.uPlot);
  // Whoever needs it next tries again.
  library.catch(() => {
    library = undefined;
  });
  return library;
}

/** The numbers of an axis, all with the digits that tell them apart. */
function ticks(values: number[], unit: string): string[] {
  const most = Math.max(...values.map(Math.abs));
  const apart = values.length > 1 ? Math.abs(values[1]! - values[0]!) : most;
  const [factor, name] =
    unit === "W" && most >= 1000
      ? [1000, "kW"]
      : unit === "1" && most <= 1
        ? [0.01, "%"]
        : unit === "J"
          ? [3.6e6, "kWh"]
          : [1, unit === "Cel" ? "°C" : unit === "1" ? "" : unit];
  const digits = Math.min(4, Math.max(0, Math.ceil(-Math.log10(apart / factor) - 1e-9)));
  return values.map((one) => `${(one / factor).toFixed(digits)} ${name}`);
}

/** The times of an axis, as short as its steps allow. */
function times(seconds: number[], step: number): string[] {
  return seconds.map((one) => {
    const at = new Date(one * 1000);
    const two = (part: number): string => String(part).padStart(2, "0");
    const day = `${at.getDate()}.${at.getMonth() + 1}.`;
    if (step >= 86_400) return day;
    const minute = `${two(at.getHours())}:${two(at.getMinutes())}`;
    if (minute === "00:00") return day;
    return step >= 60 ? minute : `${minute}:${two(at.getSeconds())}`;
  });
}

/** All times of all series, and the values of each, null where it has none. */
function aligned(series: Series[], { join }: Pick<typeof uPlot, "join">): uPlot.AlignedData {
  const tables = series.map((one): uPlot.AlignedData => {
    const times = one.times.map((time) => time / 1000);
    const values: (number | null)[] = one.values.map((each) => (typeof each === "number" ? each : null));
    // A hole is a hole, and no line across it.
    for (const gap of one.gaps ?? []) {
      times.push((Date.parse(gap.from) + Date.parse(gap.to)) / 2000);
      values.push(null);
    }
    const order = times.map((_, at) => at).sort((a, b) => times[a]! - times[b]!);
    return [order.map((at) => times[at]!), order.map((at) => values[at]!)];
  });
  if (tables.length === 1) return tables[0]!;
  return join(tables, tables.map((table) => table.map(() => 2)));
}

/** Something that happened, or would have, at a time. */
export interface ChartMark {
  /** In milliseconds since 1970. */
  time: number;
  is: "act" | "back" | "stop";
  /** Whether it was done, and not only computed. */
  isDone: boolean;
}

const MARK_COLOURS = { act: "major", back: "good", stop: "critical" } as const;

function drawMarks(drawn: uPlot, marks: readonly ChartMark[]): void {
  const { ctx, bbox } = drawn;
  const r = 5 * devicePixelRatio;
  ctx.save();
  for (const { time, is, isDone } of marks) {
    const x = drawn.valToPos(time / 1000, "x", true);
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.strokeStyle = ctx.fillStyle = colour(MARK_COLOURS[is]);
    ctx.lineWidth = devicePixelRatio;
    ctx.setLineDash(isDone ? [] : [3 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.stroke();
    ctx.setLineDash([]);
    // It acts downwards, and hands back upwards: the shape tells, too.
    ctx.beginPath();
    const [base, tip] = is === "back" ? [bbox.top + 2 * r, bbox.top] : [bbox.top, bbox.top + 2 * r];
    ctx.moveTo(x - r, base);
    ctx.lineTo(x + r, base);
    ctx.lineTo(x, tip);
    ctx.closePath();
    if (isDone) ctx.fill();
    else ctx.stroke();
  }
  ctx.restore();
}

export function Chart(props: {
  series: Series[];
  from: string;
  to: string;
  label: string;
  marks?: readonly ChartMark[];
}): JSX.Element {
  const frame = useRef<HTMLDivElement>(null);
  const shown = props.series.slice(0, COLOURS.length);
  const unit = shown[0]?.unit ?? "";
  const gaps = useMemo(
    () => shown.flatMap((one) => (one.gaps ?? []).map((gap) => ({ ...gap, of: one }))),
    [props.series],
  );
  const plot = useRef<uPlot | null>(null);
  const [Plot, setPlot] = useState<typeof uPlot>();
  useEffect(() => {
    load().then((found) => setPlot(() => found), () => {});
  }, []);
  // What its drawing reads, which changes without it being made anew.
  const marks = props.marks ?? [];
  const latest = useRef({ gaps, marks, from: props.from, to: props.to });
  latest.current = { gaps, marks, from: props.from, to: props.to };
  const names = shown.map((one) => which(one) || one.metric);
  useEffect(() => {
    const element = frame.current;
    if (!element || !Plot || shown.length === 0) return;
    const axis = { stroke: colour("dim"), grid: { stroke: colour("edge"), width: 1 }, ticks: { stroke: colour("edge"), width: 1 } };
    const holes = (drawn: uPlot): void => {
      const { ctx, bbox } = drawn;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      ctx.strokeStyle = colour("stale");
      ctx.globalAlpha = 0.5;
      ctx.lineWidth = 1;
      for (const gap of latest.current.gaps) {
        const x0 = drawn.valToPos(Date.parse(gap.from) / 1000, "x", true);
        const x1 = drawn.valToPos(Date.parse(gap.to) / 1000, "x", true);
        ctx.save();
        ctx.beginPath();
        ctx.rect(x0, bbox.top, Math.max(x1 - x0, 1), bbox.height);
        ctx.clip();
        ctx.beginPath();
        for (let x = x0 - bbox.height; x < x1; x += 8) {
          ctx.moveTo(x, bbox.top + bbox.height);
          ctx.lineTo(x + bbox.height, bbox.top);
        }
        ctx.stroke();
        ctx.restore();
      }
      ctx.restore();
    };
    const made = new Plot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        scales: { x: { time: true, range: () => [Date.parse(latest.current.from) / 1000, Date.parse(latest.current.to) / 1000] } },
        axes: [
          { ...axis, size: 30, values: (_, splits, __, ___, step) => times(splits, step) },
          { ...axis, size: 76, values: (_, splits) => ticks(splits, unit) },
        ],
        series: [
          // Where nobody points, the last one is told.
          { label: t("time"), value: (drawn, at) => clock((at ?? drawn.data[0].at(-1) ?? Number.NaN) * 1000) },
          ...shown.map((one, at) => ({
            label: names[at]!,
            stroke: colour(COLOURS[at]!),
            width: 1.5,
            points: { show: one.times.length < 40, size: 4 },
            value: (drawn: uPlot, each: number | null, index: number, place: number | null) => {
              const last = place === null ? Array.from<number | null | undefined>(drawn.data[index] ?? []).findLast((one) => one != null) : each;
              return last == null ? "" : value(last, unit);
            },
          })),
        ],
        hooks: { drawAxes: [holes], draw: [(drawn) => drawMarks(drawn, latest.current.marks)] },
        cursor: { y: false },
      },
      aligned(shown, Plot),
      element,
    );
    plot.current = made;
    const observer = new ResizeObserver(() => made.setSize({ width: element.clientWidth, height: HEIGHT }));
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = null;
    };
  }, [Plot, names.join("/"), unit, repaint.value]);
  useEffect(() => {
    if (Plot && shown.length > 0) plot.current?.setData(aligned(shown, Plot));
  }, [props.series, props.marks, props.from, props.to]);
  const values = shown.flatMap(({ values, overall }) =>
    overall ? [overall.least, overall.greatest, overall.last] : values.filter((each) => typeof each === "number"),
  );
  const summary = values.length
    ? `${props.label}: ${value(values[values.length - 1], unit)}; ${value(Math.min(...values), unit)} – ${value(Math.max(...values), unit)}`
    : t("noHistory");
  return (
    <>
      <div class="chart" ref={frame} role="img" aria-label={summary} />
      {values.length === 0 && <p class="empty">{t("noHistory")}</p>}
      {gaps.length > 0 && (
        <details class="gaps">
          <summary>
            {t("gaps")}: {gaps.length}
          </summary>
          <ul class="plain">
            {gaps.slice(0, 20).map((gap) => (
              <li key={`${gap.from}/${which(gap.of)}`}>
                {t("gap", { from: clock(gap.from), to: clock(gap.to), reason: gap.reason })}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
}
