//! `last` is the last operation of the same person.

use crate::program::Place;

#[test]
fn last_is_ones_own_and_not_the_one_before_what_was_refused() {
    let place = Place::new();
    let up = place.up();
    place.serve_echo(&["one", "two"]);
    let none = place.run(&["operation", "show", "last"]);
    assert_eq!(none.code, 2);
    assert!(
        none.err.contains("there is no operation yet"),
        "{}",
        none.err
    );
    let ana = place.json(&["person", "add", "ana", "--role", "operator"])["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let as_ana = |arguments: &[&str]| place.run_as(&ana, arguments);
    assert_eq!(
        place
            .run(&["control", "one", "set", "--why", "admin's"])
            .code,
        0
    );
    for arguments in [
        &["operation", "show", "last"][..],
        &["operation", "undo", "last", "--yes"],
        &["task", "show", "last"],
    ] {
        let others = as_ana(arguments);
        assert_eq!(
            others.code, 2,
            "{arguments:?}: {}{}",
            others.out, others.err
        );
        assert!(others.err.contains("asked by admin"), "{}", others.err);
    }
    assert_eq!(as_ana(&["control", "two", "set", "--why", "ana's"]).code, 0);
    assert_eq!(
        place
            .run(&["control", "one", "set", "--why", "the newest"])
            .code,
        0
    );
    let own = as_ana(&["operation", "show", "last"]);
    assert!(own.out.contains("ana's"), "{}", own.out);
    assert!(as_ana(&["task", "show", "last"]).out.contains("two (echo)"));

    // Refused: the previous operation is not meant.
    let refused = as_ana(&["control", "two", "sett"]); // typos: on purpose
    assert_eq!(refused.code, 2, "{}", refused.err);
    let undo = as_ana(&["operation", "cancel", "last"]);
    assert_eq!(undo.code, 2, "{}", undo.err);
    assert!(
        undo.err.contains("was refused, and nothing was sent"),
        "{}",
        undo.err
    );
    let shown = as_ana(&["operation", "show", "last"]);
    assert!(
        shown.err.contains("this is the one before"),
        "{}",
        shown.err
    );
    assert_eq!(as_ana(&["control", "two", "set", "--why", "again"]).code, 0);
    let shown = as_ana(&["operation", "show", "last"]);
    assert!(
        shown.out.contains("again") && shown.err.is_empty(),
        "{}",
        shown.err
    );

    // With several tasks, none is the last one.
    assert_eq!(as_ana(&["control", "kind=echo", "set", "--yes"]).code, 0);
    let several = as_ana(&["task", "cancel", "last"]);
    assert_eq!(several.code, 2, "{}", several.err);
    assert!(
        several.err.contains("has 2 tasks: name one"),
        "{}",
        several.err
    );
    let approve = place.run(&["operation", "approve", "last"]);
    assert_eq!(approve.code, 2);
    assert!(
        approve.err.contains("no operation waits"),
        "{}",
        approve.err
    );
    assert_eq!(up.stop(), 0, "{}", place.told());
}
