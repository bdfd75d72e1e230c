//! A release that was handed out is what was made, and says what it is made of.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;
use utakata_tests::repository;

/// A folder with two keys and two small programs.
struct Place(tempfile::TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        for key in ["key", "other"] {
            let mut keygen = Command::new("ssh-keygen");
            keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]);
            assert!(keygen.arg(place.path(key)).status().unwrap().success());
        }
        for program in ["utakata", "utakata-worker-snmp"] {
            fs::write(place.path(program), format!("the program {program}\n")).unwrap();
        }
        place
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn make(&self) -> Output {
        let mut command = script("make.sh", &self.path("key"));
        command.arg("--out").arg(self.path("out"));
        command.args(["utakata", "utakata-worker-snmp"].map(|name| self.path(name)));
        command.output().unwrap()
    }

    /// Returns the complaint about the release; `None` if there is none.
    fn complaint(&self, key: &str) -> Option<String> {
        let mut command = script("verify.sh", &self.path(key));
        let done = command.arg(self.path("out")).output().unwrap();
        let told = String::from_utf8_lossy(&done.stderr).into_owned();
        (!done.status.success()).then_some(told)
    }
}

fn script(name: &str, key: &Path) -> Command {
    let mut command = Command::new(repository::root().join("deploy/release").join(name));
    command.arg("--key").arg(key);
    command
}

#[test]
fn a_release_is_as_it_was_signed_or_is_refused() {
    let place = Place::new();
    let made = place.make();
    assert!(
        made.status.success(),
        "{}",
        String::from_utf8_lossy(&made.stderr)
    );
    assert_eq!(place.complaint("key.pub"), None);
    let refused = |what: &str, expect: &str| {
        let complaint = place.complaint("key.pub");
        let complaint = complaint.unwrap_or_else(|| panic!("{what} was not noticed"));
        assert!(complaint.contains(expect), "{what}: {complaint}");
    };
    let signed_by = place.complaint("other.pub").unwrap();
    assert!(
        signed_by.contains("not signed with this key"),
        "{signed_by}"
    );
    for file in ["utakata", "utakata.cdx.json", "LICENSE"] {
        let path = place.path("out").join(file);
        let before = fs::read(&path).unwrap();
        fs::write(&path, [&before[..], b" "].concat()).unwrap();
        refused(file, "is not as it was signed");
        fs::write(&path, before).unwrap();
    }
    let more = place.path("out").join("utakata-more");
    fs::write(&more, "more").unwrap();
    refused("another file", "a file that was not signed");
    // Checksums that fit are not signed.
    let sums = place.path("out").join("SHA256SUMS");
    let text = fs::read_to_string(&sums).unwrap();
    fs::write(&sums, text.replacen('a', "b", 1)).unwrap();
    refused("other checksums", "not signed with this key");
    let again = place.make();
    assert!(String::from_utf8_lossy(&again.stderr).contains("already"));
    parts(&place.path("out").join("utakata.cdx.json"));
}

/// Looks at the list of parts.
fn parts(path: &Path) {
    let bill: Value = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert_eq!(
        (&bill["bomFormat"], &bill["specVersion"]),
        (&"CycloneDX".into(), &"1.5".into())
    );
    let components = bill["components"].as_array().unwrap();
    let names: Vec<&str> = components
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    for part in [
        "utakata",
        "utakata-worker-snmp",
        "serde",
        "rustls",
        "preact",
    ] {
        assert!(names.contains(&part), "{part}");
    }
    // What only tests need, what another program needs, what only builds the web UI.
    for part in ["proptest", "utakata-worker-redfish", "esbuild"] {
        assert!(!names.contains(&part), "{part}");
    }
    let known: Vec<&Value> = components.iter().map(|one| &one["bom-ref"]).collect();
    for one in components {
        let purl = one["purl"].as_str().unwrap();
        assert!(one["licenses"][0]["expression"].is_string(), "{purl}");
        let is_ours = purl.contains("/utakata");
        assert!(
            is_ours || one["hashes"][0]["content"].is_string() || is_stub(purl),
            "{purl}"
        );
    }
    for one in bill["dependencies"].as_array().unwrap() {
        for part in one["dependsOn"].as_array().unwrap() {
            assert!(known.contains(&part), "{part} of {}", one["ref"]);
        }
    }
}

/// Returns true if a crate is one of this repository that takes the place of another.
fn is_stub(purl: &str) -> bool {
    let name = purl.trim_start_matches("pkg:cargo/");
    let name = name.split('@').next().unwrap();
    repository::root().join("stubs").join(name).exists()
}
