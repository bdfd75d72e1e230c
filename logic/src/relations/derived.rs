//! The relations that follow from labels: a UPS feeds the PDUs of its feed, a PDU feeds what is in
//! its rack, and the switch of a rack reaches it.

use utakata_model::{RelationKind, Target};

use super::{Number, Places};

/// The role of a target in these relations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Ups,
    Pdu,
    Switch,
    Other,
}

/// Returns the relations between targets that labels imply.
pub(super) fn edges<'a>(
    targets: &[&'a Target],
    places: &Places<'a>,
) -> Vec<(RelationKind, Number, Number)> {
    let roles: Vec<Role> = targets.iter().map(|target| role(target)).collect();
    let mut edges = Vec::new();
    for (number, (target, role)) in (0..).zip(targets.iter().zip(&roles)) {
        let (relation, label, means): (_, _, fn(Role) -> bool) = match role {
            Role::Ups => (RelationKind::Feeds, "feed", |role| role == Role::Pdu),
            Role::Pdu => (RelationKind::Feeds, "rack", |role| {
                matches!(role, Role::Other | Role::Switch)
            }),
            Role::Switch => (RelationKind::Reaches, "rack", |role| role != Role::Switch),
            Role::Other => continue,
        };
        let Some(place) = target.labels.get(label) else {
            continue;
        };
        for other in places.with(label, place) {
            let at = usize::try_from(*other).unwrap_or(usize::MAX);
            let (Some(beside), Some(role)) = (targets.get(at), roles.get(at)) else {
                continue;
            };
            if means(*role) && is_near(target, beside) {
                edges.push((relation, number, *other));
            }
        }
    }
    edges
}

fn role(target: &Target) -> Role {
    let kind = target.kind.as_str();
    match target.labels.get("role").map(String::as_str) {
        Some("switch") => Role::Switch,
        Some("pdu") => Role::Pdu,
        Some("ups") => Role::Ups,
        _ if kind.contains("pdu") => Role::Pdu,
        _ if kind.contains("ups") => Role::Ups,
        _ => Role::Other,
    }
}

/// Two rooms may have racks and feeds of one name.
fn is_near(one: &Target, other: &Target) -> bool {
    let (one, other) = (one.labels.get("room"), other.labels.get("room"));
    one.is_none() || other.is_none() || one == other
}
