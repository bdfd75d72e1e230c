//! Messages outside of any session, in packets of IPMI 1.5 (IPMI 2.0, 13.6): the only ones that a
//! BMC answers before it knows who asks.

use super::{Answer, Request};

/// The head of RMCP: version 6, no acknowledgement, class IPMI.
const RMCP: [u8; 4] = [6, 0, 0xff, 7];
/// No authentication, the number 0, and no session.
const NOBODY: [u8; 9] = [0; 9];

/// The bytes of a packet with a request of this number.
pub fn encode(request: &Request, sequence: u8) -> Vec<u8> {
    let message = request.encode(sequence);
    let mut bytes = RMCP.to_vec();
    bytes.extend(NOBODY);
    bytes.push(u8::try_from(message.len()).unwrap_or(u8::MAX));
    bytes.extend(message);
    bytes
}

/// Reads the answer in a packet. `None` if it is none, or one of a session.
pub fn decode(bytes: &[u8]) -> Option<Answer> {
    let rest = bytes.strip_prefix(&RMCP)?.strip_prefix(&NOBODY)?;
    let (length, rest) = rest.split_first()?;
    // Some pad the packet by a byte.
    Answer::decode(rest.get(..usize::from(*length))?)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_packet_has_the_form_of_the_standard() {
        // Get Channel Authentication Capabilities, as every client begins with.
        let request = Request::new(6, 0x38, [0x8e, 4]);
        let bytes = encode(&request, 0);
        let expect = [
            6, 0, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 9, 0x20, 0x18, 0xc8, 0x81, 0, 0x38, 0x8e, 4,
            0xb5,
        ];
        assert_eq!(bytes, expect);
        let answer = [
            6, 0, 0xff, 7, 0, 0, 0, 0, 0, 0, 0, 0, 0, 16, 0x81, 0x1c, 0x63, 0x20, 0, 0x38, 0, 1,
            0x80, 4, 2, 0, 0, 0, 0, 0x21, 0,
        ];
        let read = decode(&answer).unwrap();
        assert!(read.is_of(&request, 0));
        assert_eq!(read.data, [1, 0x80, 4, 2, 0, 0, 0, 0]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_an_answer_or_none(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }
    }
}
