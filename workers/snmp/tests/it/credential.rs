//! The schema of credentials, the same for all shipped releases.

use std::fs;

use utakata_worker_sdk::Release;
use utakata_worker_snmp::credential::{AUTH, KEYS, PRIVACY};

use crate::device::folder;

/// The communities of this device alone.
const OF_ITS_OWN: &str = "drill";

/// The schema of the credentials read by [`utakata_worker_snmp::credential`], as it appears in a
/// manifest. The names of the protocols are taken from there.
fn schema() -> String {
    let words = |words: &[&str]| {
        let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
        format!("enum = [{}]", words.join(", "))
    };
    let text = "type = \"string\"".to_owned();
    let at_least = |length: u32| format!("{text}\nminLength = {length}");
    let auth: Vec<&str> = AUTH.iter().map(|(name, _)| *name).collect();
    let privacy: Vec<&str> = PRIVACY.iter().map(|(name, _)| *name).collect();
    let properties = KEYS.map(|key| {
        let (description, form) = match key {
            "version" => (
                "The version of SNMP; 2c unless there is a user",
                words(&["1", "2c", "3"]),
            ),
            "community" => ("v1, v2c: the community that may read", text.clone()),
            "community_write" => (
                "v1, v2c: the community that may write, where it is another",
                text.clone(),
            ),
            "user" => ("v3: the user", at_least(1)),
            "auth" => (
                "v3: how the user authenticates; SHA-256 unless said otherwise",
                words(&[&["none"], auth.as_slice()].concat()),
            ),
            "priv" => (
                "v3: how messages are encrypted; AES-128 unless said otherwise. -C is the way of \
                 Cisco",
                words(&[&["none"], privacy.as_slice()].concat()),
            ),
            "auth_password" | "priv_password" => (
                "v3: the password for that, 8 characters or more",
                at_least(8),
            ),
            "context" => ("v3: the context, mostly empty", text.clone()),
            other => panic!("say here what \"{other}\" is"),
        };
        format!("[credential.properties.{key}]\ndescription = \"{description}\"\n{form}\n\n")
    });
    format!(
        "[credential]\ntype = \"object\"\nadditionalProperties = false\ndescription = \"A \
         community (v1, v2c), or a user (v3). Without any: v2c, community public, reading \
         only.\"\n\n{}",
        properties.concat()
    )
}

#[test]
fn every_release_that_is_shipped_takes_the_same_credentials() {
    let expected = schema();
    let releases = fs::read_dir(folder("")).unwrap();
    let releases = releases.map(|entry| entry.unwrap().path());
    for release in releases.filter(|path| !path.ends_with(OF_ITS_OWN)) {
        let manifest = release.join("worker.toml");
        let text = fs::read_to_string(&manifest).unwrap();
        let begin = text.find("[credential]").unwrap();
        let end = text[begin..].find("[[action]]").unwrap() + begin;
        if std::env::var_os("UPDATE").is_some() {
            let updated = [&text[..begin], &expected, &text[end..]].concat();
            fs::write(&manifest, updated).unwrap();
            continue;
        }
        assert!(
            text[begin..end] == expected,
            "the credential of {manifest:?} is not what the worker reads: run this test with \
             UPDATE=1, and look at the difference"
        );
    }
}

#[test]
fn the_schema_of_every_release_takes_what_the_worker_reads() {
    for name in ["snmp", OF_ITS_OWN] {
        let release = Release::read(&folder(name)).unwrap();
        let schema = release.manifest.credential.unwrap();
        let properties = schema["properties"].as_object().unwrap();
        assert!(properties.keys().all(|key| KEYS.contains(&key.as_str())));
    }
}

#[test]
fn the_readme_names_every_protocol() {
    let readme = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let auth = AUTH.iter().map(|(name, _)| *name);
    for name in auth.chain(PRIVACY.iter().map(|(name, _)| *name)) {
        assert!(readme.contains(&format!("`{name}`")), "{name}");
    }
}
