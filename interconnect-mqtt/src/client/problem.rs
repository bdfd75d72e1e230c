//! Problems of a connection, in words for people.

use std::{error::Error, fmt, io};

use rustls::AlertDescription;

use super::config::{Config, Version};

const CLOSED: &str = "the broker has hung up";
const SILENT: &str = "the broker does not answer";

/// An error that keeps a connection from being made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Problem {
    /// The problem in words.
    ReportedTopics(String),
    /// Another client has connected under the same name.
    Displaced,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::ReportedTopics(words) => words,
            Self::Displaced => {
                "another process has connected under the same client name: each needs its own"
            }
        })
    }
}

impl Problem {
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self::ReportedTopics(words.into())
    }

    fn is_hanging_up(&self) -> bool {
        matches!(self, Self::ReportedTopics(words) if words == CLOSED)
    }

    pub(super) fn silent() -> Self {
        Self::new(SILENT)
    }

    /// Describes a failure before there was a connection: some brokers say nothing to clients that
    /// they do not understand.
    pub(super) fn at_once(self, config: &Config) -> Self {
        if !self.is_hanging_up() {
            return self;
        }
        let tls = if config.url.is_tls {
            "if it speaks no TLS on that port, write mqtt://"
        } else {
            "if it requires TLS, write mqtts://"
        };
        let version = match config.version {
            Version::V3 => "",
            Version::V5 => "if it speaks no MQTT 5, set version = \"3.1.1\"; ",
        };
        Self::ReportedTopics(format!("the broker hangs up at once: {version}{tls}"))
    }

    /// Describes connections that were made and lost at once, several times: a 3.1.1 broker does
    /// so, without a word, when another client connects under the same name.
    pub(super) fn again_and_again(self) -> Self {
        if self.is_hanging_up() {
            return Self::Displaced;
        }
        self
    }

    /// Returns the cause of an error of the library.
    pub(super) fn seen_in(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(one) = next {
            if let Some(tls) = one.downcast_ref::<rustls::Error>() {
                return Self::ReportedTopics(of_tls(tls));
            }
            if let Some(io) = one.downcast_ref::<io::Error>() {
                return Self::ReportedTopics(of_io(io));
            }
            next = one.source();
        }
        Self::ReportedTopics(other(&error.to_string()))
    }
}

fn of_io(error: &io::Error) -> String {
    if let Some(tls) = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
    {
        return of_tls(tls);
    }
    match error.kind() {
        io::ErrorKind::ConnectionRefused => {
            "nobody listens there: is the broker running, and is the port right?".into()
        }
        io::ErrorKind::ConnectionReset
        | io::ErrorKind::ConnectionAborted
        | io::ErrorKind::BrokenPipe
        | io::ErrorKind::UnexpectedEof => CLOSED.into(),
        io::ErrorKind::TimedOut => SILENT.into(),
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no route to the host of the broker".into()
        }
        _ if error.to_string().contains("lookup") => {
            "the host of the broker is not known: is its name right?".into()
        }
        _ => error.to_string(),
    }
}

fn of_tls(error: &rustls::Error) -> String {
    match error {
        rustls::Error::InvalidCertificate(why) => {
            format!("the certificate of the broker is not believed ({why}): check tls.ca")
        }
        rustls::Error::AlertReceived(
            AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnknownCA
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown,
        ) => "the broker does not take our certificate: check tls.certificate and tls.key".into(),
        rustls::Error::InvalidMessage(_) => "the broker speaks no TLS on that port".into(),
        other => format!("TLS: {other}"),
    }
}

/// The library has these as texts only.
fn other(text: &str) -> String {
    if text.contains("pingreq") {
        SILENT.into()
    } else if text.contains("closed by peer") {
        CLOSED.into()
    } else {
        text.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_error_comes_from_is_said_in_words() {
        use rustls::{CertificateError, Error as Tls};
        let check = |error: &(dyn Error + 'static), words: &str| {
            let problem = Problem::seen_in(error).to_string();
            assert!(problem.contains(words), "{error:?}: {problem}");
        };
        let io = |kind: io::ErrorKind| io::Error::from(kind);
        check(&io(io::ErrorKind::ConnectionRefused), "nobody listens");
        check(&io(io::ErrorKind::ConnectionReset), "hung up");
        check(&io(io::ErrorKind::HostUnreachable), "no route");
        check(&io(io::ErrorKind::TimedOut), "does not answer");
        let lookup = "failed to lookup address information";
        check(&io::Error::other(lookup), "is not known");
        let expired = Tls::InvalidCertificate(CertificateError::Expired);
        check(&io::Error::other(expired.clone()), "not believed");
        check(&expired, "not believed");
        let unwanted = Tls::AlertReceived(AlertDescription::CertificateRequired);
        check(&unwanted, "our certificate");
        let pings = rumqttc::StateError::AwaitPingResp;
        check(
            &rumqttc::ConnectionError::MqttState(pings),
            "does not answer",
        );
        let gone = rumqttc::StateError::ConnectionAborted;
        check(&rumqttc::ConnectionError::MqttState(gone), "hung up");
    }

    #[test]
    fn a_broker_that_hangs_up_at_once_may_have_several_reasons() {
        let check = |version: Version, url: &str, expect: [bool; 3]| {
            let config = Config {
                version,
                url: url.parse().unwrap(),
                ..Config::default()
            };
            let words = Problem::new(CLOSED).at_once(&config).to_string();
            let reasons = ["3.1.1", "mqtt://", "mqtts://"].map(|word| words.contains(word));
            assert_eq!(reasons, expect, "{words}");
        };
        check(Version::V5, "mqtt://h", [true, false, true]);
        check(Version::V3, "mqtt://h", [false, false, true]);
        check(Version::V5, "mqtts://h", [true, true, false]);
        let other = Problem::silent();
        assert_eq!(other.clone().at_once(&Config::default()), other);
    }
}
