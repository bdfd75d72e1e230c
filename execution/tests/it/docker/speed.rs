//! How long a start and a task for a warm worker take, as process and as container. The figures
//! are printed, for docs/benchmarks.md; a start is bounded far above.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    time::{Duration, Instant},
};

use tokio::{io::AsyncReadExt, net::UnixListener};
use utakata_execution::{
    Artifact,
    artifact::Image,
    runtime::{Runtime, Spec, process::Process},
};
use utakata_model::OutcomeStatus;

use super::{Port, port::manifest};
use crate::{
    runtime::spec,
    site::{Site, assert_ended, echo},
    tool,
};

const STARTS: usize = 21;
const TASKS: usize = 501;
const START_MOST: Duration = Duration::from_secs(5);

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times[times.len() / 2]
}

/// From the wish for a worker to the first byte of its hello.
async fn start(runtime: &dyn Runtime, spec: &Spec) -> Duration {
    let manager = UnixListener::bind(&spec.socket).unwrap();
    fs::set_permissions(&spec.socket, fs::Permissions::from_mode(0o666)).unwrap();
    let mut times = Vec::new();
    for _ in 0..STARTS {
        let before = Instant::now();
        let mut worker = runtime.start(spec.clone()).await.unwrap();
        let (mut stream, _) = manager.accept().await.unwrap();
        stream.read_u8().await.unwrap();
        times.push(before.elapsed());
        worker.kill();
        worker.ended().await;
    }
    median(times)
}

/// From the publication of a task to its outcome, one at a time.
async fn task(mut site: Site) -> Duration {
    site.ready("echo").await;
    let mut times = Vec::new();
    for _ in 0..TASKS {
        let before = Instant::now();
        let outcome = site.ask(echo("a", "x")).await;
        times.push(before.elapsed());
        assert_ended(&outcome, OutcomeStatus::Succeeded, "");
    }
    site.end().await;
    median(times)
}

#[tokio::test]
async fn a_container_is_slower_to_start_than_a_process_and_as_fast_afterwards() {
    let port = Port::open();
    let archive = port.archive(port.echo());
    let (here, there) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    fs::write(here.path().join("worker.toml"), manifest()).unwrap();
    let program = Artifact::Program(tool::echo());
    let process = start(&Process, &spec(&here, program, &[])).await;
    let mut image = spec(&there, Artifact::Image(Image::Archive(archive)), &[]);
    image.run.program = "utakata-worker-echo".into();
    let container = start(&port.runtime(), &image).await;
    let warm_process = task(Site::start(|_| {}).await).await;
    let warm_container = task(port.site(|_| {}).await).await;
    println!("process: start {process:?}, task {warm_process:?}");
    println!("container: start {container:?}, task {warm_container:?}");
    assert!(process < container && container < START_MOST);
    port.assert_empty().await;
}
