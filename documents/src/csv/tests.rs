use super::*;

#[test]
fn every_line_becomes_a_target_and_other_columns_are_labels() {
    let text = "\u{feff}name,kind,address,zone,credential,rack,note,limits.conversations,limits.per_second\n\
                pdu-1, apc-pdu ,10.0.0.7,,pdus,A1,\"left, \"\"top\"\"\",2,0.5\n";
    let targets = targets(text).unwrap();
    let target = &targets[0];
    assert_eq!(
        (target.name.as_str(), target.kind.as_str()),
        ("pdu-1", "apc-pdu")
    );
    assert_eq!(target.zone, Zone::default());
    assert_eq!(target.credential.as_ref().unwrap().as_str(), "pdus");
    assert_eq!(target.labels["note"], "left, \"top\"");
    assert_eq!(target.limits.conversations.unwrap().get(), 2);
    assert_eq!(target.limits.per_second.unwrap().get(), 0.5);
}

#[test]
fn what_is_written_is_read_again_whatever_labels_are_called() {
    let mut one = Target::new("a".parse().unwrap(), "snmp".parse().unwrap(), "x".into());
    let mut two = Target::new("b".parse().unwrap(), "snmp".parse().unwrap(), "y, z".into());
    one.labels = Labels::from([
        ("pin".into(), "left, \"top\"".into()),
        ("u".into(), "1".into()),
    ]);
    two.zone = "hall-2".parse().unwrap();
    two.pin = Some("1.0".into());
    two.limits.conversations = NonZeroU32::new(3);
    let text = write([&one, &two]).unwrap();
    assert!(
        text.starts_with("name,kind,address,zone,pin,limits.conversations,label:pin,u\n"),
        "{text}"
    );
    assert_eq!(targets(&text).unwrap(), [one, two], "{text}");
}

#[test]
fn every_mistake_is_reported_with_its_line() {
    let check = |text: &str, expect: &[(u64, &str)]| {
        let mistakes = targets(text).unwrap_err();
        let told: Vec<(u64, &str)> = mistakes
            .iter()
            .map(|mistake| (mistake.line, mistake.message.as_str()))
            .collect();
        assert_eq!(told, expect, "{text}");
    };
    check(
        "name,kind,adress\n", // typos: on purpose
        &[(
            1,
            "there is no column \"address\": did you mean it by \"adress\"?",
        )], // typos: on purpose
    );
    check(
        "name,kind,address,rack,rack\n",
        &[(1, "the column \"rack\" is there twice")],
    );
    check(
        "name,kind,address\na,snmp,x\n,snmp,\na,snmp,z\nb,snmp\n",
        &[
            (3, "the cell \"name\" is empty"),
            (3, "the cell \"address\" is empty"),
            (4, "a is in line 2 already"),
            (5, "there are 2 cells, but 3 columns"),
        ],
    );
    check(
        "name,kind,address,a b\n",
        &[(
            1,
            "the label key \"a b\" may have only letters, digits, '.', '_', '-' and '/', and at least one",
        )],
    );
    check(
        "name,kind,address,limits.conversations\na,snmp,x,many\n",
        &[(
            2,
            "\"many\" in the column \"limits.conversations\" is not a number that it can be: more than 0, as in 2",
        )],
    );
    check(
        "name;kind;address\n",
        &[(
            1,
            "the cells are separated by semicolons, and must be separated by commas: choose the comma when you export, or convert the file",
        )],
    );
}

#[test]
fn a_table_is_known_by_its_ending_or_by_its_first_line() {
    for (name, text, expect) in [
        ("site.csv", "", true),
        ("site.CSV", "", true),
        ("site.yaml", "name,kind,address\n", false),
        ("<stdin>", "name,kind,address,rack\n", true),
        ("<stdin>", "name;kind;address\n", true),
        ("<stdin>", "type: target\nname: a\n", false),
        (
            "<stdin>",
            "{type: target, name: a, kind: snmp, address: x}\n",
            false,
        ),
    ] {
        assert_eq!(is_table(Path::new(name), text), expect, "{name} {text}");
    }
}
