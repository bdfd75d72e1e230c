//! Tests of shipped profiles on walks of devices that do not exist.

use async_snmp::{Oid, Value};

use super::{Cells, Column, Fetched, decode, shown};
use crate::{
    plan::{Filter, Plan},
    profile::Library,
};

const WALKS: &str = include_str!("walks.txt");

/// The objects of a device, in their order.
struct Walk(Vec<(Oid, Value)>);

impl Walk {
    fn parse(text: &str) -> Self {
        let objects = text.lines().filter_map(|line| line.split_once(' '));
        let objects = objects.map(|(oid, value)| {
            let value = value
                .parse()
                .map_or_else(|_| Value::from(value), Value::Integer);
            (Oid::parse(oid).unwrap(), value)
        });
        let mut objects: Vec<(Oid, Value)> = objects.collect();
        objects.sort_by(|one, other| one.0.arcs().cmp(other.0.arcs()));
        Self(objects)
    }

    fn get(&self, oid: &Oid) -> Option<Value> {
        let found = self.0.iter().find(|(known, _)| known == oid);
        found.map(|(_, value)| value.clone())
    }

    fn column(&self, oid: &Oid) -> Column {
        let mut column = Column::default();
        for (known, value) in &self.0 {
            if known.starts_with(oid) {
                column.push(&known.arcs()[oid.arcs().len()..], value.clone());
            }
        }
        column
    }

    fn fetch(&self, plan: &Plan) -> Fetched {
        let fill = |oids: &[Oid]| oids.iter().map(|oid| self.column(oid)).collect();
        let tables = plan.tables.iter().map(|planned| Cells {
            columns: fill(&planned.table.columns),
            joins: fill(&planned.table.joins),
            is_broken: false,
        });
        Fetched {
            scalars: plan.oids.iter().map(|oid| self.get(oid)).collect(),
            tables: tables.collect(),
        }
    }
}

#[test]
fn shipped_profiles_read_what_they_should_and_nothing_else() {
    let library = Library::shipped().unwrap();
    let mut wrong = Vec::new();
    for device in WALKS.split("\n== ").skip(1) {
        let (profile, rest) = device.split_once('\n').unwrap();
        let (walk, expect) = rest.split_once("=>\n").unwrap();
        let plan = Plan::build(&library.resolve([profile]).unwrap(), &Filter::default());
        let readings = shown(&decode(&plan, &Walk::parse(walk).fetch(&plan)));
        let mut found: Vec<&str> = readings.iter().map(|line| line.trim_end()).collect();
        let mut expect: Vec<&str> = expect.lines().filter(|line| !line.is_empty()).collect();
        found.sort_unstable();
        expect.sort_unstable();
        let only = |these: &[&str], those: &[&str], sign: char| {
            let only = these.iter().filter(|line| !those.contains(line));
            let only: Vec<String> = only
                .map(|line| format!("{profile}: {sign} {line}"))
                .collect();
            only
        };
        wrong.extend(only(&found, &expect, '+'));
        wrong.extend(only(&expect, &found, '-'));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
