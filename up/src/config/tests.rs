use utakata_tests::repository;

use super::*;

fn lay(text: &str, variables: &[(&str, &str)], flags: &[Override]) -> Result<Config, String> {
    let variables = variables
        .iter()
        .map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
    let mut overrides = from_environment(variables);
    overrides.extend_from_slice(flags);
    let overrides = layers::read(&overrides).map_err(|error| error.to_string())?;
    layers::lay("utakata.toml", text, &overrides).map_err(|error| error.to_string())
}

#[test]
fn flags_count_more_than_variables_and_these_more_than_the_file() {
    let file = "[logic.http]\nlisten = \"127.0.0.1:1\"\n";
    let variable = [
        ("UTAKATA__LOGIC__HTTP__LISTEN", "127.0.0.1:2"),
        ("PATH", "x"),
    ];
    let flag = [Override::flag(
        "--listen",
        "logic.http.listen",
        &"127.0.0.1:3",
    )];
    for (text, variables, flags, port) in [
        ("", &variable[..0], &flag[..0], 7700),
        (file, &variable[..0], &flag[..0], 1),
        (file, &variable[..], &flag[..0], 2),
        (file, &variable[..], &flag[..], 3),
        ("", &variable[..], &flag[..0], 2),
    ] {
        let config = lay(text, variables, flags).unwrap();
        assert_eq!(config.logic.http.listen.port(), port);
    }
}

#[test]
fn a_variable_can_name_a_file_that_has_the_value() {
    let place = tempfile::tempdir().unwrap();
    let file = place.path().join("url");
    let path = file.display().to_string();
    let name = "UTAKATA_FILE__INTERCONNECT__AMQP__URL";
    let told = lay("", &[(name, &path)], &[]).unwrap_err();
    assert!(
        told.starts_with(name) && told.contains("cannot be read"),
        "{told}"
    );
    fs::write(&file, "amqp://me:word@rabbitmq:5672/site\n").unwrap();
    let config = lay("", &[(name, &path)], &[]).unwrap();
    let url = format!("{:?}", config.interconnect.amqp.unwrap().url);
    assert!(url.contains("rabbitmq") && !url.contains("word"), "{url}");
    fs::write(&file, "nonsense").unwrap();
    let told = lay("", &[(name, &path)], &[]).unwrap_err();
    assert!(told.starts_with(name), "{told}");
}

#[test]
fn values_of_variables_become_what_the_key_needs() {
    let config = lay(
        "",
        &[
            ("UTAKATA__LOGIC__HTTP__BODY_LIMIT", "1000"),
            ("UTAKATA__MQTT__ENABLED", "false"),
            ("UTAKATA__EXECUTION__ID", "site-1"),
            ("UTAKATA__EXECUTION__LABELS__RACK", "A1"),
            ("UTAKATA__EXECUTION__RELEASES", "[\"/srv/a\"]"),
            ("UTAKATA__LOGIC__HISTORY__KEEP", "5d"),
        ],
        &[],
    )
    .unwrap();
    assert_eq!(config.logic.http.body_limit, 1000);
    assert!(!config.mqtt.enabled);
    assert_eq!(config.execution.id.unwrap().as_str(), "site-1");
    assert_eq!(config.execution.labels["rack"], "A1");
    assert_eq!(config.execution.releases, [PathBuf::from("/srv/a")]);
    assert_eq!(config.logic.history.keep.as_secs(), 5 * 86_400);
}

#[test]
fn mistakes_are_reported_with_their_place_and_the_nearest_key() {
    for (text, expect) in [
        (
            "[logic.http]\nlisen = \"127.0.0.1:1\"\n",
            "utakata.toml:2:1: there is no key \"lisen\": did you mean \"listen\"?",
        ),
        (
            "\n[mqqt]\nlisten = 1\n",
            "utakata.toml:2:2: there is no key \"mqqt\": did you mean \"mqtt\"?",
        ),
        (
            "[execution]\nworkers_most = 4\n",
            "utakata.toml:2:1: there is no key \"workers_most\": did you mean \"max_workers\"?",
        ),
        ("[logic.http]\nlisten = \"here\"\n", "utakata.toml:2:10: "),
        (
            "[logic.history]\nkeep = \"5\"\n",
            "utakata.toml:2:8: \"5\" is not a duration",
        ),
        ("= 1", "utakata.toml:1:1: "),
    ] {
        let told = lay(text, &[], &[]).unwrap_err();
        assert!(told.starts_with(expect), "{told}");
    }
    for (name, value, expect) in [
        (
            "UTAKATA__LOGIC__HTTP__LISEN",
            "x",
            "UTAKATA__LOGIC__HTTP__LISEN: there is no key \"lisen\": did you mean \"listen\"?",
        ),
        (
            "UTAKATA__LOGIC__HTTP__LISTEN",
            "x",
            "UTAKATA__LOGIC__HTTP__LISTEN: ",
        ),
        (
            "UTAKATA__MQTT__LISTEN__PORT",
            "1",
            "UTAKATA__MQTT__LISTEN__PORT: ",
        ),
    ] {
        let told = lay("", &[(name, value)], &[]).unwrap_err();
        assert!(told.starts_with(expect), "{told}");
    }
}

#[test]
fn every_configuration_in_the_repository_is_right() {
    let files = repository::files().unwrap();
    let configurations = files.iter().filter(|path| {
        let is_ours = path.starts_with("examples") || path.starts_with("deploy");
        let is_release = path.ends_with("worker.toml");
        is_ours && !is_release && path.extension().is_some_and(|ending| ending == "toml")
    });
    let mut found = 0;
    for path in configurations {
        load(Some(&repository::root().join(path)), &[]).unwrap();
        found += 1;
    }
    assert!(found > 0);
}

/// Keys for which 0 has a meaning.
const OR_ZERO: [&str; 14] = [
    "logic.observe.ended_kept",
    "logic.control.settling",
    "logic.control.many",
    "execution.grace",
    "execution.grow_after",
    "execution.warm_for",
    "execution.idle_after",
    "execution.drain_within",
    "execution.backoff.forgiven_after",
    "execution.breaker.failures",
    "execution.content.kept",
    "execution.kubernetes.port",
    "execution.kubernetes.pull_grace",
    "execution.kubernetes.leaves_node_after",
];

/// Values, as TOML, that every key of a type must refuse.
fn wrong_values(form: &str) -> &'static [&'static str] {
    match form {
        "duration" => &["\"-1s\"", "\"5\"", "5", "\"soon\"", "\"99999d\"", "\"\""],
        "count" | "bytes" => &["-1", "1.5", "\"many\"", "9000000000000000000"],
        "address" => &["\"here\"", "\"127.0.0.1\"", "\"127.0.0.1:70000\"", "7700"],
        "URL" => &["\"nowhere\"", "\"ftp://host:1\"", "1"],
        "smtps://..." => &[
            "\"mysql://host/x\"",
            "\"\"",
            "\"smtp://host?tls=none\"",
            "1",
        ],
        "list of mail addresses" => &["\"noc@example.org\"", "[\"\"]", "[\"noc\"]", "[1]"],
        "critical, major, minor or notice" => &["\"bad\"", "\"\"", "true"],
        "postgres://..." => &["\"mysql://host/x\"", "\"\"", "1"],
        "path" | "folder" => &["\"\"", "1"],
        "list of folders" | "list of files" => &["\"/one\"", "[\"\"]", "[1]"],
        "list of kinds" => &["\"libvirt\"", "[\"\"]", "[\"two words\"]", "[1]"],
        "list of names" => &["\"PATH\"", "[\"\"]", "[\"A=B\"]", "[1]"],
        "list of scopes" => &["\"profile\"", "[\"\"]", "[\"a b\"]", "[1]"],
        "list of registries" => &["\"r\"", "[\"\"]", "[\"a b\"]", "[\"https://r\"]", "[1]"],
        "list of process, image" => &["\"image\"", "[]", "[\"pod\"]", "[1]"],
        "list of none, bridge, host" => &["\"host\"", "[\"\"]", "[\"net\"]", "[1]"],
        "list of codes" => &["\"x\"", "[\"\"]", "[\"Two words\"]", "[1]"],
        "list of addresses" => &[
            "\"127.0.0.1:162\"",
            "[\"here\"]",
            "[\"127.0.0.1\"]",
            "[162]",
        ],
        "list of URLs" => &[
            "\"http://a\"",
            "[\"\"]",
            "[\"ftp://a/b\"]",
            "[\"a\"]",
            "[1]",
        ],
        "true or false" => &["1", "\"yes\""],
        "name" => &["\"two words\"", "\"a/b\"", "1"],
        "never, high or always" => &["\"maybe\"", "\"\"", "true"],
        "5 or 3.1.1" => &["\"4\"", "5"],
        "number" => &["-1", "0", "\"x\"", "nan", "inf"],
        "size" => &["\"x\"", "\"-1MiB\"", "\"0\"", "true"],
        "table" => &["1", "\"x\"", "[1]"],
        "text" => &["\"\"", "1"],
        "auto, required or off" => &["\"on\"", "\"\"", "true"],
        "docker or kubernetes" => &["\"podman\"", "\"\"", "true"],
        form => panic!("say here what is wrong for a {form}"),
    }
}

#[test]
fn a_wrong_value_of_any_key_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("utakata.toml");
    let load = |key: &str, value: &str| {
        fs::write(&file, format!("{key} = {value}\n")).unwrap();
        load(Some(&file), &[])
    };
    let mut let_in = Vec::new();
    for key in reference::keys() {
        let zero = match key.form {
            "duration" => Some("\"0s\""),
            "count" | "bytes" => Some("0"),
            _ => None,
        };
        let or_zero = OR_ZERO.contains(&key.key.as_str());
        if or_zero && let Some(zero) = zero {
            load(&key.key, zero).unwrap_or_else(|error| panic!("{} = {zero}: {error}", key.key));
        }
        let zero = zero.filter(|_| !or_zero);
        for value in wrong_values(key.form).iter().copied().chain(zero) {
            match load(&key.key, value) {
                Ok(_) => let_in.push(format!("{} = {value}", key.key)),
                Err(error) => {
                    let told = error.to_string();
                    let is_placed = told.starts_with(&format!("{}:1:", file.display()));
                    let table = key.key.rsplit_once('.').map_or("", |(table, _)| table);
                    assert!(
                        is_placed || told.contains(table),
                        "{} = {value}: {told}",
                        key.key
                    );
                }
            }
        }
    }
    assert!(let_in.is_empty(), "{let_in:#?}");
}

#[test]
fn what_weakens_a_promise_is_no_key() {
    for key in [
        "execution.without_permits",
        "logic.control.without_envelopes",
        "interconnect.faults",
        "interconnect.seed",
    ] {
        let variable = format!("UTAKATA__{}", key.replace('.', "__").to_uppercase());
        let told = lay("", &[(&variable, "true")], &[]).unwrap_err();
        assert!(told.contains("there is no key"), "{told}");
    }
    let told = lay("", &[("UTAKATA__EXECUTION__WITH_PERMITS", "true")], &[]).unwrap_err();
    assert!(!told.contains("without_permits"), "{told}");
}

#[test]
fn settings_that_contradict_each_other_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("utakata.toml");
    for (text, expect) in [
        (
            "logic.lease.lasts = \"3s\"",
            "logic.lease.lasts (3s) must be at least twice logic.lease.renewed_every (2s)",
        ),
        (
            "execution.hung_after = \"1s\"",
            "execution.hung_after (1s) must be at least twice execution.heartbeat (1s)",
        ),
        (
            "interconnect.mqtt.tls.ca = \"/ca.pem\"",
            "interconnect.mqtt: tls is set",
        ),
        (
            "execution.pools.snmp.max = 0",
            "execution.pools.snmp: max (0)",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let told = load(Some(&file), &[]).unwrap_err().to_string();
        assert!(told.contains(expect), "{told}");
    }
}

#[test]
fn every_path_is_absolute_wherever_it_comes_from() {
    let asked = reference::keys().into_iter().filter_map(|key| {
        let text = match key.form {
            "path" | "folder" => "rel/ative",
            "list of folders" | "list of files" => "[\"rel/ative\"]",
            _ => return None,
        };
        Some(Override::flag(&key.key, &key.key, &text))
    });
    let asked: Vec<Override> = asked.collect();
    assert!(asked.len() > 10, "{asked:?}");
    let overrides = layers::read(&asked).unwrap();
    let mut config = layers::lay("utakata.toml", "", &overrides).unwrap();
    config.make_absolute().unwrap();
    let text = toml::to_string(&config).unwrap();
    let here = std::env::current_dir().unwrap();
    let absolute = format!("\"{}\"", here.join("rel/ative").display());
    assert_eq!(text.matches(&absolute).count(), asked.len(), "{text}");
}

#[test]
fn nothing_listens_in_plain_beyond_this_machine_unless_it_is_said() {
    let tls = "[logic.http.tls]\ncertificate = \"c\"\nkey = \"k\"\n";
    for (text, expect) in [
        ("logic.http.listen = \"127.0.0.1:1\"", None),
        ("logic.http.listen = \"[::1]:1\"", None),
        (
            "logic.http.listen = \"0.0.0.0:1\"",
            Some("logic.http.insecure"),
        ),
        (
            "logic.http.listen = \"192.0.2.1:1\"",
            Some("logic.http.tls"),
        ),
        (
            "logic.http = { listen = \"0.0.0.0:1\", insecure = true }",
            None,
        ),
        (&format!("logic.http.listen = \"0.0.0.0:1\"\n{tls}"), None),
        ("mqtt.listen = \"0.0.0.0:1\"", Some("mqtt.insecure")),
        ("mqtt = { listen = \"0.0.0.0:1\", insecure = true }", None),
        (
            "mqtt = { listen = \"0.0.0.0:1\", tokens = true }",
            Some("mqtt.tls"),
        ),
        ("mqtt.tls = true", Some("logic.http.tls")),
        (
            &format!("mqtt = {{ listen = \"0.0.0.0:1\", tokens = true, tls = true }}\n{tls}"),
            None,
        ),
        ("mqtt = { listen = \"0.0.0.0:1\", enabled = false }", None),
    ] {
        let config = lay(text, &[], &[]).unwrap();
        let told = check(&config).err().map(|error| error.to_string());
        match (expect, told) {
            (None, None) => {}
            (Some(expect), Some(told)) => assert!(told.contains(expect), "{text}: {told}"),
            (_, told) => panic!("{text}: {told:?}"),
        }
    }
}

#[test]
fn nothing_connects_in_plain_beyond_this_machine_unless_it_is_said() {
    for (text, refused_with) in [
        ("logic.http.advertise = \"http://127.0.0.1:7700\"", None),
        ("logic.http.advertise = \"http://[::1]:7700/\"", None),
        ("logic.http.advertise = \"https://le-1:7700\"", None),
        (
            "logic.http.advertise = \"http://le-1:7700\"",
            Some("logic.http.insecure = true"),
        ),
        (
            "logic.http = { advertise = \"http://le-1:7700\", insecure = true }",
            None,
        ),
        ("logic.store.url = \"postgres://u@localhost/d\"", None),
        ("logic.store.url = \"postgres:///d?host=/run/pg\"", None),
        (
            "logic.store.url = \"postgres://u:p@db/d?sslmode=verify-full\"",
            None,
        ),
        (
            "logic.store.url = \"postgres://u:p@db/d?sslmode=require\"",
            None,
        ),
        // With neither, the server decides, and so does whoever is on the way.
        (
            "logic.store.url = \"postgres://u:secret@db/d\"",
            Some("logic.store.insecure = true"),
        ),
        (
            "logic.store.url = \"postgres://u:secret@db/d?sslmode=disable\"",
            Some("sslmode=verify-full"),
        ),
        (
            "logic.store = { url = \"postgres://u:p@db/d\", insecure = true }",
            None,
        ),
        ("interconnect.amqp.url = \"amqp://u:p@127.0.0.1/s\"", None),
        ("interconnect.amqp.url = \"amqps://u:p@rabbitmq/s\"", None),
        (
            "interconnect.amqp.url = \"amqp://u:secret@rabbitmq/s\"",
            Some("interconnect.amqp.insecure = true"),
        ),
        (
            "interconnect.amqp = { url = \"amqp://u:p@rabbitmq/s\", insecure = true }",
            None,
        ),
        ("interconnect.mqtt.url = \"mqtt://[::1]\"", None),
        ("interconnect.mqtt.url = \"mqtts://mosquitto\"", None),
        (
            "interconnect.mqtt.url = \"mqtt://u:secret@192.0.2.1\"",
            Some("interconnect.mqtt.insecure = true"),
        ),
        (
            "interconnect.mqtt = { url = \"mqtt://u:p@mosquitto\", insecure = true }",
            None,
        ),
    ] {
        let config = lay(text, &[], &[]).unwrap();
        let told = check(&config).err().map(|error| error.to_string());
        match (refused_with, told) {
            (None, None) => {}
            (Some(cure), Some(told)) => {
                assert!(
                    told.contains(cure) && !told.contains("secret"),
                    "{text}: {told}"
                );
            }
            (_, told) => panic!("{text}: {told:?}"),
        }
    }
}
