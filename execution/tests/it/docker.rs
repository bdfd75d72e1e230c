//! Workers in containers, in a Docker engine started by the test. It needs root: where it cannot
//! run, these tests fail and say so.

mod bad;
mod hardening;
mod kills;
mod port;
mod rollouts;

use utakata_execution::{
    Artifact,
    artifact::Image,
    runtime::{Error, Runtime, conformance},
};
use utakata_model::OutcomeStatus;

use crate::{
    runtime::{spec, subject},
    site::{assert_ended, echo, set},
};
use port::Port;
pub use port::manifest;

#[tokio::test]
async fn containers_keep_all_promises() {
    let port = Port::open();
    let folder = tempfile::tempdir().unwrap();
    let tool = Artifact::Image(Image::Archive(port.tool()));
    let mut impossible = spec(&folder, tool.clone(), &[]);
    impossible.run.program = "nowhere".into();
    let runtime = port.runtime();
    let subject = subject(&runtime, &folder, &tool, impossible);
    conformance::check(&subject).await.unwrap();
    conformance::what_an_earlier_life_left_is_ended(&subject)
        .await
        .unwrap();
    port.assert_empty().await;
}

#[tokio::test]
async fn a_container_runs_tasks_as_a_process_does_and_nothing_is_left_of_it() {
    let port = Port::open();
    let mut site = port.site(|_| {}).await;
    let read = site.ask(echo("a", "from a container")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    let control = site.ask(set("a", "0s")).await;
    assert_ended(&control, OutcomeStatus::Succeeded, "");
    port.one().await;
    site.end().await;
    port.assert_empty().await;
}

#[tokio::test]
async fn an_image_of_a_registry_is_pulled_by_its_digest() {
    let port = Port::open();
    let registry = utakata_tests::servers::Registry::start().unwrap();
    let reference = registry.push(&port.engine, port.echo(), "echo").unwrap();
    let mut site = port
        .site_with(&format!("image = \"{reference}\""), |_| {})
        .await;
    let read = site.ask(echo("a", "x")).await;
    assert_ended(&read, OutcomeStatus::Succeeded, "");
    site.end().await;
}

#[tokio::test]
async fn programs_and_images_are_kept_apart() {
    let port = Port::open();
    let folder = tempfile::tempdir().unwrap();
    let program = spec(&folder, Artifact::Program("/bin/sh".into()), &[]);
    let refused = port.runtime().start(program).await.err();
    assert!(matches!(refused, Some(Error::Misplaced { .. })));
    let image = Artifact::Image(Image::Archive("/image.tar".into()));
    let image = spec(&folder, image, &[]);
    let process = utakata_execution::runtime::process::Process::default();
    let refused = process.start(image).await.err();
    assert!(matches!(refused, Some(Error::Misplaced { .. })));
}
