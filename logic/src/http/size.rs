//! The size of a value as JSON, without writing the text.

use std::io;

use serde::Serialize;

struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Returns the size of a value as JSON, in bytes.
pub(super) fn of(value: &impl Serialize) -> usize {
    let mut count = Count(0);
    let written = serde_json::to_writer(&mut count, value);
    if let Err(error) = written {
        utakata_invariant::broken("an answer that is no JSON", &error);
    }
    count.0
}
