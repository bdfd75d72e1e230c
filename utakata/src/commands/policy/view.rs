//! Policies as lines and rows.

use utakata_api::policy::{
    ArmPolicy, PolicyArmed, PolicyChange, PolicyExplanation, PolicyInput, PolicyInstance,
    PolicyTest, PolicyView,
};
use utakata_model::{PolicyName, duration, policy::Mode};

use crate::output::{Cell, Row, Tone, time, words};

impl Row for PolicyView {
    const HEADERS: &'static [&'static str] = &["NAME", "MODE", "CHANGED", "NOW", "ABOUT"];
    const SORTED_BY: usize = 1;

    fn cells(&self) -> Vec<Cell> {
        let changes: usize = self.instances.iter().map(|one| one.changes.len()).sum();
        let mode = match (self.mode, self.hands_back, &self.stopped) {
            (_, true, _) => Cell::toned("hands back", Tone::Doubtful),
            (_, _, Some(_)) => Cell::toned("stopped", Tone::Doubtful),
            (Mode::Off, ..) => Cell::dim("off"),
            (mode, ..) => mode.as_str().into(),
        };
        vec![
            self.policy.name.to_string().into(),
            mode,
            match changes {
                0 => String::new(),
                changes => changes.to_string(),
            }
            .into(),
            now(self).into(),
            self.policy.about.clone().into(),
        ]
    }
}

/// Returns what a policy does now, of several instances those that do most.
fn now(policy: &PolicyView) -> String {
    if let Some(stopped) = &policy.stopped {
        return stopped.clone();
    }
    let busy = |one: &&PolicyInstance| one.decision != "nothing";
    match policy.instances.as_slice() {
        [] => "no target".into(),
        [one] => one.why.clone(),
        several => match several.iter().filter(busy).collect::<Vec<_>>().as_slice() {
            [] => format!("nothing, on {} targets", several.len()),
            [first, rest @ ..] => {
                let target = first.target.as_ref().map(ToString::to_string);
                let more = match rest.len() {
                    0 => String::new(),
                    more => format!(", and {more} more"),
                };
                format!("{}: {}{more}", target.unwrap_or_default(), first.why)
            }
        },
    }
}

/// Returns everything about a policy.
pub fn page(policy: &PolicyView) -> String {
    let mut lines = vec![format!(
        "{} is {}",
        policy.policy.name,
        policy.mode.as_str()
    )];
    if !policy.policy.about.is_empty() {
        lines.push(format!("  about      {}", policy.policy.about));
    }
    if let Some(until) = policy.until {
        lines.push(format!("  until      {}", time::moment(until)));
    }
    if let Some(by) = &policy.by {
        lines.push(format!("  by         {by}"));
    }
    if let Some(stopped) = &policy.stopped {
        lines.push(format!("  stopped    {stopped}"));
    }
    if policy.hands_back {
        lines.push("  hands back what it has changed".into());
    }
    if let Some(by) = &policy.asked_by {
        lines.push(format!(
            "  {by} has asked to arm it: somebody else has to, too"
        ));
    }
    for instance in &policy.instances {
        lines.extend(self::instance(instance));
    }
    lines.join("\n")
}

/// Formats what a policy saw and decided at a time, and why.
pub fn explanation(explained: &PolicyExplanation) -> String {
    let how = match (explained.recomputed, explained.exact) {
        (true, true) => ", as it was decided: computed from history",
        (true, false) => ", computed from history as if it were in shadow",
        (false, _) => "",
    };
    let at = time::moment(explained.at);
    let mut lines = vec![format!("{} at {at}{how}", explained.policy)];
    for instance in &explained.instances {
        lines.extend(self::instance(instance));
    }
    lines.join("\n")
}

fn instance(instance: &PolicyInstance) -> Vec<String> {
    let of = instance.target.as_ref();
    let of = of.map_or_else(String::new, |target| format!("{target}: "));
    let mut lines = vec![format!("  {of}{}: {}", instance.decision, instance.why)];
    lines.extend(instance.inputs.iter().map(input));
    for (name, value) in &instance.lets {
        lines.push(format!("    {name:<12} {}", number(value)));
    }
    for (name, holds) in &instance.conditions {
        if let Some(holds) = holds {
            lines.push(format!("    {name:<12} {holds}"));
        }
    }
    lines.extend(instance.changes.iter().map(change));
    let needs = instance.needs.iter();
    lines.extend(needs.map(|need| format!("    to act       {need}")));
    lines
}

fn number(value: &serde_json::Value) -> String {
    match value.as_f64() {
        Some(number) => format!("{}", (number * 1000.0).round() / 1000.0),
        None => match value.as_str() {
            Some(text) => text.to_owned(),
            None => value.to_string(),
        },
    }
}

fn input(input: &PolicyInput) -> String {
    let name = &input.name;
    let seen = format!("{} of {}", input.present, input.of);
    match (&input.missing, input.age) {
        (Some(missing), _) => format!("    {name:<12} not known: {missing}"),
        (None, Some(age)) => {
            let age = duration::format(std::time::Duration::from_secs(age.as_secs()));
            format!(
                "    {name:<12} {} ({age} old, {seen})",
                number(&input.value)
            )
        }
        (None, None) => format!("    {name:<12} {} ({seen})", number(&input.value)),
    }
}

fn change(change: &PolicyChange) -> String {
    let outlet = change.outlet.as_ref();
    let outlet = outlet.map_or_else(String::new, |outlet| format!(":{outlet}"));
    let lets_go = change.lets_go.map(time::moment);
    let lets_go = lets_go.map_or_else(String::new, |at| {
        format!("; taken back by itself at {at} unless it is renewed")
    });
    format!(
        "    changed      {} on {}{outlet} {} ({}{lets_go})",
        change.action,
        change.target,
        words::ago(change.at),
        change.stage
    )
}

/// Returns the result of a test.
pub fn test(name: &PolicyName, test: &PolicyTest) -> String {
    let mut lines = vec![format!(
        "from {} to {}: {} decisions, blind in {}; episodes in which it would have acted: {}, acts: {}",
        time::moment(test.from),
        time::moment(test.to),
        test.decisions,
        test.blind,
        test.episodes,
        test.act_count
    )];
    for one in &test.acts {
        let target = one.target.as_ref();
        let target = target.map_or_else(String::new, |target| format!("{target}: "));
        let at = time::moment(one.at);
        lines.push(format!("  {at}  {:<5} {target}{}", one.decision, one.why));
    }
    if test.of > 1 {
        lines.push(format!("tested: {} of {} targets", test.instances, test.of));
    }
    match &test.token {
        Some(token) => {
            lines.push(format!("token {token}"));
            lines.push(format!(
                "to arm it: utakata policy arm {name} --token {token} --for 7d"
            ));
        }
        None => lines.push(
            "it cannot be armed: not all of its targets were tested; let `for_each` select fewer, \
             in several policies if need be"
                .into(),
        ),
    }
    lines.join("\n")
}

/// Returns the answer to who has armed a policy.
pub fn armed(name: &PolicyName, arm: &ArmPolicy, armed: &PolicyArmed) -> String {
    let lasts = duration::format(arm.lasts);
    match armed.needs_second {
        true => format!(
            "{name} has an action of high risk: it is armed once somebody else gives the same command"
        ),
        false if arm.advise => format!("{name} gives advice for {lasts}"),
        false => format!("{name} is armed for {lasts}"),
    }
}
