//! The last words of a worker where nobody can look at it.

use utakata_execution::runtime::{Exit, Runtime as _};

use super::{Quay, quay::NAMESPACE, worker};
use crate::player::until;

#[tokio::test]
async fn a_pod_tells_its_memory_itself() {
    let quay = Quay::open();
    let site = quay.site(|_| {}).await;
    site.ready("echo").await;
    let memory = || site.handle.status().pools[0].memory;
    until(|| memory().is_some_and(|bytes| bytes > 1_000_000)).await;
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn the_reason_of_an_end_is_not_lost_among_the_lines_of_a_log() {
    let quay = Quay::open();
    let folder = tempfile::tempdir().unwrap();
    // Its manager is not there.
    let mut spec = worker(&quay, &folder, "utakata-worker-echo", &[]);
    spec.variables.push(("RUST_LOG".into(), "trace".into()));
    let runtime = quay.runtime();
    let mut running = runtime.start(spec).await.unwrap();
    assert_eq!(running.ended().await, Exit::Code(69));
    let words = running.last_words().unwrap();
    assert!(
        words.starts_with("the worker ended before it was drained: "),
        "{words}"
    );
    drop(running);
    until(|| quay.cluster.objects("pods", NAMESPACE).is_empty()).await;
}
