mod shipped;

use super::{Library, Profile};

fn refused(text: &str) -> String {
    Profile::compile("x", "x.toml", text)
        .unwrap_err()
        .to_string()
}

fn table(rest: &str) -> String {
    format!("description = \"x\"\n[[table]]\nentry = \"1.3.6.1.9\"\n{rest}")
}

#[test]
fn every_shipped_profile_compiles_and_says_what_it_is_for() {
    let library = Library::shipped().unwrap();
    assert!(
        library
            .iter()
            .all(|profile| !profile.description.is_empty())
    );
    assert!(library.iter().count() >= 9);
}

#[test]
fn a_wrong_key_is_reported_with_file_line_and_the_nearest_one() {
    let text = "description = \"x\"\n\n[[scalar]]\nmetric = \"a\"\noid = \"1.3.6\"\nunti = \"W\"\n";
    assert_eq!(
        refused(text),
        "x.toml:6: there is no key \"unti\" here: did you mean \"unit\"?"
    );
}

#[test]
fn mistakes_in_a_profile_are_reported_with_their_line() {
    let metric = |rest: &str| table(&format!("[[table.metric]]\nmetric = \"a\"\n{rest}\n"));
    let scalar = |rest: &str| format!("description = \"x\"\n[[scalar]]\nmetric = \"a\"\n{rest}\n");
    let control = |rest: &str| format!("description = \"x\"\n[control.on]\n{rest}\n");
    let cases = [
        ("x = 1".into(), "x.toml:1", "no key \"x\""),
        (
            scalar("oid = \"1.3.x\"\nunit = \"W\""),
            "x.toml:4",
            "is not an OID",
        ),
        (scalar("oid = \"1.3.6.1\""), "x.toml:2", "needs a unit"),
        (scalar("unit = \"W\""), "x.toml:2", "needs an oid"),
        (
            scalar("oid = \"1.3.6.1\"\nunit = \"W\"\ncolumn = 1"),
            "x.toml:2",
            "that is for tables",
        ),
        (
            scalar("oid = \"1.3.6.1\"\nunit = \"W\"\ntext = true"),
            "x.toml:2",
            "cannot have a unit",
        ),
        (metric("unit = \"W\""), "x.toml:4", "needs a column"),
        (
            metric("column = 1\nunit = \"W\"\nwhen = { column = 2 }"),
            "x.toml:4",
            "\"is\", \"not\" and",
        ),
        (
            metric("column = -1\nunit = \"W\""),
            "x.toml:6",
            "not the number of a column",
        ),
        (
            table("attributes.a = { index = 0 }\nmetric = []"),
            "x.toml:4",
            "from 1",
        ),
        (
            table("attributes.a = { index = 1, column = 2 }\nmetric = []"),
            "x.toml:2",
            "exactly one",
        ),
        (
            table("attributes.a = { join = \"1.3.6\" }\nmetric = []"),
            "x.toml:2",
            "\"by\"",
        ),
        (
            table("attributes.a = { index = 1, format = \"L\" }\nmetric = []"),
            "x.toml:2",
            "without {}",
        ),
        (
            control("oid = \"1.3.6.1\"\ntype = \"int\"\nvalue = 1"),
            "x.toml:2",
            "known are: integer",
        ),
        (
            control("oid = \"1.3.{o\"\ntype = \"integer\"\nvalue = 1"),
            "x.toml:2",
            "{parameters}",
        ),
        (
            control("oid = \"1.3.6.1\"\ntype = \"integer\"\nvalue = \"on\""),
            "x.toml:2",
            "whole number",
        ),
    ];
    let observe = |rest: &str| {
        format!("description = \"x\"\n[[observe.seen.scalar]]\nmetric = \"a\"\n{rest}\n")
    };
    let of_actions = [
        (
            scalar("oid = \"1.3.6.{it}\"\nunit = \"W\""),
            "x.toml:2",
            "for [observe.NAME]",
        ),
        (
            observe("oid = \"1.3.6.{it:octets}\"\nunit = \"W\""),
            "x.toml:4",
            "known are: string, implied",
        ),
        (observe("unit = \"W\""), "x.toml:2", "needs an oid"),
        (
            observe("oid = \"1.3.6.{it}\"\nunit = \"W\"\nor = \"1.3.6.1\""),
            "x.toml:2",
            "\"or\" is not for",
        ),
    ];
    let of_values = [
        (
            metric("column = 1\nunit = \"W\"\nvalid = [9, 1]"),
            "x.toml:4",
            "leave nothing",
        ),
        (
            metric("column = 1\nunit = \"W\"\nvalid = 9"),
            "x.toml:8",
            "invalid type",
        ),
        (
            metric("column = 1\nunit = \"W\"\ninvalid = { under = 1 }"),
            "x.toml:8",
            "no key \"under\" here",
        ),
        (
            metric("column = 1\nunit = \"W\"\ninvalid = {}"),
            "x.toml:4",
            "\"below\", \"above\"",
        ),
        (
            metric("column = 1\nunit = \"Cel\"\nconvert = \"farenheit\""), // typos: on purpose
            "x.toml:4",
            "did you mean \"fahrenheit\"?",
        ),
        (
            metric("column = 1\nunit = \"W\"\nconvert = \"kelvin\""),
            "x.toml:4",
            "its unit is W",
        ),
        (
            metric("column = 1\nunit = \"W\"\nnumber = \"fist\""),
            "x.toml:4",
            "did you mean \"first\"?",
        ),
        (
            metric("column = 1\nunit = \"W\"\nnumber = \"([0-9]) ([0-9])\""),
            "x.toml:4",
            "must have one group",
        ),
        (
            metric("column = 1\nunit = \"W\"\nscale = 2\nscale_form = \"power-of-tin\""),
            "x.toml:4",
            "did you mean \"power-of-ten\"?",
        ),
        (
            metric("column = 1\nunit = \"W\"\nscale_form = \"si\""),
            "x.toml:4",
            "\"scale\", which is not there",
        ),
        (
            metric("column = 1\nunit = \"Cel\"\nunit_of = { column = 2, celsius = 1 }"),
            "x.toml:4",
            "\"fahrenheit\" or \"kelvin\"",
        ),
        (
            metric("column = 1\nstates = \"psu\""),
            "x.toml:4",
            "no [states.psu]",
        ),
        (
            format!(
                "description = \"x\"\n[states.supply]\n1 = \"ok\"\n{}",
                &scalar("oid = \"1.3.6.1\"\nstates = \"suply\"")[18..]
            ), // typos: on purpose
            "x.toml:4",
            "did you mean \"supply\"?",
        ),
        (
            scalar("oid = \"1.3.6.1\"\nunit = \"W\"\nwhen = { column = 1, is = 1 }"),
            "x.toml:2",
            "another scalar",
        ),
        (
            scalar(
                "oid = \"1.3.6.1\"\nunit = \"W\"\nwhen = { oid = \"1.3.6.2\", is = 1, above = 2 }",
            ),
            "x.toml:2",
            "one of \"is\"",
        ),
        (
            scalar(
                "oid = \"1.3.6.1\"\nunit = \"W\"\nwhen = { oid = \"1.3.6.2\", matches = \"(\" }",
            ),
            "x.toml:2",
            "not a regular expression",
        ),
        (
            metric("column = 1\nunit = \"W\"\nwhen = { join = \"1.3.6.2\", is = 1 }"),
            "x.toml:4",
            "\"by\" which parts",
        ),
        (
            metric("column = 1\nunit = \"W\"\nlargest = { oid = \"1.3.6.2\" }"),
            "x.toml:4",
            "are for scalars",
        ),
        (
            "description = \"x\"\n[match]\ndescription = \"(\"\n".into(),
            "x.toml:2",
            "not a regular expression",
        ),
        (
            "description = \"x\"\n[match.except]\nsytem = []\n".into(), // typos: on purpose
            "x.toml:3",
            "did you mean \"system\"?",
        ),
    ];
    let choice = |by: &str| table(&format!("[[table.metric]]\ncolumn = 1\nby = {by}\n"));
    let of_choices = [
        (
            choice("{ column = 2 }"),
            "x.toml:4",
            "needs a metric for each",
        ),
        (
            choice("{ colum = 2, 8 = \"temperature\" }"),
            "x.toml:6",
            "the name of a metric",
        ),
        (
            choice("{ 8 = \"temperature\" }"),
            "x.toml:4",
            "needs one of \"column\"",
        ),
        (
            choice("{ column = 2, 8 = \"temprature\" }"), // typos: on purpose
            "x.toml:4",
            "hw.temperature",
        ),
        (
            choice("{ column = 2, 8 = { metric = \"my.own\" } }"),
            "x.toml:4",
            "A new one has its unit",
        ),
        (
            choice("{ column = 2, 8 = { unit = \"W\" } }"),
            "x.toml:4",
            "needs its name",
        ),
        (
            table(
                "[[table.metric]]\nmetric = \"a\"\ncolumn = 1\nby = { column = 2, 8 = \"power\" }\n",
            ),
            "x.toml:4",
            "it has no metric and unit besides",
        ),
    ];
    let cases = cases
        .into_iter()
        .chain(of_actions)
        .chain(of_values)
        .chain(of_choices);
    for (text, place, part) in cases {
        let error = refused(&text);
        assert!(
            error.starts_with(place) && error.contains(part),
            "{text}\n{error}"
        );
    }
}

#[test]
fn a_profile_that_includes_an_unknown_one_is_refused_with_the_nearest() {
    let mut library = Library::shipped().unwrap();
    let text = "description = \"x\"\ninclude = [\"if-mbi\"]\n";
    library.add("x", "x.toml", text).unwrap();
    let error = library.resolve(["x"]).unwrap_err().to_string();
    assert!(
        error.contains("which \"x\" includes") && error.contains("\"if-mib\"?"),
        "{error}"
    );
}

#[test]
fn included_profiles_come_once_and_last() {
    let library = Library::shipped().unwrap();
    let found = library.resolve(["apc-pdu", "if-mib", "system"]).unwrap();
    let names: Vec<&str> = found.iter().map(|profile| profile.name.as_str()).collect();
    assert_eq!(names, ["apc-pdu", "if-mib", "system"]);
}

#[test]
fn what_an_action_observes_needs_the_parameters_of_its_index_and_its_attributes() {
    let text = "description = \"x\"\n[[observe.seen.scalar]]\nmetric = \"a\"\nunit = \"1\"\n\
                oid = \"1.3.6.{row}.{name:string}\"\n\
                attributes = { name = \"{name}\", by = \"{who}\", circuit = \"input\" }\n";
    let profile = Profile::compile("x", "x.toml", text).unwrap();
    let observe = &profile.content.observes["seen"];
    let needed: Vec<&str> = observe.parameters().collect();
    assert_eq!(needed, ["row", "name", "who", "name"]);
    let constants = &observe.scalars[0].meaning.attributes;
    assert_eq!(constants.len(), 1, "{constants:?}");
}
