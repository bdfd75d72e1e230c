//! `/v1/alarm-rules/test`: the alarms that rules would have raised in the past.

use std::{collections::BTreeMap, sync::Arc};

use axum::Json;
use jiff::{SignedDuration, Timestamp};
use utakata_alarm::{Compiled, Occurrence, Watch, report};
use utakata_api::{
    alarm::{AlarmRuleTest, AlarmRuleView, AlarmSpell, AlarmTest, RuleOrigin, TestAlarmRules},
    problem::Detail,
};
use utakata_history::Range;
use utakata_model::{AlarmName, AlarmRule};

use crate::{
    alarms::replay::{Past, Replayed, TargetSpell},
    clock,
    code::Code,
    http::{
        Refused,
        allowed::{Allowed, ToSeeAll},
        body, history, query, reason,
    },
    inventory,
};

/// The time if none is given.
const USUAL: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The largest number of rules of a request.
const MAX_RULES: usize = 20;
/// The largest number of targets of a request.
const MAX_TARGETS: usize = 20_000;
/// The beginning of the names of utakata's own figures.
const OWN: &str = "utakata.self.";

/// A rule to test, and its origin.
type Rule = (RuleOrigin, Arc<Compiled>);

/// Finds the alarms that rules would have raised in the past: the same decisions, over history.
///
/// Targets, their labels and schedules are those of today; causes, locks and people's acts of that
/// time do not count. Nothing is stored. What would take too long is refused.
#[utoipa::path(post, path = "/v1/alarm-rules/test", operation_id = "test_alarm_rules",
    tag = "alarms", request_body = TestAlarmRules,
    responses((status = 200, description = "The alarms", body = AlarmTest)))]
pub(in crate::http) async fn post(
    Allowed { api, .. }: Allowed<ToSeeAll>,
    body::Json(test): body::Json<TestAlarmRules>,
) -> Result<Json<AlarmTest>, Refused> {
    reason::check_size(&test.selector, &serde_json::Map::new())?;
    let limit = query::limit(test.limit)?;
    let (from, to) = range(&test, clock::now())?;
    let rules = rules(&test, super::all(&api))?;
    let targets = api.handle.inventory().select(&test.selector);
    if targets.len() > MAX_TARGETS {
        let detail = format!("more than {MAX_TARGETS} targets are selected");
        return Err(too_large(&detail));
    }
    let past = api.handle.history().ok_or_else(history::away)?;
    let coverage = api.handle.observe().coverage();
    let range = Range {
        from: from.as_millisecond(),
        to: to.as_millisecond(),
    };
    let mut past = Past::begin(past, coverage, range).await.map_err(refused)?;
    let mut tests = Vec::with_capacity(rules.len());
    for (origin, rule) in rules {
        let found = past.replay(&rule, &targets).await.map_err(refused)?;
        tests.push(view((origin, rule), found, (from, to), limit));
    }
    Ok(Json(AlarmTest {
        from,
        to,
        rules: tests,
    }))
}

fn range(test: &TestAlarmRules, now: Timestamp) -> Result<(Timestamp, Timestamp), Refused> {
    let to = test.to.unwrap_or(now).min(now);
    let from = test.from.or_else(|| to.checked_sub(USUAL).ok());
    match from {
        Some(from) if from < to => Ok((from, to)),
        _ => Err(query::invalid("from is not before to, or not in the past")),
    }
}

/// Returns the rules of the request, and those in force that it names.
fn rules(
    test: &TestAlarmRules,
    mut in_force: BTreeMap<AlarmName, AlarmRuleView>,
) -> Result<Vec<Rule>, Refused> {
    let count = test.rules.len() + test.names.len();
    if !(1..=MAX_RULES).contains(&count) {
        let detail = format!("{count} rules are given, of 1 to {MAX_RULES}");
        let cure = "give rules in rules, or names of rules in force in names";
        return Err(Refused::new(Code::BodyInvalid, detail, cure));
    }
    let own = test.rules.iter().cloned();
    let mut rules: Vec<(RuleOrigin, AlarmRule)> =
        own.map(|rule| (RuleOrigin::Request, rule)).collect();
    for name in &test.names {
        let Some(found) = in_force.remove(name) else {
            return Err(
                inventory::Error::none("alarm-rule", name.as_str(), in_force.keys()).into(),
            );
        };
        let origin = match found.shipped {
            true => RuleOrigin::Shipped,
            false => RuleOrigin::Site,
        };
        rules.push((origin, found.rule));
    }
    let mut problems = Vec::new();
    let mut compiled = Vec::new();
    for (origin, rule) in rules {
        let subject = format!("alarm {}", rule.name);
        match Compiled::new(rule) {
            Ok(rule) => compiled.push((origin, Arc::new(rule))),
            Err(wrong) => problems.extend(wrong.into_iter().map(|wrong| Detail {
                subject: subject.clone(),
                message: format!("{}: {}", wrong.field, wrong.message),
            })),
        }
    }
    match problems.is_empty() {
        true => Ok(compiled),
        false => Err(inventory::Error::Documents { problems }.into()),
    }
}

fn view(
    (origin, rule): Rule,
    found: Replayed,
    (from, to): (Timestamp, Timestamp),
    limit: usize,
) -> AlarmRuleTest {
    let name = rule.rule().name.clone();
    let occurrences = found.spells.iter().map(|one| Occurrence {
        rule: name.clone(),
        target: one.target.clone(),
        raised: one.spell.raised,
        over: one.spell.over,
    });
    let occurrences: Vec<Occurrence> = occurrences.collect();
    // A history that is shorter than the time would make the figures better than they are.
    let figures = report(&occurrences, found.first.unwrap_or(from).max(from), to);
    let notes = notes(&rule, &found);
    let hidden = found.spells.len().saturating_sub(limit);
    AlarmRuleTest {
        rule: name,
        origin,
        targets: found.targets,
        series: found.series,
        values: found.values,
        first: found.first,
        alarms: found.spells.len() as u64,
        per_day: figures.per_day,
        most_in_ten_minutes: figures.most_in_ten_minutes,
        spells: found.spells.into_iter().skip(hidden).map(spell).collect(),
        notes,
    }
}

fn spell(one: TargetSpell) -> AlarmSpell {
    let attributes = one.attributes.iter();
    AlarmSpell {
        target: one.target,
        attributes: attributes
            .map(|(key, value)| (key.to_string(), value.to_string()))
            .collect(),
        raised: one.spell.raised,
        over: one.spell.over,
        value: one.spell.value,
        unit: one.unit.to_string(),
        flapping: one.spell.flapping,
        text: one.text,
    }
}

fn notes(rule: &Compiled, found: &Replayed) -> Vec<String> {
    let mut notes = Vec::new();
    let metric = rule.metric();
    if let Some(metric) = metric.filter(|metric| metric.as_str().starts_with(OWN)) {
        notes.push(format!(
            "{metric} is a figure of utakata itself, and not in history"
        ));
    } else if found.targets == 0 {
        notes.push("it is about none of these targets".into());
    } else if found.series == 0 {
        let nothing = match (rule.watch(), metric) {
            (Watch::Metric { .. }, Some(metric)) => {
                format!("nothing of {metric} was seen in this time")
            }
            _ => "no attempt to read them is known in this time".into(),
        };
        notes.push(nothing);
    }
    if found.unread > 0 {
        let unread = found.unread;
        notes.push(format!(
            "no schedule reads {unread} of the targets: nothing is expected of them"
        ));
    }
    if rule.rule().off {
        notes.push("the rule is switched off".into());
    }
    if !rule.rule().because.is_empty() {
        notes.push("alarms that others would have explained are counted, too".into());
    }
    notes
}

fn refused(error: utakata_history::Error) -> Refused {
    match error {
        utakata_history::Error::TooMuch { .. } => too_large(&error.to_string()),
        error => history::refused(&error),
    }
}

fn too_large(detail: &str) -> Refused {
    let cure = "test fewer rules at once, select fewer targets, or shorten the time";
    Refused::new(Code::HistoryTooLarge, detail, cure)
}
