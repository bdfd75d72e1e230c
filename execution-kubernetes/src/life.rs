//! One pod from its creation to its end, whatever becomes of the cluster meanwhile.
//!
//! ```text
//!  created ─► running ─► ended ───────────────► told ─► deleted
//!     │          │  ▲ cluster away: waits
//!     │          └──┘
//!     │          └── must go, out of reach ──► told, goes on
//!     └── cannot be had, after a grace ───────► deleted ─► told with the reason
//!     └── kill ─► deleted with a grace of 1 s ─► ended ─► told
//! ```

mod judge;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use k8s_openapi::api::core::v1::Pod;
use tokio::{
    sync::{OwnedSemaphorePermit, watch},
    time::Instant,
};
use tokio_util::sync::{CancellationToken, DropGuard};
use utakata_execution::{
    config,
    runtime::{Change, Error as RuntimeError, Exit, Running},
};
use utakata_model::Backoff;

use self::judge::{Times, Verdict, judge};
use crate::{
    cluster::Cluster,
    error::{Error, is_foreign},
    identities::Hold,
    seen::{End, Seen},
};

/// The waits before a cluster that is away is asked again.
const RETRY: Backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
/// The seconds of grace of a pod that is killed: with none, nobody would see how it ends.
pub(crate) const KILL_GRACE: u32 = 1;
/// Tries to delete a pod that has ended. Afterwards it is looked for as an orphan.
const MAX_DELETIONS: u32 = 5;

/// A pod that was created.
#[derive(Debug)]
pub(crate) struct Worker {
    kill: CancellationToken,
    _kill_on_drop: DropGuard,
    news: watch::Receiver<News>,
    was_told_to_go: bool,
    was_told_out_of_reach: bool,
}

/// The news of a pod.
#[derive(Debug, Clone, Default)]
struct News {
    must_go: Option<Duration>,
    is_out_of_reach: bool,
    end: Option<Ending>,
}

/// The end of a pod, as it is told.
#[derive(Debug, Clone)]
struct Ending {
    exit: Exit,
    last_words: Option<String>,
    fault: Option<Error>,
}

impl Ending {
    /// Returns an end of which nothing else is known.
    const fn bare(exit: Exit) -> Self {
        Self {
            exit,
            last_words: None,
            fault: None,
        }
    }
}

/// A pod that is to be followed.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) name: String,
    pub(crate) image: String,
    pub(crate) seen: watch::Receiver<Seen>,
    /// Its place among those that are in hand.
    pub(crate) hold: Hold,
    /// Its place among those that are being started.
    pub(crate) start: OwnedSemaphorePermit,
}

struct Follower {
    cluster: Arc<Cluster>,
    config: Arc<config::Kubernetes>,
    name: String,
    image: String,
    hold: Hold,
    kill: CancellationToken,
    news: watch::Sender<News>,
}

/// Follows a pod to its end, and deletes it.
pub(crate) fn follow(
    cluster: Arc<Cluster>,
    config: Arc<config::Kubernetes>,
    created: Created,
) -> Worker {
    let (news, told) = watch::channel(News::default());
    let kill = CancellationToken::new();
    let follower = Follower {
        cluster,
        config,
        name: created.name,
        image: created.image,
        hold: created.hold,
        kill: kill.clone(),
        news,
    };
    tokio::spawn(follower.run(created.seen, created.start));
    Worker {
        _kill_on_drop: kill.clone().drop_guard(),
        kill,
        news: told,
        was_told_to_go: false,
        was_told_out_of_reach: false,
    }
}

impl Follower {
    async fn run(self, mut seen: watch::Receiver<Seen>, start: OwnedSemaphorePermit) {
        let ending = tokio::select! {
            ending = self.outlive(&mut seen, start) => ending,
            () = self.kill.cancelled() => None,
        };
        let ending = match ending {
            Some(ending) => ending,
            None => self.end(&mut seen).await,
        };
        self.news.send_modify(|news| news.end = Some(ending));
        let mut backoff = RETRY;
        for _ in 0..MAX_DELETIONS {
            if self.delete().await.is_ok() {
                return;
            }
            tokio::time::sleep(backoff.wait()).await;
        }
    }

    async fn delete(&self) -> Result<Option<Pod>, Error> {
        let deleted = self.cluster.delete(&self.name, self.hold.uid(), KILL_GRACE);
        let deleted = deleted.await;
        if let Err(error) = &deleted {
            tracing::debug!(pod = self.name, %error, "a pod is left for now");
        }
        deleted
    }

    /// Waits for the end of a pod, or for the reason for which it is to be given up.
    async fn outlive(
        &self,
        seen: &mut watch::Receiver<Seen>,
        start: OwnedSemaphorePermit,
    ) -> Option<Ending> {
        let mut start = Some(start);
        let mut times = Times::new(Instant::now());
        loop {
            let last = seen.borrow_and_update().clone();
            let now = Instant::now();
            times.note(&last, now);
            if last.is_running || last.unstartable.is_some() {
                start.take();
            }
            let wait = match judge(&last, &times, &self.config, now) {
                Verdict::Ended(exit) => return Some(self.ending(&last, exit)),
                Verdict::CannotBeHad(why) => {
                    let fault = why.error(&self.image);
                    return Some(self.give_up(seen, fault).await);
                }
                Verdict::OutOfReach => {
                    self.tell(&last, true);
                    None
                }
                Verdict::Wait(wait) => {
                    self.tell(&last, false);
                    wait
                }
            };
            let due = async {
                match wait {
                    Some(wait) => tokio::time::sleep(wait).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                changed = seen.changed() => if changed.is_err() {
                    // Nobody watches any more: the environment ends.
                    return None;
                },
                () = due => {}
            }
        }
    }

    fn tell(&self, seen: &Seen, is_out_of_reach: bool) {
        self.news.send_if_modified(|news| {
            let is_new = news.must_go.is_none() && seen.must_go.is_some();
            let is_lost = is_out_of_reach && !news.is_out_of_reach;
            if is_new {
                news.must_go = seen.must_go;
            }
            news.is_out_of_reach |= is_out_of_reach;
            is_new || is_lost
        });
    }

    fn ending(&self, seen: &Seen, exit: Exit) -> Ending {
        let end = seen.end.as_ref();
        Ending {
            exit,
            last_words: end.and_then(|end| last_line(&end.message)),
            fault: end.and_then(|end| self.fault(end)),
        }
    }

    /// Returns the reason for which a program was never begun.
    fn fault(&self, end: &End) -> Option<Error> {
        let is_foreign = is_foreign(&end.message);
        (end.is_unbegun || is_foreign)
            .then(|| Error::of_container(&self.image, &end.reason, &end.message))
    }

    /// Gives up a pod that cannot be had.
    async fn give_up(&self, seen: &mut watch::Receiver<Seen>, fault: Error) -> Ending {
        let ended = self.end(seen).await;
        Ending {
            fault: Some(fault),
            ..ended
        }
    }

    /// Deletes a pod, and waits until it is seen to have ended: as long as that takes.
    async fn end(&self, seen: &mut watch::Receiver<Seen>) -> Ending {
        let was_taken = seen.borrow().must_go.is_some();
        let mut backoff = RETRY;
        // The watch may be behind: a pod that had ended before says so now, and never again.
        let deleted = async {
            let pod = loop {
                match self.delete().await {
                    Ok(pod) => break pod,
                    Err(_) => tokio::time::sleep(backoff.wait()).await,
                }
            };
            match pod.and_then(|pod| Seen::read(&pod).exit()) {
                Some(exit) => exit,
                None => std::future::pending().await,
            }
        };
        let exit = tokio::select! {
            exit = seen.wait_for(|seen| seen.exit().is_some()) => {
                exit.ok().and_then(|seen| Some((seen.exit()?, seen.is_disrupted)))
            }
            exit = deleted => return Ending::bare(exit),
        };
        let exit = match exit {
            Some((Exit::Evicted, is_disrupted)) if was_taken || is_disrupted => Some(Exit::Evicted),
            // It was told to go by this, whatever it did then.
            Some((Exit::Evicted | Exit::Code(0), _)) => Some(Exit::Signal(9)),
            other => other.map(|(exit, _)| exit),
        };
        Ending::bare(exit.unwrap_or(Exit::Unseen))
    }
}

fn last_line(message: &str) -> Option<String> {
    let mut lines = message.lines().map(str::trim);
    let last = lines.rfind(|line| !line.is_empty());
    last.map(ToOwned::to_owned)
}

#[async_trait]
impl Running for Worker {
    async fn ended(&mut self) -> Exit {
        let ended = self.news.wait_for(|news| news.end.is_some()).await;
        let end = ended.ok().and_then(|news| news.end.clone());
        end.map_or(Exit::Unseen, |end| end.exit)
    }

    async fn changed(&mut self) -> Change {
        let (to_go, out_of_reach) = (self.was_told_to_go, self.was_told_out_of_reach);
        let change = |news: &News| match news {
            News { end: Some(end), .. } => Some(Change::Ended(end.exit)),
            News {
                is_out_of_reach: true,
                ..
            } if !out_of_reach => Some(Change::OutOfReach),
            News {
                must_go: Some(within),
                ..
            } if !to_go => Some(Change::MustGo(*within)),
            _ => None,
        };
        let told = self.news.wait_for(|news| change(news).is_some()).await;
        let told = told.ok().and_then(|news| change(&news));
        match told {
            Some(Change::MustGo(_)) => self.was_told_to_go = true,
            Some(Change::OutOfReach) => self.was_told_out_of_reach = true,
            Some(Change::Ended(_)) | None => {}
        }
        told.unwrap_or(Change::Ended(Exit::Unseen))
    }

    fn kill(&mut self) {
        self.kill.cancel();
    }

    fn is_explained(&self) -> bool {
        true
    }

    fn fault(&self) -> Option<RuntimeError> {
        let news = self.news.borrow();
        let fault = news.end.as_ref().and_then(|end| end.fault.clone());
        fault.map(Into::into)
    }

    fn last_words(&self) -> Option<String> {
        let news = self.news.borrow();
        news.end.as_ref().and_then(|end| end.last_words.clone())
    }
}
