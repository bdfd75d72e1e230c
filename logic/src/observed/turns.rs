//! Targets that begin to fail or answer again, for the log: one line for each, or one line for many
//! at once. Pure.

use std::collections::BTreeMap;

use utakata_model::{Kind, Problem, TargetName};

/// The largest number of changes that have a line each; more become one line.
const MAX_EACH: usize = 5;

/// A change of health, for the worse or the better.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HealthTurn {
    /// The target answered, or was never asked, and now fails.
    Fails(Problem),
    /// The target failed and answers again.
    Answers,
}

/// The changes of health since the last call, in bounded memory.
#[derive(Debug, Default)]
pub struct Turns {
    fails: TurnCounts,
    answers: TurnCounts,
}

#[derive(Debug, Default)]
struct TurnCounts {
    first: Vec<(TargetName, Kind, Option<Problem>)>,
    count: u64,
    kinds: BTreeMap<Kind, u64>,
}

/// A line of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LogLine {
    /// One target fails.
    Fails {
        target: TargetName,
        kind: Kind,
        problem: String,
    },
    /// One target answers again.
    Answers { target: TargetName, kind: Kind },
    /// Many targets fail.
    ManyFail {
        count: u64,
        /// The numbers by kind: `3900 apc-pdu, 102 ups`.
        kinds: String,
        /// The problem of one of them.
        problem: String,
    },
    /// Many targets answer again.
    ManyAnswer {
        count: u64,
        /// The numbers by kind.
        kinds: String,
    },
}

impl Turns {
    /// Records a change of health.
    pub fn note(&mut self, target: &TargetName, kind: &Kind, turn: HealthTurn) {
        let (side, problem) = match turn {
            HealthTurn::Fails(problem) => (&mut self.fails, Some(problem)),
            HealthTurn::Answers => (&mut self.answers, None),
        };
        side.count += 1;
        if side.first.len() < MAX_EACH {
            side.first.push((target.clone(), kind.clone(), problem));
        }
        *side.kinds.entry(kind.clone()).or_default() += 1;
    }

    /// Takes the changes, as lines of the log.
    pub fn take(&mut self) -> Vec<LogLine> {
        let fails = std::mem::take(&mut self.fails).lines(
            |target, kind, problem| LogLine::Fails {
                target,
                kind,
                problem,
            },
            |count, kinds, problem| LogLine::ManyFail {
                count,
                kinds,
                problem,
            },
        );
        let answers = std::mem::take(&mut self.answers).lines(
            |target, kind, _| LogLine::Answers { target, kind },
            |count, kinds, _| LogLine::ManyAnswer { count, kinds },
        );
        fails.into_iter().chain(answers).collect()
    }
}

impl TurnCounts {
    fn lines(
        self,
        one: impl Fn(TargetName, Kind, String) -> LogLine,
        many: impl Fn(u64, String, String) -> LogLine,
    ) -> Vec<LogLine> {
        let text =
            |problem: Option<Problem>| problem.map_or_else(String::new, |one| one.to_string());
        if self.count <= MAX_EACH as u64 {
            let each = self.first.into_iter();
            return each
                .map(|(target, kind, problem)| one(target, kind, text(problem)))
                .collect();
        }
        let mut kinds: Vec<_> = self.kinds.into_iter().collect();
        kinds.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let kinds: Vec<String> = kinds
            .iter()
            .take(MAX_EACH)
            .map(|(kind, count)| format!("{count} {kind}"))
            .collect();
        let problem = self.first.into_iter().find_map(|(_, _, problem)| problem);
        vec![many(self.count, kinds.join(", "), text(problem))]
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::Cure;

    use super::*;

    #[test]
    fn a_few_turns_are_reported_one_by_one_and_many_in_one_line() {
        let kind = |name: &str| Kind::new(name).unwrap();
        let name = |at: usize| TargetName::new(format!("t-{at}")).unwrap();
        let problem = Problem::new("unreachable", Cure::Operator, "no answer");
        let mut turns = Turns::default();
        assert!(turns.take().is_empty());
        turns.note(&name(1), &kind("ups"), HealthTurn::Fails(problem.clone()));
        turns.note(&name(1), &kind("ups"), HealthTurn::Answers);
        let fails = LogLine::Fails {
            target: name(1),
            kind: kind("ups"),
            problem: problem.to_string(),
        };
        let answers = LogLine::Answers {
            target: name(1),
            kind: kind("ups"),
        };
        assert_eq!(turns.take(), [fails, answers]);
        for at in 0..4000 {
            let kind = kind(if at % 4 == 0 { "ups" } else { "apc-pdu" });
            turns.note(&name(at), &kind, HealthTurn::Fails(problem.clone()));
        }
        let many = LogLine::ManyFail {
            count: 4000,
            kinds: "3000 apc-pdu, 1000 ups".into(),
            problem: problem.to_string(),
        };
        assert_eq!(turns.take(), [many]);
        assert!(turns.take().is_empty());
    }
}
