// A room: its rows and racks, from a floor that somebody has drawn, and else from the labels of targets.
// No drawing is needed to begin. Pure.

import { inOrder } from "../format";
import type { Subject } from "../selector";
import type { Floor, FloorRow } from "../types";
import { type Spot, nameOfRoom, rackSpot, thingSpot } from "./drawing";

export interface Rack {
  name: string;
  row: string;
  /** Its place in the row, if its targets have a label that says so. */
  position: number | undefined;
  /** The numbers of its targets. */
  members: number[];
  /** Where it stands, and to which side it looks, if somebody has drawn it. */
  spot?: Spot;
  face?: FloorRow["face"];
}

export interface Row {
  name: string;
  racks: Rack[];
}

export interface Room {
  name: string;
  rows: Row[];
  /** The numbers of its targets that are in no rack. */
  loose: number[];
  /** The drawing, if there is one, and the places in it of targets that are in no rack. */
  floor?: Floor;
  units: Map<number, Spot>;
}

/** The letters of a rack's name, which are its row where no label says so. */
const rowOfName = (rack: string): string => /^[^\d]*/.exec(rack)?.[0].replace(/[-_. ]+$/, "") ?? "";

/** The row of a rack that has none of its own: the letters of its name. */
const rowOf = (target: Subject, rack: string): string => target.labels.row ?? rowOfName(rack);

function positionOf(target: Subject): number | undefined {
  const position = Number(target.labels.position);
  return target.labels.position && Number.isFinite(position) ? position : undefined;
}

/** Those that have a place first, by it; the others by their names. */
function inPlace(a: Rack, b: Rack): number {
  const [one, other] = [a.position ?? Number.POSITIVE_INFINITY, b.position ?? Number.POSITIVE_INFINITY];
  return one === other ? inOrder(a.name, b.name) : one - other;
}

/** Takes the racks of a drawing out of those that are laid out by themselves. */
function drawn(floor: Floor, racks: Map<string, Rack>): Row[] {
  return (floor.rows ?? []).map((row) => ({
    name: row.name,
    racks: row.racks.map((name, at) => {
      const members = racks.get(name)?.members ?? [];
      racks.delete(name);
      const rack = { name, row: row.name, position: at + 1, members, spot: rackSpot(row, at) };
      return row.face ? { ...rack, face: row.face } : rack;
    }),
  }));
}

export function build(list: readonly Subject[], drawings: readonly Floor[]): Room[] {
  const rooms = new Map<string, { racks: Map<string, Rack>; loose: number[] }>();
  for (const floor of drawings) rooms.set(nameOfRoom(floor), { racks: new Map(), loose: [] });
  list.forEach((target, number) => {
    const name = target.labels.room ?? "";
    let room = rooms.get(name);
    if (!room) rooms.set(name, (room = { racks: new Map(), loose: [] }));
    const rack = target.labels.rack;
    if (rack === undefined) {
      room.loose.push(number);
      return;
    }
    const known = room.racks.get(rack);
    if (known) {
      known.members.push(number);
      known.position ??= positionOf(target);
    } else room.racks.set(rack, { name: rack, row: rowOf(target, rack), position: positionOf(target), members: [number] });
  });
  const found = [...rooms].map(([name, { racks, loose }]) => {
    const floor = drawings.find((one) => nameOfRoom(one) === name);
    const first = floor ? drawn(floor, racks) : [];
    const places = new Map(floor?.units?.map((unit) => [unit.target, thingSpot(unit)]));
    const units = new Map(
      loose.flatMap((number) => {
        const spot = places.get(list[number]!.name);
        return spot ? [[number, spot] as const] : [];
      }),
    );
    const rows = new Map<string, Rack[]>();
    for (const rack of racks.values()) {
      const row = rows.get(rack.row);
      if (row) row.push(rack);
      else rows.set(rack.row, [rack]);
    }
    const sorted = [...rows].map(([row, members]) => ({
      name: row,
      racks: members.sort(inPlace),
    }));
    const room = { name, loose, units, rows: [...first, ...sorted.sort((a, b) => inOrder(a.name, b.name))] };
    return floor ? { ...room, floor } : room;
  });
  return found.sort((a, b) => inOrder(a.name, b.name));
}
