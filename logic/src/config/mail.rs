//! The settings of messages to people by mail.

use std::{fmt, path::PathBuf, str::FromStr, time::Duration};

use lettre::{AsyncSmtpTransport, Tokio1Executor, message::Mailbox};
use serde::{Deserialize, Serialize};
use utakata_model::{Severity, setting};
use utakata_settings::Settings;

use super::{ConfigError, url::redacted};

/// Messages to people by mail.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, Settings)]
#[serde(deny_unknown_fields, default)]
pub struct Mail {
    /// The mail server: `smtps://user:password@mail.example` (TLS), or `smtp://` (STARTTLS; without
    /// TLS only on this machine); nothing is mailed when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub server: Option<MailServer>,
    /// The file with the authorities of the mail server's certificate, in PEM; those of the system
    /// when not set.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// The sender: `utakata@example.org`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The recipients.
    #[setting(form = "list of mail addresses")]
    pub to: Vec<String>,
    /// The least severity of alarms that are mailed.
    pub severity: Severity,
    /// The time for which the first message gathers what belongs together; tests are in a hurry.
    #[serde(skip)]
    pub gather: Option<Duration>,
}

/// The URL of a mail server, whose password is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailServer {
    text: String,
    host: String,
}

/// A text that is not the URL of a mail server. The error does not repeat the text, which may have
/// a password.
#[derive(Debug, thiserror::Error)]
#[error("it is not of the form smtps://user:password@host:port, or smtp://...")]
pub struct NoMailServer;

setting! {
    MailServer: "smtps://...",
}

impl Mail {
    /// Refuses settings with which no mail would arrive.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let wrong = |problem: String| Err(ConfigError::Mail { problem });
        if self.server.is_none() {
            return match self.to.is_empty() && self.from.is_none() {
                true => Ok(()),
                false => wrong("from and to are of no use without server".into()),
            };
        }
        if self.from.is_none() || self.to.is_empty() {
            return wrong("a server needs from and to: from = \"utakata@example.org\"".into());
        }
        let addresses = self.from.iter().chain(&self.to);
        for address in addresses {
            if let Err(error) = address.parse::<Mailbox>() {
                return wrong(format!("\"{address}\" is no address of mail: {error}"));
            }
        }
        Ok(())
    }
}

impl MailServer {
    /// Returns the text including the password, with TLS required unless it is on this machine.
    pub fn expose(&self) -> String {
        match self.text.starts_with("smtp:") && !self.is_here() {
            true => format!("{}?tls=required", self.text),
            false => self.text.clone(),
        }
    }

    pub fn host(&self) -> &str {
        &self.host
    }

    /// Returns true if the conversation begins with TLS; otherwise it may turn to it.
    pub fn is_tls(&self) -> bool {
        self.text.starts_with("smtps:")
    }

    /// Returns true if it is on this machine.
    pub fn is_here(&self) -> bool {
        ["localhost", "127.0.0.1", "[::1]"].contains(&self.host.as_str())
    }
}

impl FromStr for MailServer {
    type Err = NoMailServer;

    fn from_str(text: &str) -> Result<Self, NoMailServer> {
        let uri: axum::http::Uri = text.parse().map_err(|_| NoMailServer)?;
        let host = uri.host().filter(|host| !host.is_empty());
        let is_plain = matches!(uri.scheme_str(), Some("smtp" | "smtps"))
            && uri.query().is_none()
            && uri.path().trim_matches('/').is_empty();
        let server = Self {
            text: text.to_owned(),
            host: host.filter(|_| is_plain).ok_or(NoMailServer)?.to_owned(),
        };
        let known = AsyncSmtpTransport::<Tokio1Executor>::from_url(text);
        known.map(|_| server).map_err(|_| NoMailServer)
    }
}

impl TryFrom<String> for MailServer {
    type Error = NoMailServer;

    fn try_from(text: String) -> Result<Self, NoMailServer> {
        text.parse()
    }
}

impl From<MailServer> for String {
    fn from(server: MailServer) -> Self {
        server.to_string()
    }
}

impl fmt::Display for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&redacted(&self.text))
    }
}

impl fmt::Debug for MailServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mail_server_has_tls_unless_it_is_on_this_machine_and_hides_its_password() {
        for (text, exposed, shown) in [
            (
                "smtps://u:s3cret@mail.example",
                "smtps://u:s3cret@mail.example",
                "smtps://u:***@mail.example",
            ),
            (
                "smtp://mail.example:587",
                "smtp://mail.example:587?tls=required",
                "smtp://mail.example:587",
            ),
            (
                "smtp://127.0.0.1:25",
                "smtp://127.0.0.1:25",
                "smtp://127.0.0.1:25",
            ),
        ] {
            let server: MailServer = text.parse().unwrap();
            assert_eq!(server.expose(), exposed);
            assert_eq!(format!("{server} {server:?}"), format!("{shown} {shown}"));
        }
        for wrong in [
            "",
            "mail.example",
            "http://u:s3cret@mail.example",
            "smtp://mail.example?tls=opportunistic",
            "smtps://mail.example/x",
            "smtps://",
        ] {
            let error = wrong.parse::<MailServer>().unwrap_err().to_string();
            assert!(!error.contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn mail_that_could_not_arrive_is_refused() {
        let mail = |server: Option<&str>, from: Option<&str>, to: &[&str]| Mail {
            server: server.map(|text| text.parse().unwrap()),
            from: from.map(Into::into),
            to: to.iter().map(|to| (*to).to_owned()).collect(),
            ..Mail::default()
        };
        let (server, from) = (Some("smtps://mail.example"), Some("utakata@example.org"));
        assert_eq!(mail(None, None, &[]).validate(), Ok(()));
        let to = ["Operators <noc@example.org>"];
        assert_eq!(mail(server, from, &to).validate(), Ok(()));
        for (wrong, part) in [
            (mail(None, from, &to), "without server"),
            (mail(server, None, &to), "needs from and to"),
            (mail(server, from, &[]), "needs from and to"),
            (mail(server, from, &["noc"]), "\"noc\" is no address"),
        ] {
            let error = wrong.validate().unwrap_err().to_string();
            assert!(error.contains(part), "{error}");
        }
    }
}
