//! Files and signals, by Landlock: a process and its children give up what no rule names. That needs
//! no rights, and nobody can take it back.

use landlock::{
    ABI, Access, AccessFs, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreated,
    RulesetCreatedAttr, RulesetError, RulesetStatus, Scope, path_beneath_rules,
};
use utakata_confine::Policy;

/// The newest version whose rights are given up where the kernel knows them (Linux 6.12).
const NEWEST: ABI = ABI::V6;
/// The version without which files are not kept away at all (Linux 5.13).
const OLDEST: ABI = ABI::V1;

/// Gives up all files but those of the policy, and signals to processes outside.
pub fn restrict(policy: &Policy) -> Result<(), String> {
    let restricted = rules(policy).and_then(RulesetCreated::restrict_self);
    let status = restricted.map_err(|error| error.to_string())?;
    match status.ruleset {
        RulesetStatus::NotEnforced => Err(absent()),
        RulesetStatus::PartiallyEnforced | RulesetStatus::FullyEnforced => Ok(()),
    }
}

/// Checks that the kernel can keep files away.
pub fn supported() -> Result<(), String> {
    let ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(OLDEST))
        .and_then(Ruleset::create);
    ruleset.map(drop).map_err(|_| absent())
}

fn rules(policy: &Policy) -> Result<RulesetCreated, RulesetError> {
    let execute = AccessFs::from_read(NEWEST);
    let read = execute & !AccessFs::Execute;
    // Paths that are not there, which is normal for those of the system, get no rule.
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(NEWEST))?
        .scope(Scope::Signal | Scope::AbstractUnixSocket)?
        .create()?
        .add_rules(path_beneath_rules(&policy.execute, execute))?
        .add_rules(path_beneath_rules(&policy.read, read))?
        .add_rules(path_beneath_rules(
            &policy.write,
            AccessFs::from_all(NEWEST) & !AccessFs::Execute,
        ))
}

fn absent() -> String {
    "the kernel of this machine has no Landlock (Linux 5.13 and later, switched on by \
     lsm=landlock,...)"
        .into()
}
