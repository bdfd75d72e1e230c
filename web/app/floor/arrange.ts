// A floor as somebody draws it: what is moved where, and what that changes. Pure.

import type { Room } from "./room";
import type { Aisle, Floor, FloorRow, FloorUnit, Metres } from "../types";
import { rowSpot, thingSpot, type Spot } from "./drawing";

/** Something that stands or lies on a floor, by its place in its list. */
export interface Thing {
  list: "rows" | "aisles" | "units";
  at: number;
}

const RACK = { width: 0.6, depth: 1.2 };
const TILE = 0.6;
/** From one row to the next: a rack and an aisle. */
const PITCH = 2.4;
/** Lengths that differ by less are the same. */
const SAME = 1e-6;

/** In whole millimetres. */
const tidy = (metres: number): number => Math.round(metres * 1000) / 1000;

/** The name of the floor of a room: that of the room, with what a name may have. */
function nameOf(room: string): string {
  const name = room.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replace(/^[^A-Za-z0-9]+/, "");
  return name || "floor";
}

/** The drawing of a room, to which what is in none is added below; or one that begins as the room is
 * laid out. */
export function drawingOf(room: Room): Floor {
  const beside = room.rows.filter(({ racks }) => racks.some(({ spot }) => !spot));
  const names = (row: Room["rows"][number]): string[] => row.racks.map(({ name }) => name);
  const known = room.floor;
  const x = 2 * TILE;
  const from = known ? tidy(Math.ceil(known.size[1] / known.tile) * known.tile) : x;
  const added = beside.map((row, number) => ({ name: row.name, racks: names(row), at: [x, tidy(from + number * PITCH)] as Metres, ...RACK }));
  if (known) return added.length > 0 ? roomy({ ...known, rows: [...(known.rows ?? []), ...added] }) : known;
  const name = nameOf(room.name);
  const floor: Floor = { name, size: [6, 4.8], tile: TILE, rows: added };
  return roomy(name === room.name ? floor : { ...floor, room: room.name });
}

/** The same floor, at least so large that all of it is in the room. */
function roomy(floor: Floor): Floor {
  const spots = spotsOf(floor);
  const reach = (side: number, ends: number[]): number => {
    const most = Math.max(0, ...ends);
    return most > side + SAME ? tidy(most + 2 * floor.tile) : side;
  };
  const [w, h] = floor.size;
  const size: Metres = [reach(w, spots.map((spot) => spot.x + spot.w)), reach(h, spots.map((spot) => spot.y + spot.h))];
  return { ...floor, size };
}

const spotsOf = (floor: Floor): Spot[] => [
  ...(floor.rows ?? []).map(rowSpot),
  ...(floor.units ?? []).map(thingSpot),
  ...(floor.aisles ?? []).map(thingSpot),
];

export function spotOf(floor: Floor, { list, at }: Thing): Spot | undefined {
  const row = list === "rows" ? floor.rows?.[at] : undefined;
  if (row) return rowSpot(row);
  const other = list === "rows" ? undefined : floor[list]?.[at];
  return other && thingSpot(other);
}

/** The place of a rack: the number of its row, and its own in it. */
export function placeOf(floor: Floor, rack: string): { row: number; at: number } | undefined {
  const row = (floor.rows ?? []).findIndex(({ racks }) => racks.includes(rack));
  return row < 0 ? undefined : { row, at: floor.rows![row]!.racks.indexOf(rack) };
}

/** Moves a rack to a place in a row; beyond its ends is at its end. */
export function moveRack(floor: Floor, rack: string, row: number, at: number): Floor {
  if (!floor.rows?.[row] || !placeOf(floor, rack)) return floor;
  const rows = floor.rows.map((one, number) => {
    const others = one.racks.filter((other) => other !== rack);
    if (number !== row) return others.length === one.racks.length ? one : { ...one, racks: others };
    const place = Math.min(Math.max(at, 0), others.length);
    return { ...one, racks: [...others.slice(0, place), rack, ...others.slice(place)] };
  });
  return roomy({ ...floor, rows });
}

/** Fields of a row, an aisle or a unit. */
export type Fields = { [Name in keyof (FloorRow & Aisle & FloorUnit)]?: (FloorRow & Aisle & FloorUnit)[Name] | undefined };

/** Changes fields of a thing; undefined takes the field away. */
export function change(floor: Floor, thing: Thing, fields: Fields): Floor {
  const list = (floor[thing.list] ?? []) as (FloorRow | Aisle | FloorUnit)[];
  const changed = list.map((one, at) => {
    if (at !== thing.at) return one;
    const kept = Object.entries({ ...one, ...fields }).filter(([, value]) => value !== undefined);
    return Object.fromEntries(kept);
  });
  return { ...floor, [thing.list]: changed };
}

/** Moves a thing, and keeps it in the room. */
export function moveThing(floor: Floor, thing: Thing, [x, y]: Metres): Floor {
  const spot = spotOf(floor, thing);
  if (!spot) return floor;
  const inside = (value: number, side: number, size: number): number => tidy(Math.max(0, Math.min(value, size - side)));
  const at: Metres = [inside(x, spot.w, floor.size[0]), inside(y, spot.h, floor.size[1])];
  return change(floor, thing, { at });
}

/** A place on the tiles. */
export const snapped = (floor: Floor, [x, y]: Metres): Metres => [
  tidy(Math.round(x / floor.tile) * floor.tile),
  tidy(Math.round(y / floor.tile) * floor.tile),
];

/** The next free name of a row: the letter after the last one. */
function nextRow(rows: readonly FloorRow[]): string {
  const letters = rows.map(({ name }) => name).filter((name) => /^[A-Y]$/.test(name));
  const last = letters.sort().at(-1);
  const next = last ? String.fromCharCode(last.charCodeAt(0) + 1) : "A";
  return rows.some(({ name }) => name === next) ? `row-${rows.length + 1}` : next;
}

/** Adds a thing below all others, and returns it with the floor. */
export function add(floor: Floor, what: "row" | "cold" | "hot" | { target: string }): [Floor, Thing] {
  const spots = spotsOf(floor);
  const y = tidy(Math.ceil(Math.max(floor.tile, ...spots.map((spot) => spot.y + spot.h)) / floor.tile) * floor.tile);
  const at: Metres = [2 * floor.tile, y];
  const rows = floor.rows ?? [];
  const list = what === "row" ? "rows" : typeof what === "string" ? "aisles" : "units";
  const one =
    what === "row"
      ? { name: nextRow(rows), racks: [], at, ...RACK }
      : typeof what === "string"
        ? { name: `${what}-${(floor.aisles ?? []).length + 1}`, air: what, at, size: [3, 1.2] as Metres }
        : { target: what.target, at, size: [0.9, 0.9] as Metres };
  const things = [...(floor[list] ?? []), one];
  return [roomy({ ...floor, [list]: things }), { list, at: things.length - 1 }];
}

/** Takes a thing away. The racks of a row are in no drawing then. */
export const without = (floor: Floor, thing: Thing): Floor => ({
  ...floor,
  [thing.list]: (floor[thing.list] ?? []).filter((_, at) => at !== thing.at),
});

/** The document that says it: rows without racks, and empty lists, are left out. */
export function documentOf(floor: Floor): Floor & { type: "floor" } {
  const { name, room, size, tile } = floor;
  const rows = (floor.rows ?? []).filter(({ racks }) => racks.length > 0);
  const lists = Object.entries({ rows, aisles: floor.aisles ?? [], units: floor.units ?? [] });
  const full = Object.fromEntries(lists.filter(([, list]) => list.length > 0));
  return { type: "floor", name, ...(room === undefined ? {} : { room }), size, tile, ...full };
}

/** What a floor says, line by line, to be compared. */
function linesOf(floor: Floor | undefined): Map<string, string> {
  const lines = new Map<string, string>();
  if (!floor) return lines;
  const put = (subject: string, field: string, text: string): void => {
    lines.set(`${subject}\t${field}`, text);
  };
  const counts = new Map<string, number>();
  const alone = (name: string): string => {
    const count = (counts.get(name) ?? 0) + 1;
    counts.set(name, count);
    return count === 1 ? name : `${name} (${count})`;
  };
  put(`floor ${floor.name}`, "size", floor.size.join(" × "));
  put(`floor ${floor.name}`, "tile", String(floor.tile));
  for (const { name, racks, at, runs, width, depth, face } of floor.rows ?? []) {
    const row = alone(`row ${name}`);
    put(row, "racks", racks.join(" "));
    put(row, "at", at.join(", "));
    put(row, "runs", runs ?? "east");
    put(row, "rack", `${width} × ${depth}`);
    if (face) put(row, "face", face);
  }
  for (const { name, air, at, size } of floor.aisles ?? []) {
    put(alone(`aisle ${name}`), "at", `${at.join(", ")}: ${size.join(" × ")}, ${air}`);
  }
  for (const { target, at, size } of floor.units ?? []) put(alone(`unit ${target}`), "at", `${at.join(", ")}: ${size.join(" × ")}`);
  return lines;
}

export interface Difference {
  subject: string;
  field: string;
  before: string | undefined;
  after: string | undefined;
}

/** What is different between two floors, in the order of the second. */
export function differences(before: Floor | undefined, after: Floor): Difference[] {
  const [old, now] = [linesOf(before), linesOf(after)];
  const keys = new Set([...now.keys(), ...old.keys()]);
  return [...keys].flatMap((key) => {
    const [subject = "", field = ""] = key.split("\t");
    const one = { subject, field, before: old.get(key), after: now.get(key) };
    return one.before === one.after ? [] : [one];
  });
}

/** A document as YAML that `apply` takes. */
export function asYaml(document: Record<string, unknown>): string {
  return Object.entries(document)
    .map(([key, value]) => {
      if (key === "type") return `${key}: ${String(value)}`;
      const isList = Array.isArray(value) && typeof value[0] === "object";
      return isList ? `${key}:\n${value.map((one) => `  - ${JSON.stringify(one)}`).join("\n")}` : `${key}: ${JSON.stringify(value)}`;
    })
    .join("\n");
}
