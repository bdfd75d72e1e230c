//! Tests of floors: their racks, and their mistakes.

use serde_json::{Value, json};

use super::*;

fn floor(rows: &Value) -> Floor {
    let floor = json!({ "name": "north", "size": [12.0, 9.0], "rows": rows });
    serde_json::from_value(floor).unwrap()
}

fn check(floor: &Floor, expected: &[(&str, &str)]) {
    let wrong = floor.check();
    let wrong: Vec<(&str, &str)> = wrong
        .iter()
        .map(|one| (one.field.as_str(), one.message.as_str()))
        .collect();
    assert_eq!(wrong, expected);
}

#[test]
fn a_range_stands_for_all_racks_between() {
    let floor = floor(&json!([{ "name": "A", "racks": ["A09..A11", "A20"], "at": [0, 0] }]));
    assert_eq!(floor.rows[0].racks, ["A09", "A10", "A11", "A20"]);
    assert_eq!(floor.room(), "north");
    for (range, reason) in [
        ("A1..B3", "begin with \"A\" and \"B\""),
        ("A3..A1", "ends before it begins"),
        ("A..A3", "as in A01..A20"),
        ("A1..A20000", "more than 10000"),
    ] {
        let row = json!({ "name": "A", "racks": [range], "at": [0, 0] });
        let error = serde_json::from_value::<FloorRow>(row).unwrap_err();
        assert!(error.to_string().contains(reason), "{error}");
    }
}

#[test]
fn racks_stand_side_by_side_from_the_first_corner() {
    let floor = floor(&json!([
        { "name": "A", "racks": ["A1", "A2"], "at": [1.2, 2.4] },
        { "name": "B", "racks": ["B1", "B2"], "at": [6.0, 1.0], "runs": "south", "width": 0.8 },
    ]));
    assert_eq!(
        floor.rows[0].place(1),
        ([1.7999999999999998, 2.4], [0.6, 1.2])
    );
    assert_eq!(floor.rows[1].place(1), ([6.0, 1.8], [1.2, 0.8]));
    check(&floor, &[]);
}

#[test]
fn rows_may_touch_and_not_overlap() {
    let row = |name: &str, first: &str, at: [f64; 2]| json!({ "name": name, "racks": [format!("{first}1..{first}3")], "at": at });
    check(
        &floor(&json!([
            row("A", "A", [0.0, 0.0]),
            row("B", "B", [0.0, 1.2])
        ])),
        &[],
    );
    check(
        &floor(&json!([
            row("A", "A", [0.0, 0.0]),
            row("A", "C", [1.8, 0.0])
        ])),
        &[],
    );
    check(
        &floor(&json!([
            row("A", "A", [0.0, 0.0]),
            row("B", "B", [1.2, 0.6])
        ])),
        &[(
            "rows.1",
            "rack B1 at 1.2, 0.6 is where rack A3 is: move row B (\"at\")",
        )],
    );
}

#[test]
fn units_stand_where_nothing_else_does_and_aisles_lie_anywhere_in_the_room() {
    let floor = json!({
        "name": "north", "size": [12.0, 9.0],
        "rows": [{ "name": "A", "racks": ["A1"], "at": [0, 0] }],
        "aisles": [
            { "name": "cold", "air": "cold", "at": [0, 0], "size": [3, 1.2] },
            { "name": "hot", "air": "hot", "at": [10, 0], "size": [3, 1.2] },
        ],
        "units": [
            { "target": "crac-1", "at": [0.3, 0.3] },
            { "target": "crac-1", "at": [5, 5] },
        ],
    });
    check(
        &serde_json::from_value(floor).unwrap(),
        &[
            ("units.1.target", "crac-1 is drawn twice: leave one out"),
            (
                "aisles.1",
                "the aisle hot reaches from 10, 0 to 13, 1.2, and the room is 12 by 9 m: move it, \
                 or correct the size",
            ),
            (
                "units.0",
                "crac-1 at 0.3, 0.3 is where rack A1 is: move crac-1 (\"at\")",
            ),
        ],
    );
}

#[test]
fn a_rack_stands_in_one_place_and_looks_out_of_its_row() {
    let floor = floor(&json!([
        { "name": "A", "racks": ["A1", "A2"], "at": [0, 0], "face": "south" },
        { "name": "B", "racks": ["A2", ""], "at": [0, 3], "face": "east" },
        { "name": "C", "racks": [], "at": [0, 6] },
    ]));
    check(
        &floor,
        &[
            (
                "rows.1.racks.0",
                "rack A2 is in row A already: a rack stands in one place",
            ),
            (
                "rows.1.racks.1",
                "a rack has a name, as in the label \"rack\"",
            ),
            (
                "rows.1.face",
                "racks of a row that runs east stand side by side: face north or south",
            ),
            ("rows.2.racks", "row C has no rack: leave it out"),
        ],
    );
}

#[test]
fn lengths_that_cannot_be_are_refused_alone() {
    let mut floor = floor(&json!([{ "name": "A", "racks": ["A1"], "at": [0, 0], "depth": -1 }]));
    floor.size[1] = f64::NAN;
    floor.tile = 0.0;
    let wrong = floor.check();
    let fields: Vec<&str> = wrong.iter().map(|one| one.field.as_str()).collect();
    assert_eq!(fields, ["size", "rows.0.depth", "tile"]);
}

#[test]
fn what_may_not_be_shown_leaves_a_gap() {
    let floor = json!({
        "name": "north", "size": [12.0, 9.0],
        "rows": [{ "name": "A", "racks": ["A1..A4"], "at": [0, 0], "width": 1 }],
        "units": [{ "target": "crac-1", "at": [5, 5] }],
    });
    let floor: Floor = serde_json::from_value(floor).unwrap();
    let shown = floor.only(|rack| rack != "A2", |_| false);
    let rows: Vec<(&[String], Metres)> = shown
        .rows
        .iter()
        .map(|row| (row.racks.as_slice(), row.at))
        .collect();
    let a1 = ["A1".to_owned()];
    let rest = ["A3".to_owned(), "A4".to_owned()];
    assert_eq!(rows, [(&a1[..], [0.0, 0.0]), (&rest[..], [2.0, 0.0])]);
    assert!(shown.units.is_empty());
    assert_eq!(floor.only(|_| true, |_| true), floor);
}
