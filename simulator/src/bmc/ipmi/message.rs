//! Messages to a management controller, and its answers (IPMI 2.0, 13.8). Pure.

/// The address of the BMC.
const BMC: u8 = 0x20;

/// A request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    pub function: u8,
    pub command: u8,
    pub data: &'a [u8],
    /// The address of the one who asks, and the number that the answer has to have.
    from: u8,
    sequence: u8,
}

/// An answer, or the reason why there is none (IPMI 2.0, table 5-2).
pub type Answer = Result<Vec<u8>, u8>;

impl<'a> Request<'a> {
    /// Reads a request. `None`: it is none, was damaged, or is for somebody else.
    pub fn decode(bytes: &'a [u8]) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(3)?;
        if checksum(head) != 0 || checksum(body) != 0 || head[0] != BMC {
            return None;
        }
        let [from, sequence, command, data @ .., _] = body else {
            return None;
        };
        Some(Self {
            function: head[1] >> 2,
            command: *command,
            data,
            from: *from,
            sequence: *sequence,
        })
    }

    /// Returns the bytes of an answer.
    pub fn answer(&self, answer: Answer) -> Vec<u8> {
        let (code, data) = match answer {
            Ok(data) => (0, data),
            Err(code) => (code, Vec::new()),
        };
        let head = [self.from, (self.function | 1) << 2];
        let mut bytes = head.to_vec();
        bytes.push(checksum(&head));
        let body = bytes.len();
        bytes.extend([BMC, self.sequence, self.command, code]);
        bytes.extend(data);
        bytes.push(checksum(&bytes[body..]));
        bytes
    }
}

/// The byte that makes the sum of all zero.
pub(super) fn checksum(bytes: &[u8]) -> u8 {
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    sum.wrapping_neg()
}
