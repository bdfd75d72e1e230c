//! The description of a provider by itself (OpenID Connect Discovery 1.0).

use serde::Deserialize;
use url::Url;

/// The description of a provider by itself, as far as it is needed.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Metadata {
    pub issuer: String,
    pub authorization_endpoint: String,
    pub token_endpoint: String,
    pub jwks_uri: String,
    pub userinfo_endpoint: Option<String>,
    pub device_authorization_endpoint: Option<String>,
    /// `client_secret_basic` where nothing is said.
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
}

/// The place in which a client shows its secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretIn {
    Header,
    Body,
}

impl Metadata {
    /// Reads the document of a provider.
    ///
    /// # Errors
    /// It is none, or is that of another issuer, or would have secrets sent in clear.
    pub(crate) fn read(bytes: &[u8], issuer: &str) -> Result<Self, String> {
        let read: Self = serde_json::from_slice(bytes)
            .map_err(|error| format!("its description of itself cannot be read: {error}"))?;
        if read.issuer != issuer {
            return Err(format!(
                "it calls itself \"{}\": logic.login.issuer has to be written exactly so",
                read.issuer
            ));
        }
        if let Some(url) = read.addresses().find(|url| !is_safe(url)) {
            return Err(format!("it names {url}, which is no https://"));
        }
        Ok(read)
    }

    fn addresses(&self) -> impl Iterator<Item = &String> {
        let needed = [
            &self.authorization_endpoint,
            &self.token_endpoint,
            &self.jwks_uri,
        ];
        let optional = [&self.userinfo_endpoint, &self.device_authorization_endpoint];
        needed.into_iter().chain(optional.into_iter().flatten())
    }

    /// Returns how a secret is shown at the token endpoint.
    pub(crate) fn secret_in(&self) -> SecretIn {
        let methods = self.token_endpoint_auth_methods_supported.as_deref();
        let has = |methods: &[String], name: &str| methods.iter().any(|one| one == name);
        let only_post = methods.is_some_and(|methods| {
            has(methods, "client_secret_post") && !has(methods, "client_secret_basic")
        });
        match only_post {
            true => SecretIn::Body,
            false => SecretIn::Header,
        }
    }
}

/// Returns true if what is sent to a URL cannot be read on the way: it is https, or on this machine.
pub(crate) fn is_safe(url: &str) -> bool {
    let Ok(url) = Url::parse(url) else {
        return false;
    };
    let is_here = || match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here())
}

/// Returns where a provider describes itself.
pub(crate) fn address(issuer: &str) -> String {
    format!(
        "{}/.well-known/openid-configuration",
        issuer.trim_end_matches('/')
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://id.example/realms/dc";

    fn read(change: impl FnOnce(&mut serde_json::Value)) -> Result<Metadata, String> {
        let mut document = json!({
            "issuer": ISSUER,
            "authorization_endpoint": "https://id.example/auth",
            "token_endpoint": "https://id.example/token",
            "jwks_uri": "https://id.example/keys",
            "further": true,
        });
        change(&mut document);
        Metadata::read(document.to_string().as_bytes(), ISSUER)
    }

    #[test]
    fn another_issuer_and_a_plain_address_are_refused() {
        assert!(read(|_| {}).is_ok());
        for (key, value, says) in [
            ("issuer", "https://id.example/realms/dc/", "exactly so"),
            ("token_endpoint", "http://id.example/token", "no https"),
            ("userinfo_endpoint", "http://id.example/me", "no https"),
            ("jwks_uri", "file:///keys", "no https"),
        ] {
            let wrong = read(|document| document[key] = value.into()).unwrap_err();
            assert!(wrong.contains(says), "{key}: {wrong}");
        }
        let wrong = read(|document| document["token_endpoint"] = json!(null)).unwrap_err();
        assert!(wrong.contains("cannot be read"), "{wrong}");
    }

    #[test]
    fn a_secret_is_shown_as_the_provider_takes_it() {
        let of = |methods: serde_json::Value| {
            read(|document| document["token_endpoint_auth_methods_supported"] = methods)
                .unwrap()
                .secret_in()
        };
        assert_eq!(of(json!(null)), SecretIn::Header);
        assert_eq!(of(json!(["client_secret_post"])), SecretIn::Body);
        let both = json!(["client_secret_post", "client_secret_basic"]);
        assert_eq!(of(both), SecretIn::Header);
    }

    #[test]
    fn only_what_is_on_this_machine_may_be_plain() {
        for (url, safe) in [
            ("https://id.example", true),
            ("http://127.0.0.1:3000", true),
            ("http://localhost:3000/x", true),
            ("http://[::1]:3000", true),
            ("http://id.example", false),
            ("http://127.0.0.1.example", false),
            ("ftp://localhost", false),
            ("id.example", false),
        ] {
            assert_eq!(is_safe(url), safe, "{url}");
        }
    }
}
