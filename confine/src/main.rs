//! `utakata-confine`: gives up what a policy does not name, and becomes a worker.

mod capabilities;
mod files;
mod sockets;
mod syscalls;

use std::{
    ffi::OsString,
    fmt::Display,
    os::unix::process::CommandExt,
    process::{Command, ExitCode},
};

use rustix::process::{Resource, Rlimit, setrlimit};
use utakata_confine::{NOT_EXECUTED, Policy, UNCONFINED};

const HELP: &str = "usage: utakata-confine [--execute PATH]... [--read PATH]... [--write PATH]... \
[--unix-sockets] [--required] -- PROGRAM [ARGUMENT]...
       utakata-confine --check

Starts PROGRAM so that it can execute, read and write nothing else, for good, and makes sockets of the
network only, unless --unix-sockets permits others of this machine. An environment starts its workers with it. --check says what the kernel of this machine can keep away.";

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    match arguments.first().and_then(|first| first.to_str()) {
        Some("--help" | "-h") => {
            println!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some("--check") => return check(),
        _ => {}
    }
    let (policy, program, rest) = match Policy::read(arguments.drain(..)) {
        Ok(read) => read,
        Err(invalid) => {
            eprintln!("utakata-confine: {invalid}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    if let Err(problem) = confine(&policy) {
        return refuse(&problem);
    }
    let error = Command::new(&program).args(rest).exec();
    eprintln!("cannot execute {}: {error}", program.display());
    ExitCode::from(NOT_EXECUTED)
}

/// Says what the kernel keeps away; fails if that is nothing.
fn check() -> ExitCode {
    match files::supported() {
        Ok(()) => {
            println!(
                "files and signals (Landlock), unix sockets and system calls (seccomp), capabilities"
            );
            ExitCode::SUCCESS
        }
        Err(reason) => {
            println!("{reason}");
            ExitCode::FAILURE
        }
    }
}

/// Gives up what the policy does not name. What an older kernel cannot keep away is let be, unless
/// the policy requires it.
fn confine(policy: &Policy) -> Result<(), String> {
    // A dump of its memory would have what it was let into.
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    setrlimit(Resource::Core, none).map_err(failed("the limit of core dumps"))?;
    capabilities::drop_most().map_err(failed("capabilities"))?;
    // Landlock first: the filter of system calls may not know its calls on a later kernel.
    match files::restrict(policy) {
        Ok(()) => {}
        Err(reason) if policy.is_required => return Err(reason),
        Err(reason) => eprintln!("not confined to its files: {reason}"),
    }
    if !policy.has_unix_sockets {
        sockets::restrict().map_err(failed("sockets"))?;
    }
    syscalls::restrict().map_err(failed("system calls"))
}

fn failed<E: Display>(what: &'static str) -> impl Fn(E) -> String {
    move |error| format!("{what}: {error}")
}

fn refuse(problem: &str) -> ExitCode {
    eprintln!(
        "this worker was not begun, since it cannot be confined: {problem}; see \
         execution.confinement"
    );
    ExitCode::from(UNCONFINED)
}
