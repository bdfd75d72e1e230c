//! The finding about alarms. Pure.

use utakata_api::{
    alarm::AlarmCounts,
    overview::{About, Finding, Weight},
};

/// Returns the finding about alarms, if there are any: a critical one is something wrong.
pub(super) fn finding(counts: &AlarmCounts) -> Option<Finding> {
    if counts.causes == 0 {
        return None;
    }
    let weight = match counts.critical {
        0 => Weight::Notice,
        _ => Weight::Wrong,
    };
    let causes = match counts.causes {
        1 => "1 cause of alarms".into(),
        causes => format!("{causes} causes of alarms"),
    };
    let parts = [
        (counts.critical, "critical"),
        (counts.unacknowledged, "not acknowledged"),
        (counts.explained, "others explained by them"),
        (counts.held, "held back"),
    ];
    let parts = parts.iter().filter(|(count, _)| *count > 0);
    let parts: Vec<String> = parts
        .map(|(count, word)| format!("{count} {word}"))
        .collect();
    let says = match parts.is_empty() {
        true => causes,
        false => format!("{causes}: {}", parts.join(", ")),
    };
    Some(Finding {
        weight,
        about: About::Alarm,
        subject: "alarms".into(),
        says,
        cure: Some("see them: `utakata alarm list`".into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alarms_are_told_by_the_number_of_their_causes() {
        let counts = AlarmCounts {
            causes: 3,
            explained: 40,
            unacknowledged: 2,
            critical: 1,
            held: 0,
        };
        let found = finding(&counts).unwrap();
        let expect =
            "3 causes of alarms: 1 critical, 2 not acknowledged, 40 others explained by them";
        assert_eq!(found.says, expect);
        assert_eq!(found.weight, Weight::Wrong);
        assert_eq!(finding(&AlarmCounts::default()), None);
    }
}
