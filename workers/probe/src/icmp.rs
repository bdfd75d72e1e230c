//! Echo requests and replies (RFC 792, RFC 4443). Pure.

/// The version of IP.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    V4,
    V6,
}

/// An echo request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Echo {
    pub version: Version,
    /// The number of the sender. A socket for pings puts its own in its place.
    pub id: u16,
    pub sequence: u16,
    /// A random number that the reply repeats.
    pub token: u64,
}

impl Echo {
    /// Returns the bytes of the request.
    pub fn request(self) -> Vec<u8> {
        let kind = match self.version {
            Version::V4 => 8,
            Version::V6 => 128,
        };
        let mut bytes = vec![kind, 0, 0, 0];
        bytes.extend(self.id.to_be_bytes());
        bytes.extend(self.sequence.to_be_bytes());
        bytes.extend(self.token.to_be_bytes());
        // The kernel computes that of version 6, which includes the addresses.
        if self.version == Version::V4 {
            let sum = checksum(&bytes).to_be_bytes();
            bytes.splice(2..4, sum);
        }
        bytes
    }

    /// Returns true if a message is the reply. `has_header`: a raw socket of version 4 delivers
    /// the header of IP, too.
    pub fn is_answered_by(self, bytes: &[u8], has_header: bool) -> bool {
        let message = match has_header {
            true => bytes
                .first()
                .and_then(|first| bytes.get(usize::from(first & 0x0f) * 4..)),
            false => Some(bytes),
        };
        let kind = match self.version {
            Version::V4 => 0,
            Version::V6 => 129,
        };
        let Some([first, _, _, _, _, _, high, low, token @ ..]) = message else {
            return false;
        };
        *first == kind
            && u16::from_be_bytes([*high, *low]) == self.sequence
            && token == self.token.to_be_bytes()
    }
}

/// The checksum of RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| match pair {
        [high, low] => u32::from(u16::from_be_bytes([*high, *low])),
        [high] => u32::from(*high) << 8,
        _ => 0,
    });
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !u16::try_from(sum).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ECHO: Echo = Echo {
        version: Version::V4,
        id: 7,
        sequence: 3,
        token: 0x0102_0304_0506_0708,
    };

    #[test]
    fn a_request_has_a_checksum_by_which_it_sums_to_nothing() {
        let bytes = ECHO.request();
        assert_eq!((bytes[0], bytes.len()), (8, 16));
        assert_eq!(checksum(&bytes), 0);
        assert_eq!(checksum(&[0xff]), 0x00ff);
    }

    #[test]
    fn only_the_own_reply_counts() {
        let mut reply = ECHO.request();
        reply[0] = 0;
        let headed = [&[0x45; 20][..], &reply].concat();
        assert!(ECHO.is_answered_by(&reply, false));
        assert!(ECHO.is_answered_by(&headed, true));
        let another = Echo {
            sequence: 4,
            ..ECHO
        };
        assert!(!another.is_answered_by(&reply, false));
        // One's own request on the loopback.
        assert!(!ECHO.is_answered_by(&ECHO.request(), false));
        for length in 0..16 {
            assert!(!ECHO.is_answered_by(&reply[..length], false), "{length}");
            assert!(!ECHO.is_answered_by(&reply[..length], true), "{length}");
        }
    }
}
