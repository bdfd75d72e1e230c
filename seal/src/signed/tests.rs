use proptest::prelude::*;

use super::*;
use crate::{EnvironmentKeys, SiteKey, aead};

const PLACE: &str = "utakata/v1/permit/wee-1";

fn key() -> SigningKey {
    SigningKey::derive(&aead::draw().unwrap(), b"test").unwrap()
}

fn signed(key: &SigningKey) -> Vec<u8> {
    let message = br#"{"version":1,"answers":["}"]}"#.to_vec();
    key.sign(PLACE, message)
}

#[test]
fn a_signed_message_is_json_and_comes_back_as_it_was() {
    let key = key();
    let payload = signed(&key);
    let json: serde_json::Value = serde_json::from_slice(&payload).unwrap();
    assert_eq!(json["signed"]["by"], key.signer().0);
    let found = Signed::find(&payload).unwrap();
    assert!(found.is_right(PLACE));
    assert_eq!(found.by(), *key.signer());
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
    let twice = key().sign(PLACE, payload);
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
