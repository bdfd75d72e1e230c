//! Why there is no connection, in words for people.

use std::{error::Error, fmt, io};

use rustls::AlertDescription;

const CLOSED: &str = "the broker has hung up";

/// Why there is no connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem(String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Problem {
    pub(super) fn new(words: impl Into<String>) -> Self {
        Self(words.into())
    }

    pub(super) fn silent() -> Self {
        Self::new("the broker does not answer")
    }

    /// It was seen before there was a connection.
    pub(super) fn at_once(self, is_tls: bool) -> Self {
        if self.0 != CLOSED {
            return self;
        }
        Self::new(if is_tls {
            "the broker hangs up at once: does it speak TLS on that port?"
        } else {
            "the broker hangs up at once: does it want TLS (mqtts://) on that port?"
        })
    }

    /// What an error of the library comes from.
    pub(super) fn seen_in(error: &(dyn Error + 'static)) -> Self {
        let mut next = Some(error);
        while let Some(one) = next {
            if let Some(tls) = one.downcast_ref::<rustls::Error>() {
                return Self(of_tls(tls));
            }
            if let Some(io) = one.downcast_ref::<io::Error>() {
                return Self(of_io(io));
            }
            next = one.source();
        }
        Self(other(&error.to_string()))
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
        io::ErrorKind::TimedOut => Problem::silent().0,
        io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
            "there is no way to the host of the broker".into()
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
        Problem::silent().0
    } else if text.contains("closed by peer") {
        CLOSED.into()
    } else {
        text.into()
    }
}
