//! The small disk with the ledger of a drill: it is filled, and emptied again.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::Duration,
};

use tokio::time::Instant;
use utakata_logic::store::room_for_file;
use utakata_model::Content;

const MIB: u64 = 1024 * 1024;
/// The least room that a ledger needs, in bytes, and more for each minute.
const ROOM: u64 = 64 * MIB;
const ROOM_A_MINUTE: u64 = 32 * MIB;
const MAX_ROOM: u64 = 1024 * MIB;
/// The additional room for PostgreSQL, in bytes: its own tables and its log.
const ROOM_OF_POSTGRES: u64 = 192 * MIB;
/// The time within which processes of an ended server are gone.
const GONE_TIMEOUT: Duration = Duration::from_secs(5);
/// The number of releases in the catalogue at a time in a drill that rolls releases: the one that
/// serves, the one on its way, and one not yet deleted.
const RELEASES: u64 = 3;
/// The time within which a process that began without room notices that.
const BEGUN_BEFORE: Duration = Duration::from_secs(10);

/// Returns the disk space, in bytes, that a drill of this length needs if it rolls releases such as
/// this one.
pub fn room(time: Duration, rolled: Option<&Content>) -> u64 {
    let minutes = time.as_secs().div_ceil(60);
    let ledger = ROOM_A_MINUTE.saturating_mul(minutes).saturating_add(ROOM);
    let releases = rolled.map_or(0, |release| {
        let sizes = || release.files.iter().map(|file| file.size);
        sizes().sum::<u64>() * RELEASES + sizes().max().map_or(0, room_for_file)
    });
    ledger.min(MAX_ROOM) + releases
}

/// Returns the room if the ledger is in PostgreSQL, which also writes everything into its log.
pub fn room_of_postgres(time: Duration, rolled: Option<&Content>) -> u64 {
    ROOM_OF_POSTGRES + room(time, rolled)
}

/// A file system of its own for a data directory.
#[derive(Debug)]
pub struct Disk {
    path: PathBuf,
    /// The time at which there is room again.
    full_until: Option<Instant>,
    /// The last time at which there was room again.
    cleared: Option<Instant>,
}

impl Disk {
    /// Mounts a disk of that many bytes. Only root can do that: for everybody else, it says so and
    /// returns nothing.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn mount(at: &Path, room: u64) -> io::Result<Option<Self>> {
        fs::create_dir_all(at)?;
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={room},mode=700")])
            .arg("tmpfs")
            .arg(at)
            .stderr(Stdio::null())
            .status();
        if !mounted.is_ok_and(|status| status.success()) {
            eprintln!("no disk is filled: only root can mount one that is small enough");
            return Ok(None);
        }
        Ok(Some(Self {
            path: at.to_owned(),
            full_until: None,
            cleared: None,
        }))
    }

    /// Fills the disk for a while. Returns true if it had any room.
    pub fn fill(&mut self, time: Duration) -> bool {
        let had_room = self.full_until.is_none();
        self.full_until = Some(Instant::now() + time);
        // This ends in an error when there is no room left.
        let _ = File::create(self.filler())
            .and_then(|mut filler| io::copy(&mut io::repeat(0), &mut filler));
        had_room
    }

    /// Makes room when it is time.
    pub fn keep(&mut self) {
        if self.full_until.is_some_and(|until| until <= Instant::now()) {
            self.clear();
        }
    }

    /// Makes room on the disk again.
    pub fn clear(&mut self) {
        // An error means that there is nothing to remove.
        let _ = fs::remove_file(self.filler());
        if self.full_until.take().is_some() {
            self.cleared = Some(Instant::now());
        }
    }

    /// Returns true if it has no room now.
    pub fn is_full(&self) -> bool {
        self.full_until.is_some()
    }

    /// Returns true if a process that ends now may have begun without room.
    pub fn was_full(&self) -> bool {
        self.full_until.is_some() || self.cleared.is_some_and(|at| at.elapsed() < BEGUN_BEFORE)
    }

    fn filler(&self) -> PathBuf {
        self.path.join("filler")
    }

    /// Unmounts the disk, leaving its content in the folder.
    fn unmount(&self) -> io::Result<()> {
        let copy = self.path.with_extension("kept");
        let run = |program: &str, arguments: &[&Path]| {
            let mut command = Command::new(program);
            let status = command.args(arguments).stderr(Stdio::null()).status()?;
            status
                .success()
                .then_some(())
                .ok_or_else(|| io::Error::other(format!("{program}: {status}")))
        };
        run("cp", &[Path::new("-a"), &self.path, &copy])?;
        let begun = Instant::now();
        while let Err(error) = run("umount", &[&self.path]) {
            if begun.elapsed() > GONE_TIMEOUT {
                return Err(error);
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        fs::remove_dir(&self.path)?;
        fs::rename(copy, &self.path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        self.clear();
        if let Err(error) = self.unmount() {
            eprintln!("{} is still mounted: {error}", self.path.display());
        }
    }
}

#[cfg(test)]
mod tests {
    use utakata_model::{ContentFile, FileDigest};

    use super::*;

    fn release(sizes: &[u64]) -> Content {
        let file = |size: &u64| ContentFile {
            path: size.to_string(),
            digest: FileDigest::of(&size.to_be_bytes()),
            size: *size,
            executable: false,
        };
        Content {
            files: sizes.iter().map(file).collect(),
        }
    }

    #[test]
    fn a_release_of_any_size_can_be_pushed_next_to_the_others_and_a_whole_ledger() {
        for minutes in [0, 1, 30, 1000] {
            let time = Duration::from_secs(60 * minutes);
            let ledger = room(time, None);
            assert!((ROOM..=MAX_ROOM).contains(&ledger), "{ledger}");
            for mib in [1, 20, 75, 500] {
                let release = release(&[1000, mib * MIB]);
                let others = (RELEASES - 1) * (1000 + mib * MIB);
                let free = room(time, Some(&release)) - ledger - others;
                assert!(free >= room_for_file(mib * MIB), "{minutes} {mib}: {free}");
            }
        }
    }
}
