//! The decision whether a certificate is the right one.
//!
//! Most devices have certificates that nobody has signed. They are trusted at first sight: the
//! fingerprint is kept, and another one later is refused before anything is sent.

use std::{fmt, str::FromStr, sync::Arc};

use parking_lot::Mutex;
use rustls::{
    CertificateError, DigitallySignedStruct, Error, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, ServerName, UnixTime},
};
use sha2::{Digest as _, Sha256};

/// The SHA-256 of a certificate in DER.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// The rule for a device's certificate.
#[derive(Debug, Clone)]
pub enum Trust {
    /// The first certificate that is seen, and only that from then on.
    FirstSeen(Arc<Mutex<Option<Fingerprint>>>),
    /// This certificate.
    Pinned(Fingerprint),
    /// Certificates that these authorities have signed for the name of the host.
    Authorities(Arc<WebPkiServerVerifier>),
    /// Any, even where it does not have the key of its certificate.
    Anything,
}

/// The certificate seen in a handshake.
#[derive(Debug, Clone, Default)]
pub struct Seen(Arc<Mutex<Option<Vec<u8>>>>);

/// A verifier that follows a rule and keeps what it saw.
#[derive(Debug)]
pub struct Verifier {
    trust: Trust,
    seen: Seen,
    provider: Arc<CryptoProvider>,
}

impl Fingerprint {
    /// Computes the fingerprint of a certificate in DER.
    pub fn of(certificate: &[u8]) -> Self {
        Self(Sha256::digest(certificate).into())
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Fingerprint {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "a fingerprint is the SHA-256 of the certificate: 64 hexadecimal digits, with or \
             without colons"
                .to_owned()
        };
        let digits: Vec<u8> = text.bytes().filter(|byte| *byte != b':').collect();
        let mut bytes = [0; 32];
        if digits.len() != 64 {
            return Err(wrong());
        }
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| wrong())?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| wrong())?;
        }
        Ok(Self(bytes))
    }
}

impl Seen {
    /// The certificate of the other side, in DER.
    pub fn certificate(&self) -> Option<Vec<u8>> {
        self.0.lock().clone()
    }
}

impl Verifier {
    pub fn new(trust: Trust, seen: Seen, provider: Arc<CryptoProvider>) -> Self {
        Self {
            trust,
            seen,
            provider,
        }
    }

    fn pin(found: Fingerprint, expected: Fingerprint) -> Result<ServerCertVerified, Error> {
        match found == expected {
            true => Ok(ServerCertVerified::assertion()),
            false => Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            )),
        }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        *self.seen.0.lock() = Some(certificate.to_vec());
        let found = Fingerprint::of(certificate);
        match &self.trust {
            Trust::Anything => Ok(ServerCertVerified::assertion()),
            Trust::Pinned(expected) => Self::pin(found, *expected),
            // It is kept once the handshake is complete: until then anybody could send it.
            Trust::FirstSeen(known) => match *known.lock() {
                Some(expected) => Self::pin(found, expected),
                None => Ok(ServerCertVerified::assertion()),
            },
            Trust::Authorities(verifier) => {
                verifier.verify_server_cert(certificate, intermediates, name, ocsp, now)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.trust {
            Trust::Anything => Ok(HandshakeSignatureValid::assertion()),
            _ => {
                let known = &self.provider.signature_verification_algorithms;
                verify_tls12_signature(message, certificate, signature, known)
            }
        }
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        match self.trust {
            Trust::Anything => Ok(HandshakeSignatureValid::assertion()),
            _ => {
                let known = &self.provider.signature_verification_algorithms;
                verify_tls13_signature(message, certificate, signature, known)
            }
        }
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let known = &self.provider.signature_verification_algorithms;
        let mut schemes = known.supported_schemes();
        if matches!(self.trust, Trust::Anything) {
            schemes.push(SignatureScheme::RSA_PKCS1_SHA1);
        }
        schemes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fingerprint_is_read_in_the_forms_in_which_it_is_shown() {
        let print = Fingerprint::of(b"certificate");
        let plain = print.to_string();
        let pairs: Vec<&str> = (0..32).map(|at| &plain[2 * at..2 * at + 2]).collect();
        for text in [plain.clone(), pairs.join(":").to_uppercase()] {
            assert_eq!(text.parse(), Ok(print), "{text}");
        }
        for text in ["", "ab", &plain[1..], &format!("{}g", &plain[1..])] {
            assert!(text.parse::<Fingerprint>().is_err(), "{text}");
        }
    }
}
