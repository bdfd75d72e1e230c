mod walks;

use async_snmp::{Oid, Value};
use utakata_worker_sdk::model::{Quality, Reading};

use super::{Cells, Column, Fetched};
use crate::{
    plan::{Filter, Plan},
    profile::Library,
};

fn decode(plan: &Plan, fetched: &Fetched) -> Vec<Reading> {
    super::decode(plan, fetched).buffer.readings()
}

const ENTRY: &str = "1.3.6.1.9";

fn plan(text: &str) -> Plan {
    let mut library = Library::default();
    library
        .add("x", "x.toml", &format!("description = \"x\"\n{text}"))
        .unwrap();
    Plan::build(&library.resolve(["x"]).unwrap(), &Filter::default())
}

fn table(text: &str) -> Plan {
    plan(&format!("[[table]]\nentry = \"{ENTRY}\"\n{text}"))
}

fn column(rows: &[(&str, Value)]) -> Column {
    let mut column = Column::default();
    for (index, value) in rows {
        let index: Vec<u32> = index.split('.').map(|arc| arc.parse().unwrap()).collect();
        column.push(&index, value.clone());
    }
    column
}

/// Builds cells by the full OID of their column.
fn fetched(plan: &Plan, given: &[(&str, &[(&str, Value)])], whole: bool) -> Fetched {
    let fill = |oids: &[Oid]| {
        let of = |oid: &Oid| given.iter().find(|(name, _)| *name == oid.to_string());
        oids.iter()
            .map(|oid| column(of(oid).map_or(&[], |(_, rows)| *rows)))
            .collect()
    };
    let cells = |table: &crate::plan::PlannedTable| Cells {
        columns: fill(&table.table.columns),
        joins: fill(&table.table.joins),
        is_broken: !whole,
    };
    Fetched {
        scalars: Vec::new(),
        tables: plan.tables.iter().map(cells).collect(),
    }
}

/// Formats each reading as `metric{key=text} value unit quality`.
fn shown(readings: &[Reading]) -> Vec<String> {
    let show = |reading: &Reading| {
        let attributes: Vec<String> = reading
            .attributes
            .iter()
            .map(|(key, text)| format!("{key}={text}"))
            .collect();
        let suspect = if reading.quality == Quality::Suspect {
            " suspect"
        } else {
            ""
        };
        let (attributes, value, unit) = (attributes.join(","), &reading.value, &reading.unit);
        format!("{}{{{attributes}}} {value} {unit}{suspect}", reading.metric)
    };
    readings.iter().map(show).collect()
}

fn int(number: i32) -> Value {
    Value::Integer(number)
}

fn text(text: &str) -> Value {
    Value::from(text)
}

fn check_scalar(key: &str, value: Value, expect: &[&str]) {
    let plan = plan(&format!(
        "[[scalar]]\nmetric = \"m\"\noid = \"1.3.6.1.5.0\"\n{key}\n"
    ));
    let fetched = Fetched {
        scalars: vec![Some(value)],
        tables: Vec::new(),
    };
    assert_eq!(shown(&decode(&plan, &fetched)), expect, "{key}");
}

#[test]
fn a_scalar_becomes_a_reading_as_its_profile_says() {
    let ok = "states = { 1 = \"ok\", \"bad\" = \"failed\" }";
    for (key, value, expect) in [
        ("unit = \"A\"\nfactor = 0.1", int(37), "m{} 3.7 A"),
        ("unit = \"A\"\nfactor = 0.1", int(3), "m{} 0.3 A"),
        (
            "unit = \"s\"\nfactor = 60.0\noffset = 1.0",
            int(2),
            "m{} 121 s",
        ),
        ("unit = \"Cel\"", text("21.5"), "m{} 21.5 Cel"),
        ("unit = \"Cel\"\nmax = 100", int(900), "m{} 900 Cel suspect"),
        ("unit = \"Cel\"\nmin = 0", int(-2), "m{} -2 Cel suspect"),
        (ok, int(1), "m{} ok "),
        (ok, text("bad"), "m{} failed "),
        (ok, int(9), "m{} 9  suspect"),
        (
            "states = { 1 = \"ok\" }\nother = \"unknown\"",
            int(9),
            "m{} unknown ",
        ),
        ("text = true", text("AP7921"), "m{} AP7921 "),
        (
            "unit = \"W\"\nattributes = { phase = \"1\" }",
            int(5),
            "m{phase=1} 5 W",
        ),
    ] {
        check_scalar(key, value, &[expect]);
    }
}

#[test]
fn what_is_not_a_value_gives_no_reading() {
    for (key, value) in [
        ("unit = \"W\"\ninvalid = [-1, 65535]", int(-1)),
        ("unit = \"W\"\ninvalid = -1", text("-1")),
        ("unit = \"W\"", text("n/a")),
        ("unit = \"W\"", Value::NoSuchInstance),
        ("text = true", text("")),
        ("text = true\ninvalid = \"Unknown\"", text("Unknown")),
    ] {
        check_scalar(key, value, &[]);
    }
}

#[test]
fn columns_become_rows_with_attributes() {
    let plan = table(
        "attributes.name = { column = 2, or = \"1.3.6.1.8.1\" }\nattributes.at = { index = 2, format = \"L{}\" }\n\
         [[table.metric]]\nmetric = \"m\"\ncolumn = 3\nor = 4\nunit = \"W\"\n",
    );
    let given: &[(&str, &[(&str, Value)])] = &[
        ("1.3.6.1.9.2", &[("1.1", text("a"))]),
        ("1.3.6.1.8.1", &[("1.1", text("x")), ("1.2", text("b"))]),
        ("1.3.6.1.9.3", &[("1.1", int(1)), ("1.3", int(3))]),
        ("1.3.6.1.9.4", &[("1.2", int(2))]),
    ];
    let readings = decode(&plan, &fetched(&plan, given, true));
    assert_eq!(
        shown(&readings),
        ["m{at=L1,name=a} 1 W", "m{at=L2,name=b} 2 W", "m{at=L3} 3 W"]
    );
}

#[test]
fn conditions_choose_rows_and_metrics() {
    let plan = table(
        "when = { column = 1, not = 6 }\nattributes.id = { index = 1 }\n\
         [[table.metric]]\nmetric = \"v\"\ncolumn = 4\nunit = \"V\"\nwhen = { column = 2, is = [3, 4] }\n\
         [[table.metric]]\nmetric = \"c\"\ncolumn = 4\nunit = \"A\"\nwhen = { index = 1, is = 3 }\n",
    );
    let given: &[(&str, &[(&str, Value)])] = &[
        (
            "1.3.6.1.9.1",
            &[("1", int(6)), ("2", int(1)), ("3", int(1))],
        ),
        (
            "1.3.6.1.9.2",
            &[("1", int(3)), ("2", int(4)), ("3", int(5))],
        ),
        (
            "1.3.6.1.9.4",
            &[("1", int(10)), ("2", int(20)), ("3", int(30))],
        ),
    ];
    let readings = decode(&plan, &fetched(&plan, given, true));
    assert_eq!(shown(&readings), ["v{id=2} 20 V", "c{id=3} 30 A"]);
}

#[test]
fn sensors_are_scaled_by_their_own_columns() {
    let plan = table(
        "attributes.id = { index = 1 }\n\
         [[table.metric]]\nmetric = \"t\"\ncolumn = 4\nscale = 2\nprecision = 3\nunit = \"Cel\"\n",
    );
    let given: &[(&str, &[(&str, Value)])] = &[
        (
            "1.3.6.1.9.2",
            &[("1", int(9)), ("2", int(8)), ("3", int(10))],
        ),
        (
            "1.3.6.1.9.3",
            &[("1", int(1)), ("2", int(0)), ("3", int(0))],
        ),
        (
            "1.3.6.1.9.4",
            &[
                ("1", int(154)),
                ("2", int(3300)),
                ("3", int(2)),
                ("4", int(7)),
            ],
        ),
    ];
    let readings = decode(&plan, &fetched(&plan, given, true));
    assert_eq!(
        shown(&readings),
        [
            "t{id=1} 15.4 Cel",
            "t{id=2} 3.3 Cel",
            "t{id=3} 2000 Cel suspect"
        ]
    );
}

#[test]
fn another_table_names_the_row_by_parts_of_the_index_or_by_a_column() {
    let plan = table(
        "attributes.a = { join = \"1.3.6.1.7.1\", by = [1, 2] }\n\
         attributes.b = { join = \"1.3.6.1.7.2\", by_column = 1 }\n\
         [[table.metric]]\nmetric = \"m\"\ncolumn = 4\ntimes = 1\nunit = \"W\"\n",
    );
    let given: &[(&str, &[(&str, Value)])] = &[
        ("1.3.6.1.9.1", &[("1.2.5", int(7))]),
        ("1.3.6.1.9.4", &[("1.2.5", int(3)), ("1.3.5", int(4))]),
        ("1.3.6.1.7.1", &[("1.1", text("one")), ("1.2", text("two"))]),
        ("1.3.6.1.7.2", &[("7", text("seven"))]),
    ];
    let readings = decode(&plan, &fetched(&plan, given, true));
    assert_eq!(shown(&readings), ["m{a=two,b=seven} 21 W"]);
}

#[test]
fn rows_of_equal_attributes_are_told_apart_by_their_index() {
    let plan = table(
        "attributes.name = { column = 2 }\n[[table.metric]]\nmetric = \"m\"\ncolumn = 3\nunit = \"W\"\n",
    );
    let given: &[(&str, &[(&str, Value)])] = &[
        (
            "1.3.6.1.9.2",
            &[("1", text("a")), ("2", text("b")), ("3", text("a"))],
        ),
        (
            "1.3.6.1.9.3",
            &[("1", int(1)), ("2", int(2)), ("3", int(3))],
        ),
    ];
    let readings = decode(&plan, &fetched(&plan, given, true));
    let expect = [
        "m{name=a,snmp.index=1} 1 W",
        "m{name=b} 2 W",
        "m{name=a,snmp.index=3} 3 W",
    ];
    assert_eq!(shown(&readings), expect);
}

#[test]
fn rows_that_are_different_metrics_need_no_index_to_be_told_apart() {
    let plan = table(
        "attributes.outlet = { index = 1 }\n\
         [[table.metric]]\nmetric = \"current\"\ncolumn = 4\nunit = \"A\"\nwhen = { index = 2, is = 1 }\n\
         [[table.metric]]\nmetric = \"power\"\ncolumn = 4\nunit = \"W\"\nwhen = { index = 2, is = 5 }\n",
    );
    let column = [("1.1", int(3)), ("1.5", int(7)), ("2.1", int(4))];
    let given: &[(&str, &[(&str, Value)])] = &[("1.3.6.1.9.4", &column)];
    let readings = decode(&plan, &fetched(&plan, given, true));
    let expect = [
        "current{outlet=1} 3 A",
        "power{outlet=1} 7 W",
        "current{outlet=2} 4 A",
    ];
    assert_eq!(shown(&readings), expect);
}

#[test]
fn readings_of_a_table_that_broke_off_are_suspect() {
    let plan = table("[[table.metric]]\nmetric = \"m\"\ncolumn = 3\nunit = \"W\"\n");
    let given: &[(&str, &[(&str, Value)])] = &[("1.3.6.1.9.3", &[("1", int(1))])];
    assert_eq!(
        shown(&decode(&plan, &fetched(&plan, given, false))),
        ["m{} 1 W suspect"]
    );
}

#[test]
fn of_two_sources_of_one_reading_the_first_counts() {
    let plan = plan(
        "[[scalar]]\nmetric = \"m\"\noid = \"1.3.6.1.5.0\"\nunit = \"W\"\n\
         [[scalar]]\nmetric = \"m\"\noid = \"1.3.6.1.6.0\"\nunit = \"W\"\n",
    );
    let fetched = Fetched {
        scalars: vec![Some(int(1)), Some(int(2))],
        tables: Vec::new(),
    };
    assert_eq!(shown(&decode(&plan, &fetched)), ["m{} 1 W"]);
}

/// Returns the readings of a table whose columns 1 to 9 have these values in each row.
fn read_table(keys: &str, rows: &[&[Option<Value>]], scalars: Vec<Option<Value>>) -> Vec<String> {
    let plan = table(keys);
    let columns = plan.tables[0].table.columns.iter().map(|oid| {
        let number = *oid.arcs().last().unwrap() as usize;
        let mut column = Column::default();
        for (at, row) in rows.iter().enumerate() {
            if let Some(Some(value)) = row.get(number - 1) {
                column.push(&[u32::try_from(at + 1).unwrap()], value.clone());
            }
        }
        column
    });
    let cells = Cells {
        columns: columns.collect(),
        joins: Vec::new(),
        is_broken: false,
    };
    let tables = vec![cells];
    shown(&decode(&plan, &Fetched { scalars, tables }))
}

#[test]
fn a_type_next_to_it_says_which_metric_a_number_is() {
    let keys = "attributes.\"hw.id\" = { index = 1 }\n[[table.metric]]\ncolumn = 2\nprecision = 3\n\
                by = { column = 1, 3 = \"voltage\", 4 = \"voltage\", 8 = \"temperature\", \
                9 = { metric = \"humidity\", factor = 0.01 }, \"lx\" = { metric = \"my.light\", unit = \"lx\" } }\n";
    let row = |kind: Value, number| [Some(kind), Some(int(number)), Some(int(1))];
    let rows = [
        row(int(8), 235),
        row(int(3), 2300),
        row(int(4), 120),
        row(int(9), 455),
        row(text("lx"), 70),
        row(int(7), 1),
    ];
    let rows: Vec<&[Option<Value>]> = rows.iter().map(|row| row.as_slice()).collect();
    assert_eq!(
        read_table(keys, &rows, Vec::new()),
        [
            "hw.temperature{hw.id=1} 23.5 Cel",
            "hw.voltage{hw.id=2} 230 V",
            "hw.voltage{hw.id=3} 12 V",
            "hw.humidity{hw.id=4} 0.455 1",
            "my.light{hw.id=5} 7 lx",
        ]
    );
}

#[test]
fn scales_divisors_and_conditions_are_what_the_profile_says() {
    let metric = |keys: &str| {
        format!(
            "attributes.\"hw.id\" = {{ index = 1 }}\n[[table.metric]]\nmetric = \"my.x\"\nunit = \"V\"\ncolumn = 1\n{keys}\n"
        )
    };
    for (keys, row, expect) in [
        (
            "scale = 2\nscale_form = \"signed-divisor\"",
            vec![Some(int(2305)), Some(int(-10))],
            Some("230.5 V"),
        ),
        (
            "scale = 2\nscale_form = \"signed-divisor\"",
            vec![Some(int(23)), Some(int(10))],
            Some("230 V"),
        ),
        (
            "scale = 2\nscale_form = \"signed-divisor\"",
            vec![Some(int(23)), Some(int(0))],
            Some("23 V"),
        ),
        (
            "scale = 2\nscale_form = \"power-of-ten\"",
            vec![Some(int(2305)), Some(int(-1))],
            Some("230.5 V"),
        ),
        (
            "scale = 2\nscale_form = \"power-of-ten\"",
            vec![Some(int(2305)), Some(Value::Gauge32(u32::MAX))],
            Some("230.5 V"),
        ),
        (
            "scale = 2",
            vec![Some(int(12_000)), Some(int(8))],
            Some("12 V"),
        ),
        ("scale = 2", vec![Some(int(12_000)), None], None),
        (
            "divide_by = 2",
            vec![Some(int(2305)), Some(int(10))],
            Some("230.5 V"),
        ),
        ("divide_by = 2", vec![Some(int(2305)), Some(int(0))], None),
        (
            "when = { column = 2, above = 0, below = 5 }",
            vec![Some(int(7)), Some(int(4))],
            Some("7 V"),
        ),
        (
            "when = { column = 2, above = 0, below = 5 }",
            vec![Some(int(7)), Some(int(5))],
            None,
        ),
        (
            "when = { column = 2, above = 0 }",
            vec![Some(int(7)), None],
            None,
        ),
        (
            "when = { column = 2, is = 1, or_absent = true }",
            vec![Some(int(7)), None],
            Some("7 V"),
        ),
        (
            "when = { column = 2, is = 1, or_absent = true }",
            vec![Some(int(7)), Some(int(2))],
            None,
        ),
        (
            "when = { column = 2, matches = \"^PSU\" }",
            vec![Some(int(7)), Some(text("PSU 1"))],
            Some("7 V"),
        ),
        (
            "when = { column = 2, matches = \"^PSU\" }",
            vec![Some(int(7)), Some(text("SFP"))],
            None,
        ),
        (
            "when = { column = 2, unlike = \"^PSU\" }",
            vec![Some(int(7)), None],
            Some("7 V"),
        ),
    ] {
        let found = read_table(&metric(keys), &[&row], Vec::new());
        let expect: Vec<String> = expect
            .iter()
            .map(|text| format!("my.x{{hw.id=1}} {text}"))
            .collect();
        assert_eq!(found, expect, "{keys} {row:?}");
    }
}

#[test]
fn a_device_that_is_set_to_fahrenheit_is_read_in_celsius() {
    let keys = "attributes.\"hw.id\" = { index = 1 }\n[[table.metric]]\nmetric = \"hw.temperature\"\nunit = \"Cel\"\ncolumn = 1\n\
                unit_of = { oid = \"1.3.6.1.7.0\", celsius = 0, fahrenheit = 1 }\n";
    for (switch, expect) in [
        (Some(int(0)), "hw.temperature{hw.id=1} 77 Cel"),
        (Some(int(1)), "hw.temperature{hw.id=1} 25 Cel"),
        (Some(int(2)), "hw.temperature{hw.id=1} 77 Cel suspect"),
        (None, "hw.temperature{hw.id=1} 77 Cel suspect"),
    ] {
        assert_eq!(
            read_table(keys, &[&[Some(int(77))]], vec![switch]),
            [expect]
        );
    }
}

#[test]
fn conditions_look_at_scalars_and_other_tables() {
    let keys = "attributes.\"hw.id\" = { index = 1 }\n[[table.metric]]\nmetric = \"my.x\"\nunit = \"V\"\ncolumn = 1\n\
                when = [{ oid = \"1.3.6.1.7.0\", is = 2 }, { join = \"1.3.6.1.8.1\", by = [1], is = 1 }]\n";
    let plan = table(keys);
    let entry = format!("{ENTRY}.1");
    let given: [(&str, &[(&str, Value)]); 2] = [
        (&entry, &[("1.1", int(10)), ("2.1", int(20))]),
        ("1.3.6.1.8.1", &[("1", int(1)), ("2", int(0))]),
    ];
    for (scalar, expect) in [(int(2), vec!["my.x{hw.id=1} 10 V"]), (int(3), vec![])] {
        let mut fetched = fetched(&plan, &given, true);
        fetched.scalars = vec![Some(scalar)];
        assert_eq!(shown(&decode(&plan, &fetched)), expect);
    }
}

#[test]
fn a_scalar_is_the_largest_of_several_and_never_what_says_none() {
    let plan = plan(
        "[[scalar]]\nmetric = \"system.uptime\"\noid = \"1.3.6.1.2.1.1.3.0\"\nunit = \"s\"\nfactor = 0.01\n\
         largest = { oid = \"1.3.6.1.6.3.10.2.1.3.0\" }\n",
    );
    for (ticks, seconds, expect) in [
        (
            Some(18_000),
            Some(42_949_852),
            vec!["system.uptime{} 42949852 s"],
        ),
        (Some(18_000), Some(100), vec!["system.uptime{} 180 s"]),
        (Some(18_000), None, vec!["system.uptime{} 180 s"]),
        (Some(18_000), Some(i32::MAX), vec!["system.uptime{} 180 s"]),
        (Some(18_000), Some(-1), vec!["system.uptime{} 180 s"]),
        (None, Some(100), vec!["system.uptime{} 100 s"]),
        (None, None, vec![]),
    ] {
        let scalars = vec![ticks.map(Value::TimeTicks), seconds.map(Value::Integer)];
        let tables = Vec::new();
        assert_eq!(shown(&decode(&plan, &Fetched { scalars, tables })), expect);
    }
}

#[test]
fn a_row_that_is_called_another_way_is_the_same_series() {
    let keys = "attributes.\"hw.id\" = { index = 1 }\nattributes.\"hw.name\" = { column = 2 }\n\
                metric = [{ metric = \"hw.power\", column = 1, unit = \"W\" }]\n";
    let plan = table(keys);
    let read = |name: &str| {
        let cells = Cells {
            columns: vec![column(&[("1", int(5))]), column(&[("1", text(name))])],
            joins: Vec::new(),
            is_broken: false,
        };
        let fetched = Fetched {
            scalars: Vec::new(),
            tables: vec![cells],
        };
        decode(&plan, &fetched)
    };
    let (before, after) = (read("FAN 4, Normal"), read("FAN 4, Not functioning"));
    let identity = |readings: &[Reading]| {
        let identity = utakata_worker_sdk::model::reading::identity(&readings[0].attributes);
        identity
            .map(|(key, text)| (key.clone(), text.clone()))
            .collect::<Vec<_>>()
    };
    assert_ne!(before, after);
    assert_eq!(identity(&before), identity(&after));
}

#[test]
fn what_is_not_a_number_is_reported_with_its_row_and_what_it_is() {
    let plan = table(
        "attributes.\"hw.id\" = { index = 1 }\nmetric = [{ metric = \"hw.temperature\", column = 1, unit = \"Cel\" }]\n",
    );
    let rows: Vec<(String, Value)> = (1..=30).map(|at| (at.to_string(), text("N/A"))).collect();
    let rows: Vec<(&str, Value)> = rows
        .iter()
        .map(|(index, value)| (index.as_str(), value.clone()))
        .collect();
    let cells = Cells {
        columns: vec![column(&rows)],
        joins: Vec::new(),
        is_broken: false,
    };
    let fetched = Fetched {
        scalars: Vec::new(),
        tables: vec![cells],
    };
    let decoded = super::decode(&plan, &fetched);
    assert_eq!((decoded.unread.len(), decoded.unread_count), (20, 30));
    let first = &decoded.unread[0];
    assert_eq!(
        (first.metric.as_str(), &*first.index, &*first.text),
        ("hw.temperature", "1", "N/A")
    );
}
