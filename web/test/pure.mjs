// What decides without a browser: where racks are on a floor, and how values are written.
// usage: node --test test/pure.mjs
import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { build as bundle } from "esbuild";

globalThis.localStorage = { getItem: () => "en" };

async function load(name) {
  const { outputFiles } = await bundle({
    absWorkingDir: join(dirname(fileURLToPath(import.meta.url)), ".."),
    entryPoints: [`app/${name}.ts`],
    bundle: true,
    format: "esm",
    write: false,
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].text).toString("base64")}`);
}

const { layout, step, at, within } = await load("floor/layout");
const { age, bytes, inOrder, parametersOf, value, watts, which } = await load("format");
const { Backoff } = await load("backoff");
const { parseSelector, selects } = await load("selector");
const { asOne, combined, questionOf, spans } = await load("policies/inputs");
const { add, asYaml, differences, documentOf, drawingOf, moveRack, moveThing, placeOf, snapped, without } =
  await load("floor/arrange");
const { build } = await load("floor/room");

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
    units: new Map(),
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

test("a stream that is lost is asked for ever more rarely, and anew within ten seconds", () => {
  const backoff = new Backoff(() => 1);
  const waits = Array.from({ length: 8 }, () => backoff.next());
  assert.deepEqual(waits, [250, 500, 1000, 2000, 4000, 4000, 4000, 4000]);
  // With the four seconds after which silence is noticed.
  assert.ok(Math.max(...waits) + 4000 < 10_000);
  backoff.reset();
  assert.equal(backoff.next(), 250);
  assert.equal(new Backoff(() => 0).next(), 125);
});

const pdu = { name: "pdu-a1", kind: "apc-pdu", zone: "hall-1", labels: { rack: "A1", note: 'left, "top"' } };

test("selectors mean here what they mean to the server", () => {
  for (const [text, expect] of [
    ["", true],
    ["rack=A1", true],
    ["rack=A2", false],
    ["rack!=A2", true],
    ["row!=A", true],
    ["kind in (ups,apc-pdu), rack in (A1)", true],
    ["kind notin (ups,apc-pdu)", false],
    ["rack", true],
    ["!rack", false],
    ["row", false],
    ["!row,zone=hall-1", true],
    ["name=pdu-a1", true],
    ['note="left, \\"top\\""', true],
    ['note in ("left","left, \\"top\\"")', true],
    ["inside=yes", false],
    // Only the server knows the address.
    ["address=10.0.0.1", undefined],
    ["address=10.0.0.1,rack=A2", false],
  ]) {
    const selector = parseSelector(text);
    assert.ok(selector, text);
    assert.equal(selects(selector, pdu), expect, text);
  }
  for (const wrong of ["=", "rack=", "rack in (A1", "rack=A1 kind=x=y", "a=b=c", "rack in A1)"]) {
    assert.equal(parseSelector(wrong), undefined, wrong);
  }
});

test("the inputs of a policy are one value, as the policy has them", () => {
  const values = [4, 1, 3, 2];
  const expected = { sum: 10, mean: 2.5, max: 4, min: 1, p50: 2, p98: 4, p1: 1 };
  for (const [aggregate, expect] of Object.entries(expected)) assert.equal(combined(values, aggregate), expect, aggregate);
  const series = (values) => ({ metric: "hw.power", unit: "W", times: [10, 20], values });
  assert.deepEqual(asOne([series([1, 2]), series([3, "off"])], "sum", "load").values, [4, 2]);
  assert.equal(asOne([], "sum", "load"), undefined);
  const input = { metric: "hw.power", selector: "feed=A", where: { phase: "*" }, fresh: "1m" };
  assert.deepEqual(questionOf(input, undefined), { selector: "feed=A", metric: "hw.power", where: "phase=*" });
  const { selector: _, ...own } = input;
  assert.equal(questionOf(own, "pdu-1").selector, "name=pdu-1");
  for (const other of [own, { ...input, silence: true }, { ...input, relation: "feeds" }, { ...input, aggregate: "count('ok')" }]) {
    assert.equal(questionOf(other, undefined), undefined, JSON.stringify(other));
  }
});

test("a state lasts until the next one, and is unknown long after the last", () => {
  const minute = 60_000;
  const seen = { metric: "s", times: [1, 2, 3, 10].map((at) => at * minute), values: ["a", "a", "b", "b"] };
  assert.deepEqual(
    spans(seen, 0, 12 * minute).map(({ from, to, value }) => [from / minute, to / minute, value]),
    [
      [0, 1, undefined],
      [1, 3, "a"],
      [3, 6, "b"],
      [6, 10, undefined],
      [10, 12, "b"],
    ],
  );
  assert.deepEqual(spans(undefined, 0, 5), [{ from: 0, to: 5, value: undefined }]);
});

/** A room as its targets say it, each by its name and labels. */
const roomOf = (labels, floors = []) =>
  build(labels.map((one, at) => ({ name: one.name ?? `t-${at}`, kind: "apc-pdu", zone: "default", labels: one })), floors)[0];
const drawn = {
  name: "north",
  size: [12, 9],
  tile: 0.6,
  rows: [
    { name: "A", racks: ["A2", "A1", "A3"], at: [1.2, 1.2], width: 0.6, depth: 1.2, face: "south" },
    { name: "S", racks: ["S1", "S2"], at: [9, 1.2], runs: "south", width: 0.8, depth: 1.2 },
  ],
  aisles: [{ name: "one", air: "cold", at: [1.2, 2.4], size: [3, 1.2] }],
  units: [{ target: "crac", at: [6, 6], size: [0.9, 0.9] }],
};
const labels = [{ rack: "A1" }, { rack: "A1" }, { rack: "A2" }, { rack: "S2" }, { rack: "B9" }, { name: "crac" }, { name: "loose" }];
const inNorth = labels.map((one) => ({ room: "north", ...one }));

test("a drawn room has its racks where they are drawn, and what is in no drawing beside it", () => {
  const room = roomOf(inNorth, [drawn]);
  assert.deepEqual(
    room.rows.map(({ name, racks }) => [name, racks.map((rack) => [rack.name, rack.members, !!rack.spot])]),
    [
      ["A", [["A2", [2], true], ["A1", [0, 1], true], ["A3", [], true]]],
      ["S", [["S1", [], true], ["S2", [3], true]]],
      ["B", [["B9", [4], false]]],
    ],
  );
  for (const width of [300, 900, 1900]) {
    for (const isSmall of [false, true]) {
      const plan = layout(room, width, 600, isSmall);
      assert.deepEqual(plan.boxes.map(({ name }) => name), ["A2", "A1", "A3", "S1", "S2", "", "B9", ""]);
      for (const box of plan.boxes) {
        assert.equal(at(plan.boxes, box.x + box.w / 2, box.y + box.h / 2), box);
        assert.ok(box.x >= 0 && box.x + box.w <= plan.width && box.y + box.h <= plan.height, JSON.stringify(box));
      }
      const [a2, a1, , s1, s2] = plan.boxes;
      assert.ok(a1.x > a2.x && a1.y === a2.y && s2.y > s1.y && s2.x === s1.x && s1.w > s1.h);
      const loose = plan.boxes.at(-1);
      assert.ok(plan.areas.every((area) => area.y + area.h < loose.y), "beside the drawing");
      assert.deepEqual(plan.areas.map(({ of, name }) => [of, name]), [["room", ""], ["cold", "one"]]);
      const reached = new Set([plan.boxes[0]]);
      for (const box of reached) {
        for (const key of ["ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown"]) {
          const next = step(plan.boxes, box, key);
          if (next) reached.add(next);
        }
      }
      assert.equal(reached.size, plan.boxes.length);
    }
  }
  // A room that is drawn before anything is in it is there already.
  assert.equal(roomOf([], [drawn]).rows[0].racks.length, 3);
});

test("a drawing begins as the room is laid out, and takes in what it does not have", () => {
  const first = drawingOf(roomOf(inNorth));
  assert.deepEqual([first.name, first.room], ["north", undefined]);
  assert.deepEqual(first.rows.map(({ name, racks, at }) => [name, racks, at]), [
    ["A", ["A1", "A2"], [1.2, 1.2]],
    ["B", ["B9"], [1.2, 3.6]],
    ["S", ["S2"], [1.2, 6]],
  ]);
  assert.ok(first.size[1] >= 7.2, "everything is in the room");
  const named = drawingOf(roomOf([{ room: "hall 1/2", rack: "A1" }]));
  assert.deepEqual([named.name, named.room], ["hall-1-2", "hall 1/2"]);
  assert.deepEqual(drawingOf(roomOf([{ rack: "A1" }])).room, "");
  const more = drawingOf(roomOf(inNorth, [drawn]));
  assert.deepEqual(more.rows.map(({ name, racks }) => [name, racks.length]), [["A", 3], ["S", 2], ["B", 1]]);
  assert.ok(more.rows[2].at[1] >= 9 && more.size[1] > 9, "below what was drawn");
});

test("things are moved on the tiles, and stay in the room", () => {
  const row = { list: "rows", at: 0 };
  assert.deepEqual(moveThing(drawn, row, snapped(drawn, [1.77, 2.5])).rows[0].at, [1.8, 2.4]);
  assert.deepEqual(moveThing(drawn, row, [99, -3]).rows[0].at, [10.2, 0]);
  assert.deepEqual(moveThing(drawn, { list: "units", at: 0 }, [99, 99]).units[0].at, [11.1, 8.1]);
  assert.deepEqual(moveThing(drawn, { list: "units", at: 9 }, [0, 0]), drawn);
  const moved = moveRack(drawn, "A3", 1, 0);
  assert.deepEqual(moved.rows.map(({ racks }) => racks), [["A2", "A1"], ["A3", "S1", "S2"]]);
  assert.deepEqual(placeOf(moved, "A3"), { row: 1, at: 0 });
  assert.deepEqual(moveRack(drawn, "A2", 0, 99).rows[0].racks, ["A1", "A3", "A2"]);
  assert.equal(moveRack(drawn, "A1", 7, 0), drawn);
  assert.equal(moveRack(drawn, "none", 0, 0), drawn);
  const [added, thing] = add(drawn, "row");
  assert.deepEqual([added.rows[2].name, thing], ["T", { list: "rows", at: 2 }]);
  const [withUnit] = add(drawn, { target: "ups" });
  assert.deepEqual(withUnit.units[1].target, "ups");
  assert.deepEqual(without(withUnit, { list: "units", at: 1 }), withUnit.units.length === 2 ? { ...withUnit, units: drawn.units } : null);
});

test("the document has no row without racks, and its difference is told thing by thing", () => {
  const [empty] = add(drawn, "row");
  const document = documentOf(empty);
  assert.deepEqual(document.rows, drawn.rows);
  assert.equal(document.type, "floor");
  assert.deepEqual(differences(drawn, documentOf(drawn)), []);
  const turned = moveThing(moveRack(drawn, "A1", 0, 0), { list: "aisles", at: 0 }, [0, 0]);
  assert.deepEqual(differences(drawn, turned), [
    { subject: "row A", field: "racks", before: "A2 A1 A3", after: "A1 A2 A3" },
    { subject: "aisle one", field: "at", before: "1.2, 2.4: 3 × 1.2, cold", after: "0, 0: 3 × 1.2, cold" },
  ]);
  assert.equal(differences(undefined, drawn)[0].before, undefined);
  const gone = differences(drawn, without(drawn, { list: "units", at: 0 }));
  assert.deepEqual(gone.map(({ subject, after }) => [subject, after]), [["unit crac", undefined]]);
  assert.match(asYaml(document), /^type: floor\nname: "north"\nsize: \[12,9\]\ntile: 0.6\nrows:\n  - \{"name":"A",/);
});

test("the value of a secret parameter is not shown before it is sent", () => {
  const schema = { properties: { password: { type: "string", writeOnly: true }, pin: { format: "password" }, user: {} } };
  const values = { password: "hidden", pin: "hidden", user: "root" };
  assert.equal(parametersOf(values, schema), "password=*** pin=*** user=root");
  assert.equal(parametersOf({ outlet: 3 }, undefined), "outlet=3");
});
