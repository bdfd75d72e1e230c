//! The processes that an environment's lives have started as workers, on disk: the next life ends
//! those that an earlier one has left, sees them gone, and reports it. Only then is it proven that
//! nobody acts any more on permits of that life.
//!
//! ```text
//! state_folder/lives/<incarnation>:
//!   machine <id of the machine> <id of its boot>
//!   process <number> <start time, as the system counts>
//!   elsewhere                                    a worker that is not a process of this machine
//!   over                                         none of them is left
//! ```

use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Write as _},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process_group, test_kill_process_group};
use utakata_model::Incarnation;

use crate::{
    runtime::{Life, Runtime},
    status::StatusBoard,
};

/// The number of lives whose fate is remembered.
const MAX_LIVES: usize = 32;
/// The intervals between checks that killed processes are gone, at first and later.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
const LATE_LOOK_INTERVAL: Duration = Duration::from_secs(2);
/// The number of checks at the shorter interval.
const EARLY_LOOKS: u32 = 100;

/// The record of the lives. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Lives(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    folder: Option<PathBuf>,
    me: Incarnation,
    file: Mutex<Option<File>>,
}

/// The record of an earlier life.
#[derive(Debug, Default, PartialEq, Eq)]
struct Record {
    machine: Option<(String, String)>,
    processes: Vec<(i32, u64)>,
    is_elsewhere: bool,
    /// True if it has a worker of which nothing is known.
    is_unreadable: bool,
    is_over: bool,
}

impl Lives {
    /// Opens the record in this folder, to which this life writes from now on. Without a folder
    /// nothing is recorded, and nothing is ever proven.
    pub(crate) fn open(state_folder: Option<&Path>, me: Incarnation) -> Self {
        let folder = state_folder.map(|folder| folder.join("lives"));
        let file = folder.as_deref().and_then(|folder| {
            begin(folder, me)
                .inspect_err(|error| tracing::warn!(%error, "workers were not recorded"))
                .ok()
        });
        Self(Arc::new(Inner {
            folder,
            me,
            file: Mutex::new(file),
        }))
    }

    /// Records the start of a worker, as a process of this machine or elsewhere, before it is given
    /// anything to do.
    pub(crate) fn started(&self, process: Option<i32>) {
        let line = match process {
            Some(process) => match started_at(process) {
                Ok(Some(at)) => format!("process {process} {at}\n"),
                // It is gone already.
                Ok(None) => return,
                // Nobody will be able to tell that it is gone.
                Err(_) => format!("process {process} unknown\n"),
            },
            None => "elsewhere\n".to_owned(),
        };
        if let Some(file) = &mut *self.0.file.lock()
            && let Err(error) = file.write_all(line.as_bytes())
        {
            tracing::warn!(%error, "a worker was not recorded");
        }
    }

    /// Ends what earlier lives have left, and reports those that are over, until all are.
    pub(crate) async fn end_earlier(
        self,
        board: StatusBoard,
        runtime: Arc<dyn Runtime>,
        life: Life,
    ) {
        let mut looks = 0;
        loop {
            let elsewhere = match self.is_any_elsewhere() {
                true => runtime.lives_elsewhere(&life).await,
                false => None,
            };
            let (over, left) = self.look(elsewhere.as_deref());
            board.put_over(over);
            if left == 0 {
                return;
            }
            looks += 1;
            let pause = if looks < EARLY_LOOKS {
                LOOK_INTERVAL
            } else {
                LATE_LOOK_INTERVAL
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Returns true if an earlier life that may not be over had a worker outside our processes.
    fn is_any_elsewhere(&self) -> bool {
        let folder = self.0.folder.as_deref();
        let earlier = folder.map(|folder| earlier(folder, self.0.me));
        earlier.into_iter().flatten().any(|(_, path)| {
            let record = fs::read_to_string(path).map(|text| Record::read(&text));
            record.is_ok_and(|record| record.is_elsewhere && !record.is_over)
        })
    }

    /// Returns the lives that are over, and the number of those that may still end. `elsewhere`
    /// lists those with workers outside our processes, if known.
    fn look(&self, elsewhere: Option<&[Incarnation]>) -> (Vec<Incarnation>, usize) {
        let Some(folder) = &self.0.folder else {
            return (Vec::new(), 0);
        };
        let earlier = earlier(folder, self.0.me);
        let (mut over, mut left) = (Vec::new(), 0);
        for (incarnation, path) in earlier {
            let text = match fs::read_to_string(&path) {
                Ok(text) => text,
                // Nobody can tell what it has left: it is checked again.
                Err(error) => {
                    tracing::debug!(%incarnation, %error, "the record of an earlier life cannot be read");
                    left += 1;
                    continue;
                }
            };
            let is_left = elsewhere.is_none_or(|lives| lives.contains(&incarnation));
            match Record::read(&text).is_over_now(is_left) {
                Some(true) => {
                    if let Err(error) = mark_over(&path, &text) {
                        tracing::debug!(%error, "the end of an earlier life will be determined again");
                    }
                    over.push(incarnation);
                }
                Some(false) => left += 1,
                None => {}
            }
        }
        (over, left)
    }
}

fn begin(folder: &Path, me: Incarnation) -> io::Result<File> {
    fs::create_dir_all(folder)?;
    let path = folder.join(me.to_string());
    let is_new = !path.exists();
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    if is_new && let Some((machine, boot)) = machine() {
        file.write_all(format!("machine {machine} {boot}\n").as_bytes())?;
    }
    Ok(file)
}

/// Returns the records of earlier lives, the latest of them; older ones are forgotten.
fn earlier(folder: &Path, me: Incarnation) -> BTreeMap<Incarnation, PathBuf> {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    let named = files.filter_map(|file| {
        let incarnation = file.file_name().to_str()?.parse().ok()?;
        Some((incarnation, file.path()))
    });
    let mut earlier: BTreeMap<Incarnation, PathBuf> = named.filter(|(one, _)| *one < me).collect();
    while earlier.len() > MAX_LIVES
        && let Some((_, path)) = earlier.pop_first()
    {
        // It is tried again at the next start.
        let _ = fs::remove_file(path);
    }
    earlier
}

fn mark_over(path: &Path, text: &str) -> io::Result<()> {
    if text.ends_with("over\n") {
        return Ok(());
    }
    let mut file = OpenOptions::new().append(true).open(path)?;
    file.write_all(b"over\n")
}

impl Record {
    fn read(text: &str) -> Self {
        let mut record = Self::default();
        for line in text.lines() {
            let mut words = line.split(' ');
            match (words.next(), words.next(), words.next()) {
                (Some("machine"), Some(machine), Some(boot)) => {
                    record.machine = Some((machine.into(), boot.into()));
                }
                (Some("process"), Some(process), Some(at)) => match (process.parse(), at.parse()) {
                    (Ok(process), Ok(at)) => record.processes.push((process, at)),
                    _ => record.is_unreadable = true,
                },
                (Some("elsewhere"), None, None) => record.is_elsewhere = true,
                (Some("over"), None, None) => record.is_over = true,
                // An unreadable line is a worker of which nothing is known.
                _ => record.is_unreadable = true,
            }
        }
        record
    }

    /// Kills what is left of a life. Returns true if nothing is left; `None` if that cannot be seen
    /// from here.
    fn is_over_now(&self, is_left_elsewhere: bool) -> Option<bool> {
        if self.is_over {
            return Some(true);
        }
        let (then, boot) = self.machine.as_ref()?;
        let (here, now) = machine()?;
        if self.is_unreadable || *then != here {
            return None;
        }
        // No process survives a restart of its machine.
        if *boot != now {
            return Some(true);
        }
        let left = self.processes.iter();
        let left = left.filter(|(process, at)| is_left(*process, *at));
        let left = left.count() + usize::from(self.is_elsewhere && is_left_elsewhere);
        Some(left == 0)
    }
}

/// Kills a worker and everything that it started. Returns true if anything of it is left.
fn is_left(process: i32, at: u64) -> bool {
    let Some(group) = Pid::from_raw(process) else {
        return false;
    };
    match started_at(process) {
        // The number belongs to another process by now, so this one is gone.
        Ok(Some(now)) if now != at => return false,
        Ok(None) if !has_members(process) => return false,
        Ok(Some(_) | None) => {}
        // The owner of the number is unknown: it is checked again.
        Err(_) => return true,
    }
    // An error means that nothing is left to kill.
    let _ = kill_process_group(group, Signal::KILL);
    true
}

/// Returns the start time of a process, as the system counts; `None` if it has ended.
///
/// # Errors
/// Nobody can tell.
fn started_at(process: i32) -> io::Result<Option<u64>> {
    Ok(living(process)?.map(|(_, at)| at))
}

/// Returns true if a process group whose leader is gone has a member that can still do anything.
fn has_members(group: i32) -> bool {
    // Also true of a group with only zombies left.
    let is_gone = |group| test_kill_process_group(group) == Err(rustix::io::Errno::SRCH);
    if Pid::from_raw(group).is_none_or(is_gone) {
        return false;
    }
    // If nobody can look, there may be.
    let Ok(all) = fs::read_dir("/proc").and_then(Iterator::collect::<io::Result<Vec<_>>>) else {
        return true;
    };
    let numbers = all.iter();
    let mut numbers = numbers.filter_map(|one| one.file_name().to_str()?.parse().ok());
    numbers.any(|process| match living(process) {
        Ok(found) => found.is_some_and(|(its, _)| its == group),
        Err(_) => true,
    })
}

/// Returns the group of a living process, and its start time.
///
/// # Errors
/// It cannot be read.
fn living(process: i32) -> io::Result<Option<(i32, u64)>> {
    match fs::read(format!("/proc/{process}/stat")) {
        Ok(stat) => Ok(group_and_start(&String::from_utf8_lossy(&stat))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error()) => {
            Ok(None)
        }
        Err(error) => Err(error),
    }
}

fn group_and_start(stat: &str) -> Option<(i32, u64)> {
    // The name, in brackets, may contain anything. The state is field 3, the group 5, the start 22.
    let (_, fields) = stat.rsplit_once(')')?;
    let fields: Vec<&str> = fields.split_whitespace().collect();
    if matches!(fields.first(), Some(&("Z" | "X")) | None) {
        return None;
    }
    Some((fields.get(2)?.parse().ok()?, fields.get(19)?.parse().ok()?))
}

/// Returns the id of this machine, and of its boot.
fn machine() -> Option<(String, String)> {
    let read = |path| Some(fs::read_to_string(path).ok()?.trim().to_owned());
    let boot = read("/proc/sys/kernel/random/boot_id")?;
    // Two containers of a machine see different processes, and count as two machines.
    let machine = read("/etc/machine-id").filter(|id| !id.is_empty());
    let space = fs::read_link("/proc/self/ns/pid").ok()?;
    let machine = machine.unwrap_or_else(|| boot.clone());
    Some((format!("{machine}/{}", space.display()), boot))
}

#[cfg(test)]
mod tests;
