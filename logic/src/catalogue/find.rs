//! Finding the release that a reference stands for. Pure.

use utakata_api::release::ReleaseReference;
use utakata_model::{ReleaseId, suggest};

use super::{CatalogueEntry, Error};

/// Finds the release that is referred to.
pub(super) fn find(
    releases: Vec<CatalogueEntry>,
    reference: &ReleaseReference,
) -> Result<CatalogueEntry, Error> {
    let ids: Vec<ReleaseId> = releases.iter().map(|row| row.id.clone()).collect();
    let meant: Vec<CatalogueEntry> = releases
        .into_iter()
        .filter(|row| is_meant(&row.id, reference))
        .collect();
    match (meant.len(), reference) {
        (2.., ReleaseReference::Digest(digits)) => Err(Error::Several {
            digits: digits.clone(),
            ids: meant.into_iter().map(|row| row.id).collect(),
        }),
        _ => meant.into_iter().next().ok_or_else(|| Error::None {
            reference: reference.to_string(),
            hint: hint(&ids, reference),
        }),
    }
}

fn is_meant(id: &ReleaseId, reference: &ReleaseReference) -> bool {
    match reference {
        ReleaseReference::Version { kind, version } => id.kind == *kind && *id.version == **version,
        ReleaseReference::Digest(digits) => id.digest.0.starts_with(digits.as_str()),
    }
}

/// Returns the nearest version of the kind, the nearest kind, or the existing ones.
fn hint(ids: &[ReleaseId], reference: &ReleaseReference) -> String {
    if ids.is_empty() {
        return "no release has been pushed yet: `utakata worker push DIR` does it".into();
    }
    let ReleaseReference::Version { kind, version } = reference else {
        return "`utakata worker list` shows the digests of all releases".into();
    };
    let of_kind = ids.iter().filter(|id| id.kind == *kind);
    let versions: Vec<&str> = of_kind.map(|id| &*id.version).collect();
    if versions.is_empty() {
        let mut kinds: Vec<&str> = ids.iter().map(|id| id.kind.as_str()).collect();
        kinds.dedup();
        let near = suggest::hint(kind.as_str(), kinds);
        return format!("there is no kind \"{kind}\" in it: {near}");
    }
    format!("of {kind}, {}", suggest::hint(version, versions))
}

#[cfg(test)]
mod tests {
    use utakata_model::{Content, Manifest, ReleaseDigest};

    use super::*;

    fn row(kind: &str, version: &str, digest: &str) -> CatalogueEntry {
        let text = format!(
            "kind = \"{kind}\"\nversion = \"{version}\"\nprotocol = 1\n[run]\nprogram = \"x\"\n\
             [[action]]\nname = \"read\"\nclass = \"observe\"\n"
        );
        let manifest = Manifest::parse(&text).unwrap();
        CatalogueEntry {
            id: ReleaseId {
                kind: manifest.kind.clone(),
                version: version.into(),
                digest: ReleaseDigest(digest.into()),
            },
            manifest,
            content: Content::default(),
            source: utakata_api::release::ReleaseSource::Pushed,
            pushed: None,
        }
    }

    #[test]
    fn a_release_is_found_by_version_or_digest_and_what_is_not_there_has_a_hint() {
        let all = || {
            vec![
                row("pdu", "1.9.0", "abcdef01"),
                row("pdu", "1.10.0", "abcdef02"),
                row("ups", "2.0", "fedcba01"),
            ]
        };
        for (said, expect) in [
            ("pdu@1.10.0", "abcdef02"),
            ("fedcba", "fedcba01"),
            ("abcdef01", "abcdef01"),
            (
                "abcdef",
                "! the digests of 2 releases begin with abcdef: pdu@1.9.0",
            ),
            ("pdu@1.9.1", "! of pdu, did you mean \"1.9.0\"?"),
            ("pdu@7", "! of pdu, known are: 1.9.0, 1.10.0"),
            (
                "upps@2.0",
                "! there is no kind \"upps\" in it: did you mean \"ups\"?",
            ),
            ("000000", "! `utakata worker list` shows"),
        ] {
            let found = find(all(), &said.parse().unwrap());
            let told = match found {
                Ok(row) => row.id.digest.0.to_string(),
                Err(Error::None { hint, .. }) => format!("! {hint}"),
                Err(error) => format!("! {error}"),
            };
            assert!(told.starts_with(expect), "{said}: {told}");
        }
        let error = find(Vec::new(), &"pdu@1".parse().unwrap()).unwrap_err();
        assert!(matches!(error, Error::None { hint, .. } if hint.contains("worker push")));
    }
}
