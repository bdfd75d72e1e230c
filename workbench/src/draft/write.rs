//! The text of a draft. Pure.

use std::collections::{BTreeMap, BTreeSet};

use async_snmp::{Oid, Value};
use utakata_worker_snmp::value;

use super::{
    meaning::{self, Meaning, Metric, quoted},
    mibs::{Module, Object, Table},
    naming,
};
use crate::walk::Walk;

/// sysObjectID of SNMPv2-MIB: identifies the device model.
const SYSTEM: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 2, 0];

/// A draft, and counts of its content.
#[derive(Debug, Default)]
pub struct Written {
    /// The profile (TOML).
    pub text: String,
    /// The number of metrics.
    pub metrics: usize,
    /// The number of guesses.
    pub guesses: usize,
}

/// The parts of a draft written so far.
struct Writer<'a> {
    written: Written,
    walk: &'a Walk,
    /// Series without a row to distinguish them: the metric and its subject.
    scalars: BTreeSet<String>,
    /// The number of tables assigned to each `hw.type`.
    hardware: BTreeMap<String, usize>,
}

/// Writes a profile for these modules.
pub fn profile(modules: &[Module], walk: &Walk) -> Written {
    let mut writer = Writer {
        written: Written::default(),
        walk,
        scalars: BTreeSet::new(),
        hardware: BTreeMap::new(),
    };
    writer.head(modules);
    for module in modules {
        writer.module(module);
    }
    writer.written
}

impl Writer<'_> {
    /// Appends a line. Writing to a text cannot fail.
    fn line(&mut self, line: &str) {
        self.written.text.push_str(line);
        self.written.text.push('\n');
    }

    fn guess(&mut self, indent: &str, guess: &str) {
        self.written.guesses += 1;
        self.line(&format!("{indent}# guess: {guess}"));
    }

    fn head(&mut self, modules: &[Module]) {
        let names: Vec<&str> = modules.iter().map(|module| module.name.as_str()).collect();
        let names = names.join(", ");
        self.line(&format!(
            "# A draft of {names} and a walk, by `utakata profile draft`. Look at"
        ));
        self.line("# everything that is marked `# guess:`, and take out what nobody needs.");
        self.line(&format!(
            "description = {}",
            quoted(&format!("What {names} says"))
        ));
        self.line("include = [\"system\"]");
        if let Some(Value::ObjectIdentifier(system)) = self.walk.get(&Oid::from_slice(&SYSTEM)) {
            self.line(&format!(
                "# match.system = [\"{system}\"] is this model alone"
            ));
        }
        self.guess("", "every device that has something there");
        let roots: Vec<String> = modules
            .iter()
            .map(|module| quoted(&Oid::from_slice(&module.root()).to_string()))
            .collect();
        self.line(&format!("match.present = [{}]", roots.join(", ")));
    }

    fn module(&mut self, module: &Module) {
        let objects = module.tables.iter().flat_map(|table| &table.columns);
        let objects = objects.chain(&module.scalars);
        let common = naming::common(objects.map(|object| object.name.as_str()));
        let prefix = naming::prefix(&module.name);
        for object in &module.scalars {
            self.scalar(object, &prefix, common);
        }
        for table in &module.tables {
            self.table(table, &prefix, common);
        }
    }

    fn scalar(&mut self, object: &Object, prefix: &str, common: usize) {
        let (meaning, samples) = meaning::of(object, self.walk, false);
        let comment = comment(object, &samples);
        let oid = object.instance();
        let metric = match meaning {
            Meaning::Metric(metric) => metric,
            Meaning::Name | Meaning::LeftOut(_) => {
                let why = left_out(&meaning);
                self.line(&format!("\n# left out: {oid} {comment}: {why}"));
                return;
            }
        };
        let short = naming::short(&object.name, common);
        let name = named(&metric, prefix, &short);
        self.line("\n[[scalar]]");
        for guess in &metric.guesses {
            self.guess("", guess);
        }
        self.line(&format!("metric = {}", quoted(&name)));
        self.line(&format!(
            "oid = {:<56} # {comment}",
            quoted(&oid.to_string())
        ));
        for (key, value) in &metric.keys {
            self.line(&format!("{key} = {value}"));
        }
        if metric.name.is_some() && !is_of_device(&name) {
            // With several voltages, each needs a name of its own.
            self.guess("", "what it is of");
            self.line(&format!(
                "attributes = {{ \"hw.name\" = {} }}",
                quoted(&short)
            ));
        } else if !self.scalars.insert(name) {
            self.line(&format!(
                "attributes = {{ \"hw.id\" = {} }}",
                quoted(&short)
            ));
        }
        self.written.metrics += 1;
    }

    fn table(&mut self, table: &Table, prefix: &str, common: usize) {
        let mut meant: Vec<(&Object, Meaning, String)> = table
            .columns
            .iter()
            .map(|column| {
                let (meaning, samples) = meaning::of(column, self.walk, true);
                (column, meaning, comment(column, &samples))
            })
            .collect();
        let named = self.name_by_text(&mut meant);
        let is_metric = |meaning: &Meaning| matches!(meaning, Meaning::Metric(_));
        let shown = format!("{} ({})", table.entry, table.name);
        if !meant.iter().any(|(_, meaning, _)| is_metric(meaning)) {
            self.line(&format!(
                "\n# left out: {shown}: it has names and settings only"
            ));
            return;
        }
        self.line("\n[[table]]");
        let entry = quoted(&table.entry.to_string());
        self.line(&format!("entry = {entry:<54} # {}", table.name));
        if named {
            self.guess("", "that this text names a row");
        }
        self.attributes(table, &meant, common);
        self.line("metric = [");
        let mut given = BTreeSet::new();
        for (column, meaning, comment) in &meant {
            let number = column.oid.arcs().last().copied().unwrap_or_default();
            match meaning {
                Meaning::Metric(metric) => {
                    self.column(
                        column,
                        metric,
                        (number, comment),
                        (prefix, common),
                        &mut given,
                    );
                }
                Meaning::Name => {}
                Meaning::LeftOut(_) => {
                    let why = left_out(meaning);
                    self.line(&format!(
                        "    # left out: column {number}, {comment}: {why}"
                    ));
                }
            }
        }
        self.line("]");
    }

    /// If no column is named like a name, uses the first text that differs between rows. Returns
    /// whether there is one.
    fn name_by_text(&self, meant: &mut [(&Object, Meaning, String)]) -> bool {
        if meant
            .iter()
            .any(|(_, meaning, _)| *meaning == Meaning::Name)
        {
            return false;
        }
        let is_text = |meaning: &Meaning| match meaning {
            Meaning::Metric(metric) => {
                metric.name.is_none() && metric.keys == [("text", String::from("true"))]
            }
            _ => false,
        };
        let differs = |object: &Object| {
            let values: Vec<&Value> = self
                .walk
                .under(&object.oid)
                .map(|(_, value)| value)
                .collect();
            let texts: BTreeSet<Option<String>> = values
                .iter()
                .map(|value| value::as_text(value).map(Into::into))
                .collect();
            texts.len() == values.len() && !texts.contains(&Some(String::new()))
        };
        let found = meant
            .iter_mut()
            .find(|(object, meaning, _)| is_text(meaning) && differs(object));
        found.is_some_and(|(_, meaning, _)| {
            *meaning = Meaning::Name;
            true
        })
    }

    /// Returns the attributes that distinguish the rows of a table.
    fn attributes(&mut self, table: &Table, meant: &[(&Object, Meaning, String)], common: usize) {
        let (hardware, is_known) = naming::hardware(&table.name, common);
        let times = self.hardware.entry(hardware.clone()).or_default();
        *times += 1;
        let hardware = match *times {
            1 => hardware,
            // Rows of two tables must not become one series.
            _ => naming::short(&table.name, common),
        };
        if is_known {
            self.guess("", "what its rows are, by the name");
        }
        self.line(&format!("attributes.\"hw.type\" = {}", quoted(&hardware)));
        self.line("attributes.\"hw.id\" = { index = \"*\" }");
        let names: Vec<u32> = meant
            .iter()
            .filter(|(_, meaning, _)| *meaning == Meaning::Name)
            .filter_map(|(column, ..)| column.oid.arcs().last().copied())
            .collect();
        let comments = meant
            .iter()
            .filter(|(_, meaning, _)| *meaning == Meaning::Name);
        let comments: Vec<&str> = comments.map(|(.., comment)| comment.as_str()).collect();
        match names.as_slice() {
            [] => {}
            [one] => {
                let comment = comments.join("; ");
                self.line(&format!(
                    "attributes.\"hw.name\" = {{ column = {one} }} # {comment}"
                ));
            }
            [first, second, ..] => {
                self.guess("", "which of them names a row");
                let comment = comments.join("; ");
                self.line(&format!(
                    "attributes.\"hw.name\" = {{ column = {first}, or = {second} }} # {comment}"
                ));
            }
        }
    }

    fn column(
        &mut self,
        column: &Object,
        metric: &Metric,
        (number, comment): (u32, &str),
        (prefix, common): (&str, usize),
        given: &mut BTreeSet<String>,
    ) {
        let short = naming::short(&column.name, common);
        let name = named(metric, prefix, &short);
        for guess in &metric.guesses {
            self.guess("    ", guess);
        }
        let mut keys = vec![
            format!("metric = {}", quoted(&name)),
            format!("column = {number}"),
        ];
        keys.extend(
            metric
                .keys
                .iter()
                .map(|(key, value)| format!("{key} = {value}")),
        );
        if !given.insert(name) {
            self.guess("    ", "what it is of: another column has the same metric");
            keys.push(format!(
                "attributes = {{ \"hw.sensor_location\" = {} }}",
                quoted(&short)
            ));
        }
        self.line(&format!("    {{ {} }}, # {comment}", keys.join(", ")));
        self.written.metrics += 1;
    }
}

/// Returns the name of a metric.
fn named(metric: &Metric, prefix: &str, short: &str) -> String {
    match metric.name {
        Some(name) => name.into(),
        None => format!("{prefix}.{short}"),
    }
}

/// Metrics of the device as a whole, which have no name.
fn is_of_device(metric: &str) -> bool {
    [
        "hw.vendor",
        "hw.model",
        "hw.serial_number",
        "hw.battery.charge",
        "hw.battery.time_left",
    ]
    .contains(&metric)
}

fn left_out(meaning: &Meaning) -> &'static str {
    match meaning {
        Meaning::LeftOut(why) => why,
        _ => "it is a name, and there is one only",
    }
}

/// Returns the comment with which a person checks the meaning of an object.
fn comment(object: &Object, samples: &str) -> String {
    let mut comment = object.name.clone();
    if !object.units.is_empty() {
        let units: String = object
            .units
            .chars()
            .filter(|c| !c.is_control())
            .take(40)
            .collect();
        comment.push_str(&format!(", \"{units}\""));
    }
    if !samples.is_empty() {
        comment.push_str(&format!(": {samples}"));
    }
    comment
}
