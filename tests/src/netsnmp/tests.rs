//! The output of the tools, line by line.

use super::bindings;

fn check(output: &str, expect: &[(&str, &str, &str)]) {
    let bindings = bindings(output).unwrap();
    let seen: Vec<_> = bindings
        .iter()
        .map(|binding| {
            (
                binding.oid.as_str(),
                binding.kind.as_str(),
                binding.value.as_str(),
            )
        })
        .collect();
    assert_eq!(seen, expect, "{output}");
}

#[test]
fn every_type_that_the_tools_print_is_understood() {
    check("", &[]);
    check(".1.3.1 = INTEGER: -4\n", &[("1.3.1", "INTEGER", "-4")]);
    check(
        ".1.3.1 = Gauge32: 4294967295\n",
        &[("1.3.1", "Gauge32", "4294967295")],
    );
    check(
        ".1.3.1 = Timeticks: (25) 0:00:00.25\n",
        &[("1.3.1", "Timeticks", "25")],
    );
    check(".1.3.1 = OID: .1.3.6.1\n", &[("1.3.1", "OID", "1.3.6.1")]);
    check(
        ".1.3.1 = IpAddress: 127.0.0.1\n",
        &[("1.3.1", "IpAddress", "127.0.0.1")],
    );
    check(".1.3.1 = Counter64: 7\n", &[("1.3.1", "Counter64", "7")]);
    check(".1.3.1 = \"\"\n", &[("1.3.1", "STRING", "")]);
    check(
        ".1.3.1 = Hex-STRING: 6C 6F \n",
        &[("1.3.1", "STRING", "lo")],
    );
}

#[test]
fn a_long_string_continues_in_the_next_line() {
    check(
        ".1.3.1 = Hex-STRING: 61 \n62 \n.1.3.2 = INTEGER: 1\n",
        &[("1.3.1", "STRING", "ab"), ("1.3.2", "INTEGER", "1")],
    );
}

#[test]
fn an_exception_is_a_kind_without_a_value() {
    check(
        ".1.3.1 = No Such Object available on this agent at this OID\n\
         .1.3.2 = No Such Instance currently exists at this OID\n\
         .1.3.3 = No more variables left in this MIB View (It is past the end of the MIB tree)\n",
        &[
            ("1.3.1", "noSuchObject", ""),
            ("1.3.2", "noSuchInstance", ""),
            ("1.3.3", "endOfMibView", ""),
        ],
    );
}

#[test]
fn a_line_of_no_known_form_is_named() {
    let error = bindings("what is this\n").unwrap_err();
    assert_eq!(
        error.to_string(),
        "not a variable binding: \"what is this\""
    );
}
