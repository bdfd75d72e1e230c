//! The program, on the kernel of this machine: what it starts reaches what it is given and no more.
#![allow(clippy::unwrap_used, reason = "the helpers of tests are tests")]

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::Path,
    process::{Command, Output, Stdio},
};

use utakata_confine::{NOT_EXECUTED, Policy, UNCONFINED};

/// Runs a script of the shell under a policy, with what every program needs.
fn run(policy: Policy, script: &str) -> Output {
    let policy = Policy {
        is_required: true,
        ..policy.with_system()
    };
    Command::new(env!("CARGO_BIN_EXE_utakata-confine"))
        .args(policy.arguments())
        .args(["/bin/sh", "-c", script])
        .stdin(Stdio::null())
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn files_that_are_not_named_cannot_be_read_written_or_executed() {
    let folder = tempfile::tempdir().unwrap();
    let [mine, others] = ["mine", "others"].map(|name| folder.path().join(name));
    for folder in [&mine, &others] {
        fs::create_dir(folder).unwrap();
        fs::write(folder.join("text"), "the secret").unwrap();
        let program = folder.join("program");
        fs::write(&program, "#!/bin/sh\necho it ran").unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
    }
    let policy = || Policy {
        execute: vec![mine.clone()],
        ..Policy::default()
    };
    let script = |folder: &Path| format!("cd /; cat {0}/text; {0}/program", path(folder));
    let output = run(policy(), &script(&mine));
    assert!(said(&output).contains("the secret"), "{}", said(&output));
    assert!(said(&output).contains("it ran"), "{}", said(&output));
    let output = run(policy(), &script(&others));
    assert!(!said(&output).contains("the secret"), "{}", said(&output));
    assert!(!said(&output).contains("it ran"), "{}", said(&output));
    // What may be executed may not be changed, and nothing can be put anywhere.
    for at in [
        mine.join("text"),
        mine.join("new"),
        others.join("new"),
        "/tmp/utakata-new".into(),
    ] {
        let output = run(policy(), &format!("echo changed > {}", path(&at)));
        assert!(!output.status.success(), "{}", at.display());
    }
    assert_eq!(fs::read_to_string(mine.join("text")).unwrap(), "the secret");
    assert!(!others.join("new").exists());
}

#[test]
fn a_folder_to_write_in_is_no_place_to_execute_from() {
    let scratch = tempfile::tempdir().unwrap();
    let policy = || Policy {
        write: vec![scratch.path().to_owned()],
        ..Policy::default()
    };
    let at = path(scratch.path());
    let script = format!(
        "cd {at} && echo hello > note && cat note && printf '#!/bin/sh\\necho it ran' > p && \
         chmod 755 p && ./p"
    );
    let output = run(policy(), &script);
    assert!(said(&output).contains("hello"), "{}", said(&output));
    assert!(!said(&output).contains("it ran"), "{}", said(&output));
}

#[test]
fn other_processes_can_neither_be_looked_into_nor_ended() {
    let mut other = Command::new("sleep")
        .arg("60")
        .env("UTAKATA_TOKEN", "a-token-of-another")
        .spawn()
        .unwrap();
    let id = other.id();
    let script = format!(
        "tr '\\0' '\\n' < /proc/{id}/environ; cat /proc/{id}/maps; kill -9 {id}; echo \"kill: $?\""
    );
    let output = run(Policy::default(), &script);
    assert!(
        !said(&output).contains("a-token-of-another"),
        "{}",
        said(&output)
    );
    assert!(!said(&output).contains("[stack]"), "{}", said(&output));
    // Before Linux 6.12 a signal of the same user could still be sent.
    if said(&output).contains("kill: 1") {
        assert!(other.try_wait().unwrap().is_none(), "{}", said(&output));
    }
    other.kill().unwrap();
    other.wait().unwrap();
}

/// Tries every family of sockets and every pair; says what it got, in Python since a shell has none.
const SOCKETS: &str = r#"
import asyncio, errno, socket, sys
def attempt(what, make):
    try:
        make()
        print(what, "made")
    except OSError as error:
        print(what, errno.errorcode[error.errno])
def connect(kind):
    made = socket.socket(socket.AF_UNIX, kind)
    made.connect(sys.argv[1])
for name, family in [("inet", 2), ("inet6", 10), ("unix", 1), ("vsock", 40), ("packet", 17), ("alg", 38)]:
    attempt(name, lambda: socket.socket(family, socket.SOCK_DGRAM))
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET):
    attempt("connect", lambda: connect(kind))
for name, kind in [("stream", 1), ("datagram", 2), ("raw", 3), ("packets", 5)]:
    attempt("pair of " + name, lambda: socket.socketpair(socket.AF_UNIX, kind))
attempt("pair that wakes", lambda: socket.socketpair(1, 1 | socket.SOCK_NONBLOCK | socket.SOCK_CLOEXEC))
attempt("pair of raw that wakes", lambda: socket.socketpair(1, 3 | socket.SOCK_NONBLOCK))
attempt("routes", lambda: socket.socket(16, socket.SOCK_RAW, 0))
attempt("audit", lambda: socket.socket(16, socket.SOCK_RAW, 9))
attempt("names", lambda: socket.getaddrinfo("127.0.0.1", 80))
asyncio.run(asyncio.sleep(0))
print("loop ran")
"#;

#[test]
fn sockets_are_those_of_the_network_and_pairs_that_stay_connected() {
    let folder = tempfile::tempdir().unwrap();
    let at = folder.path().join("api.sock");
    let _listening = std::os::unix::net::UnixListener::bind(&at).unwrap();
    let tried = |has_unix_sockets| {
        let policy = Policy {
            has_unix_sockets,
            ..Policy::default()
        };
        let script = format!(
            "exec /usr/bin/python3 -I - {} <<'END'{SOCKETS}END",
            path(&at)
        );
        let output = run(policy, &script);
        assert!(output.status.success(), "{}", said(&output));
        said(&output)
    };
    let found = tried(false);
    let expected = "inet made\ninet6 made\nunix EAFNOSUPPORT\nvsock EAFNOSUPPORT\n\
        packet EAFNOSUPPORT\nalg EAFNOSUPPORT\n\
        connect EAFNOSUPPORT\nconnect EAFNOSUPPORT\nconnect EAFNOSUPPORT\n\
        pair of stream made\npair of datagram EAFNOSUPPORT\npair of raw EAFNOSUPPORT\n\
        pair of packets made\npair that wakes made\npair of raw that wakes EAFNOSUPPORT\n\
        routes made\naudit EAFNOSUPPORT\nnames made\nloop ran\n";
    assert_eq!(found, expected);
    // The same without that confinement: the test does try.
    let found = tried(true);
    assert!(found.contains("unix made\n"), "{found}");
    assert!(found.contains("connect made\n"), "{found}");
}

#[test]
fn rights_of_root_core_dumps_and_new_views_of_the_machine_are_given_up() {
    let output = run(
        Policy {
            read: vec!["/proc".into()],
            ..Policy::default()
        },
        "grep -E '^(CapEff|CapPrm|CapBnd|NoNewPrivs|Seccomp):' /proc/self/status; ulimit -c; \
         unshare --user true; echo \"unshare: $?\"",
    );
    let said = said(&output);
    assert!(said.contains("NoNewPrivs:\t1"), "{said}");
    assert!(said.contains("Seccomp:\t2"), "{said}");
    // NET_RAW (13) and NET_BIND_SERVICE (10) at the most.
    let rights = said
        .lines()
        .filter(|line| line.starts_with("CapEff") || line.starts_with("CapPrm"));
    for line in rights {
        let mask = u64::from_str_radix(line.split('\t').nth(1).unwrap(), 16).unwrap();
        assert_eq!(mask & !((1 << 13) | (1 << 10)), 0, "{line}");
    }
    assert!(said.contains("\n0\n"), "{said}");
    assert!(said.contains("unshare: 1"), "{said}");
}

#[test]
fn what_is_no_policy_or_no_program_ends_with_its_reason() {
    let bare = |arguments: &[&str]| {
        Command::new(env!("CARGO_BIN_EXE_utakata-confine"))
            .args(arguments)
            .output()
            .unwrap()
    };
    let output = bare(&["--raed", "/a", "--", "/bin/true"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("--raed is no option"),
        "{}",
        said(&output)
    );
    let output = bare(&["--execute", "/usr", "--", "/nowhere/worker"]);
    assert_eq!(
        output.status.code(),
        Some(NOT_EXECUTED.into()),
        "{}",
        said(&output)
    );
    assert!(
        said(&output).contains("cannot execute /nowhere/worker"),
        "{}",
        said(&output)
    );
    let output = bare(&["--check"]);
    assert!(output.status.success(), "{}", said(&output));
    assert_ne!(UNCONFINED, NOT_EXECUTED);
}
