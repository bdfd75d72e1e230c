//! The keys with which a provider signs (RFC 7517).

use jsonwebtoken::{
    Algorithm, DecodingKey,
    jwk::{AlgorithmParameters, EllipticCurve, Jwk, PublicKeyUse},
};
use serde::Deserialize;

/// The keys of a provider that are good for checking signatures.
#[derive(Debug, Clone, Default)]
pub(crate) struct Keys(Vec<Key>);

#[derive(Debug, Clone)]
pub(crate) struct Key {
    id: Option<String>,
    /// The algorithms that fit it. None is symmetric: what everybody may read signs nothing.
    algorithms: Vec<Algorithm>,
    pub key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    /// Reads the document of a provider; keys for something else are left out.
    ///
    /// # Errors
    /// It is none.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(bytes)
            .map_err(|error| format!("its keys cannot be read: {error}"))?;
        let keys = document.keys.into_iter().filter_map(key);
        Ok(Self(keys.collect()))
    }

    /// Returns the keys with which a token of this header may be signed.
    pub(crate) fn for_token(
        &self,
        id: Option<&str>,
        algorithm: Algorithm,
    ) -> impl Iterator<Item = &Key> {
        self.0.iter().filter(move |key| {
            let is_meant = match (id, key.id.as_deref()) {
                (Some(wanted), Some(id)) => wanted == id,
                (None, _) | (_, None) => true,
            };
            is_meant && key.algorithms.contains(&algorithm)
        })
    }
}

fn key(value: serde_json::Value) -> Option<Key> {
    let jwk: Jwk = serde_json::from_value(value).ok()?;
    let is_for_signatures = !matches!(
        jwk.common.public_key_use,
        Some(PublicKeyUse::Encryption | PublicKeyUse::Other(_))
    );
    if !is_for_signatures {
        return None;
    }
    let fitting = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => vec![
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(of) => match of.curve {
            EllipticCurve::P256 => vec![Algorithm::ES256],
            EllipticCurve::P384 => vec![Algorithm::ES384],
            _ => return None,
        },
        AlgorithmParameters::OctetKeyPair(of) if of.curve == EllipticCurve::Ed25519 => {
            vec![Algorithm::EdDSA]
        }
        _ => return None,
    };
    let named = jwk.common.key_algorithm.map(|named| format!("{named:?}"));
    let algorithms: Vec<Algorithm> = match named {
        Some(named) => fitting
            .into_iter()
            .filter(|one| format!("{one:?}") == named)
            .collect(),
        None => fitting,
    };
    Some(Key {
        id: jwk.common.key_id.clone(),
        algorithms,
        key: DecodingKey::from_jwk(&jwk).ok()?,
    })
}
