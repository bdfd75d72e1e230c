//! The names and the labels of pods.

use utakata_execution::runtime::{Life, Spec};
use utakata_model::{EnvironmentId, Kind};

/// The environment that a pod is of.
pub(crate) const ENVIRONMENT: &str = "utakata.io/environment";
/// The life of that environment.
pub(crate) const INCARNATION: &str = "utakata.io/incarnation";
pub(crate) const KIND: &str = "utakata.io/kind";
pub(crate) const VERSION: &str = "utakata.io/version";
pub(crate) const DIGEST: &str = "utakata.io/digest";
/// The worker, as outcomes and logs have it: an annotation.
pub(crate) const WORKER: &str = "utakata.io/worker";

/// The longest value of a label, and the longest name of a host.
const MAX: usize = 63;
/// Characters of an incarnation in a name: no two lives of an environment share them.
const LIFE: usize = 6;
/// The most characters of the number of a start.
const START: usize = 8;
/// Characters that tell apart what was cut short.
const MARK: usize = 8;

/// Returns the name of a pod: `<environment>-<kind>-<number>-<life>-<start>`. It is the same for
/// the same start, so what is created twice is created once.
pub(crate) fn pod_name(spec: &Spec, start: u32) -> String {
    let worker = format!("{}-{}", spec.life.environment, spec.worker);
    let life = spec.life.incarnation.to_string();
    let life = life.get(life.len().saturating_sub(LIFE)..).unwrap_or(&life);
    let life = life.to_lowercase();
    format!(
        "{}-{life}-{start:x}",
        host_name(&worker, MAX - LIFE - START - 2)
    )
}

/// Returns the name of the Lease of an environment.
pub(crate) fn lease_name(environment: &EnvironmentId) -> String {
    host_name(environment.as_str(), MAX)
}

/// Returns the name of the policy of the pods of a kind.
pub(crate) fn policy_name(environment: &EnvironmentId, kind: &Kind) -> String {
    host_name(&format!("{environment}-{kind}"), MAX)
}

/// Returns the selector of all pods of an environment.
pub(crate) fn of_environment(environment: &EnvironmentId) -> String {
    format!("{ENVIRONMENT}={}", value(environment.as_str()))
}

/// Returns the labels that tell whose a pod is.
pub(crate) fn of_life(life: &Life) -> [(&'static str, String); 2] {
    [
        (ENVIRONMENT, value(life.environment.as_str())),
        (INCARNATION, value(&life.incarnation.to_string())),
    ]
}

/// Returns the nearest value of a label to a text; what differs stays different.
pub(crate) fn value(text: &str) -> String {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    near(text, MAX, allowed)
}

/// Returns the nearest name of a host to a text (RFC 1123); what differs stays different.
fn host_name(text: &str, max: usize) -> String {
    near(text, max, |c| {
        c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-'
    })
}

fn near(text: &str, max: usize, is_allowed: impl Fn(char) -> bool) -> String {
    let is_edge = |c: char| !c.is_ascii_alphanumeric();
    let is_whole = text.len() <= max && !text.starts_with(is_edge) && !text.ends_with(is_edge);
    if is_whole && text.chars().all(&is_allowed) {
        return text.into();
    }
    let lower = |c: char| {
        let lower = c.to_ascii_lowercase();
        [c, lower].into_iter().find(|c| is_allowed(*c))
    };
    let kept: String = text.chars().map(|c| lower(c).unwrap_or('-')).collect();
    let kept = kept.trim_matches(is_edge);
    let kept = kept.get(..max - MARK - 1).unwrap_or(kept);
    let kept = kept.trim_end_matches(is_edge);
    // A value begins with a letter or a digit.
    let kept = if kept.is_empty() { "x" } else { kept };
    format!("{kept}-{:08x}", mark(text))
}

/// FNV-1a: the same everywhere and for ever.
fn mark(text: &str) -> u32 {
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    text.bytes().fold(0x811c_9dc5, step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_fits_stays_and_others_stay_different() {
        for (text, expect) in [
            ("a-1", "a-1"),
            ("Site.A", "site-a-"),
            ("site.a", "site-a-"),
            ("-a-", "a-"),
        ] {
            assert!(host_name(text, 63).starts_with(expect), "{text}");
        }
        assert_ne!(host_name("Site.A", 63), host_name("site.a", 63));
        let long = "x".repeat(200);
        assert_eq!(host_name(&long, 56).len(), 56);
        assert_ne!(value(&long), value(&format!("{long}x")));
        assert_eq!(value("1.2.3_a-B"), "1.2.3_a-B");
        assert!(value("ä").starts_with("x-"), "{}", value("ä"));
    }
}
