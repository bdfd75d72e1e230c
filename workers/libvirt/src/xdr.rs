//! Values as XDR writes them (RFC 4506): everything in steps of four bytes, the highest first. Pure.

/// The error for bytes that end too early, or are no value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is cut off, or is no answer of libvirt")]
pub struct Malformed;

/// The longest text and the longest list that are believed.
const LENGTH_MAX: usize = 1024 * 1024;

/// Bytes that are written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Writer(Vec<u8>);

/// Bytes that are read.
#[derive(Debug, Clone, Copy)]
pub struct Reader<'a>(&'a [u8]);

impl Writer {
    pub fn number(mut self, number: u32) -> Self {
        self.0.extend(number.to_be_bytes());
        self
    }

    /// Bytes of a length that both sides know.
    pub fn fixed(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        let padded = self.0.len().next_multiple_of(4);
        self.0.resize(padded, 0);
        self
    }

    pub fn text(self, text: &str) -> Self {
        let length = u32::try_from(text.len()).unwrap_or(u32::MAX);
        self.number(length).fixed(text.as_bytes())
    }

    pub fn finish(self) -> Vec<u8> {
        self.0
    }
}

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// Bytes of a length that both sides know.
    pub fn fixed(&mut self, length: usize) -> Result<&'a [u8], Malformed> {
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        let padding = length.next_multiple_of(4) - length;
        self.0 = rest.get(padding..).ok_or(Malformed)?;
        Ok(bytes)
    }

    pub fn number(&mut self) -> Result<u32, Malformed> {
        let bytes = self.fixed(4)?;
        let bytes = bytes.try_into().map_err(|_| Malformed)?;
        Ok(u32::from_be_bytes(bytes))
    }

    pub fn signed(&mut self) -> Result<i32, Malformed> {
        self.number().map(u32::cast_signed)
    }

    pub fn long(&mut self) -> Result<u64, Malformed> {
        let (high, low) = (self.number()?, self.number()?);
        Ok(u64::from(high) << 32 | u64::from(low))
    }

    pub fn text(&mut self) -> Result<String, Malformed> {
        let length = self.length()?;
        let bytes = self.fixed(length)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// The length of a list or of a text.
    pub fn length(&mut self) -> Result<usize, Malformed> {
        let length = usize::try_from(self.number()?).map_err(|_| Malformed)?;
        (length <= LENGTH_MAX).then_some(length).ok_or(Malformed)
    }

    /// A value that may be absent.
    pub fn perhaps<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Option<T>, Malformed> {
        match self.number()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Malformed),
        }
    }

    /// Reads a list: its length, then each item.
    pub fn list<T>(
        &mut self,
        mut read: impl FnMut(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let length = self.length()?;
        // Each has four bytes at least, so a list cannot be longer than what is left.
        if length > self.0.len() / 4 {
            return Err(Malformed);
        }
        (0..length).map(|_| read(self)).collect()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn values_are_written_in_steps_of_four_bytes() {
        let bytes = Writer::default().number(1).text("abcde").finish();
        assert_eq!(
            bytes,
            [
                0, 0, 0, 1, 0, 0, 0, 5, b'a', b'b', b'c', b'd', b'e', 0, 0, 0
            ]
        );
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.perhaps(Reader::text), Ok(Some("abcde".to_owned())));
        assert_eq!(reader.number(), Err(Malformed));
    }

    #[test]
    fn a_list_that_is_longer_than_its_bytes_is_refused() {
        let bytes = Writer::default().number(500_000).number(0).finish();
        assert_eq!(Reader::new(&bytes).list(Reader::number), Err(Malformed));
        let bytes = Writer::default().number(u32::MAX).finish();
        assert_eq!(Reader::new(&bytes).text(), Err(Malformed));
    }

    proptest! {
        #[test]
        fn a_text_is_read_again(text: String, number: u32) {
            let bytes = Writer::default().text(&text).number(number).finish();
            prop_assert_eq!(bytes.len() % 4, 0);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.text(), Ok(text));
            prop_assert_eq!(reader.number(), Ok(number));
        }
    }
}
