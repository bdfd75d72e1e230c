//! Tokens that are accepted, and every way in which one is not.

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::json;

use super::*;

// Keys made for these tests, which sign nothing else.
const OWN: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgt+lyeu5fM8BunnTY2vPfLlTDO1H3q0SOO+vsM47n\
    FaqhRANCAAQWxJDttGRmCWO5kcvXehparKZZnonInQ5fHNGetZ4cnrWDOgzkkoIOBOAuj3UxMJ9gGk8pE+VJXplz\
    NMonL6hi";
const OTHER: &str = "\
    MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgpuRrgkcxUFiu/YBShsNziVzO+FOmWef6HmOq46q3\
    mlmhRANCAAQyvuZdbXkeyZxwxLwK8+x+ryvdXiLEH+TlgbHH1S+/fRHEH/Jzcz1YhNUVJqqid/HooKupCcCNR39g\
    1jppNAmI";
const OWN_RSA: &str = "\
    MIIEogIBAAKCAQEAq6yYeFuybhAaxKhyw19jXs+7ta82iWBi/qk2wyrF8PYfCHqNgfE4qywkgWcIgopWomMfLDO1\
    2fAecpQCn9l/kM/uQb0L2iUyZKG0MaUqAgpZgBFwIVhG0lHpJc1URNBaXmW4WU7M/pacXSuYzBOZGdYRfFrPYIqX\
    ZsOUBSojgv7Wr4jURjy5M3oELkFj8PZLYzGG9cgNpL1Ffm3EBPZI0+xvKke6fpn4GPgOpmliR/UAmpaIiEaZt9dw\
    PvU9o4iM0GnjhklHR9aMIfVWbjtYyoDKtl1Gjzbj6GxLuHqegzRaQN7vpz4K1xLox4yfBnueIHSRCfSWrJT1DdDj\
    BVkn1QIDAQABAoIBABnPre7uroGg1z15LCQWy+x95DWZXeRCwy+RxoOKg09K2fie4HbIi2IlFWoFUUC7RvJMX+v3\
    7GATm6hTe5+IBoeB08s7frQyQoTh0SNjt1CuOK2qMYc57BAEM780w3ZDM0sdFR4MXILspx7VBrisO6koR+HAD4zu\
    2XugbTlnkAZKRih3g0cHR0Q16PmVDBbnGdscbYW/FxI1UgbVnwrVi1nwso/I/yXV9460xQRQugYZNiHWjPjm4gyh\
    w7nc1fmMeOyyizhIN83NCygm98uR/V9SZJboL1SnlsTlD5OOZf5rlrhZyzCrtX6Kn8aCdTjZ4prqQGN3//3UrNuh\
    cnogj8MCgYEA539FU9D0P9XGvgYZq3A+xBS2GYfhpzkVeGcJI8u+QcBbjMUrZnu0tSbxGOHIS2IfCwU+oqueD60S\
    LmNZaisGq50gK9tbRTxr7zMnkS1Y61AmKiML+Zmup2jutJLji4oL/Yp2TKF0i7tei2W8GFw6c8Gn6J6vaH99ei28\
    8TgYQ9MCgYEAvdhXQPKMFLr6pqYpGzEENB/GTNUDnrnLhLSSa387/3OWy35WGQondn/cIAyg0iGztftGBzWUraXr\
    Kqq2KWDuahZ57TfgTQzWG+HMGJx8F2wLd3QORwbWXKzovDfXmH4L3up8jMVo5XPNPvfisYZpWH24WJ0klraq8OkI\
    hfRNJLcCgYBVsaM0N7Fyv+vmA9QUxmQ1qYUPRmGdyV/NRjb37T/sjwxUu9gpA7oNJPEyyMGgRh4/sh1Rkj3ch7Cn\
    Q1eiGXNKq8tw8K6Enq1FyqXm8+ZqlSzLhFW2e9FPX2Sdq5JX4S43GL5Z95pw71c8Oti6G8n3d8R0M+mywR7tz2iV\
    0rIIyQKBgAMD+bbVY3Y81hhpkUOWTrvJOWwlAg62Ys4z1BOTDM/s9Rs8YX+6UpAmTcfQi4lq8aDVYfJhXoA3n3mp\
    BoW3vXG/86XZ+l0e9BOzTXuimLICjFgUZtmn+SW1tWiv9mO8tNGQpfPSeu0SHtN+OoKZYPj/3jrCHD+snSCAgxsl\
    m0gXAoGAWq2MSCJdgYMr++VsdDHj+2rj56toUtCx8JsVT/884M+yUql8bc68bN4lt8lMF2vuBmSLldhZXOyQBjxb\
    GHHN0AIRLNL3NZhll5RLbbMOYthN1DVj0P33ADf+xdNaOjr72/RJI7ZN4+UdIJszOqE1bUTcGmCqT5jxGO+fdFbY\
    vw4=";
const X: &str = "\
    FsSQ7bRkZgljuZHL13oaWqymWZ6JyJ0OXxzRnrWeHJ4";
const Y: &str = "\
    tYM6DOSSgg4E4C6PdTEwn2AaTykT5UlemXM0yicvqGI";
const N: &str = "\
    q6yYeFuybhAaxKhyw19jXs-\
    7ta82iWBi_qk2wyrF8PYfCHqNgfE4qywkgWcIgopWomMfLDO12fAecpQCn9l_kM_uQb0L2iUyZKG0MaUqAgpZgBF\
    wIVhG0lHpJc1URNBaXmW4WU7M_pacXSuYzBOZGdYRfFrPYIqXZsOUBSojgv7Wr4jURjy5M3oELkFj8PZLYzGG9cg\
    NpL1Ffm3EBPZI0-\
    xvKke6fpn4GPgOpmliR_UAmpaIiEaZt9dwPvU9o4iM0GnjhklHR9aMIfVWbjtYyoDKtl1Gjzbj6GxLuHqegzRaQN\
    7vpz4K1xLox4yfBnueIHSRCfSWrJT1DdDjBVkn1Q";

const ISSUER: &str = "https://id.example";
const NOW: i64 = 1_800_000_000;

fn keys() -> Keys {
    let keys = json!({ "keys": [
        { "kty": "EC", "crv": "P-256", "kid": "ec", "use": "sig", "x": X, "y": Y },
        { "kty": "RSA", "kid": "rsa", "alg": "RS256", "n": N, "e": "AQAB" },
        { "kty": "EC", "crv": "P-256", "kid": "enc", "use": "enc", "x": X, "y": Y },
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

fn der(text: &str) -> Vec<u8> {
    STANDARD.decode(text).unwrap()
}

fn sign(claims: &Value, algorithm: Algorithm, id: Option<&str>, key: &EncodingKey) -> String {
    let mut header = Header::new(algorithm);
    header.kid = id.map(str::to_owned);
    encode(&header, claims, key).unwrap()
}

fn own(claims: &Value) -> String {
    let key = EncodingKey::from_ec_der(&der(OWN));
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
    let rsa = EncodingKey::from_rsa_der(&der(OWN_RSA));
    let token = sign(&claims(|_| {}), Algorithm::RS256, Some("rsa"), &rsa);
    assert!(look(&token).is_ok());
    let ec = EncodingKey::from_ec_der(&der(OWN));
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
    let other = EncodingKey::from_ec_der(&der(OTHER));
    let point = [der_of(X), der_of(Y)].concat();
    let secrets: [&[u8]; 3] = [b"secret", &point, X.as_bytes()];
    let mut wrong = vec![
        sign(&good, Algorithm::ES256, Some("ec"), &other),
        sign(&good, Algorithm::ES256, Some("unknown"), &other),
        sign(&good, Algorithm::ES256, None, &other),
    ];
    let own_key = EncodingKey::from_ec_der(&der(OWN));
    wrong.push(sign(&good, Algorithm::ES256, Some("enc"), &own_key));
    let rsa = EncodingKey::from_rsa_der(&der(OWN_RSA));
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
    for text in ["", "a.b.c", "a.b", "...."] {
        assert!(look(text).is_err(), "{text}");
    }
}

#[test]
fn a_key_that_nobody_knows_may_be_newer() {
    let key = EncodingKey::from_ec_der(&der(OTHER));
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
    URL_SAFE_NO_PAD.decode(coordinate).unwrap()
}
