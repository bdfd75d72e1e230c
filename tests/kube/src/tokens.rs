//! Tokens of service accounts: signed, for an audience, bound to a pod.

use anyhow::{Context, Result};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// The subject of a token, and the object it is bound to.
#[derive(Debug, Clone)]
pub struct Grant<'a> {
    pub namespace: &'a str,
    pub account: &'a str,
    pub account_uid: &'a str,
    /// Name and uid.
    pub pod: Option<(&'a str, &'a str)>,
    /// Name of the node.
    pub node: Option<&'a str>,
    pub audiences: Vec<String>,
    pub seconds: i64,
}

/// The signer of tokens.
pub struct Tokens {
    key: KeyPair,
    id: String,
    /// Modulus and exponent.
    public: (Vec<u8>, Vec<u8>),
    pub issuer: String,
}

impl Tokens {
    pub fn new(issuer: String) -> Result<Self> {
        let key = KeyPair::generate(KeySize::Rsa2048)
            .ok()
            .context("making the issuer's key")?;
        let public = numbers(key.public_key().as_ref()).context("reading the issuer's key")?;
        let id = Sha256::digest(&public.0);
        Ok(Self {
            id: URL_SAFE_NO_PAD.encode(id),
            key,
            public,
            issuer,
        })
    }

    /// The audience of the API server itself.
    pub fn own_audience(&self) -> &str {
        &self.issuer
    }

    pub fn grant(&self, grant: &Grant) -> Result<String> {
        let now = Timestamp::now().as_second();
        let mut bound = json!({
            "namespace": grant.namespace,
            "serviceaccount": {"name": grant.account, "uid": grant.account_uid},
        });
        if let Some((name, uid)) = grant.pod {
            bound["pod"] = json!({"name": name, "uid": uid});
        }
        if let Some(name) = grant.node {
            bound["node"] = json!({"name": name});
        }
        let claims = json!({
            "aud": grant.audiences,
            "exp": now + grant.seconds,
            "iat": now,
            "iss": self.issuer,
            "jti": Uuid::new_v4().to_string(),
            "kubernetes.io": bound,
            "nbf": now,
            "sub": format!("system:serviceaccount:{}:{}", grant.namespace, grant.account),
        });
        self.sign(&claims)
    }

    fn sign(&self, claims: &Value) -> Result<String> {
        let head = json!({"alg": "RS256", "kid": self.id});
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&head), part(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key
            .sign(
                &RSA_PKCS1_SHA256,
                &random,
                signed.as_bytes(),
                &mut signature,
            )
            .ok()
            .context("signing a token")?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The claims of a token that is ours and still holds.
    pub fn claims(&self, token: &str) -> Option<Value> {
        let (signed, signature) = token.rsplit_once('.')?;
        let signature = URL_SAFE_NO_PAD.decode(signature).ok()?;
        UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, self.key.public_key().as_ref())
            .verify(signed.as_bytes(), &signature)
            .ok()?;
        let (_, claims) = signed.split_once('.')?;
        let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()?;
        (claims["exp"].as_i64()? > Timestamp::now().as_second()).then_some(claims)
    }

    /// `/openid/v1/jwks`.
    pub fn key_set(&self) -> Value {
        let (n, e) = &self.public;
        json!({"keys": [{
            "use": "sig", "kty": "RSA", "kid": self.id, "alg": "RS256",
            "n": URL_SAFE_NO_PAD.encode(n), "e": URL_SAFE_NO_PAD.encode(e),
        }]})
    }

    /// `/.well-known/openid-configuration`.
    pub fn configuration(&self, address: &str) -> Value {
        json!({
            "issuer": self.issuer,
            "jwks_uri": format!("{address}/openid/v1/jwks"),
            "response_types_supported": ["id_token"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        })
    }
}

/// Modulus and exponent of a DER `RSAPublicKey`: a sequence of two integers.
fn numbers(der: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let (sequence, _) = element(der)?;
    let (n, rest) = element(sequence)?;
    let (e, _) = element(rest)?;
    let plain = |number: &[u8]| {
        number
            .iter()
            .copied()
            .skip_while(|byte| *byte == 0)
            .collect()
    };
    Some((plain(n), plain(e)))
}

/// The content of a DER element, and what comes after it.
fn element(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = *der.get(1)?;
    let (length, from) = match length {
        0..0x80 => (usize::from(length), 2),
        long => {
            let bytes = usize::from(long & 0x7f);
            let digits = der.get(2..2 + bytes)?;
            let length = digits
                .iter()
                .fold(0, |sum, byte| sum * 256 + usize::from(*byte));
            (length, 2 + bytes)
        }
    };
    Some((der.get(from..from + length)?, der.get(from + length..)?))
}
