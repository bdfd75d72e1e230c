//! The free space on a disk.

use std::{io, path::Path};

use utakata_api::overview::{About, Finding, Weight};

/// The free space below which the store may be unable to write at any moment, in bytes.
const TOO_LITTLE: u64 = 100 << 20;
/// The free space below which somebody should know before it is too late, in bytes,
const LITTLE: u64 = 1 << 30;
/// if it is also less than one in this many bytes of the disk.
const LITTLE_PART: u64 = 20;

/// The space on the disk of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disk {
    pub folder: String,
    /// The number of bytes that this user may still write.
    pub free: u64,
    /// The size of the disk, in bytes.
    pub all: u64,
}

impl Disk {
    /// Examines a disk.
    ///
    /// # Errors
    /// The folder does not exist, or cannot be examined.
    pub fn look(folder: &Path) -> io::Result<Self> {
        let found = rustix::fs::statvfs(folder)?;
        Ok(Self {
            folder: folder.display().to_string(),
            free: found.f_bavail.saturating_mul(found.f_frsize),
            all: found.f_blocks.saturating_mul(found.f_frsize),
        })
    }

    /// Returns the finding about the disk, if there is any.
    pub fn finding(&self) -> Option<Finding> {
        let is_little = self.free < LITTLE && self.free < self.all / LITTLE_PART;
        let weight = match self.free {
            ..TOO_LITTLE => Weight::Wrong,
            _ if is_little => Weight::Notice,
            _ => return None,
        };
        let mebibytes = |bytes: u64| bytes >> 20;
        Some(Finding {
            weight,
            about: About::Disk,
            subject: format!("disk of {}", self.folder),
            says: format!(
                "{} MiB are left of {} MiB: when it is full, nothing can be changed or controlled",
                mebibytes(self.free),
                mebibytes(self.all)
            ),
            cure: Some("free space on it, or move the data directory".into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn little_room_is_told_before_there_is_none() {
        const MIB: u64 = 1 << 20;
        for (free, all, expect) in [
            (0, 500_000 * MIB, Some(Weight::Wrong)),
            (99 * MIB, 200 * MIB, Some(Weight::Wrong)),
            (200 * MIB, 500_000 * MIB, Some(Weight::Notice)),
            // A small disk that is mostly free.
            (300 * MIB, 500 * MIB, None),
            (50_000 * MIB, 500_000 * MIB, None),
        ] {
            let folder = String::new();
            let disk = Disk { folder, free, all };
            let weight = disk.finding().map(|finding| finding.weight);
            assert_eq!(weight, expect, "{free} of {all}");
        }
        let here = Disk::look(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!(here.all >= here.free);
    }
}
