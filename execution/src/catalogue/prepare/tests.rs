use std::io;

use async_trait::async_trait;
use tokio::sync::watch;

use super::*;
use crate::{
    artifact::Image,
    runtime::{Error, Running, Runtime, Spec},
    samples,
};

/// Prepares when it is told to: `Some(true)` well, `Some(false)` not.
struct Slow(watch::Receiver<Option<bool>>);

#[async_trait]
impl Runtime for Slow {
    async fn prepare(&self, _: &Release) -> Result<(), Error> {
        let mut told = self.0.clone();
        let is_well = told.wait_for(Option::is_some).await.unwrap().unwrap();
        is_well.then_some(()).ok_or_else(impossible)
    }

    async fn start(&self, _: Spec) -> Result<Box<dyn Running>, Error> {
        Err(impossible())
    }
}

fn impossible() -> Error {
    Error::Start {
        program: "x".into(),
        source: io::ErrorKind::NotFound.into(),
    }
}

fn image(version: &str) -> Arc<Release> {
    let release = samples::release("pdu", version);
    Arc::new(Release {
        artifact: Artifact::Image(Image::Archive("/image.tar".into())),
        ..(*release).clone()
    })
}

fn found(releases: &[&Arc<Release>]) -> Catalogue {
    Catalogue {
        releases: releases.iter().copied().cloned().collect(),
        refused: Vec::new(),
        is_partial: false,
    }
}

#[track_caller]
fn assert_is(catalogue: &Catalogue, versions: &[&str], codes: &[&str]) {
    let seen = catalogue
        .releases
        .iter()
        .map(|release| &*release.id.version);
    assert_eq!(seen.collect::<Vec<_>>(), versions);
    let refused = catalogue
        .refused
        .iter()
        .map(|refused| &*refused.problem.code);
    assert_eq!(refused.collect::<Vec<_>>(), codes);
}

#[tokio::test]
async fn a_release_is_served_when_it_is_ready_and_until_then_the_one_before_it() {
    let (tell, told) = watch::channel(None);
    let mut preparations = Preparations::new(samples::trials(Arc::new(Slow(told))));
    let now = Instant::now();
    let (old, new) = (samples::release("pdu", "1"), image("2"));
    let first = preparations.admit(found(&[&old]), now);
    assert_is(&first, &["1"], &[]);
    let second = preparations.admit(found(&[&new]), now);
    assert_is(&second, &["1"], &["release-preparing"]);
    tell.send_replace(Some(true));
    preparations.progress().await;
    assert_is(&preparations.admit(found(&[&new]), now), &["2"], &[]);
    // What is gone is not served for what it was.
    assert_is(&preparations.admit(found(&[]), now), &[], &[]);
}

#[tokio::test]
async fn what_cannot_be_prepared_says_why_and_is_tried_again() {
    let (tell, told) = watch::channel(Some(false));
    let mut preparations = Preparations::new(samples::trials(Arc::new(Slow(told))));
    let now = Instant::now();
    let release = image("1");
    assert_is(
        &preparations.admit(found(&[&release]), now),
        &[],
        &["release-preparing"],
    );
    preparations.progress().await;
    assert_is(
        &preparations.admit(found(&[&release]), now),
        &[],
        &["worker-not-started"],
    );
    tell.send_replace(Some(true));
    let early = now + FIRST_RETRY / 2;
    assert_is(
        &preparations.admit(found(&[&release]), early),
        &[],
        &["worker-not-started"],
    );
    let again = now + FIRST_RETRY;
    assert_is(
        &preparations.admit(found(&[&release]), again),
        &[],
        &["worker-not-started"],
    );
    preparations.progress().await;
    assert_is(&preparations.admit(found(&[&release]), again), &["1"], &[]);
}
