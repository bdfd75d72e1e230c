// Where each rack and each loose target is on the floor. Pure.

import type { Room } from "../rooms";

export interface Box {
  /** What it shows: a rack, or one target that is in none. */
  name: string;
  row: string;
  members: number[];
  isRack: boolean;
  x: number;
  y: number;
  w: number;
  h: number;
  /** Its place among the others, for the arrow keys. */
  line: number;
  column: number;
}

export interface Line {
  name: string;
  y: number;
  h: number;
}

export interface Layout {
  boxes: Box[];
  lines: Line[];
  width: number;
  height: number;
}

const MARGIN = 8;
const LABEL = 44;
const GAP = 3;
/** Between two rows of racks there is an aisle. */
const AISLE = 14;
const SMALL_AISLE = 5;

const clamp = (value: number, least: number, most: number): number =>
  Math.min(Math.max(value, least), most);

/** Lays out a room. A small one is to be seen whole, and not to be read. */
export function layout(room: Room, width: number, height: number, isSmall = false): Layout {
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
  let y = MARGIN;
  for (const row of room.rows) {
    for (let from = 0; from < row.racks.length; from += perLine) {
      const racks = row.racks.slice(from, from + perLine);
      lines.push({ name: from === 0 ? row.name : "", y, h });
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
    lines.push({ name: "", y, h: side });
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
  return { boxes, lines, width: right, height: Math.max(y + MARGIN, 60) };
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

/** The box to which an arrow key leads. */
export function step(boxes: Box[], from: Box, key: string): Box | undefined {
  const sideways = key === "ArrowLeft" ? -1 : key === "ArrowRight" ? 1 : 0;
  if (sideways) {
    return boxes.find((box) => box.line === from.line && box.column === from.column + sideways);
  }
  const line = from.line + (key === "ArrowUp" ? -1 : 1);
  const candidates = boxes.filter((box) => box.line === line);
  const middle = from.x + from.w / 2;
  const distance = (box: Box): number => Math.abs(box.x + box.w / 2 - middle);
  return candidates.sort((a, b) => distance(a) - distance(b))[0];
}
