//! Names of sensors in the forms that records have for them (IPMI 2.0, 43.15).

/// The characters of BCD plus.
const BCD: &[u8; 16] = b"0123456789 -.:,_";

/// Reads a name with its head, which tells its form and length.
pub fn read(bytes: &[u8]) -> Option<String> {
    let (head, rest) = bytes.split_first()?;
    let length = usize::from(head & 0x1f);
    // Some records are shorter than they say.
    let text = rest.get(..length.min(rest.len()))?;
    let name: String = match head >> 6 {
        1 => text
            .iter()
            .flat_map(|byte| [byte >> 4, byte & 0x0f])
            .filter_map(|digit| BCD.get(usize::from(digit)).map(|c| char::from(*c)))
            .collect(),
        2 => packed(text),
        // Latin-1; Unicode is not defined further.
        _ => text.iter().map(|byte| char::from(*byte)).collect(),
    };
    let name: String = name.chars().filter(|c| !c.is_control()).collect();
    Some(name.trim().to_owned())
}

/// Six bits for each character, the lowest first.
fn packed(bytes: &[u8]) -> String {
    let bits: Vec<bool> = bytes
        .iter()
        .flat_map(|byte| (0..8).map(move |at| byte >> at & 1 == 1))
        .collect();
    let character = |bits: &[bool]| {
        let number = bits
            .iter()
            .enumerate()
            .fold(0_u8, |number, (at, bit)| number | u8::from(*bit) << at);
        char::from(0x20 + number)
    };
    bits.chunks_exact(6).map(character).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_read_in_every_form() {
        for (bytes, expect) in [
            (&[0xc4, b'F', b'A', b'N', b'1'][..], "FAN1"),
            (&[0xc6, b'F', b'A', b'N', b' ', b' ', 0], "FAN"),
            // The example of the standard: IPMI.
            (&[0x83, 0x29, 0xdc, 0xa6], "IPMI"),
            (&[0x42, 0x12, 0xc3], "12.3"),
            // It says that it is longer.
            (&[0xd0, b'A'], "A"),
        ] {
            assert_eq!(read(bytes).as_deref(), Some(expect), "{bytes:?}");
        }
        assert_eq!(read(&[]), None);
    }
}
