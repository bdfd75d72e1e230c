//! The version of the protocol between a worker and its manager.

/// The versions that this build supports.
pub const SUPPORTED: &[u32] = &[1, 2];

/// The first version in which control begins on a go. A worker with an earlier one may only
/// observe.
pub const WITH_GO: u32 = 2;

/// The worker and its manager have no version in common.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "the worker speaks version {} of the worker protocol and this utakata speaks {}: {}",
    list(offered),
    list(SUPPORTED),
    advice(offered)
)]
pub struct VersionError {
    /// The versions that the worker offered.
    pub offered: Vec<u32>,
}

/// Returns the newest version that both sides support.
pub fn negotiate(offered: &[u32]) -> Result<u32, VersionError> {
    offered
        .iter()
        .copied()
        .filter(|version| SUPPORTED.contains(version))
        .max()
        .ok_or_else(|| VersionError {
            offered: offered.to_vec(),
        })
}

fn list(versions: &[u32]) -> String {
    match versions {
        [] => "none".into(),
        versions => versions
            .iter()
            .map(u32::to_string)
            .collect::<Vec<_>>()
            .join(", "),
    }
}

fn advice(offered: &[u32]) -> &'static str {
    if offered.iter().min() > SUPPORTED.iter().max() {
        "update utakata, or use an older release of the worker"
    } else {
        "rebuild the worker with a newer SDK"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_common_version_is_spoken_and_none_is_refused_with_a_cure() {
        assert_eq!(negotiate(&[1]), Ok(1));
        assert_eq!(negotiate(&[3, 2, 1]), Ok(2));
        let newer = negotiate(&[7]).unwrap_err().to_string();
        assert!(newer.contains("update utakata"), "{newer}");
        let older = negotiate(&[]).unwrap_err().to_string();
        assert!(older.contains("rebuild the worker"), "{older}");
    }
}
