use async_snmp::{Oid, Value};

use super::objects::{self, Sight};
use super::register::{Class, LONGEST, Mistake, Register, Token};
use super::*;
use crate::mib::Refusal;
use crate::moment::Moment;

const DRILL: &str = "1.3.6.1.4.1.8072.9999.9999.7";

fn token(text: &str) -> Token {
    Token::parse(text.as_bytes()).unwrap()
}

fn row(column: u32, text: &str) -> Oid {
    let start = Oid::parse(&format!("{DRILL}.3.1.{column}")).unwrap();
    let index = token(text);
    Oid::new(start.arcs().iter().copied().chain(index.index()))
}

fn sight(register: &Register) -> Sight<'_> {
    Sight {
        name: "drill-0001",
        seed: 7,
        uptime: std::time::Duration::from_secs(10),
        requests: 3,
        register,
    }
}

#[test]
fn a_token_is_1_to_64_printable_characters() {
    assert_eq!(token("a-1").as_str(), "a-1");
    assert_eq!(
        token("a-1").index().collect::<Vec<_>>(),
        [3, 97, 45, 49],
        "length and bytes, as RFC 2578, 7.7 says"
    );
    assert!(Token::parse(&[b'x'; LONGEST]).is_ok());
    assert_eq!(Token::parse(&[b'x'; LONGEST + 1]), Err(Mistake::Length));
    assert_eq!(Token::parse(b""), Err(Mistake::Length));
    assert_eq!(Token::parse(b"a b"), Err(Mistake::Character));
    assert_eq!(Token::parse("ü".as_bytes()), Err(Mistake::Character));
}

#[test]
fn a_register_tells_what_it_was_told_from_what_was_done() {
    let mut register = Register::default();
    let now = Moment::now();
    register.received(Class::Mark, &token("lie"));
    for _ in 0..2 {
        register.received(Class::Mark, &token("twice"));
        register.done(Class::Mark, &token("twice"), now);
    }
    let sum = register.of(Class::Mark).sum();
    assert_eq!(
        (sum.tokens, sum.received, sum.done, sum.repeated),
        (2, 3, 2, 1)
    );
    assert_eq!(register.of(Class::Put).sum().tokens, 0);
    let truth = register.truth();
    assert_eq!(truth.len(), 2);
    assert_eq!((truth[0].token.as_str(), truth[0].done), ("lie", 0));
    assert_eq!(truth[0].first_unix_ms, None);
    assert_eq!((truth[1].received, truth[1].first_unix_ms), (2, Some(now)));
}

#[test]
fn every_token_can_be_requested_and_0_means_never() {
    let mut register = Register::default();
    register.received(Class::Mark, &token("lie"));
    register.received(Class::Mark, &token("a"));
    register.done(Class::Mark, &token("a"), Moment::now());
    let sight = sight(&register);
    for (oid, expect) in [
        (row(1, "a"), Value::Gauge32(1)),
        (row(2, "a"), Value::Gauge32(0)),
        (row(1, "lie"), Value::Gauge32(0)),
        (row(1, &"x".repeat(64)), Value::Gauge32(0)),
        (row(3, "a"), Value::NoSuchObject),
        (row(1, "a").child(5), Value::NoSuchInstance),
    ] {
        assert_eq!(sight.get(&oid), expect, "{oid}");
    }
    let last = |object| sight.get(&Oid::parse(&format!("{DRILL}.2.{object}.0")).unwrap());
    assert_eq!(last(1), Value::OctetString("a".into()));
    assert_eq!(last(2), Value::OctetString("(none)".into()));
}

#[test]
fn a_walk_sees_each_effect_once_in_order() {
    let mut register = Register::default();
    for text in ["b", "a", "long-token"] {
        register.done(Class::Mark, &token(text), Moment::now());
    }
    register.done(Class::Put, &token("a"), Moment::now());
    register.received(Class::Put, &token("aa"));
    let sight = sight(&register);
    let mut at = Oid::parse("1.3").unwrap();
    let mut seen = Vec::new();
    while let Some(next) = sight.next(&at) {
        at = next.oid.clone();
        seen.push(next.oid);
    }
    assert!(seen.is_sorted_by(|left, right| left < right));
    assert_eq!(seen.len(), 7 + 7 + 4);
    assert_eq!(
        &seen[14..],
        [row(1, "a"), row(1, "b"), row(1, "long-token"), row(2, "a")]
    );
    let beyond = Oid::parse(&format!("{DRILL}.3.1.1.1.97.4294967295")).unwrap();
    assert_eq!(sight.next(&beyond).unwrap().oid, row(1, "b"));
}

#[test]
fn what_is_not_a_token_is_refused_and_nothing_else_can_be_written() {
    let oid = |object: &str| Oid::parse(&format!("{DRILL}.{object}")).unwrap();
    let text = |text: &str| Value::OctetString(text.to_owned().into());
    for (object, value, expect) in [
        ("2.1.0", text(""), Refusal::WrongLength),
        ("2.1.0", text(&"x".repeat(65)), Refusal::WrongLength),
        ("2.2.0", text("a b"), Refusal::WrongValue),
        ("2.2.0", Value::Integer(1), Refusal::WrongType),
        ("2.3.0", text("a"), Refusal::NotWritable),
        ("1.3.0", text("a"), Refusal::NotWritable),
        ("3.1.1.1.97", text("a"), Refusal::NotWritable),
    ] {
        assert_eq!(
            objects::write(&oid(object), &value),
            Err(expect),
            "{object}"
        );
    }
    let change = objects::write(&oid("2.2.0"), &text("a")).unwrap();
    assert_eq!((change.class, change.token), (Class::Put, token("a")));
}

#[test]
fn a_share_of_the_devices_is_chosen_by_the_seed() {
    let half: FaultShare = "slow=10ms@0.5".parse().unwrap();
    assert_eq!(half.chosen(1, 40).len(), 20);
    assert_eq!(half.chosen(1, 40), half.chosen(1, 40));
    assert_ne!(half.chosen(1, 40), half.chosen(2, 40));
    let all: FaultShare = "mute-sets=0.1".parse().unwrap();
    assert_eq!(all.chosen(1, 40).len(), 40);
    for wrong in ["slow@0.5", "lame", "silent@2", "silent@"] {
        assert!(wrong.parse::<FaultShare>().is_err(), "{wrong}");
    }
}
