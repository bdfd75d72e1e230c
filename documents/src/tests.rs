use super::*;
use utakata_model::{Schedule, Target, target::Secret};

fn mistakes(text: &str) -> Vec<String> {
    match parse("site.yaml", text, Path::new("")) {
        Ok(documents) => panic!("{documents:?}"),
        Err(mistakes) => mistakes.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn documents_of_every_type_are_read() {
    let text = "\
# a rack
type: credential
name: read-only
values: { community: public, version: 2 }
---
type: target
name: pdu-1
kind: apc-pdu
address: 10.0.0.7
labels: { rack: A1, u: 12, spare: true }
credential: read-only
---
---
type: schedule
name: often
selector: kind=apc-pdu
interval: 5s
parameters: { metrics: [hw.power] }
";
    let documents = parse("site.yaml", text, Path::new("")).unwrap();
    let [
        Item::Document(Document::Credential(credential)),
        Item::Document(Document::Target(target)),
        Item::Document(Document::Schedule(schedule)),
    ] = documents.as_slice()
    else {
        panic!("{documents:?}");
    };
    assert_eq!(credential.values["version"], Secret::new("2"));
    assert_eq!(target.labels["u"], "12");
    assert_eq!(target.labels["spare"], "true");
    assert_eq!(schedule.interval.as_secs(), 5);
    assert_eq!(schedule.parameters["metrics"][0], "hw.power");
}

#[test]
fn every_mistake_is_reported_with_its_place_its_subject_and_the_nearest_key() {
    for (text, expect) in [
        (
            "type: target\nname: a\nkind: snmp\nadress: x\n",
            vec!["site.yaml:4:1: target a: there is no key \"adress\": did you mean \"address\"?"],
        ),
        (
            "type: target\nname: a b\nkind: snmp\n",
            vec![
                "site.yaml:2:7: target a b: name: the target \"a b\" has ' ' at position 2: use letters, digits, '.', '_' and '-', beginning with a letter or a digit",
                "site.yaml:1:1: target a b: the key \"address\" is missing",
            ],
        ),
        (
            "type: credential\nname: c\nvalues: { a: b }\nkeys: [a]\n",
            vec![
                "site.yaml:4:7: credential c: keys stand for values that are kept secret: give values, or keys",
            ],
        ),
        (
            "name: a\n",
            vec![
                "site.yaml:1:1: document a: there is no key \"type\": it is one of target, schedule, credential, relation, alarm, envelope, policy, floor",
            ],
        ),
        (
            "type: traget\nname: a\n",
            vec!["site.yaml:1:7: traget a: there is no type \"traget\": did you mean \"target\"?"],
        ),
        (
            "type: target\nname: 7\nkind: snmp\naddress: x\nlabels: { ratio: 1.50, kind: x }\n",
            vec![
                "site.yaml:2:7: target: name: integer 7 was found where a text was expected: write it in quotes",
                "site.yaml:5:18: target: labels.ratio: write it in quotes: \"…\"",
                "site.yaml:5:24: target: \"kind\" cannot be a label: selectors use it for the target's own kind",
            ],
        ),
        (
            "type: target\nname: t\nkind: snmp\naddress: x\nlimits: { per_second: 5/s }\n",
            vec![
                "site.yaml:5:9: target t: limits: string \"5/s\" was found where a number was expected",
            ],
        ),
        (
            "type: target\nname: t\nkind: snmp\naddress: x\nlimits: { conversations: -1 }\n",
            vec![
                "site.yaml:5:9: target t: limits: integer -1 was found where a whole number of at least 1 was expected",
            ],
        ),
        (
            "type: schedule\nname: s\nselector: kind=\ninterval: 5\n",
            vec![
                "site.yaml:3:11: schedule s: selector: the selector \"kind=\" is wrong at position 6: a value was expected, as in kind=snmp,rack in (A1,A2)",
                "site.yaml:4:11: schedule s: interval: 5 has no unit: write 5s for seconds",
            ],
        ),
        (
            "type: schedule\nname: s\nselector: kind=a\ninterval: 1ms\n",
            vec!["site.yaml:4:11: schedule s: the shortest interval is 100ms"],
        ),
        (
            "type: credential\nname: c\nvalues: { a: { env: UTAKATA_NO_SUCH_VARIABLE }, b: { fiel: x }, c: 1.5 }\n",
            vec![
                "site.yaml:3:21: credential c: values.a: the environment variable UTAKATA_NO_SUCH_VARIABLE is not set",
                "site.yaml:3:54: credential c: values.b: there is no source \"fiel\": did you mean \"file\"?", // typos: on purpose
                "site.yaml:3:68: credential c: values.c: a text in quotes, { env: NAME }, { file: PATH } or { vault: PATH#FIELD } is expected",
            ],
        ),
        (
            "- a\n",
            vec![
                "site.yaml:1:1: a document has keys: begin with type: target, schedule, credential, relation, alarm, envelope, policy or floor",
            ],
        ),
    ] {
        assert_eq!(mistakes(text), expect, "{text}");
    }
}

#[test]
fn what_is_not_yaml_is_reported_with_its_place() {
    let told = mistakes("type: target\nname: [a\n");
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].starts_with("site.yaml:"), "{told:?}");
    assert!(told[0].contains("this is not YAML"), "{told:?}");
    let twice = mistakes("type: target\ntype: target\n");
    assert!(twice[0].starts_with("site.yaml:2:1"), "{twice:?}");
}

#[test]
fn one_wrong_key_among_a_thousand_documents_is_found() {
    let one = |n: usize| {
        let address = if n == 700 { "adress" } else { "address" }; // typos: on purpose
        format!("---\ntype: target\nname: pdu-{n}\nkind: apc-pdu\n{address}: 10.0.0.{n}\n")
    };
    let text: String = (0..2000).map(one).collect();
    let told = mistakes(&text);
    assert_eq!(told.len(), 1);
    assert!(
        told[0].starts_with("site.yaml:3505:1: target pdu-700: there is no key"),
        "{told:?}"
    );
}

#[test]
fn a_secret_comes_from_a_file_next_to_the_document() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("community"), "hush\n").unwrap();
    let file = folder.path().join("site.yaml");
    let text = "type: credential\nname: c\nvalues: { community: { file: community } }\n";
    fs::write(&file, text).unwrap();
    let Contents { documents, .. } = read(&[folder.path().to_owned()]).unwrap();
    let Document::Credential(credential) = &documents[0] else {
        panic!("{documents:?}");
    };
    assert_eq!(credential.values["community"].reveal(), "hush");
    assert!(read(&[folder.path().join("none.yaml")]).is_err());
}

#[test]
fn every_example_is_right_but_for_the_secrets_of_who_applies_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples");
    let mut seen = 0;
    for path in fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
    {
        if path.extension().is_none_or(|ending| ending != "yaml") {
            continue;
        }
        seen += 1;
        let text = fs::read_to_string(&path).unwrap();
        let mistakes = parse("example", &text, &folder).err().unwrap_or_default();
        for mistake in mistakes {
            let secret = mistake.message.contains("environment variable");
            assert!(secret, "{}: {mistake}", path.display());
        }
    }
    assert!(seen >= 4, "{seen}");
}

/// Texts that YAML could mistake for something else.
const ODD: [&str; 24] = [
    "true",
    "yes",
    "no",
    "null",
    "~",
    "1",
    "1.50",
    "0x1F",
    "1e3",
    "-",
    "- a",
    "a: b",
    "#x",
    "a #b",
    "[a]",
    "{a: b}",
    "&a",
    "*a",
    "!tag",
    "%x",
    "@x",
    "\"a\"",
    "it's",
    "2026-03-01",
];

#[test]
fn the_output_of_get_can_be_applied_unchanged() {
    let label = |at: usize, text: &str| (format!("key-{at}"), text.to_owned());
    let mut target = Target::new(
        "pdu-1".parse().unwrap(),
        "apc-pdu".parse().unwrap(),
        "[2001:db8::1]:161".into(),
    );
    target.labels = ODD
        .iter()
        .enumerate()
        .map(|(at, text)| label(at, text))
        .collect();
    target.labels.insert("empty".into(), String::new());
    target.labels.insert("spaces".into(), " a  b ".into());
    target.labels.insert("long".into(), "a b ".repeat(60));
    target
        .labels
        .insert("unicode".into(), "Gerät \u{1f50c}".into());
    target.zone = "hall-1".parse().unwrap();
    target.credential = Some("null".parse().unwrap());
    target.pin = Some("1.10".into());
    target.limits = serde_json::from_str(r#"{"conversations":2,"per_second":0.5}"#).unwrap();
    let schedule = Schedule {
        name: "12".parse().unwrap(),
        selector: "note=\"left, top\",rack in (A1,A2),!spare".parse().unwrap(),
        interval: std::time::Duration::from_millis(1500),
        action: Some("get".parse().unwrap()),
        parameters: serde_json::json!({ "oids": ["1.3.6.1.2.1"], "deep": { "a": [1, 2.5, null, "1"] } }),
    };
    let documents = [Document::Target(target), Document::Schedule(schedule)];
    let text = write::yaml(&documents).unwrap();
    let read = parse("site.yaml", &text, Path::new("")).unwrap();
    assert_eq!(read, documents.map(Item::Document), "{text}");
}

#[test]
fn a_credential_is_printed_without_its_values_and_then_stays_as_it_is() {
    let view = utakata_api::inventory::CredentialView {
        name: "pdus".parse().unwrap(),
        keys: vec!["community".into(), "version".into()],
        used_by: 3,
    };
    let text = write::yaml([write::Credential::from(&view)]).unwrap();
    let read = parse("site.yaml", &text, Path::new("")).unwrap();
    let kept = Kept {
        name: view.name,
        keys: view.keys,
        place: "site.yaml:1:1".into(),
    };
    assert_eq!(read, [Item::Kept(kept)], "{text}");
}

proptest::proptest! {
    #[test]
    fn any_text_that_a_label_or_an_address_may_be_survives_the_way_out_and_in(
        value in "\\PC{0,24}", address in "\\PC{1,24}",
    ) {
        let mut target = Target::new("a".parse().unwrap(), "b".parse().unwrap(), address);
        target.labels.insert("note".into(), value.clone());
        let document = Document::Target(target.clone());
        let text = write::yaml([&document]).unwrap();
        let read = parse("site.yaml", &text, Path::new("")).unwrap();
        proptest::prop_assert_eq!(read, vec![Item::Document(document)], "{}", text);
        // A table has neither spaces around its cells nor empty cells.
        if value.trim() == value && !value.is_empty() && target.address.trim() == target.address {
            let text = csv::write([&target]).unwrap();
            let read = csv::parse("site.csv", &text).unwrap();
            proptest::prop_assert_eq!(read, vec![Item::Document(Document::Target(target))], "{}", text);
        }
    }
}
