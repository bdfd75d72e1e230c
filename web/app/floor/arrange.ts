// The rows of a room as somebody arranges them, and the labels that say the same. Pure.

import { inOrder } from "../format";
import type { Room } from "../rooms";
import type { Target } from "../types";

export interface ArrangedRow {
  name: string;
  /** The names of its racks, in their order. */
  racks: readonly string[];
}

export type Arrangement = readonly ArrangedRow[];

export const arrangementOf = (room: Room): Arrangement =>
  room.rows.map((row) => ({ name: row.name, racks: row.racks.map((rack) => rack.name) }));

/** The place of a rack: the number of its row, and its own in it. */
export function placeOf(rows: Arrangement, rack: string): { row: number; at: number } | undefined {
  const row = rows.findIndex(({ racks }) => racks.includes(rack));
  return row < 0 ? undefined : { row, at: rows[row]!.racks.indexOf(rack) };
}

/** Moves a rack to a place in a row; beyond its ends is at its end. */
export function move(rows: Arrangement, rack: string, row: number, at: number): Arrangement {
  if (!rows[row] || !placeOf(rows, rack)) return rows;
  return rows.map(({ name, racks }, number) => {
    const others = racks.filter((one) => one !== rack);
    if (number !== row) return others.length === racks.length ? { name, racks } : { name, racks: others };
    const place = Math.min(Math.max(at, 0), others.length);
    return { name, racks: [...others.slice(0, place), rack, ...others.slice(place)] };
  });
}

/** The next free name of a row: the letter after the last one. */
export function nextRow(rows: Arrangement): string {
  const letters = rows.map(({ name }) => name).filter((name) => /^[A-Y]$/.test(name));
  const last = letters.sort().at(-1);
  const next = last ? String.fromCharCode(last.charCodeAt(0) + 1) : "A";
  return rows.some(({ name }) => name === next) ? `row-${rows.length + 1}` : next;
}

/** The letters of a rack's name, which are its row where no label says so. */
export const rowOfName = (rack: string): string => /^[^\d]*/.exec(rack)?.[0].replace(/[-_. ]+$/, "") ?? "";

/** The labels of the racks of an arrangement: the fewest that say it. */
export function labelsOf(rows: Arrangement): Map<string, { row?: string; position?: string }> {
  const found = new Map<string, { row?: string; position?: string }>();
  for (const { name, racks } of rows) {
    const isNatural = racks.every((rack, at) => at === 0 || inOrder(racks[at - 1]!, rack) < 0);
    racks.forEach((rack, at) =>
      found.set(rack, {
        ...(rowOfName(rack) === name ? {} : { row: name }),
        ...(isNatural ? {} : { position: String(at + 1) }),
      }),
    );
  }
  return found;
}

/** The targets whose labels do not say the arrangement, as they would. A row that is written down stays
 * written down. */
export function documentsOf(rows: Arrangement, targets: readonly Target[]): Record<string, unknown>[] {
  const labels = labelsOf(rows);
  return targets.flatMap((target) => {
    const wanted = labels.get(target.labels.rack ?? "");
    if (!wanted) return [];
    const { row: oldRow, position: oldPosition, ...rest } = target.labels;
    const row = wanted.row ?? (oldRow === undefined ? undefined : rowOfName(target.labels.rack ?? ""));
    if (row === oldRow && wanted.position === oldPosition) return [];
    const { name, kind, address, zone, credential, pin, limits } = target;
    return [
      {
        type: "target",
        name,
        kind,
        address,
        zone,
        labels: { ...rest, ...(row === undefined ? {} : { row }), ...(wanted.position ? { position: wanted.position } : {}) },
        ...(credential ? { credential } : {}),
        ...(pin ? { pin } : {}),
        ...(limits && Object.keys(limits).length > 0 ? { limits } : {}),
      },
    ];
  });
}

/** Documents as YAML, in which every text is quoted. */
export function asYaml(documents: readonly Record<string, unknown>[]): string {
  return documents
    .map((one) =>
      Object.entries(one)
        .map(([key, value]) => `${key}: ${key === "type" ? String(value) : JSON.stringify(value)}`)
        .join("\n"),
    )
    .join("\n---\n");
}
