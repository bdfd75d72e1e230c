//! The check that the bearer of a token is a pod of this environment (RFC 7519): by the keys of
//! the cluster's issuer, without asking the cluster.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RsaPublicKeyComponents,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Deserialize;

/// The clocks of the issuer and of this machine may differ by so many seconds.
pub(crate) const LEEWAY: i64 = 60;

/// The keys of an issuer (RFC 7517).
#[derive(Debug, Clone, Default, Deserialize)]
pub(crate) struct Keys {
    keys: Vec<Key>,
}

#[derive(Debug, Clone, Deserialize)]
struct Key {
    kid: Option<String>,
    #[serde(flatten)]
    form: Form,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "kty")]
enum Form {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Curve { crv: String, x: String, y: String },
    #[serde(other)]
    Other,
}

/// The reason for which a token lets nobody in.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    /// It is no token of this kind at all.
    #[error("it is no token of a service account")]
    Form,
    /// It is signed by a key that is not known (yet).
    #[error("it is signed by a key that the cluster does not have")]
    UnknownKey,
    /// Somebody has made it up.
    #[error("its signature is wrong")]
    Signature,
    /// It is for others.
    #[error("it is not for the audience {wanted}")]
    Audience { wanted: String },
    /// It is of somebody else.
    #[error("it is of no pod of the namespace {namespace}")]
    Pod { namespace: String },
    /// It does not hold now.
    #[error(
        "it holds from {from} to {until} (seconds since 1970), and here it is {now}: put the \
         clocks of this machine and of the cluster right"
    )]
    Clock { from: i64, until: i64, now: i64 },
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
}

#[derive(Deserialize)]
struct Claims {
    aud: Audience,
    exp: i64,
    #[serde(default)]
    nbf: i64,
    #[serde(rename = "kubernetes.io")]
    bound: Option<Bound>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
struct Bound {
    namespace: String,
    pod: Option<BoundPod>,
}

#[derive(Deserialize)]
struct BoundPod {
    uid: String,
}

/// The claims that a token must make.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) audience: &'a str,
    pub(crate) namespace: &'a str,
    /// The present, in seconds since 1970.
    pub(crate) now: i64,
}

/// Returns the uid of the pod that a token is bound to.
pub(crate) fn pod_uid(token: &str, keys: &Keys, expected: Expected<'_>) -> Result<String, Refusal> {
    let (signed, signature) = token.rsplit_once('.').ok_or(Refusal::Form)?;
    let (head, claims) = signed.split_once('.').ok_or(Refusal::Form)?;
    let head: Head = part(head)?;
    let signature = URL_SAFE_NO_PAD
        .decode(signature)
        .map_err(|_| Refusal::Form)?;
    keys.verify(&head, signed.as_bytes(), &signature)?;
    let claims: Claims = part(claims)?;
    claims.check(expected)
}

/// Returns whether a text may be such a token: not more is said of a stranger's.
pub(crate) fn is_one(text: &str) -> bool {
    let parts = || text.split('.');
    parts().count() == 3
        && parts()
            .next()
            .is_some_and(|head| part::<Head>(head).is_ok())
}

fn part<T: for<'de> Deserialize<'de>>(text: &str) -> Result<T, Refusal> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Refusal::Form)?;
    serde_json::from_slice(&bytes).map_err(|_| Refusal::Form)
}

impl Keys {
    fn verify(&self, head: &Head, signed: &[u8], signature: &[u8]) -> Result<(), Refusal> {
        let is_named = |key: &&Key| head.kid.is_none() || key.kid == head.kid;
        let mut named = self.keys.iter().filter(is_named).peekable();
        if named.peek().is_none() {
            return Err(Refusal::UnknownKey);
        }
        let is_right = |key: &Key| key.form.verify(&head.alg, signed, signature).is_some();
        named.any(is_right).then_some(()).ok_or(Refusal::Signature)
    }
}

impl Form {
    /// Verifies a signature; `None`: it is wrong, or the key is for something else.
    fn verify(&self, algorithm: &str, signed: &[u8], signature: &[u8]) -> Option<()> {
        let number = |text: &str| URL_SAFE_NO_PAD.decode(text).ok();
        match self {
            Self::Rsa { n, e } => {
                let parameters = match algorithm {
                    "RS256" => &RSA_PKCS1_2048_8192_SHA256,
                    "RS384" => &RSA_PKCS1_2048_8192_SHA384,
                    "RS512" => &RSA_PKCS1_2048_8192_SHA512,
                    _ => return None,
                };
                let (n, e) = (number(n)?, number(e)?);
                let key = RsaPublicKeyComponents { n, e };
                key.verify(parameters, signed, signature).ok()
            }
            Self::Curve { crv, x, y } => {
                let parameters: &'static dyn VerificationAlgorithm = match (algorithm, crv.as_str())
                {
                    ("ES256", "P-256") => &ECDSA_P256_SHA256_FIXED,
                    ("ES384", "P-384") => &ECDSA_P384_SHA384_FIXED,
                    _ => return None,
                };
                // An uncompressed point (SEC 1, 2.3.3).
                let point = [vec![4], number(x)?, number(y)?].concat();
                let key = UnparsedPublicKey::new(parameters, point);
                key.verify(signed, signature).ok()
            }
            Self::Other => None,
        }
    }
}

impl Claims {
    fn check(self, expected: Expected<'_>) -> Result<String, Refusal> {
        let Expected {
            audience,
            namespace,
            now,
        } = expected;
        let is_for_us = match &self.aud {
            Audience::One(one) => one == audience,
            Audience::Many(many) => many.iter().any(|one| one == audience),
        };
        if !is_for_us {
            return Err(Refusal::Audience {
                wanted: audience.into(),
            });
        }
        if now + LEEWAY < self.nbf || now - LEEWAY >= self.exp {
            return Err(Refusal::Clock {
                from: self.nbf,
                until: self.exp,
                now,
            });
        }
        let bound = self.bound.filter(|bound| bound.namespace == namespace);
        let pod = bound.and_then(|bound| bound.pod);
        pod.map(|pod| pod.uid).ok_or_else(|| Refusal::Pod {
            namespace: namespace.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::{
        rand::SystemRandom,
        signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
    };
    use serde_json::{Value, json};

    use super::*;

    struct Issuer(EcdsaKeyPair);

    impl Issuer {
        fn new() -> Self {
            Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
        }

        fn keys(&self, id: &str) -> Keys {
            let point = self.0.public_key().as_ref();
            let number = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
            serde_json::from_value(json!({"keys": [
                {"kty": "OKP", "kid": "other", "crv": "Ed25519", "x": ""},
                {"kty": "EC", "kid": id, "crv": "P-256", "use": "sig",
                    "x": number(&point[1..33]), "y": number(&point[33..])},
            ]}))
            .unwrap()
        }

        fn sign(&self, claims: &Value) -> String {
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let head = json!({"alg": "ES256", "kid": "k"});
            let signed = format!("{}.{}", part(&head), part(claims));
            let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes());
            format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature.unwrap()))
        }
    }

    const NOW: i64 = 1_800_000_000;
    const EXPECTED: Expected<'_> = Expected {
        audience: "utakata/lab",
        namespace: "workers",
        now: NOW,
    };

    fn claims() -> Value {
        json!({"aud": ["utakata/lab"], "exp": NOW + 600, "nbf": NOW, "kubernetes.io": {
            "namespace": "workers", "pod": {"name": "p", "uid": "u-1"}}})
    }

    #[test]
    fn a_token_of_a_pod_names_it() {
        let issuer = Issuer::new();
        let token = issuer.sign(&claims());
        assert!(is_one(&token) && !is_one("secret") && !is_one("a.b.c"));
        assert_eq!(pod_uid(&token, &issuer.keys("k"), EXPECTED).unwrap(), "u-1");
        let mut one = claims();
        one["aud"] = json!("utakata/lab");
        assert!(pod_uid(&issuer.sign(&one), &issuer.keys("k"), EXPECTED).is_ok());
    }

    #[test]
    fn any_other_token_lets_nobody_in_and_says_why() {
        let issuer = Issuer::new();
        let keys = issuer.keys("k");
        let refused = |change: fn(&mut Value)| {
            let mut claims = claims();
            change(&mut claims);
            pod_uid(&issuer.sign(&claims), &keys, EXPECTED).unwrap_err()
        };
        let wanted = "utakata/lab".into();
        let audience = refused(|claims| claims["aud"] = json!(["https://kubernetes"]));
        assert_eq!(audience, Refusal::Audience { wanted });
        let namespace = "workers".to_owned();
        let pod = Refusal::Pod { namespace };
        assert_eq!(
            refused(|c| c["kubernetes.io"]["namespace"] = json!("x")),
            pod
        );
        assert_eq!(refused(|c| c["kubernetes.io"]["pod"] = Value::Null), pod);
        for (nbf, exp) in [(NOW + 61, NOW + 661), (NOW - 661, NOW - 60)] {
            let mut claims = claims();
            (claims["nbf"], claims["exp"]) = (json!(nbf), json!(exp));
            let late = pod_uid(&issuer.sign(&claims), &keys, EXPECTED).unwrap_err();
            assert!(late.to_string().contains("clocks"), "{late}");
        }
        let token = issuer.sign(&claims());
        let stranger = pod_uid(&token, &Issuer::new().keys("k"), EXPECTED);
        assert_eq!(stranger, Err(Refusal::Signature));
        let unknown = pod_uid(&token, &issuer.keys("later"), EXPECTED);
        assert_eq!(unknown, Err(Refusal::UnknownKey));
        let (signed, _) = token.rsplit_once('.').unwrap();
        let none = pod_uid(&format!("{signed}."), &keys, EXPECTED);
        assert_eq!(none, Err(Refusal::Signature));
        assert_eq!(pod_uid("x", &keys, EXPECTED), Err(Refusal::Form));
    }
}
