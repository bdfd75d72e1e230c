//! Reading what a certificate says about its validity (RFC 5280, section 4.1). Pure.
//!
//! Only the validity is read: everything else is left to the library that verifies.

/// The time in which a certificate is valid, in seconds since 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    pub begins: i64,
    pub ends: i64,
}

/// The identifiers of ASN.1's types (X.690).
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERAL_TIME: u8 = 0x18;

impl Validity {
    /// Reads the validity of a certificate in DER. `None` if it is no certificate.
    pub fn read(certificate: &[u8]) -> Option<Self> {
        let (SEQUENCE, whole, _) = element(certificate)? else {
            return None;
        };
        let (SEQUENCE, signed, _) = element(whole)? else {
            return None;
        };
        let mut rest = signed;
        // The version is there unless it is 1. Then: serial number, algorithm, issuer.
        if let (VERSION, _, after) = element(rest)? {
            rest = after;
        }
        for _ in 0..3 {
            (_, _, rest) = element(rest)?;
        }
        let (SEQUENCE, validity, _) = element(rest)? else {
            return None;
        };
        let (kind, begins, rest) = element(validity)?;
        let begins = time(kind, begins)?;
        let (kind, ends, _) = element(rest)?;
        let ends = time(kind, ends)?;
        Some(Self { begins, ends })
    }
}

/// The first element: its identifier, its content, and what follows it.
fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (kind, rest) = bytes.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = match first {
        0x80 | 0x85.. => return None,
        0x81..=0x84 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            let length = length
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, rest)
        }
        length => (usize::from(*length), rest),
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((*kind, content, rest))
}

/// A time, always in UTC: `YYMMDDHHMMSSZ` or `YYYYMMDDHHMMSSZ`.
fn time(kind: u8, text: &[u8]) -> Option<i64> {
    let digits = text.strip_suffix(b"Z")?;
    let digits = std::str::from_utf8(digits).ok()?;
    let (year, rest) = match kind {
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year: i64 = year.parse().ok()?;
            (if year < 50 { 2000 + year } else { 1900 + year }, rest)
        }
        GENERAL_TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    let two = |at: usize| -> Option<i64> { rest.get(at..at + 2)?.parse().ok() };
    let (month, day) = (two(0)?, two(2)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(days(year, month, day) * 86_400 + two(4)? * 3600 + two(6)? * 60 + two(8)?)
}

/// The days since 1970 of a date, by the Gregorian calendar: years begin in March, so that a leap
/// day is the last of its year.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = match month {
        1 | 2 => (year - 1, month + 9),
        _ => (year, month - 3),
    };
    let of_months = (153 * month + 2) / 5;
    let of_years = 365 * year + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    of_years + of_months + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, KeyPair, date_time_ymd};

    use super::*;

    #[test]
    fn the_validity_of_a_certificate_is_read() {
        for (begins, ends, expect) in [
            ((1999, 12, 31), (2049, 1, 1), (946_598_400, 2_493_072_000)),
            ((2024, 2, 29), (2050, 3, 1), (1_709_164_800, 2_529_705_600)),
            ((2000, 3, 1), (9999, 12, 31), (951_868_800, 253_402_214_400)),
        ] {
            let mut parameters = CertificateParams::new(vec!["bmc".into()]).unwrap();
            parameters.not_before = date_time_ymd(begins.0, begins.1, begins.2);
            parameters.not_after = date_time_ymd(ends.0, ends.1, ends.2);
            let made = parameters.self_signed(&KeyPair::generate().unwrap());
            let read = Validity::read(made.unwrap().der()).unwrap();
            assert_eq!((read.begins, read.ends), expect);
        }
    }

    #[test]
    fn what_is_no_certificate_has_none() {
        let made = rcgen::generate_simple_self_signed(vec!["bmc".into()]).unwrap();
        let der = made.cert.der().to_vec();
        assert!(Validity::read(&der).is_some());
        for length in 0..40 {
            assert_eq!(Validity::read(&der[..length]), None, "{length}");
        }
        assert_eq!(Validity::read(&[0x30, 0x84, 0xff, 0xff, 0xff, 0xff]), None);
    }
}
