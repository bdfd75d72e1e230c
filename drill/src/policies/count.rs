//! The commands that outlets received, held against the envelope and the ledger. Pure: nothing of
//! the gate is in here.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use serde::Serialize;
use utakata_model::TaskState;

/// The number of findings that are kept.
const MAX_FINDINGS: usize = 50;

/// An outlet: the name of its device, and its number.
pub type Outlet = (String, u64);

/// A command as an outlet received it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Command {
    pub outlet: Outlet,
    /// The command in the words of the device: `on`, `off`, `cycle`.
    pub what: String,
    /// The time at which it arrived, in milliseconds since 1970.
    pub at: i64,
}

/// A task of the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub id: String,
    pub outlet: Outlet,
    /// The command that it sends.
    pub what: String,
    pub state: TaskState,
    /// The times at which its attempts were permitted, in milliseconds since 1970.
    pub permits: Vec<i64>,
}

/// The envelope of the policy that is armed.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The outlets that it may switch.
    pub spare: BTreeSet<Outlet>,
    /// The largest number of outlets that it switches off within a time.
    pub max: usize,
    pub within: Duration,
    /// The longest time from a permit to the device.
    pub travel: Duration,
}

/// The result of comparing the devices with the envelope and the ledger.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// The commands that switched an outlet off.
    pub acts: u64,
    /// The commands that switched an outlet on again.
    pub backs: u64,
    /// The commands of second and later attempts, after nobody knew whether the first had arrived.
    pub repeated: u64,
    /// The commands outside of the envelope.
    pub outside: u64,
    /// The tasks that did again what an earlier one had done.
    pub twice: u64,
    /// The commands of no attempt that the ledger has.
    pub nowhere: u64,
    /// The outlets that are off at the end.
    pub left: u64,
    /// The outlets that are off at the end, and of which the ledger says that a person has to look.
    pub for_a_person: u64,
    pub findings: Vec<String>,
}

impl Counts {
    /// Returns true if every promise was kept.
    pub fn is_clean(&self) -> bool {
        self.outside + self.twice + self.nowhere + self.left == 0
    }

    fn find(&mut self, finding: String) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        }
    }
}

/// Compares the commands that devices received, in the order of their times, and the outlets that
/// are off at the end, with the envelope and the ledger.
pub fn count(
    commands: &[Command],
    off: &BTreeSet<Outlet>,
    tasks: &[Task],
    rules: &Rules,
) -> Counts {
    let mut counts = Counts::default();
    let mut attempts = Attempts::of(tasks, rules.travel);
    let mut last: BTreeMap<&Outlet, &Task> = BTreeMap::new();
    let mut window: Vec<i64> = Vec::new();
    for command in commands {
        let (device, number) = &command.outlet;
        let what = format!("{} to {device}:{number}", command.what);
        match command.what.as_str() {
            "off" => counts.acts += 1,
            _ => counts.backs += 1,
        }
        let is_known = matches!(command.what.as_str(), "on" | "off");
        if !is_known || !rules.spare.contains(&command.outlet) {
            counts.outside += 1;
            counts.find(format!("{what}: outside of what the policy may change"));
        }
        let Some((task, attempt)) = attempts.take(command) else {
            counts.nowhere += 1;
            counts.find(format!("{what}: no attempt of the ledger explains it"));
            continue;
        };
        let before = last.insert(&command.outlet, task);
        let is_again = before.is_some_and(|before| {
            before.id != task.id && before.what == task.what && before.state == TaskState::Succeeded
        });
        if is_again {
            counts.twice += 1;
            let task = &task.id;
            counts.find(format!("{what}: it was done already; task {task}"));
        }
        if attempt > 0 {
            counts.repeated += 1;
        } else if command.what == "off" {
            window.push(command.at);
            counts.at_most(&mut window, rules);
        }
    }
    for outlet in off {
        let (device, number) = outlet;
        let mut its = tasks.iter().filter(|task| task.outlet == *outlet);
        match its.any(|task| task.state == TaskState::Unsettled) {
            true => counts.for_a_person += 1,
            false => {
                counts.left += 1;
                counts.find(format!("{device}:{number} is not handed back"));
            }
        }
    }
    counts
}

impl Counts {
    /// Looks at the newest first attempt in a window. Of two commands, the first may have taken all
    /// of its time and the second none, so their permits may be that much further apart.
    fn at_most(&mut self, window: &mut Vec<i64>, rules: &Rules) {
        let millis = |time: Duration| i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        let within = millis(rules.within.saturating_sub(rules.travel));
        let Some(newest) = window.last().copied() else {
            return;
        };
        window.retain(|at| newest - at < within);
        if window.len() > rules.max {
            self.outside += 1;
            let (number, max) = (window.len(), rules.max);
            self.find(format!(
                "{number} outlets were switched off within {within} ms, and the envelope allows \
                 {max} in {:?}",
                rules.within
            ));
        }
    }
}

/// The attempts of the ledger, each of which explains one command.
struct Attempts<'t> {
    open: Vec<(&'t Task, usize, i64)>,
    travel: i64,
}

impl<'t> Attempts<'t> {
    fn of(tasks: &'t [Task], travel: Duration) -> Self {
        let attempts = tasks.iter().flat_map(|task| {
            let permits = task.permits.iter().enumerate();
            permits.map(move |(at, permitted)| (task, at, *permitted))
        });
        let mut open: Vec<_> = attempts.collect();
        open.sort_by_key(|(_, _, permitted)| *permitted);
        Self {
            open,
            travel: i64::try_from(travel.as_millis()).unwrap_or(i64::MAX),
        }
    }

    /// Takes the attempt that explains a command.
    fn take(&mut self, command: &Command) -> Option<(&'t Task, usize)> {
        let found = self.open.iter().position(|(task, _, permitted)| {
            let travelled = command.at - permitted;
            task.outlet == command.outlet
                && task.what == command.what
                && (0..=self.travel).contains(&travelled)
        })?;
        let (task, attempt, _) = self.open.remove(found);
        Some((task, attempt))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outlet(number: u64) -> Outlet {
        ("pdu".to_owned(), number)
    }

    fn command(number: u64, what: &str, at: i64) -> Command {
        Command {
            outlet: outlet(number),
            what: what.to_owned(),
            at,
        }
    }

    fn task(number: u64, what: &str, state: TaskState, permits: &[i64]) -> Task {
        Task {
            id: format!("{number} {what} {permits:?}"),
            outlet: outlet(number),
            what: what.to_owned(),
            state,
            permits: permits.to_vec(),
        }
    }

    fn check(commands: &[Command], off: &[u64], tasks: &[Task]) -> Counts {
        let rules = Rules {
            spare: (1..=4).map(outlet).collect(),
            max: 2,
            within: Duration::from_secs(15),
            travel: Duration::from_secs(4),
        };
        let off = off.iter().copied().map(outlet).collect();
        count(commands, &off, tasks, &rules)
    }

    use TaskState::{Succeeded, Unsettled};

    #[test]
    fn what_is_asked_for_once_and_handed_back_is_clean() {
        let commands = [command(1, "off", 1000), command(1, "on", 60_000)];
        let tasks = [
            task(1, "off", Succeeded, &[900]),
            task(1, "on", Succeeded, &[59_990]),
        ];
        let counts = check(&commands, &[], &tasks);
        assert!(counts.is_clean(), "{counts:?}");
        assert_eq!((counts.acts, counts.backs), (1, 1));
    }

    #[test]
    fn a_command_outside_of_the_envelope_is_found() {
        let tasks = [
            task(1, "off", Succeeded, &[0]),
            task(2, "off", Succeeded, &[10]),
            task(3, "off", Succeeded, &[5000]),
            task(3, "off", Succeeded, &[15_000]),
            task(9, "off", Succeeded, &[0]),
            task(4, "cycle", Succeeded, &[0]),
        ];
        let two = [command(1, "off", 10), command(2, "off", 20)];
        assert_eq!(check(&two, &[], &tasks).outside, 0);
        let three = [&two[..], &[command(3, "off", 5010)]].concat();
        assert_eq!(check(&three, &[], &tasks).outside, 1);
        // The first two may have been permitted four seconds before they arrived.
        let later = [&two[..], &[command(3, "off", 15_000)]].concat();
        assert_eq!(check(&later, &[], &tasks).outside, 0);
        assert_eq!(check(&[command(9, "off", 10)], &[], &tasks).outside, 1);
        assert_eq!(check(&[command(4, "cycle", 10)], &[], &tasks).outside, 1);
    }

    #[test]
    fn what_is_done_again_is_found_and_a_second_attempt_is_not() {
        let twice = [command(1, "off", 10), command(1, "off", 6010)];
        let again = [task(1, "off", Succeeded, &[0, 6000])];
        let counts = check(&twice, &[], &again);
        assert!(counts.is_clean(), "{counts:?}");
        assert_eq!(counts.repeated, 1);
        let other = [
            task(1, "off", Succeeded, &[0]),
            task(1, "off", Succeeded, &[6000]),
        ];
        assert_eq!(check(&twice, &[], &other).twice, 1);
        let once = [task(1, "off", Succeeded, &[0])];
        assert_eq!(check(&twice, &[], &once).nowhere, 1);
        // It arrives later than anything may.
        let late = [command(1, "off", 4001)];
        assert_eq!(check(&late, &[], &once).nowhere, 1);
    }

    #[test]
    fn what_is_off_at_the_end_is_left_unless_a_person_has_to_look() {
        let tasks = [task(1, "on", Unsettled, &[0])];
        let counts = check(&[], &[1], &tasks);
        assert_eq!((counts.left, counts.for_a_person), (0, 1));
        let counts = check(&[], &[1, 2], &tasks);
        assert_eq!((counts.left, counts.for_a_person), (1, 1));
        assert!(!counts.is_clean());
    }
}
