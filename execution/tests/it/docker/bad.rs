//! Images that are missing, or do not match their release: each is reported in its own words, and
//! the others keep working.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;
use utakata_execution::{Config, artifact::Image, config, runtime::Placed};
use utakata_execution_docker::Docker;
use utakata_model::OutcomeStatus;
use utakata_tests::servers::Registry;

use super::port::{LABEL, Port, manifest};
use crate::{
    site::{Site, add_echo, add_image, assert_ended, echo},
    tool,
};

const DIGEST: &str = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

/// Bad releases, next to a good one.
struct Bad {
    folder: TempDir,
    expect: Vec<(String, &'static str, &'static str)>,
}

impl Bad {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        add_echo(&folder.path().join("releases"), "good", |_| {});
        Self {
            folder,
            expect: Vec::new(),
        }
    }

    /// Adds a release, and the expected report.
    fn add(&mut self, name: &str, image: &str, code: &'static str, words: &'static str) {
        let text = manifest().replace("kind = \"echo\"", &format!("kind = \"{name}\""));
        add_image(&self.folder.path().join("releases"), name, &text, image);
        self.expect.push((name.into(), code, words));
    }

    fn add_archive(&mut self, archive: &Path, name: &str, code: &'static str, words: &'static str) {
        self.add(name, "archive = \"image.tar\"", code, words);
        let to = self.folder.path().join("releases").join(name);
        fs::copy(archive, to.join("image.tar")).unwrap();
    }

    /// Waits until each is reported, and the good one serves.
    async fn assert_told(self, site: &mut Site) {
        for (name, code, words) in self.expect {
            let is_reported = |status: &utakata_model::EnvironmentStatus| {
                status.refused.iter().any(|refused| {
                    refused.path.ends_with(&name)
                        && &*refused.problem.code == code
                        && refused.problem.message.contains(words)
                })
            };
            site.status(is_reported).await;
        }
        let good = site.ask(echo("a", "x")).await;
        assert_ended(&good, OutcomeStatus::Succeeded, "");
    }
}

async fn start(port: &Port, bad: &mut Bad) -> Site {
    let folder = std::mem::replace(&mut bad.folder, tempfile::tempdir().unwrap());
    port.start(folder, |_| {}).await
}

#[tokio::test]
async fn images_that_are_not_available_are_reported_with_the_reason() {
    let port = Port::open();
    let registry = Registry::start().unwrap();
    let at = registry.address();
    let reference = registry.push(&port.engine, port.echo(), "echo").unwrap();
    let (_, digest) = reference.rsplit_once(':').unwrap();
    spoil(&registry, digest);
    let mut bad = Bad::new();
    let image = |text: &str| format!("image = \"{text}\"");
    bad.add(
        "tag",
        &image(&format!("{at}/echo:1")),
        "release-image",
        "a tag may be another",
    );
    let away = format!("127.0.0.1:1/echo@{DIGEST}");
    bad.add(
        "away",
        &image(&away),
        "image-missing",
        "the registry does not answer",
    );
    let unknown = format!("{at}/echo@{DIGEST}");
    bad.add(
        "unknown",
        &image(&unknown),
        "image-missing",
        "no such image",
    );
    bad.add(
        "spoilt",
        &image(&reference),
        "image-missing",
        "not what the digest says",
    );
    let mut site = start(&port, &mut bad).await;
    bad.assert_told(&mut site).await;
    site.end().await;
}

/// Changes the content that the registry has for a digest.
fn spoil(registry: &Registry, digest: &str) {
    let blob = registry
        .blobs()
        .join(&digest[..2])
        .join(digest)
        .join("data");
    let text = fs::read_to_string(&blob).unwrap();
    fs::write(
        &blob,
        text.replace("\"schemaVersion\": 2", "\"schemaVersion\":  2"),
    )
    .unwrap();
}

#[tokio::test]
async fn images_that_are_something_else_are_reported_with_the_difference() {
    let port = Port::open();
    let mut bad = Bad::new();
    port.image_of("plain:1", &tool::build(), "x", &[]);
    bad.add_archive(
        &port.archive("plain:1"),
        "plain",
        "image-unfit",
        "label org.utakata.manifest, or /worker.toml) is no manifest",
    );
    port.image("other:1", &tool::build(), &[(LABEL, &manifest())]);
    bad.add_archive(
        &port.archive("other:1"),
        "other",
        "image-unfit",
        "says that it is echo@",
    );
    port.image("label:1", &tool::build(), &[(LABEL, "x")]);
    bad.add_archive(
        &port.archive("label:1"),
        "label",
        "image-unfit",
        "is no manifest",
    );
    let foreign = foreign(&port);
    bad.add_archive(&foreign, "foreign", "image-unfit", "is for linux/mips9");
    let garbage = port.archive("plain:1");
    fs::write(&garbage, "x".repeat(2048)).unwrap();
    bad.add_archive(
        &garbage,
        "garbage",
        "image-missing",
        "not an archive made by docker save",
    );
    let mut site = start(&port, &mut bad).await;
    bad.assert_told(&mut site).await;
    site.end().await;
}

/// An archive of an image for another machine.
fn foreign(port: &Port) -> PathBuf {
    port.image("foreign:1", &tool::build(), &[(LABEL, &manifest())]);
    let archive = port.archive("foreign:1");
    let mut bytes = fs::read(&archive).unwrap();
    // Of the same length, so that it stays an archive.
    replace(
        &mut bytes,
        b"\"architecture\":\"amd64\"",
        b"\"architecture\":\"arm64\"",
    );
    replace(
        &mut bytes,
        b"\"architecture\":\"arm64\"",
        b"\"architecture\":\"mips9\"",
    );
    fs::write(&archive, bytes).unwrap();
    archive
}

fn replace(bytes: &mut [u8], from: &[u8], to: &[u8]) {
    let found = |bytes: &[u8]| bytes.windows(from.len()).position(|part| part == from);
    while let Some(at) = found(bytes) {
        bytes[at..at + to.len()].copy_from_slice(to);
    }
}

#[tokio::test]
async fn an_image_without_an_engine_is_reported_and_the_others_are_served() {
    let mut bad = Bad::new();
    let nowhere = config::Docker {
        socket: bad.folder.path().join("docker.sock"),
        ..config::Docker::default()
    };
    let text = format!("image = \"127.0.0.1:1/echo@{DIGEST}\"");
    assert!(Image::parse(&text, Path::new("/")).is_ok());
    bad.add("pdu", &text, "docker-away", "no Docker engine answers at");
    let folder = std::mem::replace(&mut bad.folder, tempfile::tempdir().unwrap());
    let runtime = std::sync::Arc::new(Placed::new(std::sync::Arc::new(Docker::new(nowhere))));
    let mut site = Site::start_with(folder, |_: &mut Config| {}, runtime).await;
    bad.assert_told(&mut site).await;
    site.end().await;
}
