// A floor that somebody has drawn: where its things are, in metres. Pure.

import type { Aisle, Floor, FloorRow, FloorUnit, Metres } from "../types";

export interface Spot {
  x: number;
  y: number;
  w: number;
  h: number;
}

export const nameOfRoom = (floor: Floor): string => floor.room ?? floor.name;

const spot = ([x, y]: Metres, [w, h]: Metres): Spot => ({ x, y, w, h });

/** The place of a rack, by its number in its row. */
export function rackSpot({ at: [x, y], runs, width, depth }: FloorRow, number: number): Spot {
  return runs === "south"
    ? spot([x, y + width * number], [depth, width])
    : spot([x + width * number, y], [width, depth]);
}

/** The place of a row; an empty one has the place of one rack. */
export function rowSpot(row: FloorRow): Spot {
  const { at, runs, width, depth, racks } = row;
  const along = width * Math.max(1, racks.length);
  return spot(at, runs === "south" ? [depth, along] : [along, depth]);
}

export const thingSpot = ({ at, size }: Aisle | FloorUnit): Spot => spot(at, size);
