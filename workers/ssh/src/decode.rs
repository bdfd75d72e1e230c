//! The interpretation of outputs. Pure.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::Value as Json;
use utakata_profile::{
    Collection, Raw, Scaling,
    json::{self, Resource},
};
use utakata_worker_sdk::model::{Missing, missing, reading::Attributes};

use crate::profile::{Line, Profile};

/// The output of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Output {
    pub exit: u32,
    pub text: String,
}

/// Adds the readings of outputs, by the name of their command. Returns the outputs that cannot be
/// read.
pub fn decode(
    profiles: &[Arc<Profile>],
    outputs: &BTreeMap<String, Output>,
    into: &mut Collection,
) -> Vec<Missing> {
    let mut unread = Vec::new();
    let mut documents: Vec<(&str, Json)> = Vec::new();
    let is_json = |name: &str| {
        let mut reads = profiles.iter().flat_map(|profile| &profile.content.reads);
        reads.any(|read| read.places.iter().any(|place| place == name))
    };
    for (name, output) in outputs.iter().filter(|(name, _)| is_json(name)) {
        match serde_json::from_str(&output.text) {
            Ok(document) => documents.push((name, document)),
            Err(error) => {
                let message = format!("its output is no JSON: {error}");
                unread.push(Missing::rest(name, missing::UNDECODABLE, &message));
            }
        }
    }
    let none = Attributes::new();
    let resources: Vec<Resource<'_>> = documents
        .iter()
        .map(|(place, document)| Resource {
            place,
            path: place,
            of: &none,
            document,
        })
        .collect();
    let reads = profiles.iter().flat_map(|profile| &profile.content.reads);
    json::decode(reads, &resources, into);
    for line in profiles.iter().flat_map(|profile| &profile.content.lines) {
        if let Some(output) = outputs.get(&line.command) {
            line.add(&output.text, into);
        }
    }
    for (name, meaning) in profiles.iter().flat_map(|profile| &profile.content.exits) {
        if let Some(output) = outputs.get(name) {
            let raw = Raw::Integer(i64::from(output.exit));
            into.add(meaning, (&raw, &Scaling::NONE), &none, name);
        }
    }
    unread
}

impl Line {
    fn add(&self, text: &str, into: &mut Collection) {
        for line in text.lines() {
            let Some(groups) = self.pattern.captures(line) else {
                continue;
            };
            let group = |name: &str| Some(groups.name(name)?.as_str());
            let mut attributes = Attributes::new();
            for (key, template) in &self.attributes {
                if let Some(text) = template.fill(|name| group(name).map(Into::into)) {
                    attributes.insert(Arc::clone(key), text.into());
                }
            }
            for (name, meaning) in &self.metrics {
                if let Some(text) = group(name) {
                    let raw = Raw::Text(text.into());
                    into.add(meaning, (&raw, &Scaling::NONE), &attributes, &self.command);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Library;

    fn read(command: &str, text: &str) -> Vec<String> {
        let library = Library::shipped().unwrap();
        let profiles = library.resolve(["linux"]).unwrap();
        let output = Output {
            exit: 0,
            text: text.into(),
        };
        let mut all = Collection::default();
        let outputs = BTreeMap::from([(command.to_owned(), output)]);
        assert_eq!(decode(&profiles, &outputs, &mut all), Vec::new());
        let shown = all.readings.iter().map(|one| {
            let attributes = one.attributes.iter();
            let attributes: Vec<String> = attributes.map(|(k, v)| format!("{k}={v}")).collect();
            let attributes = attributes.join(",");
            format!("{}{{{attributes}}} {}{}", one.metric, one.value, one.unit)
        });
        shown.collect()
    }

    #[test]
    fn outputs_become_readings_in_units() {
        let sensors = r#"{ "coretemp-isa-0000": { "Adapter": "ISA adapter",
            "Package id 0": { "temp1_input": 47.0, "temp1_max": 84.0 } },
            "nvme-pci-0100": { "Composite": { "temp1_input": 38.9 } } }"#;
        for (command, text, expect) in [
            (
                "uptime",
                "350735.47 234388.90\n",
                &["system.uptime{} 350735.47s"][..],
            ),
            (
                "memory",
                "MemTotal:       16384 kB\nMemFree:  12 kB\nMemAvailable:   8192 kB\n",
                &[
                    "system.memory.limit{} 16777216By",
                    "system.memory.available{} 8388608By",
                ],
            ),
            (
                "sensors",
                sensors,
                &[
                    "hw.temperature{chip=coretemp-isa-0000,hw.id=Package id 0} 47Cel",
                    "hw.temperature{chip=nvme-pci-0100,hw.id=Composite} 38.9Cel",
                ],
            ),
            (
                "gpus",
                "0, GPU-8f, NVIDIA H100, 41, 87.25, 12\n1, GPU-9a, NVIDIA H100, [N/A], 412.00, 98\n",
                &[
                    "hw.temperature{gpu=0,hw.id=GPU-8f,hw.type=gpu} 41Cel",
                    "hw.power{gpu=0,hw.id=GPU-8f,hw.type=gpu} 87.25W",
                    "hw.utilization{gpu=0,hw.id=GPU-8f,hw.type=gpu} 0.121",
                    "hw.power{gpu=1,hw.id=GPU-9a,hw.type=gpu} 412W",
                    "hw.utilization{gpu=1,hw.id=GPU-9a,hw.type=gpu} 0.981",
                ],
            ),
        ] {
            assert_eq!(read(command, text), expect, "{command}");
        }
    }
}
