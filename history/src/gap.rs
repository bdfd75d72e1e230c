//! Gaps: times without values, and the reason of each. Pure.

use std::sync::Arc;

use crate::time::Millis;

/// The logic environment did not run, or could not write.
pub const AWAY: &str = "history-away";
/// The disk had no room.
pub const NO_ROOM: &str = "history-disk-full";
/// More arrived than could be written.
pub const TOO_FAST: &str = "history-too-fast";
/// A block or a part of the journal is damaged.
pub const DAMAGED: &str = "history-damaged";
/// An order has stopped whoever would have read it.
pub const PAUSED: &str = "paused";
/// No attempt is known: no schedule, or nobody to carry it out.
pub const NOT_READ: &str = "not-read";

/// The number of usual intervals without a value after which there is a gap.
const PATIENCE: i64 = 3;

/// A time without values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    pub from: Millis,
    pub to: Millis,
    /// The code of the reason.
    pub code: Arc<str>,
}

/// A moment of a series as far as gaps need it: the time, and the code of a failed attempt.
pub type Mark = (Millis, Option<Arc<str>>);

/// Returns the gaps of a series between `from` and `to`: after a failed attempt, and where values
/// are missing for longer than usual. `own` are times in which history itself was away.
pub fn gaps(marks: &[Mark], own: &[Gap], (from, to): (Millis, Millis)) -> Vec<Gap> {
    let usual = usual_interval(marks);
    let is_empty = marks.iter().all(|(_, hole)| hole.is_some());
    let mut gaps: Vec<Gap> = Vec::new();
    let mut last = from;
    let mut reason: Option<Arc<str>> = None;
    let end = [(to, None)];
    for (seen, hole) in marks.iter().chain(&end) {
        if let Some(code) = hole {
            reason = Some(Arc::clone(code));
            continue;
        }
        let distance = seen.saturating_sub(last);
        let is_long = usual.is_some_and(|usual| distance > usual.saturating_mul(PATIENCE));
        let is_lost = has_loss(own, last, *seen);
        if reason.is_some() || is_lost || is_long || is_empty && distance > 0 {
            gaps.extend(split(last, *seen, reason.take(), own, usual.unwrap_or(0)));
        }
        last = *seen;
    }
    gaps
}

/// Returns the gaps of a series in steps: those without a figure, with what its failed attempts and
/// history itself tell of them. Steps that are shorter than the `usual` interval between values are
/// no gap.
pub fn missing(
    figures: &[(Millis, f64)],
    holes: &[(Millis, Arc<str>)],
    own: &[Gap],
    (from, to, step): (Millis, Millis, Millis),
    usual: Option<Millis>,
) -> Vec<Gap> {
    let patience = match usual {
        Some(usual) if usual >= step => usual.saturating_mul(PATIENCE),
        _ => 0,
    };
    let mut gaps = Vec::new();
    let mut at = from;
    let starts = figures.iter().map(|(start, _)| *start).chain([to]);
    for start in starts {
        if start > at {
            let first = holes.partition_point(|(seen, _)| *seen < at);
            let inside = holes[first..].iter().take_while(|(seen, _)| *seen < start);
            let code = inside.last().map(|(_, code)| Arc::clone(code));
            let is_long = start.saturating_sub(at) > patience;
            if code.is_some() || is_long || has_loss(own, at, start) {
                gaps.extend(split(at, start, code, own, step.max(usual.unwrap_or(0))));
            }
        }
        at = at.max(start.saturating_add(step));
    }
    gaps
}

/// Returns true if something that arrived between two times was certainly lost. While a process was
/// away, perhaps nothing would have arrived.
fn has_loss(own: &[Gap], from: Millis, to: Millis) -> bool {
    own.iter()
        .any(|one| &*one.code != AWAY && one.from < to && one.to > from)
}

/// Returns the median distance between values.
fn usual_interval(marks: &[Mark]) -> Option<i64> {
    let values = marks.iter().filter(|(_, hole)| hole.is_none());
    let times: Vec<i64> = values.map(|(seen, _)| *seen).collect();
    median_distance(&times)
}

/// Returns the median distance between times.
pub fn median_distance(times: &[Millis]) -> Option<Millis> {
    let mut distances: Vec<i64> = times
        .windows(2)
        .map(|two| two[1].saturating_sub(two[0]))
        .collect();
    let middle = distances.len() / 2;
    (!distances.is_empty()).then(|| *distances.select_nth_unstable(middle).1)
}

/// Returns a gap, in parts where history itself was away. What lies between for no longer than is
/// usual, and for no other reason, belongs to those.
fn split(
    from: Millis,
    to: Millis,
    reason: Option<Arc<str>>,
    own: &[Gap],
    usual: Millis,
) -> Vec<Gap> {
    let usual = if reason.is_some() { 0 } else { usual };
    let rest: Arc<str> = reason.unwrap_or_else(|| NOT_READ.into());
    let mut parts: Vec<Gap> = Vec::new();
    let mut at = from;
    for away in own.iter().filter(|one| one.from < to && one.to > from) {
        let (mut start, mut end) = (away.from.max(at), away.to.min(to));
        if start.saturating_sub(at) <= usual {
            start = at;
        }
        if to.saturating_sub(end) <= usual {
            end = to;
        }
        for (from, to, code) in [(at, start, &rest), (start, end, &away.code)] {
            if to > from {
                let code = Arc::clone(code);
                parts.push(Gap { from, to, code });
                at = to;
            }
        }
    }
    if to > at {
        let (from, code) = (at, rest);
        parts.push(Gap { from, to, code });
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marks(given: &str) -> Vec<Mark> {
        let signs = given.chars().enumerate();
        let mark = |(at, sign)| match sign {
            'v' => Some((at as i64 * 10, None)),
            'x' => Some((at as i64 * 10, Some("unreachable".into()))),
            _ => None,
        };
        signs.filter_map(mark).collect()
    }

    fn shown(gaps: &[Gap]) -> Vec<(i64, i64, &str)> {
        gaps.iter()
            .map(|gap| (gap.from, gap.to, &*gap.code))
            .collect()
    }

    #[test]
    fn each_gap_has_a_reason() {
        let away = [Gap {
            from: 35,
            to: 65,
            code: AWAY.into(),
        }];
        let in_parts = [(20, 35, NOT_READ), (35, 70, AWAY)];
        for (given, own, expect) in [
            ("vvvvvvvvv", &[][..], &[][..]),
            ("vvvxvvvvv", &[], &[(20, 40, "unreachable")]),
            ("vvv    vv", &[], &[(20, 70, NOT_READ)]),
            ("vvv v vvv", &[], &[]),
            ("vvv    vv", &away, &in_parts),
            ("vvvvvvxxx", &[], &[(50, 90, "unreachable")]),
            ("         ", &[], &[(0, 90, NOT_READ)]),
            ("x  x  x  ", &[], &[(0, 90, "unreachable")]),
        ] {
            let found = gaps(&marks(given), own, (0, 90));
            assert_eq!(shown(&found), expect, "{given:?}");
        }
    }

    #[test]
    fn steps_without_a_figure_are_gaps() {
        let figures = [(0, 1.0), (10, 1.0), (50, 1.0)];
        let holes = [(25, "unreachable".into()), (31, "breaker-open".into())];
        let found = missing(&figures, &holes, &[], (0, 80, 10), None);
        // Values each 20, shown each 10.
        let slow = [(0, 1.0), (20, 1.0), (40, 1.0), (60, 1.0)];
        let late = missing(&slow, &[], &[], (0, 200, 10), Some(20));
        assert_eq!(shown(&late), [(70, 200, NOT_READ)]);
        assert_eq!(
            shown(&found),
            [(20, 50, "breaker-open"), (60, 80, NOT_READ)]
        );
    }
}
