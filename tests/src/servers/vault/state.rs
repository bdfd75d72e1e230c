//! What the server knows, and its answers.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Mutex, MutexGuard, PoisonError},
};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::data;

/// What the server knows.
#[derive(Debug, Default)]
pub(super) struct Shared(Mutex<State>);

#[derive(Debug, Default)]
pub(super) struct State {
    pub is_sealed: bool,
    /// Tokens with their policies.
    pub tokens: BTreeMap<String, Vec<(String, String)>>,
    pub keys: BTreeMap<String, Key>,
    /// Roles of AppRole with their secrets.
    pub roles: BTreeMap<String, String>,
    pub requests: Vec<String>,
    /// Secrets by the path of the API; `None` where the latest version was deleted.
    secrets: BTreeMap<String, Option<Value>>,
    count: u64,
}

/// A transit key: how many versions it has, and the first that opens.
#[derive(Debug)]
pub(super) struct Key {
    versions: usize,
    opens_from: usize,
}

/// A request.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub method: &'a str,
    /// Below `/v1/`.
    pub path: &'a str,
    pub token: Option<&'a str>,
    pub body: Value,
}

type Answer = (u16, Value);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn errors(status: u16, text: &str) -> Answer {
    (status, json!({ "errors": [text] }))
}

impl State {
    pub(super) fn token(&mut self, policy: &[(&str, &str)]) -> String {
        self.count += 1;
        let token = format!("hvs.token-{}", self.count);
        let own = |text: &&str| (*text).to_owned();
        let policy = policy
            .iter()
            .map(|(path, capability)| (own(path), own(capability)));
        self.tokens.insert(token.clone(), policy.collect());
        token
    }

    pub(super) fn make_key(&mut self, name: &str) {
        let key = Key {
            versions: 1,
            opens_from: 1,
        };
        self.keys.insert(name.to_owned(), key);
    }

    pub(super) fn rotate_key(&mut self, name: &str) -> usize {
        let Some(key) = self.keys.get_mut(name) else {
            return 0;
        };
        key.versions += 1;
        key.versions
    }

    pub(super) fn open_from(&mut self, name: &str, version: usize) {
        if let Some(key) = self.keys.get_mut(name) {
            key.opens_from = version;
        }
    }

    pub(super) fn put(&mut self, path: &str, fields: Option<Value>) {
        let path = path.replacen('/', "/data/", 1);
        self.secrets.insert(path, fields);
    }

    pub(super) fn answer(&mut self, asked: &Asked<'_>) -> Answer {
        self.requests
            .push(format!("{} {}", asked.method, asked.path));
        if self.is_sealed {
            return errors(503, "Vault is sealed");
        }
        let parts: Vec<&str> = asked.path.split('/').collect();
        if parts == ["auth", "approle", "login"] {
            return self.login(&asked.body);
        }
        let Some(policy) = asked.token.and_then(|token| self.tokens.get(token)) else {
            return errors(403, "permission denied");
        };
        if parts == ["auth", "token", "lookup-self"] {
            return (200, data(&json!({ "renewable": true, "ttl": 3600 })));
        }
        let capability = match asked.method {
            "GET" => "read",
            _ => "update",
        };
        let allows = |(path, allowed): &(String, String)| {
            let is_it = match path.strip_suffix('*') {
                Some(begin) => asked.path.starts_with(begin),
                None => asked.path == path,
            };
            is_it && allowed == capability
        };
        if !policy.iter().any(allows) {
            return errors(403, "1 error occurred:\n\t* permission denied\n\n");
        }
        let text = |name: &str| asked.body[name].as_str().unwrap_or_default().to_owned();
        match parts.as_slice() {
            ["transit", "encrypt", name] => self.encrypt(name, &text("plaintext")),
            ["transit", "decrypt", name] => match self.open(name, &text("ciphertext")) {
                Ok(plaintext) => (200, data(&json!({ "plaintext": plaintext }))),
                Err(refused) => refused,
            },
            ["transit", "rewrap", name] => match self.open(name, &text("ciphertext")) {
                Ok(plaintext) => self.encrypt(name, &plaintext),
                Err(refused) => refused,
            },
            ["secret", "data", ..] => self.read(asked.path),
            _ => errors(
                404,
                &format!(
                    "no handler for route \"{}\". route entry not found.",
                    asked.path
                ),
            ),
        }
    }

    fn login(&mut self, body: &Value) -> Answer {
        let role = body["role_id"].as_str().unwrap_or_default();
        let secret = body["secret_id"].as_str();
        if self.roles.get(role).map(String::as_str) != secret {
            return errors(400, "invalid role or secret ID");
        }
        let token = self.token(&[("*", "read"), ("*", "update")]);
        let auth = json!({
            "client_token": token, "lease_duration": 1200, "renewable": true, "token_type": "service",
        });
        (200, json!({ "data": null, "auth": auth }))
    }

    fn encrypt(&mut self, name: &str, plaintext: &str) -> Answer {
        let Some(version) = self.keys.get(name).map(|key| key.versions) else {
            return errors(400, "encryption key not found");
        };
        let Ok(bytes) = BASE64.decode(plaintext) else {
            return errors(400, "failed to base64-decode plaintext");
        };
        self.count += 1;
        let nonce = self.count.to_be_bytes();
        let hidden = hide(&bytes, &[name.as_bytes(), &nonce, &version.to_be_bytes()]);
        let tag = Sha256::digest([&nonce, hidden.as_slice(), name.as_bytes()].concat());
        let sealed = BASE64.encode([&nonce, &tag[..16], hidden.as_slice()].concat());
        let ciphertext = format!("vault:v{version}:{sealed}");
        let answer = json!({ "ciphertext": ciphertext, "key_version": version });
        (200, data(&answer))
    }

    /// Returns what was encrypted, in base64.
    fn open(&self, name: &str, ciphertext: &str) -> Result<String, Answer> {
        let invalid = || errors(400, "invalid ciphertext: unable to decrypt");
        let key = self.keys.get(name);
        let key = key.ok_or_else(|| errors(400, "encryption key not found"))?;
        let parts: Vec<&str> = ciphertext.split(':').collect();
        let [_, version, sealed] = parts.as_slice() else {
            return Err(invalid());
        };
        let version = version.strip_prefix('v').and_then(|text| text.parse().ok());
        let version: usize = version.ok_or_else(invalid)?;
        if version < key.opens_from {
            let text = "ciphertext or signature version is disallowed by policy (too old)";
            return Err(errors(400, text));
        }
        let bytes = BASE64.decode(sealed).map_err(|_| invalid())?;
        let (nonce, rest) = bytes.split_at_checked(8).ok_or_else(invalid)?;
        let (tag, hidden) = rest.split_at_checked(16).ok_or_else(invalid)?;
        let expected = Sha256::digest([nonce, hidden, name.as_bytes()].concat());
        if expected[..16] != *tag {
            return Err(invalid());
        }
        let plain = hide(hidden, &[name.as_bytes(), nonce, &version.to_be_bytes()]);
        Ok(BASE64.encode(plain))
    }

    fn read(&self, path: &str) -> Answer {
        let metadata = |deleted: &str| {
            json!({
                "created_time": "2026-11-30T12:00:00Z", "custom_metadata": null,
                "deletion_time": deleted, "destroyed": false, "version": 1,
            })
        };
        match self.secrets.get(path) {
            None => (404, json!({ "errors": [] })),
            Some(None) => {
                let metadata = metadata("2026-11-30T13:00:00Z");
                (404, data(&json!({ "data": null, "metadata": metadata })))
            }
            Some(Some(fields)) => {
                let metadata = metadata("");
                (200, data(&json!({ "data": fields, "metadata": metadata })))
            }
        }
    }
}

/// Hides bytes by others that follow from a key, and shows them again. It is no cipher: nothing but
/// the tests sees it.
fn hide(bytes: &[u8], key: &[&[u8]]) -> Vec<u8> {
    let mut seed = String::new();
    for part in key {
        for byte in *part {
            // Writing to a String does not fail.
            let _ = write!(seed, "{byte:02x}");
        }
    }
    let mut stream = Vec::new();
    let mut at = 0_u64;
    while stream.len() < bytes.len() {
        stream.extend_from_slice(&Sha256::digest(format!("{seed}.{at}")));
        at += 1;
    }
    bytes.iter().zip(stream).map(|(a, b)| a ^ b).collect()
}
