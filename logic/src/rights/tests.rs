use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;
use serde_json::json;
use utakata_model::{Binding, PersonName, Role, Target, Verb};

use super::{Actor, Earlier, NotAnother, Object, Rights, Scope, allowed};

fn target(name: &str, rack: &str) -> Target {
    let target = json!({
        "name": name, "kind": "pdu", "address": "127.0.0.1", "labels": { "rack": rack },
    });
    serde_json::from_value(target).unwrap()
}

fn binding(role: Role, selector: &str, by: &str, made: i64) -> Binding {
    serde_json::from_value(json!({
        "name": "b", "who": "ana", "role": role, "selector": selector, "by": by,
        "made": Timestamp::UNIX_EPOCH + SignedDuration::from_secs(made),
    }))
    .unwrap()
}

fn rights(bindings: Vec<Binding>) -> Rights {
    Rights::of(bindings.into_iter().map(Arc::new).collect())
}

#[test]
fn a_right_counts_where_its_binding_says_and_nowhere_else() {
    let (a, b) = (target("pdu-1", "A1"), target("pdu-2", "B1"));
    let operator = [binding(Role::Operator, "rack=A1", "sec", 0)];
    let viewer = [binding(Role::Viewer, "", "sec", 0)];
    let both = [operator[0].clone(), viewer[0].clone()];
    for (bindings, verb, object, expect) in [
        (&operator[..], Verb::ControlHigh, Object::Target(&a), true),
        (&operator, Verb::ControlHigh, Object::Target(&b), false),
        (&operator, Verb::See, Object::Target(&b), false),
        (&operator, Verb::Order, Object::Site, false),
        (&operator, Verb::Approve, Object::Target(&a), false),
        (&viewer, Verb::See, Object::Site, true),
        (&viewer, Verb::See, Object::Target(&b), true),
        (&viewer, Verb::Read, Object::Target(&b), false),
        (&both, Verb::See, Object::Target(&b), true),
        (&both, Verb::ControlLow, Object::Target(&b), false),
        (&[], Verb::See, Object::Target(&a), false),
    ] {
        let found = allowed(bindings, verb, object);
        assert_eq!(found, expect, "{bindings:?} {verb} {object:?}");
    }
}

#[test]
fn the_right_to_approve_is_another_s_gift_and_older_than_the_operation() {
    let target = target("pdu-1", "A1");
    let name = |name: &str| PersonName::new(name).unwrap();
    let (ana, bob) = (name("ana"), name("bob"));
    let requested = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(100);
    let given = |by: &str| NotAnother::Given {
        second: ana.clone(),
        by: name(by),
        first: bob.clone(),
    };
    let younger = NotAnother::Younger {
        second: ana.clone(),
    };
    let own = NotAnother::Own {
        second: ana.clone(),
    };
    let by = |by: &str, through: &[&str]| Binding {
        through: through.iter().map(|one| name(one)).collect(),
        ..binding(Role::Approver, "", by, 99)
    };
    let requester = Actor::of(bob.clone(), [name("max")]);
    let to = Earlier {
        by: Some(&requester),
        at: requested,
        needs: Verb::Approve,
    };
    for (bindings, expect) in [
        (vec![binding(Role::Approver, "", "sec", 99)], Ok(())),
        (
            vec![binding(Role::Approver, "", "bob", 99)],
            Err(given("bob")),
        ),
        (
            vec![binding(Role::Approver, "", "ana", 99)],
            Err(own.clone()),
        ),
        // By somebody whom one of the two, or whoever has made the requester, has made.
        (vec![by("sec", &["kim"])], Ok(())),
        (vec![by("sec", &["kim", "bob"])], Err(given("bob"))),
        (vec![by("sec", &["ana"])], Err(own)),
        (vec![by("max", &[])], Err(given("max"))),
        (vec![by("sec", &["max"])], Err(given("max"))),
        (vec![binding(Role::Approver, "", "sec", 100)], Err(younger)),
        (
            vec![
                binding(Role::Approver, "", "bob", 1),
                binding(Role::Approver, "rack=A1", "sec", 2),
            ],
            Ok(()),
        ),
        (
            vec![
                binding(Role::Approver, "rack=B1", "sec", 1),
                binding(Role::Approver, "", "bob", 2),
            ],
            Err(given("bob")),
        ),
    ] {
        let found = rights(bindings).agree_as_another(&ana, to, Object::Target(&target));
        assert_eq!(found, expect);
    }
    let admin = Rights::everything();
    assert_eq!(
        admin.agree_as_another(&ana, to, Object::Target(&target)),
        Ok(())
    );
}

#[test]
fn whoever_acts_could_be_whoever_made_their_token_but_not_admin() {
    let name = |name: &str| PersonName::new(name).unwrap();
    let bob = Actor::of(name("bob"), ["bob", "sec", "admin"].map(name));
    for (who, expect) in [
        ("bob", true),
        ("sec", true),
        ("admin", false),
        ("ana", false),
    ] {
        assert_eq!(bob.could_be(&name(who)), expect, "{who}");
    }
    assert!(Actor::of(name("admin"), []).could_be(&name("admin")));
}

fn any_binding() -> impl Strategy<Value = Binding> {
    let selectors = prop::sample::select(vec!["", "rack=A1", "rack in (A1,B1)", "name=pdu-2"]);
    let roles = prop::sample::select(Role::ALL);
    (roles, selectors).prop_map(|(role, selector)| binding(role, selector, "sec", 0))
}

proptest! {
    /// The scope of a right is where it is allowed; a further binding takes nothing away; and what is
    /// allowed on everything is allowed on each.
    #[test]
    fn scopes_and_decisions_agree(
        bindings in prop::collection::vec(any_binding(), 0..5),
        more in any_binding(),
        verb in prop::sample::select(Verb::ALL),
        at in 0_usize..3,
    ) {
        let targets = [target("pdu-1", "A1"), target("pdu-2", "B1"), target("pdu-3", "C1")];
        let object = Object::Target(&targets[at]);
        let before = rights(bindings.clone());
        let scope = before.scope(verb);
        prop_assert_eq!(scope.covers(&targets[at]), before.allow(verb, object));
        prop_assert_eq!(scope.is_everything(), before.allow(verb, Object::Site));
        if scope.is_nothing() {
            prop_assert!(!before.allow(verb, object));
        }
        if before.allow(verb, Object::Site) {
            prop_assert!(before.allow(verb, object));
        }
        let mut with = bindings;
        with.push(more);
        let after = rights(with);
        prop_assert!(!before.allow(verb, object) || after.allow(verb, object));
        prop_assert_eq!(rights(Vec::new()).scope(verb), Scope::Within(Vec::new()));
    }
}
