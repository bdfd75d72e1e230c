//! Tokens that are accepted, and every way in which one is not.

use std::sync::LazyLock;

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

use super::*;

/// Keys made for these tests, which sign nothing else.
static KEYS: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("test-keys.json")).unwrap());

fn text(key: &str) -> &'static str {
    KEYS[key].as_str().unwrap()
}

const ISSUER: &str = "https://id.example";
const NOW: i64 = 1_800_000_000;

fn keys() -> Keys {
    let keys = json!({ "keys": [
        { "kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "x": text("x"), "y": text("y") },
        { "kty": "RSA", "kid": "rsa", "alg": "RS256", "n": text("n"), "e": "AQAB" },
        { "kty": "EC", "crv": "P-256", "kid": "enc", "use": "enc", "x": text("x"), "y": text("y") },
        { "kty": "oct", "kid": "oct", "k": "c2VjcmV0" },
        { "kty": "made-up" },
    ] });
    Keys::read(keys.to_string().as_bytes()).unwrap()
}

fn claims(change: impl FnOnce(&mut Value)) -> Value {
    let mut claims = json!({
        "iss": ISSUER, "sub": "0042", "aud": "utakata", "nonce": "n",
        "exp": NOW + 300, "iat": NOW - 5, "groups": ["netops"],
    });
    change(&mut claims);
    claims
}

fn der(key: &str) -> Vec<u8> {
    STANDARD.decode(text(key)).unwrap()
}

fn sign(claims: &Value, algorithm: Algorithm, id: Option<&str>, key: &EncodingKey) -> String {
    let mut header = Header::new(algorithm);
    header.kid = id.map(str::to_owned);
    encode(&header, claims, key).unwrap()
}

fn own(claims: &Value) -> String {
    let key = EncodingKey::from_ec_der(&der("own"));
    sign(claims, Algorithm::ES256, Some("ec"), &key)
}

fn look(token: &str) -> Result<Accepted, Error> {
    let expected = Expected {
        issuer: ISSUER,
        client_id: "utakata",
        nonce: Some("n"),
        now: Timestamp::from_second(NOW).unwrap(),
    };
    accept(token, &keys(), expected)
}

fn refusal(token: &str) -> String {
    look(token).unwrap_err().to_string()
}

#[test]
fn a_token_of_the_provider_for_us_and_now_is_accepted() {
    let found = look(&own(&claims(|_| {}))).unwrap();
    assert_eq!(found.subject, "0042");
    assert_eq!(found.claims["groups"], json!(["netops"]));
    let rsa = EncodingKey::from_rsa_der(&der("own_rsa"));
    let token = sign(&claims(|_| {}), Algorithm::RS256, Some("rsa"), &rsa);
    assert!(look(&token).is_ok());
    let ec = EncodingKey::from_ec_der(&der("own"));
    let unnamed = sign(&claims(|_| {}), Algorithm::ES256, None, &ec);
    assert!(look(&unnamed).is_ok(), "each fitting key is tried");
    let several = claims(|claims| {
        claims["aud"] = json!(["utakata", "other"]);
        claims["azp"] = json!("utakata");
    });
    assert!(look(&own(&several)).is_ok());
    let skewed = claims(|claims| claims["exp"] = json!(NOW - 59));
    assert!(look(&own(&skewed)).is_ok());
}

#[test]
fn what_a_token_says_is_compared() {
    for (key, value, says) in [
        ("iss", json!("https://id.example/"), "is from"),
        ("iss", json!(null), "lacks something"),
        ("aud", json!("other"), "is for other"),
        ("aud", json!(["other", "more"]), "is for other, more"),
        ("aud", json!(["utakata", "other"]), "does not say who asked"),
        ("aud", json!([]), "is for"),
        ("azp", json!("other"), "made for \"other\""),
        ("sub", json!(""), "about whom"),
        ("sub", json!("x".repeat(256)), "about whom"),
        ("exp", json!(NOW - 60), "has ended"),
        ("exp", json!(null), "lacks something"),
        ("iat", json!(NOW + 61), "from the future"),
        ("nbf", json!(NOW + 61), "from the future"),
        ("nonce", json!("another"), "another login"),
        ("nonce", json!(null), "another login"),
    ] {
        let wrong = refusal(&own(&claims(|claims| claims[key] = value.clone())));
        assert!(wrong.contains(says), "{key} {value}: {wrong}");
    }
}

#[test]
fn only_a_key_of_the_provider_signs_and_only_by_its_own_algorithm() {
    let good = claims(|_| {});
    let not_signed = "not signed by a key of the provider";
    let other = EncodingKey::from_ec_der(&der("other"));
    let point = [der_of("x"), der_of("y")].concat();
    let secrets: [&[u8]; 3] = [b"secret", &point, text("x").as_bytes()];
    let mut wrong = vec![
        sign(&good, Algorithm::ES256, Some("ec"), &other),
        sign(&good, Algorithm::ES256, Some("unknown"), &other),
        sign(&good, Algorithm::ES256, None, &other),
    ];
    let own_key = EncodingKey::from_ec_der(&der("own"));
    wrong.push(sign(&good, Algorithm::ES256, Some("enc"), &own_key));
    let rsa = EncodingKey::from_rsa_der(&der("own_rsa"));
    wrong.push(sign(&good, Algorithm::PS256, Some("rsa"), &rsa));
    // What everybody can read must not be taken for a secret.
    for secret in secrets {
        let key = EncodingKey::from_secret(secret);
        for id in ["ec", "rsa", "oct"] {
            wrong.push(sign(&good, Algorithm::HS256, Some(id), &key));
        }
    }
    for token in wrong {
        let said = refusal(&token);
        assert!(said.contains(not_signed), "{said}");
    }
    let mut parts = own(&good);
    let end = parts.rfind('.').unwrap();
    parts.truncate(end + 1);
    assert!(look(&parts).is_err(), "no signature");
    let none = URL_SAFE_NO_PAD.encode(r#"{"alg":"none"}"#);
    let body = URL_SAFE_NO_PAD.encode(good.to_string());
    assert!(refusal(&format!("{none}.{body}.")).contains("is none"));
    for wrong in ["", "a.b.c", "a.b", "...."] {
        assert!(look(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_key_that_nobody_knows_may_be_newer() {
    let key = EncodingKey::from_ec_der(&der("other"));
    let token = |id| sign(&claims(|_| {}), Algorithm::ES256, id, &key);
    assert!(is_by_unknown_key(&token(Some("newer")), &keys()));
    assert!(!is_by_unknown_key(&token(Some("ec")), &keys()));
    assert!(!is_by_unknown_key("none", &keys()));
}

#[test]
fn without_a_nonce_none_is_expected() {
    let expected = Expected {
        issuer: ISSUER,
        client_id: "utakata",
        nonce: None,
        now: Timestamp::from_second(NOW).unwrap(),
    };
    let token = own(&claims(|claims| claims["nonce"] = json!(null)));
    assert!(accept(&token, &keys(), expected).is_ok());
}

fn der_of(coordinate: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text(coordinate)).unwrap()
}
