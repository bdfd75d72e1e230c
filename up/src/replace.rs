//! Replacing this program with another in the same process, which keeps its children.
//!
//! ```text
//! probe the program ─► environment leaves ─► takeover.json ─► brokers: back soon ─► exec
//!                                                                                   │
//!        (serves) ◄─ environment takes over ◄─ takeover.json is read and removed ◄──┘
//! ```
//!
//! Open files are passed through a socket that is the standard input of the new program; the
//! previous standard input is passed along with them.

use std::{
    ffi::OsString,
    fs,
    io::{self, IoSlice, IoSliceMut},
    mem::MaybeUninit,
    os::{
        fd::{AsFd, BorrowedFd, OwnedFd},
        unix::process::CommandExt as _,
    },
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, Result, anyhow, bail};
use nix::sys::signal::{SigSet, Signal};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, SocketFlags, SocketType, recvmsg, sendmsg, socketpair,
};
use utakata_execution::takeover::{Takeover, VERSION};

use crate::claim::write_whole;

/// The variable with the path of the takeover file.
const VARIABLE: &str = "UTAKATA_TAKEOVER";
const FILE: &str = "takeover.json";
/// The variable set if the end was requested before the new program began.
const ENDING: &str = "UTAKATA_TAKEOVER_ENDS";
/// The time for a program to state whether it can take over.
const PROBE_TIMEOUT: Duration = Duration::from_secs(20);
/// Open files in one message; the system allows 253 (unix(7)).
const FILES: usize = 200;
/// The kernel's mark on the path of a program that was replaced on disk.
const DELETED: &str = " (deleted)";

/// Everything that the new program needs.
pub struct Ready {
    program: PathBuf,
    file: PathBuf,
    files: Vec<OwnedFd>,
}

/// A request to end, passed on to the new program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// The process is not replaced.
    No,
    /// The end was requested before the new program ran.
    Yes,
}

impl Ends {
    /// Returns the request passed on by the previous program.
    pub fn received() -> Self {
        match std::env::var_os(ENDING) {
            Some(_) => Self::Yes,
            None => Self::No,
        }
    }
}

/// Unblocks signals, including those that arrived during the replacement. Their handlers must be
/// installed by now.
///
/// # Errors
/// The system refuses it.
pub fn let_signals_in() -> Result<()> {
    signals().thread_unblock().context("signals stay blocked")
}

fn signals() -> SigSet {
    [Signal::SIGHUP, Signal::SIGINT, Signal::SIGTERM]
        .into_iter()
        .collect()
}

/// Removes what nobody has taken over: a new life begins.
pub fn clean(folder: &Path) {
    let file = folder.join(FILE);
    match fs::remove_file(&file) {
        Ok(()) => tracing::warn!(
            file = %file.display(),
            "the previous program ended during the replacement: this is another life of the \
             environment"
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(
            file = %file.display(),
            %error,
            "the takeover files of the previous program cannot be removed"
        ),
    }
}

/// Checks that a program of this version can take over from one of that version.
///
/// # Errors
/// It cannot.
pub fn check(version: u32) -> Result<()> {
    if version != VERSION {
        bail!("this utakata takes over version {VERSION}, not version {version}");
    }
    Ok(())
}

/// Returns the program now at the path from which this one was started, if it can take over with
/// the same arguments.
///
/// # Errors
/// It cannot be started, or states that it cannot.
pub async fn probe() -> Result<PathBuf> {
    let program = own().context("the path of this program is not known")?;
    let version = VERSION.to_string();
    let asked = tokio::process::Command::new(&program)
        .args(std::env::args_os().skip(1))
        .args(["--takes-over", &version])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .stderr(Stdio::piped())
        .output();
    let answer = tokio::time::timeout(PROBE_TIMEOUT, asked).await;
    let shown = program.display();
    let answer = answer.map_err(|_| anyhow!("{shown} did not state that it can take over"))?;
    let answer = answer.with_context(|| format!("{shown} cannot be started"))?;
    if !answer.status.success() {
        let said = String::from_utf8_lossy(&answer.stderr);
        let said = said.lines().next().unwrap_or_default().to_owned();
        bail!("{shown} cannot take over ({}): {said}", answer.status);
    }
    Ok(program)
}

fn own() -> io::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let text = own.to_str().and_then(|text| text.strip_suffix(DELETED));
    Ok(text.map_or_else(|| own.clone(), PathBuf::from))
}

/// Writes the takeover file.
///
/// # Errors
/// The folder cannot be written.
pub fn write(program: PathBuf, folder: &Path, takeover: Takeover) -> Result<Ready> {
    let file = folder.join(FILE);
    let (bytes, files) = takeover.into_parts();
    let bytes = bytes.context("what is left cannot be written as JSON")?;
    write_whole(&file, &bytes).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(Ready {
        program,
        file,
        files,
    })
}

impl Ready {
    /// Executes the new program; if that fails at the last moment, executes this one from its
    /// beginning, which takes over as well. Returns only when both fail. Signals that arrive on the
    /// way wait for the new program, as does a request to end that came earlier.
    pub fn become_it(self, ends: Ends) -> anyhow::Error {
        if let Err(error) = signals().thread_block() {
            tracing::warn!(%error, "a signal that arrives now ends the process");
        }
        let this = Path::new("/proc/self/exe");
        let mut last = anyhow!("there is no program");
        for program in [self.program.as_path(), this] {
            match self.try_become(program, ends) {
                Ok(never) => match never {},
                Err(error) => {
                    tracing::error!(program = %program.display(), %error, "it cannot be started");
                    last = error;
                }
            }
        }
        last
    }

    fn try_become(&self, program: &Path, ends: Ends) -> Result<std::convert::Infallible> {
        let (ours, theirs) = socketpair(
            AddressFamily::UNIX,
            SocketType::SEQPACKET,
            SocketFlags::CLOEXEC,
            None,
        )?;
        let stdin = rustix::stdio::stdin();
        let files: Vec<BorrowedFd> = self.files.iter().map(AsFd::as_fd).collect();
        let files = [&[stdin], &files[..]].concat();
        for part in files.chunks(FILES) {
            send(&ours, part).context("open files cannot be handed over")?;
        }
        // Marks the end of what is sent.
        drop(ours);
        let before = stdin.try_clone_to_owned()?;
        let arguments: Vec<OsString> = std::env::args_os().collect();
        let mut command = std::process::Command::new(program);
        if let Some((name, rest)) = arguments.split_first() {
            command.arg0(name).args(rest);
        }
        match ends {
            Ends::No => command.env_remove(ENDING),
            Ends::Yes => command.env(ENDING, "1"),
        };
        let error = command.env(VARIABLE, &self.file).stdin(theirs).exec();
        rustix::stdio::dup2_stdin(&before)?;
        Err(error).context("the program cannot be executed")
    }
}

/// Returns the takeover left by the previous program of this process, if there is one. It can be
/// taken once.
///
/// # Errors
/// It cannot be read, or has a version unknown to this program.
pub fn received() -> Result<Option<Takeover>> {
    let Some(file) = std::env::var_os(VARIABLE).map(PathBuf::from) else {
        return Ok(None);
    };
    let mut files = Vec::new();
    let stdin = rustix::stdio::stdin();
    while receive(stdin, &mut files).context("open files were not handed over")? {}
    let mut files = files.into_iter();
    if let Some(before) = files.next() {
        rustix::stdio::dup2_stdin(&before)?;
    }
    let bytes = fs::read(&file).with_context(|| format!("cannot read {}", file.display()))?;
    fs::remove_file(&file).with_context(|| format!("cannot remove {}", file.display()))?;
    let takeover = Takeover::read(&bytes, files.collect());
    Ok(Some(takeover.with_context(|| file.display().to_string())?))
}

fn send(to: &OwnedFd, files: &[BorrowedFd]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(files)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    sendmsg(to, &[IoSlice::new(b"f")], &mut control, SendFlags::NOSIGNAL)?;
    Ok(())
}

/// Receives the open files of one message. Returns whether there was one.
fn receive(from: BorrowedFd, files: &mut Vec<OwnedFd>) -> io::Result<bool> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(FILES))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    let got = recvmsg(
        from,
        &mut [IoSliceMut::new(&mut byte)],
        &mut control,
        RecvFlags::CMSG_CLOEXEC,
    )?;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(came) = message {
            files.extend(came);
        }
    }
    Ok(got.bytes > 0)
}
