// Where each rack and each loose target is on the floor: as it is drawn, and beside that what is in no
// drawing, in rows. Pure.

import type { Rack, Room } from "./room";
import type { FloorRow } from "../types";
import { type Spot, rowSpot, thingSpot } from "./drawing";

export interface Box extends Spot {
  /** What it shows: a rack, or one target that is in none. */
  name: string;
  row: string;
  members: number[];
  isRack: boolean;
  face?: FloorRow["face"];
  /** Its place among the others, for the arrow keys. */
  line: number;
  column: number;
}

/** The name of a row, which ends at `x`. */
export interface Line {
  name: string;
  x: number;
  y: number;
  h: number;
}

/** What lies below the racks: the room itself, or an aisle. */
export interface Area extends Spot {
  name: string;
  of: "room" | "cold" | "hot";
}

export interface Layout {
  boxes: Box[];
  lines: Line[];
  areas: Area[];
  width: number;
  height: number;
}

const MARGIN = 8;
const LABEL = 44;
const GAP = 3;
/** Between two rows of racks there is an aisle. */
const AISLE = 14;
const SMALL_AISLE = 5;
/** The least side of a drawn rack that is to be read, and the most pixels of a metre. */
const LEAST_SIDE = 22;
const MOST_SCALE = 160;

const clamp = (value: number, least: number, most: number): number =>
  Math.min(Math.max(value, least), most);

/** Lays out a room. A small one is to be seen whole, and not to be read. */
export function layout(room: Room, width: number, height: number, isSmall = false): Layout {
  const loose = room.loose.filter((number) => !room.units.has(number));
  const rows = room.rows.filter(({ racks }) => racks.some(({ spot }) => !spot));
  const isWhole = loose.length + rows.length === 0;
  const above = drawn(room, width, isWhole ? height : height * 0.7, isSmall);
  if (isWhole) return above;
  const below = rowsOf({ rows, loose }, width, Math.max(height - above.height, 120), isSmall);
  const lines = above.lines.length + above.boxes.length;
  const down = <T extends { y: number }>(one: T): T => ({ ...one, y: one.y + above.height });
  return {
    boxes: [...above.boxes, ...below.boxes.map((box) => ({ ...down(box), line: box.line + lines }))],
    lines: [...above.lines, ...below.lines.map(down)],
    areas: above.areas,
    width: Math.max(above.width, below.width),
    height: above.height + below.height,
  };
}

/** What is drawn, as large as there is space. */
function drawn(room: Room, width: number, height: number, isSmall: boolean): Layout {
  const empty = { boxes: [], lines: [], areas: [], width: 0, height: 0 };
  const { floor } = room;
  if (!floor) return empty;
  const [w, h] = floor.size;
  const sides = (floor.rows ?? []).flatMap((row) => [row.width, row.depth]);
  const least = isSmall ? 0 : LEAST_SIDE / Math.min(...sides, 1);
  const fitting = Math.min((width - 2 * MARGIN) / w, (height - 2 * MARGIN) / h);
  const scale = Math.max(Math.min(fitting, MOST_SCALE), least);
  const pixel = (metres: number): number => Math.round(MARGIN + metres * scale);
  const place = (spot: Spot, gap = 0): Spot => {
    const [x, y] = [pixel(spot.x), pixel(spot.y)];
    return { x, y, w: pixel(spot.x + spot.w) - x - gap, h: pixel(spot.y + spot.h) - y - gap };
  };
  const racks = room.rows.flatMap((row) => row.racks.filter((rack): rack is Rack & { spot: Spot } => !!rack.spot));
  const boxes: Box[] = [
    ...racks.map(({ name, row, members, face, spot }) => ({
      ...{ name, row, members, isRack: true, line: 0, column: 0, ...place(spot, 1) },
      ...(face ? { face } : {}),
    })),
    ...[...room.units].map(([number, spot]) => ({
      ...{ name: "", row: "", members: [number], isRack: false, line: 0, column: 0, ...place(spot, 1) },
    })),
  ];
  inLines(boxes);
  return {
    boxes,
    lines: (floor.rows ?? []).map((row) => {
      const spot = place(rowSpot(row));
      return row.runs === "south"
        ? { name: row.name, x: spot.x + spot.w, y: spot.y - 16, h: 14 }
        : { name: row.name, x: spot.x - 5, y: spot.y, h: spot.h };
    }),
    areas: [
      { name: "", of: "room", ...place({ x: 0, y: 0, w, h }) },
      ...(floor.aisles ?? []).map((aisle) => ({ name: aisle.name, of: aisle.air, ...place(thingSpot(aisle)) })),
    ],
    width: pixel(w) + MARGIN,
    height: pixel(h) + MARGIN,
  };
}

/** Numbers boxes for the arrow keys: those at about the same height are one line. */
function inLines(boxes: Box[]): void {
  const middle = (box: Box): number => box.y + box.h / 2;
  let [line, last] = [-1, Number.NEGATIVE_INFINITY];
  for (const box of boxes.toSorted((a, b) => middle(a) - middle(b))) {
    if (middle(box) - last > box.h / 3) {
      line += 1;
      last = middle(box);
    }
    box.line = line;
  }
  const counts = new Map<number, number>();
  for (const box of boxes.toSorted((a, b) => a.x - b.x)) {
    box.column = counts.get(box.line) ?? 0;
    counts.set(box.line, box.column + 1);
  }
}

/** What is in no drawing, in rows one below the other. */
function rowsOf(room: Pick<Room, "rows" | "loose">, width: number, height: number, isSmall: boolean): Layout {
  const boxes: Box[] = [];
  const lines: Line[] = [];
  const [aisle, least] = isSmall ? [SMALL_AISLE, 10] : [AISLE, 30];
  const longest = Math.max(1, ...room.rows.map((row) => row.racks.length));
  const space = width - LABEL - MARGIN;
  const w = clamp(Math.floor(space / longest) - GAP, 22, 168);
  const perLine = Math.max(1, Math.floor((space + GAP) / (w + GAP)));
  const count = room.rows.reduce((sum, row) => sum + Math.ceil(row.racks.length / perLine), 0);
  const looseLines = room.loose.length > 0 ? 1 : 0;
  const h = clamp(Math.floor((height - MARGIN) / Math.max(1, count + looseLines * 0.5)) - aisle, least, isSmall ? 150 : 210);
  const x = LABEL - MARGIN;
  let y = MARGIN;
  for (const row of room.rows) {
    for (let from = 0; from < row.racks.length; from += perLine) {
      const racks = row.racks.slice(from, from + perLine);
      lines.push({ name: from === 0 ? row.name : "", x, y, h });
      racks.forEach((rack, column) =>
        boxes.push({
          name: rack.name,
          row: row.name,
          members: rack.members,
          isRack: true,
          x: LABEL + column * (w + GAP),
          y,
          w,
          h,
          line: lines.length - 1,
          column,
        }),
      );
      y += h + aisle;
    }
  }
  const side = clamp(Math.floor(Math.sqrt((space * 90) / Math.max(1, room.loose.length))), 14, 44);
  const perLooseLine = Math.max(1, Math.floor((space + GAP) / (side * 2 + GAP)));
  for (let from = 0; from < room.loose.length; from += perLooseLine) {
    lines.push({ name: "", x, y, h: side });
    room.loose.slice(from, from + perLooseLine).forEach((number, column) =>
      boxes.push({
        name: "",
        row: "",
        members: [number],
        isRack: false,
        x: LABEL + column * (side * 2 + GAP),
        y,
        w: side * 2,
        h: side,
        line: lines.length - 1,
        column,
      }),
    );
    y += side + GAP;
  }
  const right = Math.max(width, ...boxes.map((box) => box.x + box.w + MARGIN));
  return { boxes, lines, areas: [], width: right, height: Math.max(y + MARGIN, 60) };
}

export function at(boxes: Box[], x: number, y: number): Box | undefined {
  return boxes.find((box) => x >= box.x && x < box.x + box.w && y >= box.y && y < box.y + box.h);
}

export function within(boxes: Box[], x0: number, y0: number, x1: number, y1: number): Box[] {
  const [left, right] = [Math.min(x0, x1), Math.max(x0, x1)];
  const [top, bottom] = [Math.min(y0, y1), Math.max(y0, y1)];
  return boxes.filter(
    (box) => box.x < right && box.x + box.w > left && box.y < bottom && box.y + box.h > top,
  );
}

/** The box to which an arrow key leads: up and down over lines that have none. */
export function step(boxes: Box[], from: Box, key: string): Box | undefined {
  const sideways = key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : 0;
  if (sideways) {
    return boxes.find((box) => box.line === from.line && box.column === from.column + sideways);
  }
  const isUp = key === "ArrowUp";
  const beyond = boxes.map(({ line }) => line).filter((line) => (isUp ? line < from.line : line > from.line));
  const line = isUp ? Math.max(...beyond) : Math.min(...beyond);
  const candidates = boxes.filter((box) => box.line === line);
  const middle = from.x + from.w / 2;
  const distance = (box: Box): number => Math.abs(box.x + box.w / 2 - middle);
  return candidates.sort((a, b) => distance(a) - distance(b))[0];
}
