//! Every runtime keeps every promise, and a broken one is found out.

use std::{fs, path::Path};

use async_trait::async_trait;
use utakata_execution::runtime::{
    Error, Exit, Running, Runtime, Spec,
    conformance::{self, Subject, Violation},
    process::Process,
    scripted::Scripted,
};
use utakata_model::WorkerId;

fn spec(program: &str, arguments: &[&str]) -> Spec {
    Spec {
        worker: WorkerId::new("echo-1").unwrap(),
        folder: std::env::temp_dir(),
        program: program.into(),
        arguments: arguments.iter().map(ToString::to_string).collect(),
        variables: vec![("SEEN".into(), "yes".into())],
    }
}

fn subject(runtime: &dyn Runtime) -> Subject<'_> {
    Subject {
        runtime,
        ends: spec("/bin/sh", &["-c", "exit 3"]),
        lasts: spec("/bin/sh", &["-c", "sleep 600"]),
        impossible: spec("/nowhere", &[]),
    }
}

fn scripted() -> Scripted {
    Scripted::new(|spec| match spec.arguments.last()?.as_str() {
        "exit 3" => Some(Box::pin(async { Exit::Code(3) })),
        _ => Some(Box::pin(std::future::pending())),
    })
}

#[tokio::test]
async fn processes_keep_all_promises() {
    conformance::check(&subject(&Process)).await.unwrap();
}

#[tokio::test]
async fn scripted_workers_keep_all_promises() {
    conformance::check(&subject(&scripted())).await.unwrap();
}

/// Starts everything, and says that all ended well.
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
    let subject = subject(&Liar);
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
    let mut spec = spec("/bin/sh", &["-c", script]);
    spec.folder = folder.path().into();
    let mut worker = Process.start(spec).await.unwrap();
    assert_eq!(worker.ended().await, Exit::Code(0));
    let seen = fs::read_to_string(folder.path().join("seen")).unwrap();
    let names: Vec<&str> = seen
        .lines()
        .filter_map(|line| line.split('=').next())
        .collect();
    let shell = ["PWD", "SHLVL", "_", "OLDPWD"];
    let given: Vec<_> = names
        .into_iter()
        .filter(|name| !shell.contains(name))
        .collect();
    assert_eq!(given, ["SEEN"]);
    let child = fs::read_to_string(folder.path().join("child")).unwrap();
    assert_gone(child.trim()).await;
}

#[tokio::test]
async fn a_process_whose_handle_is_dropped_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let script = "sleep 600 & echo $! > child.new; mv child.new child; wait";
    let mut spec = spec("/bin/sh", &["-c", script]);
    spec.folder = folder.path().into();
    spec.variables
        .push(("PATH".into(), std::env::var_os("PATH").unwrap()));
    let worker = Process.start(spec).await.unwrap();
    let file = folder.path().join("child");
    while !file.exists() {
        tokio::task::yield_now().await;
    }
    drop(worker);
    assert_gone(fs::read_to_string(file).unwrap().trim()).await;
}

/// Waits until a process is no more, or only its entry is left.
async fn assert_gone(process: &str) {
    let is_there = || {
        let status = fs::read_to_string(Path::new("/proc").join(process).join("status"));
        status.is_ok_and(|status| !status.contains("State:\tZ"))
    };
    let gone = async {
        while is_there() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(crate::site::PATIENCE, gone)
        .await
        .unwrap();
}
