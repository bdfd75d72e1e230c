//! The interpretation of a UPS's variables. Pure.

use std::{borrow::Cow, collections::BTreeMap, sync::Arc};

use utakata_profile::{Collection, Raw, Scaling};
use utakata_worker_sdk::model::reading::Attributes;

use crate::profile::{Condition, Flags, Profile, Variable};

/// The variables of a UPS, by name.
pub type Variables = BTreeMap<String, String>;

/// The variable with the flags.
const STATUS: &str = "ups.status";

/// The variables in the lines of a list: a name and a value each.
pub fn variables(lines: Vec<Vec<String>>) -> Variables {
    let pairs = lines.into_iter().filter_map(|mut words| {
        let value = (words.len() == 2).then(|| words.pop())??;
        Some((words.pop()?, value))
    });
    pairs.collect()
}

/// Returns true if a profile recognises a UPS.
pub fn recognises(profile: &Profile, variables: &Variables) -> bool {
    let mut conditions = profile.content.recognise.iter();
    !profile.content.recognise.is_empty() && conditions.all(|one| one.holds(variables))
}

/// Adds the readings of a UPS. The first profile that knows a variable by its name decides what it
/// means, even that it means nothing.
pub fn decode(profiles: &[Arc<Profile>], variables: &Variables, into: &mut Collection) {
    for (name, value) in variables {
        let known = profiles.iter().find_map(|profile| {
            let all = profile.content.variables.iter();
            let first = all.clone().find(|variable| variable.name.is_match(name))?;
            // "battery.voltage" is not that of a circuit called "battery", too.
            let is_same = |one: &&Variable| one.name.as_str() == first.name.as_str();
            Some(all.filter(is_same).collect::<Vec<_>>())
        });
        for variable in known.into_iter().flatten() {
            if variable.when.iter().all(|one| one.holds(variables)) {
                add(variable, name, value, into);
            }
        }
    }
    let Some(status) = variables.get(STATUS) else {
        return;
    };
    for flags in profiles.iter().flat_map(|profile| &profile.content.flags) {
        if let Some(state) = flags.state(status) {
            let raw = Raw::Text(state.into());
            let of = (&raw, &Scaling::NONE);
            into.add(&flags.meaning, of, &Attributes::new(), STATUS);
        }
    }
}

fn add(variable: &Variable, name: &str, value: &str, into: &mut Collection) {
    let groups = variable.name.captures(name);
    let group =
        |key: &str| -> Option<Cow<'_, str>> { Some(groups.as_ref()?.name(key)?.as_str().into()) };
    let mut attributes = Attributes::new();
    for (key, template) in &variable.attributes {
        if let Some(text) = template.fill(group) {
            attributes.insert(Arc::clone(key), text.into());
        }
    }
    let raw = Raw::Text(value.into());
    into.add(&variable.meaning, (&raw, &Scaling::NONE), &attributes, name);
}

impl Condition {
    /// Returns true if it holds for a UPS.
    pub fn holds(&self, variables: &Variables) -> bool {
        let raw = variables.get(&self.of);
        let raw = raw.map(|text| Raw::Text(text.as_str().into()));
        self.test.holds(raw.as_ref())
    }
}

impl Flags {
    /// The state that the flags mean: each of them for itself, in any order. A UPS whose driver
    /// still waits for it has none.
    fn state(&self, status: &str) -> Option<&str> {
        let set: Vec<&str> = status.split_whitespace().collect();
        if set.is_empty() || set.contains(&"WAIT") {
            return None;
        }
        let first = self
            .first
            .iter()
            .find(|(flag, _)| set.contains(&flag.as_str()));
        first
            .map(|(_, state)| state.as_str())
            .or(self.otherwise.as_deref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile::Library;

    /// A UPS whose battery has no gauge.
    const SPECIAL: &str = r#"
        description = "special"
        include = ["nut"]
        match = { var = "device.model", matches = "^Special" }
        [[var]]
        name = "battery.charge"
        metric = "hw.battery.charge"
        unit = "1"
        when = { var = "battery.charge", absent = true }
    "#;

    fn read(model: &str, given: &[(&str, &str)]) -> Vec<String> {
        let mut library = Library::shipped().unwrap();
        library.add("special", "special.toml", SPECIAL).unwrap();
        let mut variables: Variables = given
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect();
        variables.insert("device.model".into(), model.into());
        let found = library.recognisable();
        let found = found.filter(|profile| recognises(profile, &variables));
        let names = found.map(|profile| profile.name.as_str());
        let profiles = library.resolve(names.chain(["nut"])).unwrap();
        let mut all = Collection::default();
        decode(&profiles, &variables, &mut all);
        let shown = all
            .readings
            .iter()
            .filter(|one| one.metric.as_str() != "hw.model");
        shown
            .map(|one| {
                let attributes: Vec<String> = one
                    .attributes
                    .iter()
                    .map(|(k, v)| format!("{k}={v}"))
                    .collect();
                format!(
                    "{}{{{}}} {}{}",
                    one.metric,
                    attributes.join(","),
                    one.value,
                    one.unit
                )
            })
            .collect()
    }

    #[test]
    fn variables_become_readings_in_units() {
        for (name, value, expect) in [
            (
                "battery.charge",
                "87",
                "hw.battery.charge{hw.id=battery} 0.871",
            ),
            ("battery.voltage", "54.6", "hw.voltage{hw.id=battery} 54.6V"),
            (
                "battery.runtime",
                "1740",
                "hw.battery.time_left{hw.id=battery} 1740s",
            ),
            ("input.voltage", "231.4", "hw.voltage{circuit=input} 231.4V"),
            (
                "input.L2-N.voltage",
                "229",
                "hw.voltage{circuit=input,phase=2} 229V",
            ),
            (
                "output.L3.current",
                "4.1",
                "hw.current{circuit=output,phase=3} 4.1A",
            ),
            ("ups.load", "43", "hw.load{} 0.431"),
            ("outlet.2.status", "on", "utakata.outlet.state{outlet=2} on"),
            ("ups.beeper.status", "enabled", "utakata.ups.beeper{} on"),
            (
                "ups.test.result",
                "Done and passed",
                "utakata.ups.test{} passed",
            ),
            (
                "ups.test.result",
                "In progress",
                "utakata.ups.test{} running",
            ),
            (
                "ups.temperature",
                "31.5",
                "hw.temperature{hw.id=ups} 31.5Cel",
            ),
        ] {
            assert_eq!(read("x", &[(name, value)]), [expect], "{name}");
        }
    }

    #[test]
    fn each_flag_of_the_status_counts_for_itself() {
        let has = |status: &str, expect: &str| {
            let all = read("x", &[("ups.status", status)]);
            assert!(all.iter().any(|one| one == expect), "{status}: {all:?}");
        };
        for (status, source) in [
            ("OL", "normal"),
            ("OL CHRG", "normal"),
            ("CHRG OL BOOST", "booster"),
            ("OB DISCHRG LB", "battery"),
            ("OL BYPASS", "bypass"),
            ("OFF", "none"),
            ("OL OFF", "none"),
            ("FUNNY", "unknown"),
        ] {
            has(status, &format!("utakata.ups.source{{}} {source}"));
        }
        has("OB LB", "hw.status{hw.type=battery} failed");
        has("OL RB", "hw.status{hw.type=battery} degraded");
        has("OL", "hw.status{hw.type=battery} ok");
        has("OL OVER", "hw.status{hw.type=ups} degraded");
        has("OL CAL", "utakata.ups.test{} running");
        assert_eq!(read("x", &[("ups.status", "WAIT")]), Vec::<String>::new());
        assert_eq!(read("x", &[("ups.status", "")]), Vec::<String>::new());
    }

    #[test]
    fn what_a_driver_tells_without_knowing_is_no_reading() {
        let charge = |model: &str, voltage: &str| {
            let all = read(
                model,
                &[("battery.charge", "0"), ("battery.voltage", voltage)],
            );
            all.iter().any(|one| one.contains("hw.battery.charge"))
        };
        // snmp-ups on an Eaton 93PM tells 0 % and 1 V, on line.
        assert!(!charge("EATON 93PM", "1.0"));
        assert!(charge("EATON 93PM", "480.0"));
        assert!(!charge("Special 1", "480.0"));
    }

    #[test]
    fn what_is_no_number_is_named() {
        let library = Library::shipped().unwrap();
        let variables = Variables::from([("input.voltage".into(), "soon".into())]);
        let mut all = Collection::default();
        decode(&library.resolve(["nut"]).unwrap(), &variables, &mut all);
        assert_eq!((all.readings.len(), all.unread.len()), (0, 1));
    }
}
