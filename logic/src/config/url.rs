//! The URL of a database, whose password is never shown.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sqlx::postgres::{PgConnectOptions, PgSslMode};

/// The text shown in place of a password.
const HIDDEN: &str = "***";

/// The URL of a PostgreSQL database: `postgres://user:password@host:port/database`. Its password is
/// left out whenever it is shown, printed or written.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Url {
    text: String,
    options: Box<PgConnectOptions>,
}

/// A text that is not such a URL. The error does not repeat the text, which may have a password.
#[derive(Debug, thiserror::Error)]
#[error("it is not of the form postgres://user:password@host:port/database")]
pub struct Invalid;

impl Url {
    /// Returns the text including the password.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// Returns the host, if a connection to it may be without TLS. A socket has none.
    pub fn plain_host(&self) -> Option<&str> {
        let is_plain = matches!(
            self.options.get_ssl_mode(),
            PgSslMode::Disable | PgSslMode::Allow | PgSslMode::Prefer
        );
        let host = self.options.get_host();
        let is_socket = self.options.get_socket().is_some() || host.starts_with('/');
        (is_plain && !is_socket).then_some(host)
    }

    /// Returns the options for the library.
    pub(crate) fn options(&self) -> &PgConnectOptions {
        &self.options
    }
}

impl PartialEq for Url {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl FromStr for Url {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let schemes = ["postgres://", "postgresql://"];
        if !schemes.iter().any(|scheme| text.starts_with(scheme)) {
            return Err(Invalid);
        }
        let text = text.to_owned();
        match PgConnectOptions::from_str(&text) {
            Ok(options) => Ok(Self {
                text,
                options: Box::new(options),
            }),
            Err(_) => Err(Invalid),
        }
    }
}

impl TryFrom<String> for Url {
    type Error = Invalid;

    fn try_from(text: String) -> Result<Self, Invalid> {
        text.parse()
    }
}

impl From<Url> for String {
    fn from(url: Url) -> Self {
        url.to_string()
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.text))
    }
}

impl fmt::Debug for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Returns the text without the password of the user and of the parameter `password`.
pub(super) fn redacted(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("", url));
    let (rest, query) = match rest.split_once('?') {
        Some((rest, query)) => (rest, Some(query)),
        None => (rest, None),
    };
    let mut text = format!("{scheme}://");
    match rest.rsplit_once('@') {
        Some((user, place)) => {
            let (user, password) = match user.split_once(':') {
                Some((user, _)) => (user, format!(":{HIDDEN}")),
                None => (user, String::new()),
            };
            text.push_str(&format!("{user}{password}@{place}"));
        }
        None => text.push_str(rest),
    }
    let shown = |pair: &str| match pair.split_once('=') {
        Some((key @ "password", _)) => format!("{key}={HIDDEN}"),
        _ => pair.to_owned(),
    };
    if let Some(query) = query {
        let pairs: Vec<String> = query.split('&').map(shown).collect();
        text.push_str(&format!("?{}", pairs.join("&")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_never_shows_its_password() {
        for (text, shown) in [
            ("postgres://u:s3cret@h:5433/d", "postgres://u:***@h:5433/d"),
            ("postgresql://u:s3%40cret@h/d", "postgresql://u:***@h/d"),
            (
                "postgres://u@h/d?password=s3cret&sslmode=require",
                "postgres://u@h/d?password=***&sslmode=require",
            ),
            ("postgres://h/d", "postgres://h/d"),
        ] {
            let url: Url = text.parse().unwrap();
            assert_eq!(url.expose(), text);
            assert_eq!(url.to_string(), shown);
            assert_eq!(format!("{url:?}"), shown);
            let written = serde_json::to_value(&url).unwrap();
            assert_eq!(written, shown);
        }
        for wrong in ["", "store.db", "mysql://h/d", "postgres://h:port/s3cret"] {
            let error = wrong.parse::<Url>().unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }
}
