//! The check of a worker's hello: that it is the worker that was started, and from the right
//! release.

use utakata_model::{Cure, Manifest, Problem};
use utakata_protocol::{
    WITH_GO,
    v1::{Hello, Refused},
};

/// The largest number of tasks at once that is believed of a worker.
const MAX_CAPACITY: u32 = 65_536;

/// The terms agreed with a worker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Agreed {
    /// The version of the protocol.
    pub(super) version: u32,
    /// The number of tasks at once.
    pub(super) capacity: u32,
}

/// Checks a hello against the manifest of the release that was started.
///
/// # Errors
/// There is no common version, or control without a go (`protocol`), the manifest is another one
/// (`manifest`), or there is no capacity (`capacity`).
pub(super) fn check(hello: &Hello, manifest: &Manifest) -> Result<Agreed, Problem> {
    let version = utakata_protocol::negotiate(&hello.protocol_versions)
        .map_err(|error| Problem::new("protocol", Cure::Operator, error.to_string()))?;
    let claimed: Manifest = serde_json::from_str(&hello.manifest).map_err(|error| {
        let message = format!(
            "the worker announced a manifest that cannot be read ({error}): rebuild it with the \
             SDK of this utakata"
        );
        Problem::new("manifest", Cure::Operator, message)
    })?;
    if claimed != *manifest {
        return Err(lie(&claimed, manifest));
    }
    if manifest.has_control() && version < WITH_GO {
        return Err(without_go(version));
    }
    if hello.capacity == 0 {
        let message = "the worker accepts no tasks: its capacity must be more than 0";
        return Err(Problem::new("capacity", Cure::Operator, message));
    }
    Ok(Agreed {
        version,
        capacity: hello.capacity.min(MAX_CAPACITY),
    })
}

/// Returns the problem of a worker that begins what it is given, however long that lay unread.
fn without_go(version: u32) -> Problem {
    let message = format!(
        "the worker speaks version {version} of the worker protocol, in which control begins \
         without a go of its manager; with control it must speak version {WITH_GO}: rebuild it \
         with the SDK of this utakata"
    );
    Problem::new("protocol", Cure::Operator, message)
}

fn lie(claimed: &Manifest, manifest: &Manifest) -> Problem {
    let part = if claimed.kind != manifest.kind {
        "kind"
    } else if claimed.version != manifest.version {
        "version"
    } else if claimed.actions != manifest.actions {
        "actions"
    } else {
        "settings"
    };
    let message = format!(
        "the worker says that it is {}@{}, which is not the worker.toml of its release ({}@{}): \
         the {part} differ; put the program and the worker.toml of one release together",
        claimed.kind, claimed.version, manifest.kind, manifest.version,
    );
    Problem::new("manifest", Cure::Operator, message)
}

/// Returns the refusal of a stranger.
pub(super) fn stranger() -> Problem {
    Problem::new(
        "token",
        Cure::Operator,
        "the token is unknown or was used before: workers are started by utakata, and each \
         says hello once",
    )
}

/// Returns a refusal as a message.
pub(super) fn refused(problem: &Problem) -> Refused {
    Refused {
        code: problem.code.as_ref().into(),
        message: problem.message.as_ref().into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "kind = \"echo\"\nversion = \"1.0.0\"\nprotocol = 1\n\
                            run = { program = \"p\" }\n\
                            [[action]]\nname = \"read\"\nclass = \"observe\"\n";

    fn hello() -> Hello {
        Hello {
            token: String::new(),
            protocol_versions: vec![1],
            manifest: serde_json::to_string(&Manifest::parse(MANIFEST).unwrap()).unwrap(),
            capacity: 100_000,
            sdk: "test".into(),
            can_hold: false,
        }
    }

    #[track_caller]
    fn refuses(change: impl Fn(&mut Hello), code: &str, words: &str) {
        let mut hello = hello();
        change(&mut hello);
        let problem = check(&hello, &Manifest::parse(MANIFEST).unwrap()).unwrap_err();
        assert_eq!(&*problem.code, code);
        assert!(problem.message.contains(words), "{problem}");
    }

    #[test]
    fn a_worker_that_is_what_was_started_is_admitted() {
        let agreed = check(&hello(), &Manifest::parse(MANIFEST).unwrap()).unwrap();
        let expect = Agreed {
            version: 1,
            capacity: MAX_CAPACITY,
        };
        assert_eq!(agreed, expect);
    }

    #[test]
    fn control_needs_a_worker_that_waits_for_a_go() {
        let manifest = MANIFEST.replace("observe", "control");
        let manifest = Manifest::parse(&manifest).unwrap();
        let mut hello = Hello {
            manifest: serde_json::to_string(&manifest).unwrap(),
            ..hello()
        };
        let refused = check(&hello, &manifest).unwrap_err();
        assert_eq!(&*refused.code, "protocol");
        assert!(refused.message.contains("rebuild it"), "{refused}");
        hello.protocol_versions = vec![1, 2];
        assert_eq!(check(&hello, &manifest).unwrap().version, 2);
    }

    #[test]
    fn a_worker_that_is_something_else_is_refused_with_the_difference() {
        refuses(
            |h| h.protocol_versions = vec![9],
            "protocol",
            "update utakata",
        );
        refuses(|h| h.capacity = 0, "capacity", "more than 0");
        refuses(|h| h.manifest = "{".into(), "manifest", "cannot be read");
        let replace = |from: &'static str, to: &'static str| {
            move |h: &mut Hello| h.manifest = h.manifest.replace(from, to)
        };
        refuses(replace("echo", "pdu"), "manifest", "the kind differ");
        refuses(replace("1.0.0", "2.0.0"), "manifest", "the version differ");
        refuses(
            replace("observe", "control"),
            "manifest",
            "the actions differ",
        );
        refuses(replace("\"p\"", "\"q\""), "manifest", "the settings differ");
    }
}
