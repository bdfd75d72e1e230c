//! The settings of logging in by an identity provider.

use std::path::PathBuf;

use axum::http::Uri;
use serde::{Deserialize, Serialize};
use utakata_openid as openid;
use utakata_settings::Settings;

use super::ConfigError;

/// The path to which the provider sends browsers back.
const CALLBACK: &str = "/v1/login/callback";

/// Logging in by an identity provider that speaks OpenID Connect.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Login {
    /// The issuer of the provider, exactly as its tokens have it, such as
    /// `https://id.example/realms/dc`; people log in by tokens alone when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[setting(form = "URL")]
    pub issuer: Option<String>,
    /// The name of the provider for people; its host when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The identifier of utakata at the provider.
    pub client_id: String,
    /// The file with the secret of utakata at the provider; a client without a secret when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_secret_file: Option<PathBuf>,
    /// The URL of the web UI as browsers have it, such as `https://utakata.example`: the provider
    /// sends them back to its path /v1/login/callback. The web UI takes tokens alone when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[setting(form = "URL")]
    pub url: Option<String>,
    /// The scopes to ask for, besides `openid`.
    #[setting(or_zero, form = "list of scopes")]
    pub scopes: Vec<String>,
    /// The claim with the name of a person: of a mail address, what is before the @.
    pub name_claim: String,
    /// The claim with the groups of a person, which roles can be given to.
    pub groups_claim: String,
    /// The file with the authorities of the provider's certificate, in PEM; those of the system
    /// when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
}

impl Default for Login {
    fn default() -> Self {
        Self {
            issuer: None,
            name: None,
            client_id: "utakata".into(),
            client_secret_file: None,
            url: None,
            scopes: vec!["profile".into(), "email".into()],
            name_claim: "preferred_username".into(),
            groups_claim: "groups".into(),
            ca: None,
        }
    }
}

impl Login {
    /// Refuses settings with which nobody could log in.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |problem: String| Err(ConfigError::Login { problem });
        let is_word =
            |scope: &String| !scope.is_empty() && scope.bytes().all(|byte| byte.is_ascii_graphic());
        if let Some(scope) = self.scopes.iter().find(|scope| !is_word(scope)) {
            return wrong(format!("\"{scope}\" is no scope"));
        }
        for (key, text) in [
            ("name", self.name.as_deref()),
            ("client_id", Some(self.client_id.as_str())),
            ("name_claim", Some(self.name_claim.as_str())),
            ("groups_claim", Some(self.groups_claim.as_str())),
        ] {
            if text.is_some_and(|text| text.trim().is_empty()) {
                return wrong(format!("{key} is empty: leave it out, or say what it is"));
            }
        }
        let Some(issuer) = &self.issuer else {
            return match self.url.is_none() && self.client_secret_file.is_none() {
                true => Ok(()),
                false => wrong("url and client_secret_file are of no use without issuer".into()),
            };
        };
        if !is_url(issuer) || !is_private(issuer) {
            return wrong(format!(
                "issuer is \"{issuer}\": write https:// and what the provider calls itself, such as \
                 https://id.example/realms/dc (http:// only on this machine)"
            ));
        }
        if let Some(url) = self.url.as_ref().filter(|url| !is_origin(url)) {
            return wrong(format!(
                "url is \"{url}\": write https:// and a host, such as https://utakata.example"
            ));
        }
        Ok(())
    }

    /// Returns the provider, if there is one.
    pub fn provider(&self) -> Option<openid::Config> {
        Some(openid::Config {
            issuer: self.issuer.clone()?,
            client_id: self.client_id.clone(),
            client_secret_file: self.client_secret_file.clone(),
            scopes: self.scopes.clone(),
            name_claim: self.name_claim.clone(),
            groups_claim: self.groups_claim.clone(),
            ca: self.ca.clone(),
            redirect: self.origin().map(|origin| format!("{origin}{CALLBACK}")),
        })
    }

    /// Returns the name of the provider for people.
    pub fn provider_name(&self) -> Option<String> {
        let host = || {
            let uri: Uri = self.issuer.as_deref()?.parse().ok()?;
            uri.host().map(str::to_owned)
        };
        self.name.clone().or_else(host)
    }

    /// Returns the URL of the web UI without a slash at its end.
    pub fn origin(&self) -> Option<&str> {
        self.url.as_deref().map(|url| url.trim_end_matches('/'))
    }
}

pub(super) fn is_url(text: &str) -> bool {
    text.parse::<Uri>().is_ok_and(|uri| {
        let is_web = matches!(uri.scheme_str(), Some("http" | "https"));
        is_web && uri.host().is_some_and(|host| !host.is_empty()) && uri.query().is_none()
    }) && !text.contains(['#', '@'])
}

fn is_origin(text: &str) -> bool {
    let path = text.parse::<Uri>().ok();
    is_url(text) && path.is_some_and(|uri| uri.path().trim_matches('/').is_empty())
}

/// Returns true if nobody on the way can read what is sent there.
pub(super) fn is_private(url: &str) -> bool {
    let host = url.parse::<Uri>().ok();
    let host = host.as_ref().and_then(Uri::host).unwrap_or_default();
    url.starts_with("https://") || ["localhost", "127.0.0.1", "[::1]"].contains(&host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_without_privacy_or_without_a_name_is_refused() {
        let login = |issuer: &str, url: Option<&str>| Login {
            issuer: Some(issuer.to_owned()),
            url: url.map(str::to_owned),
            ..Login::default()
        };
        let url = Some("https://utakata.example");
        for (login, says) in [
            (login("https://id.example/realms/dc", url), None),
            (
                login("http://127.0.0.1:3000", Some("http://127.0.0.1:7700/")),
                None,
            ),
            (Login::default(), None),
            (login("http://id.example", url), Some("issuer is")),
            (login("https://id.example?x=1", url), Some("issuer is")),
            (login("id.example", url), Some("issuer is")),
            (login("https://u@id.example", url), Some("issuer is")),
            (
                login("https://id.example", Some("utakata.example")),
                Some("url is"),
            ),
            (
                login("https://id.example", Some("https://x/y")),
                Some("url is"),
            ),
            (
                Login {
                    url: url.map(str::to_owned),
                    ..Login::default()
                },
                Some("of no use"),
            ),
            (
                Login {
                    scopes: vec!["a b".into()],
                    ..login("https://id.example", None)
                },
                Some("is no scope"),
            ),
        ] {
            let found = login.validate().err().map(|error| error.to_string());
            let is_so = match (&found, says) {
                (Some(found), Some(says)) => found.contains(says),
                (found, says) => found.is_none() && says.is_none(),
            };
            assert!(is_so, "{login:?}: {found:?}");
        }
    }

    #[test]
    fn a_provider_is_called_as_set_or_by_its_host() {
        let login = Login {
            issuer: Some("https://id.example/realms/dc".into()),
            url: Some("https://utakata.example/".into()),
            ..Login::default()
        };
        assert_eq!(login.provider_name().as_deref(), Some("id.example"));
        let redirect = login.provider().and_then(|provider| provider.redirect);
        let expect = "https://utakata.example/v1/login/callback";
        assert_eq!(redirect.as_deref(), Some(expect));
    }
}
