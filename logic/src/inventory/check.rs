//! The requirements on a document beyond its form.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use utakata_alarm::Compiled;
use utakata_api::{apply::Document, problem::Detail};
use utakata_invariant as invariant;
use utakata_model::{
    AlarmRule, Class, Credential, Envelope, Floor, Kind, Policy, Relation, Schedule, Selector,
    Target, TargetName, Zone, duration, label, schedule::INTERVAL_MIN, suggest,
};

use super::{address, held, index::Index};
use crate::{
    kinds::{KindsSnapshot, Served},
    secrets::places,
};

/// The longest interval of a schedule: a longer one is a mistake in the unit.
/// The name that no alarm rule may have: `/v1/alarm-rules/test` is none.
const RESERVED: &str = "test";
const MAX_INTERVAL: Duration = Duration::from_secs(366 * 86_400);
/// The largest number of mistakes that are reported about documents; the search then ends.
pub const MAX_PROBLEMS: usize = 1000;

/// The findings: errors refuse the documents, warnings are reported.
#[derive(Debug, Default)]
pub(super) struct CheckFindings {
    pub errors: Vec<Detail>,
    pub warnings: Vec<Detail>,
}

/// Checks documents against each other, against the inventory, and against what is served.
pub(super) fn check(documents: &[Document], index: &Index, kinds: &KindsSnapshot) -> CheckFindings {
    let mut findings = CheckFindings::default();
    let mut subjects = BTreeSet::new();
    let credentials: BTreeMap<&str, &Credential> = documents
        .iter()
        .filter_map(|document| match document {
            Document::Credential(credential) => Some((credential.name.as_str(), credential)),
            _ => None,
        })
        .collect();
    for document in documents {
        if findings.errors.len() >= MAX_PROBLEMS {
            break;
        }
        let subject = document.subject();
        let wrong = match document {
            Document::Target(target) => {
                warn_of_kind(&subject, target, kinds, &mut findings.warnings);
                check_target(target, &credentials, index, kinds)
            }
            Document::Schedule(schedule) => check_schedule(schedule, documents, index, kinds),
            Document::Credential(credential) => check_credential(credential),
            Document::Relation(relation) => check_relation(relation, documents, index),
            Document::Alarm(rule) => check_alarm(rule),
            Document::Envelope(envelope) => check_envelope(envelope),
            Document::Policy(policy) => check_policy(policy, documents, index, kinds),
            Document::Floor(floor) => check_floor(floor),
        };
        let is_double = !subjects.insert(subject.clone());
        let double = is_double.then(|| "it is listed twice".to_owned());
        findings
            .errors
            .extend(wrong.into_iter().chain(double).map(|message| Detail {
                subject: subject.clone(),
                message,
            }));
    }
    findings
}

fn check_envelope(envelope: &Envelope) -> Vec<String> {
    let mut wrong: Vec<String> = utakata_envelope::check(&envelope.limits)
        .into_iter()
        .map(|wrong| format!("limits.{}: {}", wrong.field, wrong.message))
        .collect();
    if let Err(error) = envelope.selector.check_size() {
        wrong.push(format!("selector: {error}"));
    }
    wrong
}

fn check_floor(floor: &Floor) -> Vec<String> {
    let wrong = floor.check().into_iter();
    wrong
        .map(|wrong| format!("{}: {}", wrong.field, wrong.message))
        .collect()
}

fn check_policy(
    policy: &Policy,
    documents: &[Document],
    index: &Index,
    kinds: &KindsSnapshot,
) -> Vec<String> {
    let wrong = utakata_policy::Compiled::new(policy.clone()).err();
    let wrong = wrong.unwrap_or_default().into_iter();
    let mut wrong: Vec<String> = wrong
        .map(|wrong| format!("{}: {}", wrong.field, wrong.message))
        .collect();
    for (at, act) in policy.act.iter().enumerate() {
        let selector = act.on.selector.as_ref().or(policy.for_each.as_ref());
        // The ends of relations are looked at when it is armed.
        let Some(selector) = selector.filter(|_| act.on.relation.is_none()) else {
            continue;
        };
        let served = kinds_of(selector, documents, index).into_iter();
        let served = served.filter_map(|(kind, zone)| kinds.get(kind, zone));
        let refused = served.map(|served| served.unable(&act.action, policy.dead_man.is_some()));
        let refused: Vec<Option<String>> = refused.collect();
        // It may be for some of the kinds that it selects, and must be for at least one.
        if let Some(first) = refused.iter().flatten().next()
            && refused.iter().all(Option::is_some)
        {
            wrong.push(format!("act.{at}.action: {first}"));
        }
    }
    wrong
}

fn warn_of_kind(subject: &str, target: &Target, kinds: &KindsSnapshot, warnings: &mut Vec<Detail>) {
    if kinds.has(&target.kind) || warnings.len() >= MAX_PROBLEMS {
        return;
    }
    let kind = &target.kind;
    let hint = suggest::hint(kind.as_str(), kinds.kinds().map(Kind::as_str));
    warnings.push(Detail {
        subject: subject.to_owned(),
        message: format!("no environment serves the kind \"{kind}\" now: {hint}"),
    });
}

fn check_target(
    target: &Target,
    credentials: &BTreeMap<&str, &Credential>,
    index: &Index,
    kinds: &KindsSnapshot,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let served = kinds.get(&target.kind, &target.zone);
    wrong.extend(address::wrong(&target.address, served));
    if let Err(error) = label::validate(&target.labels) {
        wrong.push(error.to_string());
    }
    let Some(name) = &target.credential else {
        return wrong;
    };
    let there = index.credential(name).ok().map(Arc::as_ref);
    match credentials.get(name.as_str()).copied().or(there) {
        None => {
            let known = index.credentials().map(|known| known.name.as_str());
            let known: Vec<&str> = known.chain(credentials.keys().copied()).collect();
            let hint = suggest::hint(name.as_str(), known.iter().copied());
            wrong.push(format!("there is no credential \"{name}\": {hint}"));
        }
        Some(credential) => {
            wrong.extend(served.and_then(|served| unfit(credential, served)));
        }
    }
    wrong
}

/// Returns the reason why a kind cannot use a credential, never with its values.
pub(crate) fn unfit(credential: &Credential, served: &Served) -> Option<String> {
    let values = serde_json::to_value(&credential.values).unwrap_or_else(|error| {
        // A schema refuses what does not exist.
        invariant::broken("a credential that is no JSON", &error);
        serde_json::Value::Null
    });
    let in_vault: Vec<&str> = places(credential).map(|(field, _)| field).collect();
    let schema = served.credential()?;
    let refused = schema.check_secret_but(&values, &in_vault).err()?;
    Some(format!(
        "the credential \"{}\" is not what the kind \"{}\" needs: {refused}",
        credential.name, served.release.kind
    ))
}

fn check_credential(credential: &Credential) -> Vec<String> {
    let empty = credential.values.keys().any(String::is_empty);
    let wrong = empty.then(|| "a key of its values is empty".to_owned());
    let is_taken = held::is_held(&credential.name);
    let taken = is_taken.then(|| {
        "names like this are those of the secret parameters of operations: choose another".into()
    });
    let misplaced = places(credential).filter_map(|(field, place)| {
        let error = place.err()?;
        Some(format!("values.{field}: {error}"))
    });
    wrong.into_iter().chain(taken).chain(misplaced).collect()
}

fn check_relation(relation: &Relation, documents: &[Document], index: &Index) -> Vec<String> {
    let is_declared = |name: &TargetName| {
        let declared = documents.iter();
        let mut declared = declared.filter_map(|document| match document {
            Document::Target(target) => Some(&target.name),
            _ => None,
        });
        declared.any(|declared| declared == name)
    };
    let mut wrong = Vec::new();
    for end in [&relation.from, &relation.to] {
        let Some(name) = end.target() else { continue };
        if !index.targets.contains_key(name) && !is_declared(name) {
            let hint = suggest::hint(
                name.as_str(),
                index.targets.keys().map(|name| name.as_str()),
            );
            wrong.push(format!("there is no target \"{name}\": {hint}"));
        }
    }
    if relation.to.outlet().is_some() {
        wrong.push("an outlet is where a relation begins: it stands in \"from\"".into());
    }
    if relation.from == relation.to {
        wrong.push("both ends are the same".into());
    }
    wrong
}

/// Returns the mistakes of an alarm rule, each with its field.
fn check_alarm(rule: &AlarmRule) -> Vec<String> {
    let wrong = Compiled::new(rule.clone()).err().unwrap_or_default();
    let wrong = wrong.into_iter();
    let mut wrong: Vec<String> = wrong
        .map(|wrong| format!("{}: {}", wrong.field, wrong.message))
        .collect();
    if rule.name.as_str() == RESERVED {
        let message = format!("name: \"{RESERVED}\" is a path of the API: choose another");
        wrong.push(message);
    }
    wrong
}

fn check_schedule(
    schedule: &Schedule,
    documents: &[Document],
    index: &Index,
    kinds: &KindsSnapshot,
) -> Vec<String> {
    let mut wrong = Vec::new();
    if let Err(error) = schedule.selector.check_size() {
        wrong.push(error.to_string());
        return wrong;
    }
    let interval = schedule.interval;
    if !(INTERVAL_MIN..=MAX_INTERVAL).contains(&interval) {
        wrong.push(format!(
            "the interval {} is not between {} and {}",
            duration::format(interval),
            duration::format(INTERVAL_MIN),
            duration::format(MAX_INTERVAL)
        ));
    }
    if !schedule.parameters.is_object() {
        wrong.push("the parameters are not an object".into());
        return wrong;
    }
    let refusals: Vec<Option<String>> = kinds_of(&schedule.selector, documents, index)
        .into_iter()
        .filter_map(|(kind, zone)| kinds.get(kind, zone))
        .map(|served| refuses(served, schedule))
        .collect();
    // A schedule may be for some of the kinds that it selects, and must be for at least one.
    if let Some(first) = refusals.iter().flatten().next()
        && refusals.iter().all(Option::is_some)
    {
        wrong.push(first.clone());
    }
    wrong
}

/// Returns the kinds and zones of the targets of a selector.
fn kinds_of<'a>(
    selector: &Selector,
    documents: &'a [Document],
    index: &'a Index,
) -> BTreeSet<(&'a Kind, &'a Zone)> {
    let declared = documents.iter().filter_map(|document| match document {
        Document::Target(target) => Some(target),
        _ => None,
    });
    let there = index.targets.values().map(|known| known.target.as_ref());
    declared
        .chain(there)
        .filter(|target| selector.matches(target))
        .map(|target| (&target.kind, &target.zone))
        .collect()
}

/// Returns the reason why a kind cannot do what a schedule requests.
pub(crate) fn refuses(served: &Served, schedule: &Schedule) -> Option<String> {
    let kind = &served.release.kind;
    let found = served.observe(schedule.action.as_ref());
    // What only utakata itself asks for is about no target.
    let Some(found) = found.filter(|found| !found.action.is_internal()) else {
        let named = schedule.action.as_ref();
        let hint = suggest::hint(
            named.map_or("", |name| name.as_str()),
            served.names(Class::Observe),
        );
        return Some(match named {
            Some(name) => format!("the kind \"{kind}\" has no action \"{name}\": {hint}"),
            None => format!("the kind \"{kind}\" has no action that observes"),
        });
    };
    let name = &found.action.name;
    if found.action.class != Class::Observe {
        return Some(format!(
            "the action \"{name}\" of the kind \"{kind}\" changes something: a schedule can only \
             observe"
        ));
    }
    let refused = found.schema.as_ref()?.check(&schedule.parameters).err()?;
    Some(format!(
        "the parameters of the action \"{name}\" of the kind \"{kind}\" are wrong: {refused}"
    ))
}
