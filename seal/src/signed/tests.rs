use proptest::prelude::*;

use super::*;
use crate::{EnvironmentKeys, SiteKey, aead};

const PLACE: &str = "utakata/v1/permit/wee-1";

fn key() -> SigningKey {
    SigningKey::derive(&aead::draw().unwrap(), b"test").unwrap()
}

fn serial(count: u64) -> Serial {
    Serial { life: 7, count }
}

fn signed(key: &SigningKey) -> Vec<u8> {
    let message = br#"{"version":1,"answers":["}"]}"#.to_vec();
    key.sign(PLACE, serial(42), message)
}

#[test]
fn a_signed_message_is_json_and_comes_back_as_it_was() {
    let key = key();
    let payload = signed(&key);
    let json: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(json["signed"]["by"], key.signer().0);
    assert_eq!(json["signed"]["count"], 42);
    let found = Signed::find(&payload).unwrap();
    assert!(found.is_right(PLACE));
    assert_eq!(
        (found.by(), found.serial),
        (key.signer().clone(), serial(42))
    );
    assert_eq!(found.message(), br#"{"version":1,"answers":["}"]}"#);
}

#[test]
fn a_message_counts_in_its_place_alone() {
    let payload = signed(&key());
    let found = Signed::find(&payload).unwrap();
    for place in ["utakata/v1/permit/wee-2", "utakata/v1/permit/wee-", ""] {
        assert!(!found.is_right(place), "{place}");
    }
}

#[test]
fn what_has_no_signature_at_its_end_is_not_signed() {
    let payload = signed(&key());
    let text = String::from_utf8(payload.clone()).unwrap();
    let inner = text.replace("\"}}", "\"},\"more\":1}");
    for other in ["", "{}", "\"}}", r#"{"version":1}"#, &inner] {
        assert!(Signed::find(other.as_bytes()).is_none(), "{other}");
    }
    // The field of somebody else within a message is part of the message.
    let twice = key().sign(PLACE, serial(1), payload);
    let found = Signed::find(&twice).unwrap();
    assert!(found.is_right(PLACE));
    assert!(Signed::find(&found.message()).unwrap().is_right(PLACE));
}

#[test]
fn somebody_elses_key_in_the_message_is_no_signature_of_theirs() {
    let (one, other) = (key(), key());
    let text = String::from_utf8(signed(&one)).unwrap();
    let claimed = text.replace(&one.signer().0, &other.signer().0);
    assert!(!Signed::find(claimed.as_bytes()).unwrap().is_right(PLACE));
}

proptest! {
    #[test]
    fn an_altered_message_is_not_right(flipped in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut payload = signed(&key());
        let at = flipped.index(payload.len());
        payload[at] ^= 1 << bit;
        let is_right = Signed::find(&payload).is_some_and(|found| found.is_right(PLACE));
        prop_assert!(!is_right, "{}", String::from_utf8_lossy(&payload));
    }

    #[test]
    fn no_bytes_are_a_reason_to_panic(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let payload = [&bytes[..], SIGNATURE, &[b'A'; SIGNATURE_LEN], CLOSING].concat();
        prop_assert!(!Signed::find(&payload).is_some_and(|found| found.is_right(PLACE)));
    }

    #[test]
    fn each_number_counts_once_in_whatever_order(
        counts in prop::collection::vec(0..WINDOW, 1..200),
    ) {
        let (mut serials, signer) = (Serials::default(), Signer("s".into()));
        let mut seen = std::collections::HashSet::new();
        for count in counts {
            prop_assert_eq!(serials.is_new(&signer, serial(count)), seen.insert(count));
        }
    }
}

#[test]
fn what_is_older_than_the_window_does_not_count_and_another_life_does() {
    let (mut serials, signer) = (Serials::default(), Signer("s".into()));
    assert!(serials.is_new(&signer, serial(1)));
    assert!(serials.is_new(&signer, serial(3 * WINDOW)));
    assert!(!serials.is_new(&signer, serial(1)));
    assert!(!serials.is_new(&signer, serial(2 * WINDOW)));
    assert!(serials.is_new(&signer, serial(2 * WINDOW + 1)));
    let other = Serial { life: 8, count: 1 };
    assert!(serials.is_new(&signer, other));
    assert!(!serials.is_new(&signer, other));
    assert!(serials.is_new(&Signer("t".into()), other));
}

#[test]
fn the_lives_that_are_remembered_are_few_and_the_latest() {
    let (mut serials, signer) = (Serials::default(), Signer("s".into()));
    let of = |life| Serial { life, count: 1 };
    for life in 0..3 * MAX_LIVES as u64 {
        assert!(serials.is_new(&signer, of(life)));
        assert!(!serials.is_new(&signer, of(life)));
    }
    assert!(serials.lives.len() <= MAX_LIVES);
}

#[test]
fn keys_for_messages_follow_from_the_secrets_that_are_there() {
    let keys = EnvironmentKeys::generate().unwrap();
    let read = EnvironmentKeys::parse(&keys.to_text()).unwrap();
    assert_eq!(keys.signing_key().signer(), read.signing_key().signer());
    let site = SiteKey::generate().unwrap();
    let signer = || site.signing_key().unwrap().signer().clone();
    assert_eq!(signer(), signer());
    assert_ne!(signer().0, site.head_key().unwrap().signer().to_string());
}
