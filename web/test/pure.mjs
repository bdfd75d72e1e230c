// What decides without a browser: where racks are on a floor, and how values are written.
// usage: node --test test/pure.mjs
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

globalThis.localStorage = { getItem: () => "en" };

async function load(name) {
  const { outputFiles } = await build({
    absWorkingDir: join(dirname(fileURLToPath(import.meta.url)), ".."),
    entryPoints: [`app/${name}.ts`],
    bundle: true,
    format: "esm",
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
}

const { layout, step, at, within } = await load("floor/layout");
const { age, bytes, inOrder, value, watts, which } = await load("format");

/** A room of rows of so many racks, with so many targets in no rack. */
function room(rows, racks, loose) {
  let number = 0;
  return {
    name: "north",
    rows: Array.from({ length: rows }, (_, row) => ({
      name: String.fromCharCode(65 + row),
      racks: Array.from({ length: racks }, (_, rack) => ({
        name: `${row}-${rack}`,
        row: String(row),
        members: [number++],
      })),
    })),
    loose: Array.from({ length: loose }, () => number++),
  };
}

test("every rack and every loose target has a place of its own, however large the room is", () => {
  for (const [rows, racks, loose] of [[0, 0, 1], [1, 2, 2], [20, 25, 0], [3, 200, 40], [1, 1, 900]]) {
    for (const width of [200, 900, 1900]) {
      for (const isSmall of [false, true]) {
        const plan = layout(room(rows, racks, loose), width, 600, isSmall);
        assert.equal(plan.boxes.length, rows * racks + loose);
        for (const box of plan.boxes) {
          assert.ok(box.x >= 0 && box.x + box.w <= plan.width, JSON.stringify(box));
          assert.ok(box.y >= 0 && box.y + box.h <= plan.height, JSON.stringify(box));
          // Whatever is in its middle is itself: no other lies over it.
          assert.equal(at(plan.boxes, box.x + box.w / 2, box.y + box.h / 2), box);
        }
        assert.equal(within(plan.boxes, 0, 0, plan.width, plan.height).length, plan.boxes.length);
      }
    }
  }
});

test("arrow keys lead to every box and back", () => {
  const plan = layout(room(4, 30, 7), 700, 500);
  const reached = new Set([plan.boxes[0]]);
  for (const box of reached) {
    for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]) {
      const next = step(plan.boxes, box, key);
      if (next) reached.add(next);
    }
  }
  assert.equal(reached.size, plan.boxes.length);
});

test("values are written for people", () => {
  assert.deepEqual([0, 99, 100, 5999, 6000, 172_800, Number.NaN].map(age), ["0 s", "99 s", "2 m", "2 h", "2 h", "2 d", ""]);
  assert.deepEqual([0, 999, 1170, 123_456, 2.5e6, Number.NaN].map(watts), ["0 W", "999 W", "1.17 kW", "123 kW", "2.50 MW", ""]);
  assert.equal(value(0.31, "1"), "31 %");
  assert.equal(value(24.8, "Cel"), "24.8 °C");
  assert.equal(value("on"), "on");
  assert.equal(value(undefined, "W"), "");
  assert.equal(bytes(undefined), "");
  assert.deepEqual(["A10", "A2", "a1"].sort(inOrder), ["a1", "A2", "A10"]);
  assert.equal(which({ attributes: { outlet: "3", "hw.name": "a1-compute-03" } }), "a1-compute-03");
  assert.equal(which({ attributes: { outlet: "3" } }), "outlet 3");
  assert.equal(which({}), "");
});
