//! Every runtime keeps every promise, and a broken one is detected.

use std::{fs, path::Path, sync::Arc, time::Duration};

use async_trait::async_trait;
use tempfile::TempDir;
use tokio::{io::AsyncWriteExt, net::UnixStream};
use utakata_execution::{
    Artifact,
    runtime::{
        Error, Exit, Life, Running, Runtime, Spec,
        conformance::{self, Subject, Violation},
        process::Process,
        scripted::Scripted,
    },
};
use utakata_model::{
    EnvironmentId, Incarnation, Kind, ReleaseDigest, ReleaseId, WorkerId, manifest::Run,
};
use utakata_tests::wait::until;

use crate::tool;

/// A worker that does not exist, with a place for its manager in a folder.
pub fn spec(folder: &TempDir, artifact: Artifact, arguments: &[&str]) -> Spec {
    let door = folder.path().join("door");
    fs::create_dir_all(&door).unwrap();
    let program = artifact.program().unwrap_or(Path::new("tool"));
    Spec {
        worker: WorkerId::new("echo-1").unwrap(),
        life: Life {
            environment: EnvironmentId::new("conformance").unwrap(),
            incarnation: Incarnation::generate(),
        },
        release: Arc::new(ReleaseId {
            kind: Kind::new("echo").unwrap(),
            version: "1".into(),
            digest: ReleaseDigest("1".into()),
        }),
        folder: folder.path().into(),
        run: Run {
            arguments: arguments.iter().map(ToString::to_string).collect(),
            ..Run::program(program.to_str().unwrap())
        },
        artifact,
        socket: door.join("workers.sock"),
        loopback: None,
        door: None,
        is_trial: false,
        control_within: Duration::ZERO,
        token: "a-token-of-one-time".into(),
        variables: vec![("SEEN".into(), "yes".into())],
    }
}

/// A subject whose worker is the tool, in this artifact.
pub fn subject<'a>(
    runtime: &'a dyn Runtime,
    folder: &TempDir,
    tool: &Artifact,
    impossible: Spec,
) -> Subject<'a> {
    Subject {
        runtime,
        ends: spec(folder, tool.clone(), &["end"]),
        lasts: spec(folder, tool.clone(), &["last"]),
        greets: spec(folder, tool.clone(), &["greet"]),
        impossible: Some(impossible),
        unobtainable: None,
    }
}

fn nowhere(folder: &TempDir) -> Spec {
    spec(folder, Artifact::Program("/nowhere".into()), &[])
}

fn scripted() -> Scripted {
    Scripted::new(|spec| match spec.run.arguments.last()?.as_str() {
        "end" => Some(Box::pin(async { Exit::Code(3) })),
        "greet" => Some(Box::pin(greet(spec))),
        _ => Some(Box::pin(std::future::pending())),
    })
}

async fn greet(spec: Spec) -> Exit {
    let mut stream = UnixStream::connect(&spec.socket).await.unwrap();
    stream.write_all(spec.token.as_bytes()).await.unwrap();
    std::future::pending::<()>().await;
    drop(stream);
    Exit::Code(0)
}

#[tokio::test]
async fn processes_keep_all_promises() {
    let folder = tempfile::tempdir().unwrap();
    let tool = Artifact::Program(tool::build());
    let process = Process::default();
    let subject = subject(&process, &folder, &tool, nowhere(&folder));
    conformance::check(&subject).await.unwrap();
}

#[tokio::test]
async fn scripted_workers_keep_all_promises() {
    let folder = tempfile::tempdir().unwrap();
    let tool = Artifact::Program("tool".into());
    let scripted = scripted();
    let subject = subject(&scripted, &folder, &tool, nowhere(&folder));
    conformance::check(&subject).await.unwrap();
}

/// A runtime that starts everything and claims that all ended well.
struct Liar;

struct Lie;

#[async_trait]
impl Runtime for Liar {
    async fn start(&self, _: Spec) -> Result<Box<dyn Running>, Error> {
        Ok(Box::new(Lie))
    }
}

#[async_trait]
impl Running for Lie {
    async fn ended(&mut self) -> Exit {
        Exit::Code(0)
    }

    fn kill(&mut self) {}
}

#[tokio::test]
async fn a_runtime_that_keeps_no_promise_is_found_out_by_each_of_them() {
    let folder = tempfile::tempdir().unwrap();
    let tool = Artifact::Program("tool".into());
    let subject = subject(&Liar, &folder, &tool, nowhere(&folder));
    let found = [
        conformance::how_a_worker_ended_is_told_and_told_again(&subject).await,
        conformance::waiting_for_the_end_can_be_given_up(&subject).await,
        conformance::a_worker_that_is_killed_ends(&subject).await,
        conformance::what_cannot_start_is_an_error(&subject).await,
    ];
    for found in found {
        assert!(matches!(found, Err(Violation::Broken { .. })), "{found:?}");
    }
}

#[tokio::test]
async fn a_process_sees_only_what_it_is_given_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    // A child in the background would outlive its parent.
    let script = "env > seen; sleep 600 & echo $! > child; exit 0";
    let shell = Artifact::Program("/bin/sh".into());
    let spec = spec(&folder, shell, &["-c", script]);
    let mut worker = Process::default().start(spec).await.unwrap();
    assert_eq!(worker.ended().await, Exit::Code(0));
    let seen = fs::read_to_string(folder.path().join("seen")).unwrap();
    let names: Vec<&str> = seen
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    let shell = ["PWD", "SHLVL", "_", "OLDPWD"];
    let mut given: Vec<_> = names
        .into_iter()
        .filter(|name| !shell.contains(name))
        .collect();
    let protocol = ["UTAKATA_ENDPOINT", "UTAKATA_RELEASE", "UTAKATA_TOKEN"];
    given.sort_unstable();
    assert_eq!(given[..2], ["PYTHONDONTWRITEBYTECODE", "SEEN"]);
    assert_eq!(given[2..], protocol);
    let child = fs::read_to_string(folder.path().join("child")).unwrap();
    assert_gone(child.trim()).await;
}

#[tokio::test]
async fn a_process_whose_handle_is_dropped_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let script = "sleep 600 & echo $! > child.new; mv child.new child; wait";
    let shell = Artifact::Program("/bin/sh".into());
    let mut spec = spec(&folder, shell, &["-c", script]);
    spec.variables
        .push(("PATH".into(), std::env::var_os("PATH").unwrap()));
    let worker = Process::default().start(spec).await.unwrap();
    let file = folder.path().join("child");
    until("the shell has a child", async || file.exists()).await;
    drop(worker);
    assert_gone(fs::read_to_string(file).unwrap().trim()).await;
}

/// Waits until a process has ended, or is a zombie.
async fn assert_gone(process: &str) {
    let is_there = || {
        let status = fs::read_to_string(Path::new("/proc").join(process).join("status"));
        status.is_ok_and(|status| !status.contains("State:\tZ"))
    };
    until("it is gone", async || !is_there()).await;
}
