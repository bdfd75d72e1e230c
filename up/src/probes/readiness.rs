//! The readiness of a process: the decision, and its description.

use std::fmt::Write as _;

/// A part without which it cannot serve.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    /// Its name, for people.
    pub name: String,
    /// True if it is available.
    pub is_there: bool,
}

/// The stage of a process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Stage {
    /// Something is not available yet: the database, the releases.
    #[default]
    Starting,
    /// Everything is running.
    Serving,
    /// It was asked to end.
    Draining,
}

/// The answer to `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Readiness {
    pub is_ready: bool,
    /// One line for each part, in the format of the Kubernetes API server.
    pub text: String,
}

/// Returns the readiness. A process becomes ready when all its parts are available, so an upgrade
/// with a wrong password stops at its first pod. Afterwards it stays ready when a part is away, and
/// reports that: a broker is away for all pods at once, and if none were ready, not even the latest
/// readings would be available.
pub(super) fn readiness(stage: Stage, was_ready: bool, parts: &[Part]) -> Readiness {
    let is_whole = parts.iter().all(|part| part.is_there);
    let is_ready = stage == Stage::Serving && (was_ready || is_whole);
    let mut text = String::new();
    for part in parts {
        let (sign, word) = match part.is_there {
            true => ('+', "ok"),
            false => ('-', "away: the log says why"),
        };
        // Writing to a text cannot fail.
        let _ = writeln!(text, "[{sign}]{} {word}", part.name);
    }
    text.push_str(match (stage, is_ready, is_whole) {
        (Stage::Starting, ..) => "not ready: it is starting\n",
        (Stage::Draining, ..) => "not ready: it is draining\n",
        (Stage::Serving, false, _) => "not ready: a part was never there\n",
        (Stage::Serving, true, false) => "ready, but not whole\n",
        (Stage::Serving, true, true) => "ready\n",
    });
    Readiness { is_ready, text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(names: &[(&str, bool)]) -> Vec<Part> {
        let part = |&(name, is_there): &(&str, bool)| Part {
            name: name.into(),
            is_there,
        };
        names.iter().map(part).collect()
    }

    #[test]
    fn it_is_ready_once_all_was_there_until_it_drains() {
        use Stage::*;
        let whole = parts(&[("store", true), ("events", true)]);
        let part = parts(&[("store", true), ("events", false)]);
        for (stage, was_ready, parts, expect, last) in [
            (Starting, false, &[][..], false, "not ready: it is starting"),
            (Serving, false, &whole, true, "ready"),
            (
                Serving,
                false,
                &part,
                false,
                "not ready: a part was never there",
            ),
            (Serving, true, &part, true, "ready, but not whole"),
            (Draining, true, &whole, false, "not ready: it is draining"),
        ] {
            let found = readiness(stage, was_ready, parts);
            assert_eq!(found.is_ready, expect, "{stage:?} {parts:?}");
            assert_eq!(found.text.lines().last(), Some(last), "{stage:?} {parts:?}");
        }
        let told = readiness(Serving, true, &part).text;
        assert!(told.starts_with("[+]store ok\n[-]events away"), "{told}");
    }
}
