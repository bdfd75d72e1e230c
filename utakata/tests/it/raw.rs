//! Texts by people and devices never reach a terminal unescaped.

use crate::program::Place;

const HOSTILE: &str =
    "fine\u{1b}[2K\u{1b}[1A\u{1b}]0;pwned\u{7}\nFAKE LINE: approved by cto\u{9b}2J\u{202e}\u{200b}";

#[test]
fn escapes_in_reasons_are_shown_and_not_done() {
    let place = Place::new();
    let up = place.up();
    place.serve_echo(&["one"]);
    let control = |more: &[&str]| place.run(&[&["control", "one", "set"], more].concat());
    assert_eq!(control(&["--why", HOSTILE]).code, 0);
    let lock = ["target", "lock", "one", "--for", "1h", "--why", HOSTILE];
    assert_eq!(place.run(&lock).code, 0);
    assert_eq!(control(&["--why", "waits", "--timeout", "0s"]).code, 3);
    let mut seen = 0;
    for arguments in [
        &["operation", "list"][..],
        &["operation", "show", "last"],
        &["operation", "explain", "last"],
        &["task", "explain", "last"],
        &["target", "locks"],
        &["target", "show", "one"],
    ] {
        for colour in ["never", "always"] {
            let done = place.run(&[arguments, &["--color", colour]].concat());
            assert_eq!(done.code, 0, "{arguments:?}: {}", done.err);
            let all = format!("{}{}", done.out, done.err);
            seen += all.matches("\\u{1b}[2K").count();
            for raw in [
                "\u{1b}[2K",
                "\u{1b}]0;",
                "\u{9b}",
                "\u{202e}",
                "\u{200b}",
                "\u{7}",
                "\nFAKE",
            ] {
                assert!(!all.contains(raw), "{arguments:?} {raw:?}: {all:?}");
            }
        }
    }
    assert!(seen >= 8, "{seen}");
    // Programs get it exactly, and a terminal still gets nothing to act on.
    for format in ["json", "yaml"] {
        let done = place.run(&["target", "locks", "-o", format]);
        assert!(
            !done.out.contains(['\u{1b}', '\u{9b}', '\u{202e}']),
            "{:?}",
            done.out
        );
    }
    let locks = place.json(&["target", "locks"]);
    assert_eq!(locks[0]["lock"]["why"], HOSTILE);
    assert_eq!(up.stop(), 0, "{}", place.told());
}
