//! An alarm as lines.

use utakata_api::alarm::{AlarmExplanation, AlarmHold, AlarmView};

use crate::output::{time, words};

/// Returns everything about an alarm.
pub fn page(alarm: &AlarmView) -> String {
    let mut lines = vec![
        format!(
            "{} {}: {}",
            alarm.severity.as_str(),
            alarm.state.as_str(),
            alarm.text
        ),
        format!("  id        {}", alarm.id),
        format!("  rule      {}", alarm.rule),
        format!("  target    {}", alarm.target),
    ];
    if !alarm.attributes.is_empty() {
        lines.push(format!("  series    {}", words::pairs(&alarm.attributes)));
    }
    lines.push(format!("  raised    {}", time::moment(alarm.raised)));
    if let Some(over) = alarm.over {
        lines.push(format!("  over      {}", time::moment(over)));
    }
    if let Some(heard) = alarm.heard {
        lines.push(format!("  heard     {}", words::ago(heard)));
    }
    if alarm.flapping {
        lines.push(format!("  flapping  {} times lately", alarm.times));
    }
    if let Some(seen) = &alarm.seen {
        let why = seen
            .why
            .as_deref()
            .map(|why| format!(": {why}"))
            .unwrap_or_default();
        lines.push(format!(
            "  seen by   {} {}{why}",
            seen.by,
            words::ago(seen.at)
        ));
    }
    lines.extend(alarm.held.as_ref().map(held));
    if alarm.explains > 0 {
        lines.push(format!("  explains  {} others", alarm.explains));
    }
    if alarm.active && !alarm.what_to_do.is_empty() {
        lines.push(format!("  do        {}", alarm.what_to_do));
    }
    lines.join("\n")
}

fn held(hold: &AlarmHold) -> String {
    match hold {
        AlarmHold::Person { shelved, until } => {
            let why = shelved.why.as_deref().unwrap_or_default();
            format!(
                "  shelved   by {} until {}: {why}",
                shelved.by,
                time::moment(*until)
            )
        }
        AlarmHold::Lock { until } => {
            format!(
                "  held      its target is locked until {}",
                time::moment(*until)
            )
        }
        AlarmHold::Cause { cause } => format!("  because   {cause} explains it"),
        AlarmHold::Suspicion { .. } => "  held      what may explain it is being read".into(),
    }
}

/// Returns the explanation of an alarm.
pub fn explanation(explanation: &AlarmExplanation) -> String {
    let mut lines = vec![page(&explanation.alarm), String::new()];
    let sentences = explanation.lines.iter();
    lines.extend(sentences.map(|line| time::localised(line).into_owned()));
    let listed = explanation.explained.len() as u64;
    for explained in &explanation.explained {
        lines.push(format!("  explains: {}", explained.text));
    }
    let more = explanation.alarm.explains.saturating_sub(listed);
    if more > 0 && listed > 0 {
        lines.push(format!("  and {more} more"));
    }
    lines.join("\n")
}
