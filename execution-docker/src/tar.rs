//! Reading of one file from an archive made by the engine: POSIX ustar, blocks of 512 bytes.

const BLOCK: usize = 512;
/// The position of a file's size in its header, in octal digits.
const SIZE: std::ops::Range<usize> = 124..136;
/// The position of its type, and the two types of a plain file.
const TYPE: usize = 156;
const PLAIN: [u8; 2] = [b'0', 0];

/// Returns the content of the first plain file in an archive, or `None` if there is none.
pub(crate) fn first_file(archive: &[u8]) -> Option<&[u8]> {
    let mut rest = archive;
    loop {
        let (header, behind) = rest.split_at_checked(BLOCK)?;
        let digits = std::str::from_utf8(header.get(SIZE)?).ok()?;
        let digits = digits.trim_matches(|c: char| c == '\0' || c == ' ');
        let size = usize::from_str_radix(digits, 8).ok()?;
        if PLAIN.contains(header.get(TYPE)?) {
            return behind.get(..size);
        }
        rest = behind.get(size.checked_next_multiple_of(BLOCK)?..)?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(kind: u8, text: &str) -> Vec<u8> {
        let mut header = vec![0; BLOCK];
        let size = format!("{:011o}\0", text.len());
        header[SIZE].copy_from_slice(size.as_bytes());
        header[TYPE] = kind;
        header.extend(text.as_bytes());
        header.resize(header.len().next_multiple_of(BLOCK), 0);
        header
    }

    #[test]
    fn the_first_plain_file_is_found_behind_whatever_is_before_it() {
        let long = "x".repeat(700);
        let archive = [entry(b'x', &long), entry(b'5', ""), entry(b'0', "found")].concat();
        assert_eq!(first_file(&archive), Some(b"found".as_slice()));
        assert_eq!(first_file(&entry(b'2', "")), None);
        let cut = &entry(b'0', &long)[..BLOCK + 100];
        assert_eq!(first_file(cut), None);
        assert_eq!(first_file(b""), None);
        assert_eq!(first_file(&[0; 2 * BLOCK]), None);
        assert_eq!(first_file(&[b'9'; 2 * BLOCK]), None);
    }
}
