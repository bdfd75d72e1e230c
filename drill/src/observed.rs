//! Alarms and history at the end of a drill: they agree with the devices, nothing was told twice, and
//! nothing that history had shown is gone. Pure.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// The number of effects from which a device has an alarm.
pub const EFFECTS: u64 = 3;
/// The number of findings that are kept.
const MAX_FINDINGS: usize = 50;

/// The result of comparing alarms and history with what is known of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Observed {
    /// The alarms that are so at the end.
    pub alarms: u64,
    /// The alarms that differ from the devices.
    pub wrong: u64,
    /// The changes of alarms that were told.
    pub told: u64,
    /// The changes that were told again under another number.
    pub twice: u64,
    /// The readings that history had shown while everything was killed.
    pub readings: u64,
    /// Those of them that it did not show at the end.
    pub gone: u64,
    /// The first findings, in words.
    pub findings: Vec<String>,
}

/// A message about an alarm, as a receiver got it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Telling {
    pub alarm: String,
    /// The number of the change: the same change comes under the same number.
    pub number: u64,
    pub is_over: bool,
}

/// The times of readings, by logic environment and target.
pub type Times = BTreeMap<(String, String), BTreeSet<i64>>;

impl Observed {
    /// Returns true if alarms and history kept their promises.
    pub fn is_clean(&self) -> bool {
        self.wrong + self.twice + self.gone == 0
    }

    fn find(&mut self, finding: String) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }

    /// Compares the targets with an alarm with the effects at the devices.
    pub fn alarms(&mut self, active: &BTreeSet<String>, effects: &BTreeMap<String, u64>) {
        self.alarms = active.len() as u64;
        for (target, effects) in effects {
            let is_active = active.contains(target);
            if is_active != (*effects >= EFFECTS) {
                self.wrong += 1;
                let word = if is_active { "an" } else { "no" };
                self.find(format!("{target} has {effects} effects, and {word} alarm"));
            }
        }
    }

    /// Counts the changes of alarms that were told, and those that were told twice: of one alarm a
    /// beginning and an end take turns.
    pub fn told(&mut self, told: &BTreeSet<Telling>) {
        self.told = told.len() as u64;
        let mut last: BTreeMap<&str, bool> = BTreeMap::new();
        // By alarm, and by number.
        for one in told {
            let before = last.insert(&one.alarm, one.is_over);
            let is_again = before.unwrap_or(true) == one.is_over;
            if is_again {
                self.twice += 1;
                let Telling { alarm, number, .. } = one;
                let word = if one.is_over { "end" } else { "beginning" };
                self.find(format!(
                    "the {word} of the alarm {alarm} was told again as {number}"
                ));
            }
        }
    }

    /// Looks for readings that history had shown, and does not show any more.
    pub fn history(&mut self, shown: &Times, found: &Times) {
        for (of, times) in shown {
            let there = found.get(of);
            let is_gone = |time: &&i64| there.is_none_or(|there| !there.contains(time));
            let gone = times.iter().filter(is_gone).count() as u64;
            self.readings += times.len() as u64;
            self.gone += gone;
            if gone > 0 {
                let (logic, target) = of;
                self.find(format!(
                    "{gone} readings of {target} are gone from the history of {logic}"
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_alarm_that_differs_from_its_device_is_found_either_way() {
        let effects = [("a", 0), ("b", 2), ("c", 3), ("d", 9)];
        let effects = effects.map(|(name, count)| (name.to_owned(), count)).into();
        for (active, wrong) in [
            (&["c", "d"][..], 0),
            (&["d"], 1),
            (&["a", "c", "d"], 1),
            (&[], 2),
        ] {
            let active = active.iter().map(|name| (*name).to_owned()).collect();
            let mut observed = Observed::default();
            observed.alarms(&active, &effects);
            assert_eq!(observed.wrong, wrong, "{active:?}");
            assert_eq!(observed.findings.len() as u64, wrong);
        }
    }

    #[test]
    fn a_change_under_another_number_is_told_twice_and_a_repetition_is_not() {
        let telling = |alarm: &str, number, is_over| Telling {
            alarm: alarm.into(),
            number,
            is_over,
        };
        let check = |told: &[Telling]| {
            let mut observed = Observed::default();
            observed.told(&told.iter().cloned().collect());
            (observed.told, observed.twice)
        };
        let (raised, over) = (telling("a", 1, false), telling("a", 4, true));
        let others = [telling("b", 2, false), raised.clone(), over.clone()];
        assert_eq!(check(&others), (3, 0));
        assert_eq!(check(&[raised.clone(), raised.clone()]), (1, 0));
        assert_eq!(check(&[raised.clone(), telling("a", 2, false)]), (2, 1));
        assert_eq!(check(&[raised, over, telling("a", 5, true)]), (3, 1));
        // An end of which nobody knows the beginning.
        assert_eq!(check(&[telling("a", 4, true)]), (1, 1));
    }

    #[test]
    fn readings_that_are_gone_are_counted() {
        let times = |target: &str, times: &[i64]| -> Times {
            let of = ("le".to_owned(), target.to_owned());
            [(of, times.iter().copied().collect())].into()
        };
        let mut observed = Observed::default();
        observed.history(&times("a", &[1, 2, 3]), &times("a", &[1, 3, 4]));
        assert_eq!((observed.readings, observed.gone), (3, 1));
        observed.history(&times("b", &[1]), &Times::new());
        assert_eq!((observed.readings, observed.gone), (4, 2));
        assert!(!observed.is_clean());
    }
}
