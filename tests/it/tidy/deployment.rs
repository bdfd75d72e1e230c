//! The files under `deploy/` can be read, name existing programs and files, and agree with each
//! other.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use utakata_tests::repository;

use super::{Offence, expect_none};

const FOLDERS: [&str; 2] = ["deploy", "examples"];
/// Templates of Helm, which are no YAML before they are rendered: see `chart`.
const TEMPLATES: &str = "deploy/helm/utakata/templates";
/// The path of the program in packages, and its roles that run as services.
const PROGRAM: &str = "/usr/bin/utakata";
const SERVICES: [&str; 3] = ["up", "le", "wee"];
const CONFIGURATIONS: &str = "/etc/utakata/";
/// The folder that `prepare.sh` makes.
const MADE: &str = "./secrets/";
const DEFINITIONS: &str = "deploy/rabbitmq/definitions.json";

#[test]
fn every_yaml_and_json_file_to_deploy_can_be_read() {
    let mut offences = Vec::new();
    for (path, text) in files(&["yaml", "yml", "json"]) {
        let problem = match path.extension().is_some_and(|ending| ending == "json") {
            true => serde_json::from_str::<Value>(&text)
                .err()
                .map(|error| error.to_string()),
            false => yaml(&text).err(),
        };
        offences.extend(problem.map(|problem| Offence::new(&path, 0, problem)));
    }
    expect_none("these files cannot be read:", offences);
}

#[test]
fn every_file_that_a_container_mounts_is_there() {
    let mut offences = Vec::new();
    for (path, text) in files(&["yaml"]) {
        if !path.ends_with("compose.yaml") {
            continue;
        }
        let folder = repository::root().join(path.parent().unwrap());
        for document in yaml(&text).unwrap() {
            for mounted in mounts(&document) {
                if !folder.join(&mounted).exists() {
                    offences.push(Offence::new(&path, 0, format!("there is no {mounted}")));
                }
            }
        }
    }
    expect_none("these files are mounted:", offences);
}

/// F13: whoever reaches an MQTT port without a password reads everything.
#[test]
fn f13_the_image_lets_nobody_in_by_mqtt_who_has_not_been_let_in() {
    for path in ["deploy/image/Dockerfile", "deploy/image/build.sh"] {
        let text = fs::read_to_string(repository::root().join(path)).unwrap();
        let open = ["MQTT__INSECURE", "--mqtt", "1883"];
        let mut lines = text.lines().filter(|line| !line.starts_with('#'));
        let found = lines.find(|line| open.iter().any(|word| line.contains(word)));
        assert_eq!(found, None, "{path}");
    }
    let single = "deploy/helm/utakata/templates/single.yaml";
    let text = fs::read_to_string(repository::root().join(single)).unwrap();
    let mut mqtt = text.lines().filter(|line| line.contains("%s:1883"));
    assert!(
        mqtt.all(|line| line.contains("\"tokens\" true")),
        "{single}"
    );
}

#[test]
fn every_unit_starts_a_program_that_exists() {
    let files = files(&["service"]);
    assert!(!files.is_empty());
    let offences = files.iter().flat_map(|(path, text)| astray(path, text));
    expect_none("these units start something else:", offences.collect());
}

#[test]
fn the_script_gives_a_zone_the_rights_that_the_definitions_have() {
    let definitions = fs::read_to_string(repository::root().join(DEFINITIONS)).unwrap();
    let definitions: Value = serde_json::from_str(&definitions).unwrap();
    let called = add_zone("hall-1");
    let told = |list: &str| {
        let rights = definitions[list].as_array().unwrap();
        let mut of_zone = rights
            .iter()
            .filter(|one| one["user"] == "utakata-hall-1")
            .map(|one| {
                ["exchange", "configure", "write", "read"]
                    .map(|key| one[key].as_str().unwrap_or(""))
            });
        let found = of_zone.next().unwrap().map(str::to_owned);
        found.into_iter().filter(|text| !text.is_empty())
    };
    for (command, list) in [
        ("set_permissions", "permissions"),
        ("set_topic_permissions", "topic_permissions"),
    ] {
        let expect: Vec<String> = ["-p", "utakata", "utakata-hall-1"]
            .map(str::to_owned)
            .into_iter()
            .chain(told(list))
            .collect();
        assert_eq!(called[command], expect);
    }
}

/// Returns the script's requests to `rabbitmqctl`, by command.
fn add_zone(zone: &str) -> BTreeMap<String, Vec<String>> {
    let place = tempfile::tempdir().unwrap();
    let (program, calls) = (place.path().join("ctl"), place.path().join("calls"));
    // The user exists already, so that no password is asked for.
    let script = format!(
        "#!/bin/sh\n[ \"$2\" != list_users ] || echo 'utakata-{zone}\t[]'\n\
         printf '%s\\t' \"$@\" >>{0}\necho >>{0}\n",
        calls.display()
    );
    fs::write(&program, script).unwrap();
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    let ended = Command::new(repository::root().join("deploy/rabbitmq/add-zone.sh"))
        .arg(zone)
        .env("RABBITMQCTL", &program)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(ended.status.success(), "{ended:?}");
    let calls = fs::read_to_string(calls).unwrap();
    let arguments = calls
        .lines()
        .map(|line| line.trim_end_matches('\t').split('\t').skip(1));
    arguments
        .filter_map(|mut words| {
            Some((words.next()?.to_owned(), words.map(str::to_owned).collect()))
        })
        .collect()
}

/// Deployment files with one of these extensions, and their texts.
fn files(endings: &[&str]) -> Vec<(PathBuf, String)> {
    let files = repository::files().unwrap().into_iter().filter(|path| {
        let ending = path.extension().and_then(|ending| ending.to_str());
        let is_to_deploy =
            FOLDERS.iter().any(|folder| path.starts_with(folder)) && !path.starts_with(TEMPLATES);
        is_to_deploy && ending.is_some_and(|ending| endings.contains(&ending))
    });
    files
        .map(|path| {
            let text = fs::read_to_string(repository::root().join(&path)).unwrap();
            (path, text)
        })
        .collect()
}

/// The documents of a YAML file.
fn yaml(text: &str) -> Result<Vec<Value>, String> {
    serde_saphyr::from_multiple(text).map_err(|error| error.to_string())
}

/// Neighbouring files named in a container description, as volumes and secrets.
fn mounts(document: &Value) -> Vec<String> {
    match document {
        Value::String(text) => {
            let file = text.split(':').next().unwrap_or_default();
            let is_beside = file.starts_with("./") || file.starts_with("../");
            let is_mounted = is_beside && !file.starts_with(MADE);
            is_mounted.then(|| file.to_owned()).into_iter().collect()
        }
        Value::Array(list) => list.iter().flat_map(mounts).collect(),
        Value::Object(table) => table.values().flat_map(mounts).collect(),
        _ => Vec::new(),
    }
}

fn astray(path: &Path, text: &str) -> Vec<Offence> {
    let mut offences = Vec::new();
    let mut started = 0;
    for (number, line) in text.lines().enumerate() {
        let Some(command) = line.strip_prefix("ExecStart=") else {
            continue;
        };
        started += 1;
        let mut words = command.split_whitespace();
        let mut wrong = |what: String| offences.push(Offence::new(path, number + 1, what));
        if words.next() != Some(PROGRAM) {
            wrong(format!("is not {PROGRAM}"));
        }
        if !words.next().is_some_and(|word| SERVICES.contains(&word)) {
            wrong("is no service".to_owned());
        }
        let configurations = words.filter_map(|word| word.strip_prefix(CONFIGURATIONS));
        for name in configurations {
            let example = Path::new("deploy/systemd").join(name);
            if !repository::root().join(&example).is_file() {
                wrong(format!("there is no {}", example.display()));
            }
        }
    }
    if started != 1 {
        offences.push(Offence::new(path, 0, "has not one ExecStart"));
    }
    offences
}

#[test]
fn each_rule_of_deployment_finds_its_offender() {
    let wrong = |line: &str| astray(Path::new("a.service"), line).len();
    assert_eq!(wrong("ExecStart=/usr/bin/utakata up --data /a"), 0);
    assert_eq!(
        wrong("ExecStart=/usr/bin/utakata le --config /etc/utakata/le.toml"),
        0
    );
    assert_eq!(
        wrong("ExecStart=/usr/bin/utakata le --config /etc/utakata/lee.toml"),
        1
    );
    assert_eq!(wrong("ExecStart=/usr/sbin/utakata down"), 2);
    assert_eq!(wrong("[Service]"), 1);
    assert!(yaml("a: [").is_err());
    let document = &yaml("a: { file: ./secrets/b }\nc: [./d:/e:ro, f:/g]\n").unwrap()[0];
    assert_eq!(mounts(document), ["./d"]);
}
