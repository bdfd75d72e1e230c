//! Messages to a management controller, and its answers (IPMI 2.0, 13.8).

/// The address of the BMC, and of remote software.
const BMC: u8 = 0x20;
const SOFTWARE: u8 = 0x81;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The function, as an even number.
    pub function: u8,
    pub command: u8,
    /// The unit of the controller.
    pub unit: u8,
    pub data: Vec<u8>,
}

/// The answer to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub function: u8,
    pub command: u8,
    pub sequence: u8,
    /// The completion code: 0 is success.
    pub code: u8,
    pub data: Vec<u8>,
}

impl Request {
    pub fn new(function: u8, command: u8, data: impl Into<Vec<u8>>) -> Self {
        Self {
            function,
            command,
            unit: 0,
            data: data.into(),
        }
    }

    /// The bytes of the message, with this sequence number (6 bits).
    pub fn encode(&self, sequence: u8) -> Vec<u8> {
        let head = [BMC, self.function << 2 | self.unit & 3];
        let mut bytes = head.to_vec();
        bytes.push(checksum(&head));
        let body = bytes.len();
        bytes.extend([SOFTWARE, sequence << 2, self.command]);
        bytes.extend(&self.data);
        bytes.push(checksum(bytes.get(body..).unwrap_or_default()));
        bytes
    }
}

impl Answer {
    /// Reads an answer. `None` if it is none, or was damaged.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let (head, body) = bytes.split_at_checked(3)?;
        if checksum(head) != 0 || checksum(body) != 0 {
            return None;
        }
        let (_, body) = body.split_last()?;
        let [_, sequence, command, code, data @ ..] = body else {
            return None;
        };
        Some(Self {
            function: head.get(1)? >> 2,
            command: *command,
            sequence: sequence >> 2,
            code: *code,
            data: data.to_vec(),
        })
    }

    /// Returns true if it answers this request.
    pub fn is_of(&self, request: &Request, sequence: u8) -> bool {
        self.function == request.function | 1
            && self.command == request.command
            && self.sequence == sequence
    }
}

/// The byte that makes the sum of all zero.
fn checksum(bytes: &[u8]) -> u8 {
    let sum = bytes.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
    sum.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_has_the_form_of_the_standard() {
        // Get Device ID.
        let request = Request::new(6, 1, []);
        assert_eq!(
            request.encode(2),
            [0x20, 0x18, 0xc8, 0x81, 0x08, 0x01, 0x76]
        );
        let mut answer = vec![0x81, 0x1c, 0x63, 0x20, 0x08, 0x01, 0x00, 0x23];
        answer.push(checksum(&answer[3..]));
        let read = Answer::decode(&answer).unwrap();
        assert!(read.is_of(&request, 2) && !read.is_of(&request, 3));
        assert_eq!((read.code, read.data.as_slice()), (0, &[0x23][..]));
        answer[7] = 0x24;
        assert_eq!(Answer::decode(&answer), None);
    }
}
