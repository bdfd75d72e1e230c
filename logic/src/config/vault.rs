//! The settings of HashiCorp Vault.

use std::{path::PathBuf, time::Duration};

use serde::{Deserialize, Serialize};
use utakata_model::duration;
use utakata_settings::Settings;
use utakata_vault as vault;

use super::{ConfigError, login::is_private, login::is_url};

/// The file with the token of a pod's service account.
const SERVICE_ACCOUNT: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// HashiCorp Vault, which can hold the key of the site, and has secrets that credentials name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Vault {
    /// The address of Vault, such as `https://vault.example:8200`; it is not used when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[setting(form = "URL")]
    pub url: Option<String>,
    /// The namespace, where Vault has any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// The file with the authorities of Vault's certificate, in PEM; those of the system when not
    /// set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The file with a token, which is read at each request: Vault Agent can keep it fresh. Or
    /// `logic.vault.approle`, or `logic.vault.kubernetes`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// A login by AppRole.
    pub approle: AppRole,
    /// A login by the service account of the pod.
    pub kubernetes: KubernetesAuth,
    /// The time within which Vault answers a request.
    #[serde(with = "duration")]
    pub timeout: Duration,
    /// The name of a key of the transit engine: it wraps the site key, so that no file has it. The
    /// site key is a file when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transit_key: Option<String>,
    /// The path at which the transit engine is enabled.
    pub transit_mount: String,
    /// The time for which environments keep a secret of Vault that they have been lent, at most an
    /// hour: so long does a change in Vault take, and a minute.
    #[serde(with = "duration")]
    pub kept: Duration,
}

/// A login by AppRole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct AppRole {
    /// The identifier of the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role_id: Option<String>,
    /// The file with the secret of the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret_id_file: Option<PathBuf>,
    /// The path at which the method is enabled.
    pub mount: String,
}

/// A login by the service account of the pod.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct KubernetesAuth {
    /// The name of the role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The file with the token of the service account.
    pub token_file: PathBuf,
    /// The path at which the method is enabled.
    pub mount: String,
}

impl Default for Vault {
    fn default() -> Self {
        Self {
            url: None,
            namespace: None,
            ca: None,
            token_file: None,
            approle: AppRole::default(),
            kubernetes: KubernetesAuth::default(),
            timeout: Duration::from_secs(5),
            transit_key: None,
            transit_mount: "transit".into(),
            kept: Duration::from_secs(300),
        }
    }
}

impl Default for AppRole {
    fn default() -> Self {
        Self {
            role_id: None,
            secret_id_file: None,
            mount: "approle".into(),
        }
    }
}

impl Default for KubernetesAuth {
    fn default() -> Self {
        Self {
            role: None,
            token_file: SERVICE_ACCOUNT.into(),
            mount: "kubernetes".into(),
        }
    }
}

impl Vault {
    /// Returns the table that says something though there is no Vault.
    fn unused(&self) -> Option<&'static str> {
        let rest = Self {
            timeout: self.timeout,
            kept: self.kept,
            approle: self.approle.clone(),
            kubernetes: self.kubernetes.clone(),
            ..Self::default()
        };
        if self.approle != AppRole::default() {
            return Some("logic.vault.approle");
        }
        if self.kubernetes != KubernetesAuth::default() {
            return Some("logic.vault.kubernetes");
        }
        (*self != rest).then_some("logic.vault")
    }

    /// Refuses settings by which Vault could not be asked.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |problem: String| Err(ConfigError::Vault { problem });
        let Some(url) = &self.url else {
            return self.unused().map_or(Ok(()), |table| {
                wrong(format!(
                    "what {table} says is of no use without logic.vault.url"
                ))
            });
        };
        if !is_url(url) || !is_private(url) {
            return wrong(format!(
                "url is \"{url}\": write https:// and a host with its port, such as \
                 https://vault.example:8200 (http:// only on this machine)"
            ));
        }
        let mounts = [
            ("transit_mount", &self.transit_mount),
            ("approle.mount", &self.approle.mount),
            ("kubernetes.mount", &self.kubernetes.mount),
        ];
        let key = self.transit_key.as_ref().map(|key| ("transit_key", key));
        for (name, text) in mounts.into_iter().chain(key) {
            if !is_path(text) {
                return wrong(format!("{name} is \"{text}\", which is no path in Vault"));
            }
        }
        if key.is_some_and(|(_, key)| key.contains('/')) {
            return wrong("transit_key is a name: its path goes into transit_mount".into());
        }
        let AppRole {
            role_id,
            secret_id_file,
            ..
        } = &self.approle;
        if role_id.is_some() != secret_id_file.is_some() {
            return wrong("approle takes both, role_id and secret_id_file".into());
        }
        let ways = [
            self.token_file.is_some(),
            role_id.is_some(),
            self.kubernetes.role.is_some(),
        ];
        match ways.iter().filter(|is_set| **is_set).count() {
            1 => Ok(()),
            0 => wrong(
                "set token_file, or approle.role_id, or kubernetes.role: Vault wants a token"
                    .into(),
            ),
            _ => wrong("token_file, approle and kubernetes exclude each other".into()),
        }
    }

    /// Returns the server and the way to a token, if Vault is used.
    pub(crate) fn server(&self) -> Option<vault::Config> {
        let AppRole {
            role_id,
            secret_id_file,
            mount,
        } = self.approle.clone();
        let auth = match (&self.token_file, role_id, secret_id_file) {
            (Some(file), ..) => vault::Auth::TokenFile(file.clone()),
            (None, Some(role_id), Some(secret_id_file)) => vault::Auth::AppRole {
                role_id,
                secret_id_file,
                mount,
            },
            _ => vault::Auth::Kubernetes {
                role: self.kubernetes.role.clone()?,
                token_file: self.kubernetes.token_file.clone(),
                mount: self.kubernetes.mount.clone(),
            },
        };
        Some(vault::Config {
            url: self.url.clone()?,
            namespace: self.namespace.clone(),
            ca: self.ca.clone(),
            auth,
            timeout: self.timeout,
        })
    }

    /// Returns the key that wraps the site key, if there is one.
    pub(crate) fn transit(&self) -> Option<vault::TransitKey> {
        Some(vault::TransitKey {
            mount: self.transit_mount.clone(),
            name: self.transit_key.clone()?,
        })
    }
}

fn is_path(text: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let is_part = |part: &str| !["", ".", ".."].contains(&part) && part.chars().all(is_plain);
    text.split('/').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_by_which_vault_cannot_be_asked_are_refused() {
        let vault = || Vault {
            url: Some("https://vault.example:8200".into()),
            token_file: Some("/run/token".into()),
            ..Vault::default()
        };
        let by_role = |secret_id_file: Option<&str>| Vault {
            token_file: None,
            approle: AppRole {
                role_id: Some("r".into()),
                secret_id_file: secret_id_file.map(Into::into),
                ..AppRole::default()
            },
            ..vault()
        };
        let url = |url: &str| Vault {
            url: Some(url.into()),
            ..vault()
        };
        let key = |key: &str| Vault {
            transit_key: Some(key.into()),
            ..vault()
        };
        for (vault, says) in [
            (Vault::default(), None),
            (vault(), None),
            (key("utakata"), None),
            (url("http://127.0.0.1:8200"), None),
            (by_role(Some("/run/secret")), None),
            (by_role(None), Some("both")),
            (url("http://vault.example:8200"), Some("url is")),
            (url("vault.example"), Some("url is")),
            (key("a/b"), Some("is a name")),
            (key("../sys"), Some("no path")),
            (
                Vault {
                    url: None,
                    ..vault()
                },
                Some("of no use"),
            ),
            (
                Vault {
                    token_file: None,
                    ..vault()
                },
                Some("wants a token"),
            ),
            (
                Vault {
                    token_file: Some("/run/token".into()),
                    ..by_role(Some("/run/secret"))
                },
                Some("exclude"),
            ),
        ] {
            let found = vault.validate().err().map(|error| error.to_string());
            let is_so = match (&found, says) {
                (Some(found), Some(says)) => found.contains(says),
                (found, says) => found.is_none() && says.is_none(),
            };
            assert!(is_so, "{vault:?}: {found:?}");
        }
    }
}
