//! Releases as images: pushed by tag, digest and archive, and tested in containers; one of them in
//! Python. Needs root, for a separate Docker engine.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use utakata_tests::{
    repository,
    servers::{Dockerd, Registry},
};

use crate::{
    program::{Done, Place},
    scripts::{Manner, Thermostat},
};

const LABEL: &str = "org.utakata.manifest";

fn manifest(version: &str) -> String {
    format!(
        "kind = \"a\"\nversion = \"{version}\"\nprotocol = 1\nrun = {{ program = \"run\" }}\n\
         [[action]]\nname = \"read\"\nclass = \"observe\"\n"
    )
}

/// An engine, a registry, and a place.
struct Yard {
    engine: Dockerd,
    registry: Registry,
    place: Place,
}

impl Yard {
    fn open() -> Self {
        Self {
            engine: Dockerd::start().unwrap(),
            registry: Registry::start().unwrap(),
            place: Place::new(),
        }
    }

    fn name(&self, tag: &str) -> String {
        format!("{}/{tag}", self.registry.address())
    }

    /// Builds an image with this manifest as a label, and this one as a file.
    fn build(&self, name: &str, label: Option<&str>, file: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        let at = folder.path();
        fs::write(at.join("run"), name).unwrap();
        fs::write(at.join("Dockerfile"), "FROM scratch\nCOPY . /\n").unwrap();
        if let Some(text) = file {
            fs::write(at.join("worker.toml"), text).unwrap();
        }
        let label = label.map(|text| format!("{LABEL}={text}"));
        let options = label.iter().flat_map(|label| ["--label", label]);
        let options: Vec<&str> = options.collect();
        self.engine.build(name, at, &options).unwrap();
    }

    /// The same, pushed to the registry; returns its digest.
    fn publish(&self, tag: &str, text: &str) -> String {
        let name = self.name(tag);
        self.build(&name, Some(text), Some(text));
        let engine = &self.engine;
        engine.docker(&["push", "--quiet", &name]).unwrap();
        let format = "{{index .RepoDigests 0}}";
        engine
            .docker(&["image", "inspect", "--format", format, &name])
            .unwrap()
    }

    fn archive(&self, image: &str) -> String {
        let to = self.place.beside("archive.tar");
        self.engine
            .docker(&["save", "--output", &to, image])
            .unwrap();
        format!("docker-archive:{to}")
    }

    fn run(&self, arguments: &[&str]) -> Done {
        let socket = self.engine.socket().display().to_string();
        let docker = ["--docker", &socket];
        self.place.run(&[arguments, &docker].concat())
    }

    #[track_caller]
    fn refuses(&self, image: &str, words: &str) {
        let refused = self.run(&["worker", "push", image]);
        assert_ne!(refused.code, 0, "{}", refused.out);
        assert!(refused.err.contains(words), "{}", refused.err);
    }
}

/// Returns the files of a pushed release, after checking the size of its image.toml.
fn files(pushed: &serde_json::Value) -> Vec<&str> {
    let files = pushed["content"]["files"].as_array().unwrap();
    files.iter().map(|f| f["path"].as_str().unwrap()).collect()
}

#[test]
fn an_image_is_pushed_by_tag_digest_or_archive_and_a_tag_that_moves_moves_nothing() {
    let yard = Yard::open();
    let _up = yard.place.up();
    let push = |image: &str| {
        let done = yard.run(&["worker", "push", image, "-o", "json"]);
        assert_eq!(done.code, 0, "{}", done.err);
        let pushed: serde_json::Value = serde_json::from_str(&done.out).unwrap();
        (pushed, done.err)
    };
    let first = yard.publish("a:latest", &manifest("1.0.0"));
    let tag = yard.name("a:latest");
    let (by_tag, told) = push(&tag);
    assert!(told.contains(&format!("{tag} is now {first}")), "{told}");
    assert_eq!(files(&by_tag), ["image.toml", "worker.toml"]);
    assert_eq!(by_tag["version"], "1.0.0");
    let (by_digest, _) = push(&first);
    assert_eq!(by_tag["digest"], by_digest["digest"]);

    // Another image has the tag now: the engine still has the earlier one, too.
    let second = yard.publish("a:latest", &manifest("2.0.0"));
    yard.engine.docker(&["tag", &first, &tag]).unwrap();
    let (moved, told) = push(&tag);
    assert!(told.contains(&second), "{told}");
    assert_eq!(moved["version"], "2.0.0");
    assert_eq!(push(&first).0["digest"], by_tag["digest"]);

    yard.build("b:1", None, Some(&manifest("3.0.0")));
    let (archive, _) = push(&yard.archive("b:1"));
    assert_eq!(files(&archive), ["image.tar", "image.toml", "worker.toml"]);
}

#[test]
fn an_image_that_can_be_no_release_is_refused_with_the_reason() {
    let yard = Yard::open();
    let _up = yard.place.up();
    let good = manifest("1.0.0");
    yard.build("none:1", None, None);
    yard.refuses(&yard.archive("none:1"), "no label org.utakata.manifest");
    yard.build("two:1", Some(&good), Some(&manifest("2.0.0")));
    yard.refuses(&yard.archive("two:1"), "differ");
    let newer = good.replace("protocol = 1", "protocol = 99");
    yard.build("newer:1", Some(&newer), None);
    yard.refuses(&yard.archive("newer:1"), "update utakata");
    yard.build("text:1", Some("x"), None);
    yard.refuses(&yard.archive("text:1"), "is no manifest");
    yard.refuses(&yard.name("nothing:1"), "the registry has no such image");
    let unknown = format!("{}@sha256:{}", yard.name("nothing"), "0".repeat(64));
    yard.refuses(&unknown, "the registry has no such image");
    yard.refuses("127.0.0.1:1/a:1", "the registry does not answer");
    yard.refuses("a@sha256:12", "64 hexadecimal digits");
    yard.refuses("docker-archive:/nowhere.tar", "cannot read /nowhere.tar");
    let nowhere = yard.place.beside("docker.sock");
    for image in ["127.0.0.1:1/a:1", "docker-archive:/nowhere.tar"] {
        let refused = yard
            .place
            .run(&["worker", "push", image, "--docker", &nowhere]);
        let is_reported = ["no Docker engine answers at", "cannot read"]
            .iter()
            .any(|words| refused.err.contains(words));
        assert!(refused.code != 0 && is_reported, "{}", refused.err);
    }
    let tcp = yard
        .place
        .run(&["worker", "push", "a:1", "--docker", "tcp://127.0.0.1:1"]);
    assert_eq!(tcp.code, 2, "{}", tcp.err);
}

/// Returns the reason why the Python worker cannot be built here, if there is one.
fn lacks_python(with_root: bool) -> Option<&'static str> {
    let works = |program: &str, arguments: &[&str]| {
        let output = Command::new(program).args(arguments).output();
        output.is_ok_and(|output| output.status.success())
    };
    if !works(
        "/usr/bin/python3",
        &["-c", "import grpc, google.protobuf, tomllib"],
    ) {
        return Some("python3-grpcio, for a Python of at least 3.11");
    }
    let can_make = works("debootstrap", &["--version"]) || root().exists();
    (with_root && !can_make).then_some("debootstrap")
}

/// Returns the path of the image's root.
fn root() -> PathBuf {
    repository::root().join(".tools/python-root.tar")
}

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/python-worker/build.sh")
}

#[test]
fn a_worker_in_python_keeps_to_the_protocol_as_a_process() {
    if let Some(lack) = lacks_python(false) {
        println!("skipped: there is no {lack}");
        return;
    }
    let place = Place::new();
    let folder = place.beside("thermostat");
    let built = Command::new(script()).args(["release", &folder]).status();
    assert!(built.unwrap().success());
    let thermostat = Thermostat::start(Manner::Honest);
    let test = ["worker", "test", &folder, "--time-scale", "2"];
    let on = [
        "--target",
        &thermostat.address,
        "--control",
        "set",
        "-p",
        "celsius=20",
    ];
    let tried = place.run(&[&test[..], &on].concat());
    assert_eq!(tried.code, 0, "{}{}", tried.out, tried.err);
    assert!(!tried.out.contains("skipped"), "{}", tried.out);
    assert_eq!(thermostat.shows(), "20");
}

#[test]
fn the_python_sdk_passes_its_own_tests() {
    if let Some(lack) = lacks_python(false) {
        println!("skipped: there is no {lack}");
        return;
    }
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../sdk/python");
    let ran = Command::new("/usr/bin/python3")
        .args(["-B", "-m", "unittest", "discover", "-s", "tests"])
        .current_dir(folder)
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success(), "{told}");
}

#[test]
fn a_worker_in_python_is_built_as_an_image_tried_and_pushed() {
    if let Some(lack) = lacks_python(true) {
        println!("skipped: there is no {lack}");
        return;
    }
    let yard = Yard::open();
    let name = yard.name("thermostat:1.0.0");
    let host = format!("unix://{}", yard.engine.socket().display());
    fs::create_dir_all(root().parent().unwrap()).unwrap();
    let built = Command::new(script())
        .args(["image".as_ref(), name.as_ref(), root().as_os_str()])
        .env("DOCKER_HOST", host)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&built.stderr);
    if !root().exists() {
        println!("skipped: debootstrap cannot make a root here: {words}");
        return;
    }
    assert!(built.status.success(), "{words}");
    yard.engine.docker(&["push", "--quiet", &name]).unwrap();
    let tried = yard.run(&["worker", "test", &name, "--time-scale", "2"]);
    assert_eq!(tried.code, 0, "{}{}", tried.out, tried.err);
    let _up = yard.place.up();
    let pushed = yard.run(&["worker", "push", &name]);
    assert_eq!(pushed.code, 0, "{}", pushed.err);
    assert!(pushed.out.contains("thermostat@1.0.0"), "{}", pushed.out);
}
