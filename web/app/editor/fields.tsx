// What is known of a thing on a floor, to be written exactly.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { type Fields as Changed, type Thing, change, without } from "../floor/arrange";
import { type Key, t, word } from "../text";
import type { Floor, FloorRow } from "../types";

/** A length in metres, as a field: it counts once it is written to its end. */
export function Length(props: { text: Key; value: number; onChange: (value: number) => void }): JSX.Element {
  const [typed, setTyped] = useState<string>();
  return (
    <label>
      {t(props.text)}{" "}
      <input
        type="number"
        min={0}
        step={0.1}
        value={typed ?? props.value}
        onInput={(event) => setTyped(event.currentTarget.value)}
        onChange={({ currentTarget: { valueAsNumber: value } }) => {
          setTyped(undefined);
          if (value >= 0) props.onChange(value);
        }}
      />
    </label>
  );
}

function Select(props: { text: Key; of: readonly string[]; value: string; onChange: (value: string) => void }): JSX.Element {
  return (
    <label>
      {t(props.text)}{" "}
      <select value={props.value} onChange={(event) => props.onChange(event.currentTarget.value)}>
        {props.of.map((one) => (
          <option key={one} value={one}>
            {one && word("side", one)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** What is known of the chosen thing, to be written exactly. */
export function Fields(props: { floor: Floor; thing: Thing; onEdit: (make: (floor: Floor) => Floor) => void; onGone: () => void }): JSX.Element | null {
  const { floor, thing } = props;
  const row = thing.list === "rows" ? floor.rows?.[thing.at] : undefined;
  const other = thing.list === "rows" ? undefined : floor[thing.list]?.[thing.at];
  const one = row ?? other;
  if (!one) return null;
  const put = (fields: Changed): void => props.onEdit((now) => change(now, thing, fields));
  const [x, y] = one.at;
  return (
    <div class="toolbar" role="group" aria-label={nameOf(floor, thing)}>
      <b>{nameOf(floor, thing)}</b>
      <Length text="fromLeft" value={x} onChange={(value) => put({ at: [value, y] })} />
      <Length text="fromTop" value={y} onChange={(value) => put({ at: [x, value] })} />
      {row && (
        <>
          <Length text="rackWidth" value={row.width} onChange={(width) => put({ width })} />
          <Length text="rackDepth" value={row.depth} onChange={(depth) => put({ depth })} />
          <Select
            text="runs"
            of={["east", "south"]}
            value={row.runs ?? "east"}
            onChange={(runs) => put({ runs: runs === "south" ? runs : undefined, face: undefined })}
          />
          <Select
            text="face"
            of={row.runs === "south" ? ["", "east", "west"] : ["", "north", "south"]}
            value={row.face ?? ""}
            onChange={(face) => put({ face: (face || undefined) as FloorRow["face"] })}
          />
        </>
      )}
      {other && (
        <>
          <Length text="width" value={other.size[0]} onChange={(width) => put({ size: [width, other.size[1]] })} />
          <Length text="depth" value={other.size[1]} onChange={(depth) => put({ size: [other.size[0], depth] })} />
        </>
      )}
      <button
        type="button"
        onClick={() => {
          props.onEdit((now) => without(now, thing));
          props.onGone();
        }}
      >
        {t("takeAway")}
      </button>
    </div>
  );
}

export function nameOf(floor: Floor, { list, at }: Thing): string {
  const one = floor[list]?.[at];
  if (!one) return "";
  if ("target" in one) return one.target;
  return "air" in one ? `${word("air", one.air)} ${one.name}` : `${t("row")} ${one.name}`;
}
