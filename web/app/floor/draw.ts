// The drawing of a floor on a canvas: only the boxes that have changed are drawn again.

import { degrees, watts } from "../format";
import { cell, now, revision, targets } from "../live";
import { type Look, type Summary, alarmsRevision, lookOf, summary } from "../rooms";
import { colour } from "../theme";
import type { Area, Box, Layout } from "./layout";

export const LAYERS = ["alarms", "power", "temperature", "age"] as const;
export type Layer = (typeof LAYERS)[number];

/** The age in seconds from which a value is old, and very old. */
const OLD = 120;
const VERY_OLD = 900;
/** The range of temperatures at an inlet that is recommended (ASHRAE TC 9.9), and its limit. */
const COOL = 18;
const WARM = 27;
const HOT = 32;

/** How long boxes are drawn in one frame, in milliseconds: a large floor takes several. */
const FRAME = 12;

export interface Colours {
  text: string;
  dim: string;
  well: string;
  edge: string;
  bar: string;
  ground: string;
  focus: string;
  look: Record<Look, string>;
  cold: string;
  warm: string[];
  onWarm: string[];
  power: string[];
  onPower: string[];
  area: Record<Area["of"], string>;
}

export function colours(): Colours {
  const look = Object.fromEntries(
    ["critical", "major", "minor", "notice", "failing", "stale", "unknown", "well"].map((one) => [
      one,
      colour(one),
    ]),
  ) as Record<Look, string>;
  const steps = [0, 1, 2, 3, 4];
  return {
    text: colour("text"),
    dim: colour("dim"),
    well: colour("cell"),
    edge: colour("edge"),
    bar: colour("bar"),
    ground: colour("panel"),
    focus: colour("accent"),
    look,
    cold: colour("notice"),
    warm: [0, 1, 2].map((step) => colour(`warm-${step}`)),
    onWarm: [0, 1, 2].map((step) => colour(`on-warm-${step}`)),
    power: steps.map((step) => colour(`power-${step}`)),
    onPower: steps.map((step) => colour(`on-power-${step}`)),
    area: { room: colour("panel"), cold: colour("aisle-cold"), hot: colour("aisle-hot") },
  };
}

interface Paint {
  fill: string;
  ink: string;
  text: string;
  mark: Look | null;
  /** The share that is hatched, from below. */
  hatched: number;
  isUnknown: boolean;
}

/** A rack in which nothing is: there is nothing to know. */
const emptyPaint = (c: Colours): Paint => ({
  fill: c.ground,
  ink: c.dim,
  text: "",
  mark: null,
  hatched: 0,
  isUnknown: false,
});

const onColour = (look: Look): string => (look === "minor" || look === "major" ? "#14120c" : "#fff");

function paintOf(layer: Layer, sum: Summary, c: Colours, greatest: number): Paint {
  const plain: Paint = {
    fill: c.well,
    ink: c.text,
    text: "",
    mark: null,
    hatched: sum.stale,
    isUnknown: false,
  };
  const unknown = { ...plain, text: "?", isUnknown: true };
  if (layer === "alarms") {
    if (sum.look === "well") return plain;
    if (sum.look === "unknown") return { ...unknown, text: "", mark: "unknown" };
    return { ...plain, mark: sum.look };
  }
  if (layer === "power") {
    if (Number.isNaN(sum.power)) return unknown;
    const step = greatest > 0 ? Math.min(4, Math.floor((sum.power / greatest) * 5)) : 0;
    return { ...plain, fill: c.power[step]!, ink: c.onPower[step]!, text: watts(sum.power) };
  }
  if (layer === "temperature") {
    const value = sum.temperature;
    if (Number.isNaN(value)) return unknown;
    const text = degrees(value).replace(" °C", "°");
    if (value >= HOT) return { ...plain, fill: c.look.critical, ink: "#fff", text, mark: "critical" };
    if (value >= WARM) {
      const step = Math.min(2, Math.floor(((value - WARM) / (HOT - WARM)) * 3));
      return { ...plain, fill: c.warm[step]!, ink: c.onWarm[step]!, text };
    }
    if (value < COOL) return { ...plain, fill: c.cold, ink: "#fff", text, mark: "notice" };
    return { ...plain, text };
  }
  if (Number.isNaN(sum.answered)) return unknown;
  const seconds = now.value / 1000 - sum.answered;
  const text = seconds < OLD ? "" : `${Math.round(seconds / 60)} m`;
  if (seconds >= VERY_OLD) return { ...plain, fill: c.look.major, ink: onColour("major"), text, mark: "major" };
  if (seconds >= OLD) return { ...plain, fill: c.look.minor, ink: onColour("minor"), text, mark: "minor" };
  return plain;
}

function shape(g: CanvasRenderingContext2D, look: Look, x: number, y: number, r: number): void {
  g.beginPath();
  if (look === "critical") {
    g.moveTo(x, y - r);
    g.lineTo(x + r, y + r * 0.8);
    g.lineTo(x - r, y + r * 0.8);
  } else if (look === "major") {
    g.moveTo(x, y - r);
    g.lineTo(x + r, y);
    g.lineTo(x, y + r);
    g.lineTo(x - r, y);
  } else if (look === "minor") {
    g.rect(x - r * 0.8, y - r * 0.8, r * 1.6, r * 1.6);
  } else if (look === "notice") {
    g.arc(x, y, r * 0.8, 0, 7);
  } else if (look === "failing") {
    g.moveTo(x - r * 0.7, y - r * 0.7);
    g.lineTo(x + r * 0.7, y + r * 0.7);
    g.moveTo(x + r * 0.7, y - r * 0.7);
    g.lineTo(x - r * 0.7, y + r * 0.7);
    g.lineWidth = 2;
    g.stroke();
    return;
  } else {
    return;
  }
  g.closePath();
  g.fill();
}

function hatch(g: CanvasRenderingContext2D, box: Box, share: number, ink: string): void {
  const h = Math.max(6, Math.round(box.h * share));
  g.save();
  g.beginPath();
  g.rect(box.x, box.y + box.h - h, box.w, h);
  g.clip();
  g.strokeStyle = ink;
  g.globalAlpha = 0.55;
  g.lineWidth = 1;
  g.beginPath();
  for (let x = box.x - box.h; x < box.x + box.w; x += 6) {
    g.moveTo(x, box.y + box.h);
    g.lineTo(x + box.h, box.y);
  }
  g.stroke();
  g.restore();
}

/** What a layer says about one device. */
function deviceText(layer: Layer, number: number): string {
  if (layer === "temperature") return degrees(cell.temperature(number)).replace(" °C", "°");
  if (layer === "age") return "";
  return watts(cell.power(number));
}

/** The devices of a rack, as bars in its box; with their names where there is space. */
function bars(g: CanvasRenderingContext2D, box: Box, c: Colours, layer: Layer): void {
  const count = box.members.length;
  const space = box.h - 20 - (layer === "alarms" ? 4 : 22);
  if (!box.isRack || box.w < 40 || space < count * 3) return;
  const h = Math.min(24, Math.floor(space / count) - 2);
  if (h < 2) return;
  g.font = "11px system-ui, sans-serif";
  box.members.forEach((number, at) => {
    const look = lookOf(number);
    const isWell = look === "well" || layer !== "alarms";
    const y = box.y + 20 + at * (h + 2);
    g.fillStyle = c.bar;
    g.globalAlpha = layer === "alarms" ? 1 : 0.55;
    g.fillRect(box.x + 4, y, box.w - 8, h);
    g.globalAlpha = 1;
    if (!isWell) {
      g.fillStyle = c.look[look];
      g.fillRect(box.x + 4, y, h < 14 ? box.w - 8 : 4, h);
    }
    if (h < 14 || box.w < 90) return;
    g.save();
    g.beginPath();
    g.rect(box.x + 4, y, box.w - 12, h);
    g.clip();
    g.textBaseline = "middle";
    g.textAlign = "right";
    g.fillStyle = c.dim;
    const text = deviceText(layer, number);
    g.fillText(text, box.x + box.w - 9, y + h / 2);
    g.textAlign = "left";
    g.fillStyle = c.text;
    g.beginPath();
    g.rect(box.x + 4, y, box.w - 20 - g.measureText(text).width, h);
    g.clip();
    g.fillText(targets.value[number]?.name ?? "", box.x + 12, y + h / 2);
    g.restore();
  });
}

function drawBox(g: CanvasRenderingContext2D, box: Box, paint: Paint, c: Colours, layer: Layer): void {
  g.fillStyle = c.ground;
  g.fillRect(box.x - 1, box.y - 1, box.w + 2, box.h + 2);
  g.fillStyle = paint.isUnknown ? c.ground : paint.fill;
  g.fillRect(box.x, box.y, box.w, box.h);
  bars(g, box, c, layer);
  if (paint.hatched > 0) hatch(g, box, paint.hatched, paint.ink);
  g.setLineDash(paint.isUnknown ? [3, 3] : []);
  const isAlarm = layer === "alarms" && paint.mark !== null && paint.mark !== "unknown";
  g.strokeStyle = isAlarm ? c.look[paint.mark!] : paint.isUnknown ? c.look.unknown : c.edge;
  g.lineWidth = isAlarm ? 2 : 1;
  g.strokeRect(box.x + 0.5, box.y + 0.5, box.w - 1, box.h - 1);
  g.setLineDash([]);
  front(g, box, c);
  g.textBaseline = "middle";
  g.textAlign = "left";
  const name = box.isRack ? box.name : (targets.value[box.members[0]!]?.name ?? "");
  g.font = "600 11px system-ui, sans-serif";
  const isMarked = paint.mark !== null && paint.mark !== "unknown";
  const hasSpace = box.h >= 20 && (!isMarked || box.w >= 44);
  if (box.w >= 26 && hasSpace) {
    g.fillStyle = paint.ink;
    g.save();
    g.beginPath();
    g.rect(box.x, box.y, box.w - (isMarked ? 14 : 2), box.h);
    g.clip();
    g.fillText(name, box.x + 5, box.y + (!box.isRack ? box.h / 2 : box.h < 40 ? 9 : 11));
    g.restore();
  }
  if (paint.mark && isMarked) {
    const ink = layer === "alarms" ? c.look[paint.mark] : paint.ink;
    g.fillStyle = ink;
    g.strokeStyle = ink;
    const r = Math.min(6, box.w / 4, box.h / 3);
    const x = hasSpace ? box.x + box.w - r - 4 : box.x + box.w / 2;
    shape(g, paint.mark, x, box.y + Math.min(11, box.h / 2), r);
  }
  const text = paint.text || (paint.mark === "unknown" ? "?" : "");
  if (!text) return;
  g.fillStyle = paint.isUnknown ? c.look.unknown : paint.ink;
  if (box.h >= 30 && box.w >= 44) {
    g.font = `${box.w >= 60 && box.h >= 40 ? 13 : 11}px system-ui, sans-serif`;
    g.textAlign = "right";
    g.fillText(text, box.x + box.w - 5, box.y + box.h - (box.h < 40 ? 8 : 10));
  } else if (paint.isUnknown) {
    // Below the name, or in its place.
    const isBelow = box.w >= 26 && hasSpace;
    g.font = "600 11px system-ui, sans-serif";
    g.textAlign = isBelow ? "right" : "center";
    g.fillText("?", box.x + (isBelow ? box.w - 4 : box.w / 2), box.y + (isBelow ? box.h - 8 : box.h / 2));
  }
}

/** The front of a rack that is drawn. */
function front(g: CanvasRenderingContext2D, { x, y, w, h, face }: Box, c: Colours): void {
  if (!face) return;
  g.fillStyle = c.dim;
  const isAcross = face === "north" || face === "south";
  const [left, top] = [face === "east" ? x + w - 2 : x, face === "south" ? y + h - 2 : y];
  g.fillRect(left, top, isAcross ? w : 2, isAcross ? 2 : h);
}

function drawArea(g: CanvasRenderingContext2D, { x, y, w, h, name, of }: Area, c: Colours): void {
  g.fillStyle = c.area[of];
  g.fillRect(x, y, w, h);
  g.strokeStyle = c.edge;
  g.lineWidth = 1;
  if (of === "room") g.strokeRect(x - 3.5, y - 3.5, w + 7, h + 7);
  g.fillStyle = c.dim;
  g.textAlign = "left";
  g.font = "11px system-ui, sans-serif";
  if (h >= 14) g.fillText(name, x + 5, y + h / 2, w - 8);
}

/** A floor on a canvas. */
export class Drawing {
  private shown = new Map<Box, { revision: number; paint: string; sum: Summary }>();
  private seen = { alarms: -1, minute: -1 };
  /** The boxes that are to be looked at, and the greatest power of the last time. */
  private due = new Set<Box>();
  private greatest = 0;

  constructor(
    private readonly g: CanvasRenderingContext2D,
    private readonly plan: Layout,
    private readonly layer: Layer,
    private readonly c: Colours,
  ) {}

  /** Draws what lies below the boxes: the room, aisles, the names of the rows. */
  begin(): void {
    const { g, plan, c } = this;
    g.fillStyle = c.ground;
    g.fillRect(0, 0, plan.width, plan.height);
    g.textBaseline = "middle";
    for (const area of plan.areas) drawArea(g, area, c);
    g.fillStyle = c.dim;
    g.font = "600 12px system-ui, sans-serif";
    g.textAlign = "right";
    for (const line of plan.lines) g.fillText(line.name, line.x, line.y + line.h / 2);
    this.shown.clear();
  }

  /** Draws what has changed, for as long as a frame may take. Returns whether something is left for
   * the next one. */
  refresh(): boolean {
    // The ages grow, and alarms change, without a cell that does.
    const minute = Math.floor(now.value / 10_000);
    const isNew = this.seen.alarms !== alarmsRevision.value || this.seen.minute !== minute;
    this.seen = { alarms: alarmsRevision.value, minute };
    const sums = this.plan.boxes.map((box) => {
      const known = this.shown.get(box);
      if (known && !isNew && box.members.every((at) => cell.changed(at) <= known.revision)) {
        return known.sum;
      }
      const sum = summary(box.members);
      this.due.add(box);
      this.shown.set(box, { revision: revision.value, paint: known?.paint ?? "", sum });
      return sum;
    });
    const greatest = Math.max(0, ...sums.map(({ power }) => power).filter((one) => one > 0));
    // The colours of a layer are shares of the greatest.
    if (this.layer === "power" && greatest !== this.greatest) this.due = new Set(this.plan.boxes);
    this.greatest = greatest;
    const until = performance.now() + FRAME;
    for (const [at, box] of this.plan.boxes.entries()) {
      if (!this.due.has(box)) continue;
      if (performance.now() > until) return true;
      this.due.delete(box);
      this.draw(box, sums[at]!);
    }
    return false;
  }

  private draw(box: Box, sum: Summary): void {
    const isEmpty = box.members.length === 0;
    const paint = isEmpty ? emptyPaint(this.c) : paintOf(this.layer, sum, this.c, this.greatest);
    // What its bars show, as far as they can be read.
    const isNear = box.isRack && box.w >= 90;
    const shows = box.members.map((one) => lookOf(one).slice(0, 2) + (isNear ? deviceText(this.layer, one) : ""));
    const key = JSON.stringify(paint) + shows.join();
    const known = this.shown.get(box)!;
    if (known.paint === key) return;
    drawBox(this.g, box, paint, this.c, this.layer);
    known.paint = key;
  }
}
