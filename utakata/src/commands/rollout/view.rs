//! Rollouts in words.

use std::time::Duration;

use utakata_api::rollout::{ReadBack, Rollout, RolloutProgress, RolloutState};
use utakata_model::{RolloutPhase, rollout::Sample};

use crate::output::{Cell, Row, Table, Tone, plain, time, words};

impl Row for Rollout {
    const HEADERS: &'static [&'static str] = &[
        "ROLLOUT", "KIND", "FROM", "TO", "STATE", "DONE IN", "BY", "BEGAN", "PROBLEM",
    ];

    fn cells(&self) -> Vec<Cell> {
        let is_done = |one: &&RolloutProgress| one.phase == RolloutPhase::Done;
        let done = self.environments.values().filter(is_done).count();
        vec![
            self.id.to_string().into(),
            self.kind.to_string().into(),
            self.from.version.to_string().into(),
            self.to.version.to_string().into(),
            state(self.state),
            format!("{done} of {}", self.environments.len()).into(),
            self.by.to_string().into(),
            time::clock(self.began).into(),
            words::problem(self.problem.as_ref()),
        ]
    }
}

/// Formats a rollout: its state, its environments, and what they have seen.
pub fn page(rollout: &Rollout, colours: bool) -> String {
    let mut table = Table::new(Rollout::HEADERS);
    table.add(rollout.cells());
    let mut page = table.render(colours);
    page.push('\n');
    if let Some(why) = &rollout.why {
        page.push_str(&format!("why: {}\n", plain::line(why)));
    }
    if let Some(changed) = &rollout.changed {
        let why = changed.why.as_ref();
        let why = why.map_or_else(String::new, |why| format!(": {}", plain::line(why)));
        page.push_str(&format!("last decided by {}{why}\n", changed.by));
    }
    page.push('\n');
    let mut table = Table::new(&[
        "ENVIRONMENT",
        "WAVE",
        "PHASE",
        "SHADOW",
        "SHARE",
        "NEW RELEASE",
        "RELEASE BEFORE",
        "PROBLEM",
    ]);
    for (id, environment) in &rollout.environments {
        let mut cells: Vec<Cell> = vec![id.to_string().into()];
        cells.extend(environment_cells(environment, rollout));
        table.add(cells);
    }
    page.push_str(&table.render(colours));
    page.push('\n');
    differences(rollout, &mut page);
    progress(rollout, &mut page);
    quiet(rollout, &mut page);
    for (release, read) in [
        (&rollout.to, rollout.read_back),
        (&rollout.from, rollout.read_back_before),
    ] {
        if read != ReadBack::default() {
            page.push_str(&format!(
                "control of {} read back: {} shown, {} not shown\n",
                release.version, read.shown, read.not_shown
            ));
        }
    }
    page
}

/// Adds a line for each difference between the answers of the two releases.
fn differences(rollout: &Rollout, page: &mut String) {
    for (id, environment) in &rollout.environments {
        for one in &environment.evidence.differences {
            page.push_str(&format!(
                "{id}: {} is {} with {} and {} with {} ({} times)\n",
                plain::line(&one.what),
                words::measured(&one.what, &one.stable),
                rollout.from.version,
                words::measured(&one.what, &one.candidate),
                rollout.to.version,
                one.times
            ));
        }
    }
}

/// Adds the progress of each environment that gathers evidence, and a way to end that sooner.
fn progress(rollout: &Rollout, page: &mut String) {
    let is_over = rollout.state.is_over();
    for (id, environment) in &rollout.environments {
        if let Some(line) = waits_for(environment).filter(|_| !is_over) {
            page.push_str(&format!(
                "{id}: {line}; `utakata rollout promote {}` proceeds at once\n",
                rollout.id
            ));
        }
        if let Some(few) = environment.evidence.judged_by {
            page.push_str(&format!(
                "{id}: the canary was judged by {few} tasks instead of {} at each share \
                 (--canary-time): a release of which 1 of {} tasks fails could have passed\n",
                rollout.plan.canary_tasks,
                // The rule of three: of 20 releases that fail more often, 19 would have shown it.
                (few / 3).max(1)
            ));
        }
    }
}

/// Formats `canary: 29 of 100 tasks, about 40 min more at 1 task every 12 s`.
fn waits_for(environment: &RolloutProgress) -> Option<String> {
    let progress = environment.evidence.progress?;
    let item = match environment.phase {
        RolloutPhase::Shadow => "answer",
        RolloutPhase::Canary => "task",
        _ => return None,
    };
    let (phase, seen, of) = (phase_word(environment.phase), progress.seen, progress.of);
    let mut line = format!("{phase}: {seen} of {of} {item}s");
    let left = progress
        .left
        .and_then(|left| Duration::try_from_secs_f64(left).ok());
    if let (Some(left), Some(pace)) = (left, progress.per_second.filter(|pace| *pace > 0.0)) {
        let left = about(left);
        line.push_str(&if pace < 1.0 {
            let every = Duration::try_from_secs_f64(1.0 / pace).unwrap_or(Duration::MAX);
            format!(", about {left} more at 1 {item} every {}", about(every))
        } else {
            format!(", about {left} more at {pace:.0} {item}s a second")
        });
    }
    Some(line)
}

/// Formats a time in familiar terms: `40 s`, `12 min`, `3.5 h`.
fn about(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    match seconds {
        _ if seconds < 90.0 => format!("{:.0} s", seconds.max(1.0)),
        _ if seconds < 90.0 * 60.0 => format!("{:.0} min", seconds / 60.0),
        _ => format!("{:.1} h", seconds / 3600.0),
    }
}

/// Adds a line for each environment that has seen nothing yet in its phase, and what to do.
fn quiet(rollout: &Rollout, page: &mut String) {
    let kind = &rollout.kind;
    for (id, environment) in &rollout.environments {
        let evidence = &environment.evidence;
        let waits = match environment.phase {
            RolloutPhase::Shadow if evidence.compared == 0 => "no read to compare has arrived yet",
            RolloutPhase::Canary if evidence.candidate.tasks == 0 => "no task has arrived yet",
            _ => continue,
        };
        page.push_str(&format!(
            "{id}: {waits}: `utakata read kind={kind}` gives it one, `utakata rollout promote \
             {kind}` continues without\n"
        ));
    }
}

/// Formats the progress of a rollout in one line.
pub fn step(rollout: &Rollout) -> String {
    let phases = rollout.environments.iter().map(|(id, environment)| {
        let share = environment.evidence.share;
        match environment.phase {
            RolloutPhase::Canary => format!("{id} canary {:.0} %", share * 100.0),
            phase => format!("{id} {}", phase_word(phase)),
        }
    });
    let phases: Vec<String> = phases.collect();
    format!(
        "{} {} to {}: {}; {}",
        rollout.kind,
        rollout.from.version,
        rollout.to.version,
        state(rollout.state).text,
        phases.join(", ")
    )
}

fn environment_cells(environment: &RolloutProgress, rollout: &Rollout) -> Vec<Cell> {
    let evidence = &environment.evidence;
    let shadow = match (environment.phase, evidence.compared) {
        (RolloutPhase::Shadow, seen) => format!(
            "{seen} of {} seen, {} differ",
            rollout.plan.shadow_answers, evidence.differing
        ),
        (_, 0) => String::new(),
        (_, all) => format!("{} of {all} differ", evidence.differing),
    };
    let share = match environment.phase {
        RolloutPhase::Canary => format!("{:.0} %", evidence.share * 100.0),
        _ => String::new(),
    };
    let tone = match environment.phase {
        RolloutPhase::Done => Tone::Good,
        RolloutPhase::Back => Tone::Bad,
        _ => Tone::Plain,
    };
    vec![
        (environment.wave + 1).to_string().into(),
        Cell::toned(phase_word(environment.phase), tone),
        shadow.into(),
        share.into(),
        sample(&evidence.candidate).into(),
        sample(&evidence.stable).into(),
        words::problem(environment.problem.as_ref()),
    ]
}

fn sample(sample: &Sample) -> String {
    if sample.tasks == 0 {
        return String::new();
    }
    let took = |seconds: f64| words::took(Duration::try_from_secs_f64(seconds).unwrap_or_default());
    let bad = sample.failed + sample.unknown;
    format!(
        "{} tasks, {bad} bad, p50 {}, p99 {}",
        sample.tasks,
        took(sample.p50),
        took(sample.p99)
    )
}

fn phase_word(phase: RolloutPhase) -> &'static str {
    match phase {
        RolloutPhase::Waiting => "waiting",
        RolloutPhase::Starting => "starting",
        RolloutPhase::Shadow => "shadow",
        RolloutPhase::Canary => "canary",
        RolloutPhase::Rolling => "rolling",
        RolloutPhase::Done => "done",
        RolloutPhase::Back => "back",
    }
}

fn state(state: RolloutState) -> Cell {
    let (word, tone) = match state {
        RolloutState::Running => ("running", Tone::Plain),
        RolloutState::Paused => ("paused", Tone::Doubtful),
        RolloutState::GoingBack => ("going back", Tone::Bad),
        RolloutState::Aborting => ("being aborted", Tone::Doubtful),
        RolloutState::Done => ("done", Tone::Good),
        RolloutState::Failed => ("failed", Tone::Bad),
        RolloutState::Aborted => ("aborted", Tone::Doubtful),
    };
    Cell::toned(word, tone)
}

#[cfg(test)]
mod tests {
    use utakata_model::rollout::{Evidence, Progress};

    use super::*;

    #[test]
    fn the_progress_and_the_time_left_are_said_in_words() {
        for (phase, seen, of, per_second, left, expect) in [
            (
                RolloutPhase::Canary,
                29,
                100,
                Some(1.0 / 12.0),
                Some(2400.0),
                Some("canary: 29 of 100 tasks, about 40 min more at 1 task every 12 s"),
            ),
            (
                RolloutPhase::Shadow,
                5,
                30,
                Some(2.0),
                Some(12.5),
                Some("shadow: 5 of 30 answers, about 12 s more at 2 answers a second"),
            ),
            (
                RolloutPhase::Canary,
                0,
                100,
                None,
                None,
                Some("canary: 0 of 100 tasks"),
            ),
            (RolloutPhase::Rolling, 0, 0, None, None, None),
        ] {
            let environment = RolloutProgress {
                wave: 0,
                phase,
                promoted: None,
                evidence: Evidence {
                    progress: Some(Progress {
                        seen,
                        of,
                        per_second,
                        left,
                    }),
                    ..Evidence::default()
                },
                problem: None,
            };
            assert_eq!(waits_for(&environment).as_deref(), expect);
        }
    }
}
