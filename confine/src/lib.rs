//! The confinement of a worker that is a process, as its arguments say it.
//!
//! An environment starts `utakata-confine POLICY -- PROGRAM ARGUMENTS`. It gives up what the policy
//! does not name, for good and for everything that it becomes, and becomes the program: the process
//! remains the same. See ADR 37 for what that keeps away, and what it does not.

use std::{
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
};

/// The name of the program.
pub const PROGRAM: &str = "utakata-confine";
/// The exit code of a worker that could not be confined, and therefore was not begun.
pub const UNCONFINED: u8 = 121;
/// The exit code if the program of the worker cannot be executed.
pub const NOT_EXECUTED: u8 = 122;

/// The files that a worker may use. A folder stands for everything in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Policy {
    /// Files to read and to execute.
    pub execute: Vec<PathBuf>,
    /// Files to read.
    pub read: Vec<PathBuf>,
    /// Files to read and to write.
    pub write: Vec<PathBuf>,
    /// It may make unix sockets, and so reaches those of every program of its user: of container
    /// engines, of buses, of utakata.
    pub has_unix_sockets: bool,
    /// A worker is not begun where the kernel cannot confine it.
    pub is_required: bool,
}

/// Arguments that are no policy and program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid(String);

impl std::fmt::Display for Invalid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Invalid {}

const EXECUTE: &str = "--execute";
const READ: &str = "--read";
const WRITE: &str = "--write";
const UNIX_SOCKETS: &str = "--unix-sockets";
const REQUIRED: &str = "--required";
const END: &str = "--";

impl Policy {
    /// Returns the arguments that say this policy, up to where the program is named.
    pub fn arguments(&self) -> Vec<OsString> {
        let named = [
            (EXECUTE, &self.execute),
            (READ, &self.read),
            (WRITE, &self.write),
        ];
        let pairs = named
            .into_iter()
            .flat_map(|(name, paths)| paths.iter().map(move |path| (name, path)));
        let mut arguments: Vec<OsString> = pairs
            .flat_map(|(name, path)| [name.into(), path.clone().into_os_string()])
            .collect();
        if self.has_unix_sockets {
            arguments.push(UNIX_SOCKETS.into());
        }
        if self.is_required {
            arguments.push(REQUIRED.into());
        }
        arguments.push(END.into());
        arguments
    }

    /// Reads a policy, the program, and the arguments of the program.
    ///
    /// # Errors
    /// They are not of the form of [`Policy::arguments`] with a program behind.
    pub fn read(
        arguments: impl IntoIterator<Item = OsString>,
    ) -> Result<(Self, OsString, Vec<OsString>), Invalid> {
        let mut arguments = arguments.into_iter();
        let mut policy = Self::default();
        loop {
            let Some(name) = arguments.next() else {
                return Err(Invalid("there is no program: -- PROGRAM ARGUMENTS".into()));
            };
            let paths = match name.to_str() {
                Some(EXECUTE) => &mut policy.execute,
                Some(READ) => &mut policy.read,
                Some(WRITE) => &mut policy.write,
                Some(UNIX_SOCKETS) => {
                    policy.has_unix_sockets = true;
                    continue;
                }
                Some(REQUIRED) => {
                    policy.is_required = true;
                    continue;
                }
                Some(END) => break,
                _ => return Err(unknown(&name)),
            };
            let path = arguments.next().map(PathBuf::from);
            let absolute = path.filter(|path| path.is_absolute());
            paths.push(absolute.ok_or_else(|| pathless(&name))?);
        }
        let program = arguments.next();
        let program = program.ok_or_else(|| Invalid("no program is named behind --".into()))?;
        Ok((policy, program, arguments.collect()))
    }

    /// Adds what every program on a machine needs: the system's programs and libraries, how names
    /// are resolved and certificates checked, and the devices that are no hardware.
    #[must_use]
    pub fn with_system(mut self) -> Self {
        let add = |to: &mut Vec<PathBuf>, paths: &[&str]| {
            to.extend(paths.iter().map(|path| Path::new(path).to_owned()));
        };
        add(&mut self.execute, &SYSTEM);
        add(&mut self.read, &CONFIGURATION);
        add(&mut self.write, &DEVICES);
        self
    }
}

fn unknown(name: &OsStr) -> Invalid {
    Invalid(format!("{} is no option", name.display()))
}

fn pathless(name: &OsStr) -> Invalid {
    Invalid(format!("{} needs an absolute path", name.display()))
}

/// Programs and libraries, also where they are kept by their digests.
const SYSTEM: [&str; 9] = [
    "/usr",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/nix/store",
    "/gnu/store",
];

/// The parts of /etc and of other folders that libraries read. Not /etc itself: the configuration
/// of utakata may be there, and a root's passwords are. In /proc a worker finds itself and what it
/// has started; of other processes it sees there what everybody sees, and neither their environment
/// nor their memory, which are for those who may trace them.
const CONFIGURATION: [&str; 31] = [
    "/etc/alternatives",
    "/etc/ca-certificates",
    "/etc/crypto-policies",
    "/etc/gai.conf",
    "/etc/group",
    "/etc/host.conf",
    "/etc/hosts",
    "/etc/ld.so.cache",
    "/etc/ld.so.conf",
    "/etc/ld.so.conf.d",
    "/etc/libvirt/libvirt.conf",
    "/etc/locale.alias",
    "/etc/localtime",
    "/etc/nsswitch.conf",
    "/etc/os-release",
    "/etc/passwd",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/certs",
    "/etc/protocols",
    "/etc/resolv.conf",
    "/etc/services",
    "/etc/ssl/cert.pem",
    "/etc/ssl/certs",
    "/etc/ssl/openssl.cnf",
    "/etc/timezone",
    "/run/NetworkManager/resolv.conf",
    "/run/resolvconf",
    "/run/systemd/resolve",
    "/proc",
    "/sys/devices/system/cpu",
];

const DEVICES: [&str; 5] = [
    "/dev/null",
    "/dev/zero",
    "/dev/full",
    "/dev/random",
    "/dev/urandom",
];

#[cfg(test)]
mod tests {
    use super::*;

    fn given(text: &str) -> Result<(Policy, OsString, Vec<OsString>), Invalid> {
        Policy::read(text.split_whitespace().map(OsString::from))
    }

    #[test]
    fn a_policy_is_read_as_it_was_written() {
        let policy = Policy {
            execute: vec!["/a b".into(), "/c".into()],
            read: vec!["/--".into()],
            write: vec!["/d".into()],
            has_unix_sockets: true,
            is_required: true,
        };
        let mut arguments = policy.arguments();
        arguments.extend(["program", "--read", "--"].map(OsString::from));
        let (read, program, rest) = Policy::read(arguments).unwrap();
        assert_eq!((read, program), (policy, "program".into()));
        assert_eq!(rest, ["--read", "--"]);
    }

    #[test]
    fn what_is_no_policy_is_refused_with_its_reason() {
        for (text, reason) in [
            ("", "there is no program"),
            ("--read /a", "there is no program"),
            ("--read /a --", "no program is named"),
            ("--read", "--read needs an absolute path"),
            ("--read a -- b", "--read needs an absolute path"),
            ("--raed /a -- b", "--raed is no option"),
            ("program", "program is no option"),
        ] {
            let refused = given(text).unwrap_err().to_string();
            assert!(refused.contains(reason), "{text}: {refused}");
        }
    }

    #[test]
    fn nothing_of_the_system_is_a_folder_with_secrets() {
        let policy = Policy::default().with_system();
        let all = [&policy.execute, &policy.read, &policy.write];
        let all: Vec<&PathBuf> = all.into_iter().flatten().collect();
        for secret in [
            "/", "/etc", "/root", "/home", "/var", "/run", "/dev", "/tmp",
        ] {
            assert!(!all.contains(&&PathBuf::from(secret)), "{secret}");
        }
        assert!(all.iter().all(|path| path.is_absolute()));
    }
}
