//! Policies that fight: both can do the same to the same targets.

use utakata_model::{Policy, PolicyName, TargetName};

/// Two policies that fight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conflict {
    /// The policy that is at fault.
    pub policy: PolicyName,
    /// The field with the mistake.
    pub field: String,
    /// The mistake and its cure, in words for whoever wrote it.
    pub message: String,
}

/// Returns the conflicts of a policy with others. `targets` gives what an act of a policy, by its
/// number, may change.
pub fn conflicts(
    policy: &Policy,
    others: &[&Policy],
    targets: impl Fn(&Policy, usize) -> Vec<TargetName>,
) -> Vec<Conflict> {
    let mut found = Vec::new();
    if let Some(after) = &policy.after {
        let is_known = others.iter().any(|other| other.name == *after);
        if !is_known || *after == policy.name {
            found.push(Conflict {
                policy: policy.name.clone(),
                field: "after".into(),
                message: format!("there is no other policy \"{after}\""),
            });
        }
    }
    for (at, act) in policy.act.iter().enumerate() {
        let mine = targets(policy, at);
        let ranked = |other: &Policy| {
            policy.after.as_ref() == Some(&other.name) || other.after.as_ref() == Some(&policy.name)
        };
        let others = others
            .iter()
            .filter(|other| other.name != policy.name && !ranked(other));
        for other in others {
            let same = other.act.iter().enumerate();
            let mut same = same.filter(|(_, theirs)| theirs.action == act.action);
            let shared = same.find_map(|(number, _)| {
                let theirs = targets(other, number);
                mine.iter().find(|target| theirs.contains(target)).cloned()
            });
            if let Some(shared) = shared {
                found.push(Conflict {
                    policy: policy.name.clone(),
                    field: format!("act.{at}"),
                    message: format!(
                        "the policy \"{}\" does {} on {shared}, too: narrow one of the two, or \
                         rank this one (after: {})",
                        other.name, act.action, other.name
                    ),
                });
            }
        }
    }
    found
}
