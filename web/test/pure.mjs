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
const { Backoff } = await load("backoff");
const { parseSelector, selects } = await load("selector");
const { asOne, combined, questionOf, spans } = await load("policies/inputs");
const { arrangementOf, asYaml, documentsOf, labelsOf, move, nextRow, placeOf } = await load("floor/arrange");

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

test("racks are arranged by the fewest labels, and read back as they were put", () => {
  const rows = [
    { name: "A", racks: ["A1", "A2", "A10"] },
    { name: "B", racks: ["B1"] },
  ];
  assert.deepEqual(arrangementOf({ rows: rows.map(({ name, racks }) => ({ name, racks: racks.map((one) => ({ name: one })) })) }), rows);
  // What is as the names say needs no label.
  for (const labels of labelsOf(rows).values()) assert.deepEqual(labels, {});
  const moved = move(rows, "A10", 1, 0);
  assert.deepEqual(moved.map(({ racks }) => racks), [["A1", "A2"], ["A10", "B1"]]);
  assert.deepEqual(placeOf(moved, "A10"), { row: 1, at: 0 });
  assert.deepEqual(labelsOf(moved).get("A10"), { row: "B" });
  const swapped = move(rows, "A1", 0, 99);
  assert.deepEqual(swapped[0].racks, ["A2", "A10", "A1"]);
  assert.deepEqual(labelsOf(swapped).get("A1"), { position: "3" });
  assert.deepEqual(move(rows, "A1", 7, 0), rows);
  assert.deepEqual(move(rows, "none", 0, 0), rows);
  assert.equal(nextRow(rows), "C");
  assert.equal(nextRow([]), "A");
});

test("only targets whose labels change are written, and the rest of them stays as it was", () => {
  const target = (name, labels) => ({ name, kind: "apc-pdu", address: "10.0.0.1", zone: "default", labels, credential: "pdus", health: "answering" });
  const list = [target("one", { rack: "A1", feed: "A" }), target("two", { rack: "A2", position: "9" }), target("three", { room: "x" })];
  const documents = documentsOf([{ name: "B", racks: ["A1"] }, { name: "A", racks: ["A2"] }], list);
  assert.deepEqual(documents, [
    { type: "target", name: "one", kind: "apc-pdu", address: "10.0.0.1", zone: "default", labels: { rack: "A1", feed: "A", row: "B" }, credential: "pdus" },
    { type: "target", name: "two", kind: "apc-pdu", address: "10.0.0.1", zone: "default", labels: { rack: "A2" }, credential: "pdus" },
  ]);
  assert.match(asYaml(documents), /^type: target\nname: "one"\n[^]*\n---\ntype: target\n/);
  // A row that is written down stays written down.
  const written = target("four", { rack: "A1", row: "A" });
  assert.deepEqual(documentsOf([{ name: "A", racks: ["A1"] }], [written]), []);
});
