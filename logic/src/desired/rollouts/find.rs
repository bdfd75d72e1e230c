//! Finding the release that a text stands for.

use utakata_model::{Kind, ReleaseId, suggest};

use super::Error;

/// The least number of digits of a digest that identify a release.
const MIN_DIGITS: usize = 6;

/// Finds the release of a kind with this version, or with a digest that begins like this.
pub(super) fn release(kind: &Kind, to: &str, known: &[ReleaseId]) -> Result<ReleaseId, Error> {
    let of_kind = || known.iter().filter(|release| release.kind == *kind);
    let is_meant = |release: &&ReleaseId| {
        let digest = release.digest.0.as_ref();
        *release.version == *to || (to.len() >= MIN_DIGITS && digest.starts_with(to))
    };
    let mut meant = of_kind().filter(is_meant);
    match (meant.next(), meant.next()) {
        (Some(release), None) => Ok(release.clone()),
        (Some(_), Some(_)) => Err(Error::Ambiguous {
            kind: kind.clone(),
            to: to.into(),
        }),
        (None, _) => Err(Error::NoRelease {
            kind: kind.clone(),
            to: to.into(),
            hint: suggest::hint(to, of_kind().map(|release| &*release.version)),
        }),
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::ReleaseDigest;

    use super::*;

    #[test]
    fn a_release_is_meant_by_its_version_or_the_beginning_of_its_digest() {
        let release_of = |kind: &str, version: &str, digest: &str| ReleaseId {
            kind: kind.parse().unwrap(),
            version: version.into(),
            digest: ReleaseDigest(digest.into()),
        };
        let known = [
            release_of("pdu", "1.0", "aaaaaa00"),
            release_of("pdu", "1.1", "aaaaaa11"),
            release_of("pdu", "1.1", "bbbbbb22"),
            release_of("ups", "2.0", "cccccc33"),
        ];
        let pdu = "pdu".parse().unwrap();
        for (to, expect) in [
            ("1.0", Ok("aaaaaa00")),
            ("aaaaaa1", Ok("aaaaaa11")),
            ("bbbbbb", Ok("bbbbbb22")),
            ("1.1", Err("several")),
            ("aaaaaa", Err("several")),
            ("aaaaa", Err("no release")),
            ("2.0", Err("no release")),
        ] {
            match (release(&pdu, to, &known), expect) {
                (Ok(found), Ok(digest)) => assert_eq!(&*found.digest.0, digest, "{to}"),
                (Err(error), Err(words)) => assert!(error.to_string().contains(words), "{error}"),
                (found, expect) => panic!("{to}: {found:?}, not {expect:?}"),
            }
        }
    }
}
