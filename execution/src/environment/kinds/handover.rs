//! The handover from one program to the next in the same process: what is left, and what arrives.

use std::{collections::BTreeMap, os::fd::OwnedFd, sync::atomic::Ordering, time::Duration};

use tokio::{sync::mpsc, time::Instant};
use utakata_model::Kind;

use super::{super::Error, Kinds};
use crate::{
    endpoint::{self, ListenersLeft},
    kind::{self, Handover, Order},
    runtime::Trace,
    takeover::{self, KindLeft, Left, Takeover, VERSION},
};

/// An environment that another program in this process has left.
pub(in crate::environment) struct Inheritance {
    pub(in crate::environment) socket: endpoint::SocketPlace,
    pub(in crate::environment) next_worker: u64,
    pub(in crate::environment) next_ask: u64,
    pub(in crate::environment) kinds: BTreeMap<Kind, kind::Inherited>,
}

impl Inheritance {
    /// Sorts a takeover by kinds; also returns the listeners.
    pub(in crate::environment) fn of(takeover: Takeover) -> (Self, ListenersLeft) {
        let Takeover {
            left,
            listener,
            pipes,
        } = takeover;
        let passed = left.passed();
        // The listener is the first of the named files.
        let files = std::iter::once(None).chain(pipes.into_iter().map(Some));
        let mut files: Vec<Option<OwnedFd>> = files.collect();
        let listeners = ListenersLeft {
            near: listener,
            loopback: left.loopback.and_then(|at| files.get_mut(at)?.take()),
        };
        let kinds = left.kinds.into_iter().map(|left| {
            let came = kind::Inherited {
                traces: traces(&left, &mut files),
                left,
                passed,
                awaiting: None,
            };
            (came.left.kind.clone(), came)
        });
        let inheritance = Self {
            kinds: kinds.collect(),
            socket: left.socket,
            next_worker: left.next_worker,
            next_ask: left.next_ask,
        };
        (inheritance, listeners)
    }
}

fn traces(left: &KindLeft, files: &mut [Option<OwnedFd>]) -> Vec<(u64, Trace)> {
    let workers = left.pools.iter().flat_map(|pool| &pool.workers);
    let mut trace = |worker: &takeover::WorkerLeft| Trace {
        process: worker.process,
        pipes: worker.pipes.map(|at| files.get_mut(at?)?.take()),
    };
    workers
        .map(|worker| (worker.number, trace(worker)))
        .collect()
}

impl Kinds {
    /// Lets everything go, each worker with its attempts.
    ///
    /// # Errors
    /// It was not possible within this time; then everything continues.
    pub(super) async fn leave(
        &mut self,
        within: Duration,
        is_unwanted: impl Future<Output = ()>,
    ) -> Result<Takeover, Error> {
        let until = Instant::now() + within;
        while self.handovers.try_recv().is_ok() {}
        self.context.admission.suspend();
        self.hold = Some(until);
        self.tell_hold();
        let late = "the tasks of workers that cannot be handed over did not end in time, or the \
                    logic environment did not answer";
        let left = tokio::select! {
            held = self.all_left() => self.takeover(held),
            () = tokio::time::sleep_until(until) => Err(Error::Held(late)),
            () = is_unwanted => Err(Error::Held("it is no longer wanted")),
        };
        if left.is_err() {
            self.go_on();
        }
        left
    }

    /// Takes everything back.
    pub(super) fn go_on(&mut self) {
        if self.hold.take().is_none() {
            return;
        }
        self.tell_hold();
        self.context.admission.resume();
    }

    fn tell_hold(&self) {
        for order in self.orders.values() {
            let hold = self.hold;
            order.send_modify(|order: &mut Order| order.hold = hold);
        }
    }

    async fn all_left(&mut self) -> Vec<Handover> {
        let mut held = Vec::new();
        while held.len() < self.orders.len() {
            tokio::select! {
                Some(one) = self.handovers.recv() => held.push(one),
                // A kind that was about to end has nothing to leave.
                Some(ended) = self.running.next() => {
                    let (kind, _) = self.on_ended(ended);
                    held.retain(|held: &Handover| held.left.kind != kind);
                }
            }
        }
        held
    }

    fn takeover(&self, held: Vec<Handover>) -> Result<Takeover, Error> {
        let unheard = |_| Error::Held("the socket of the workers cannot be handed over");
        let ListenersLeft { near, loopback } =
            self.context.admission.listeners().map_err(unheard)?;
        let mut files = Vec::new();
        let mut kinds = Vec::new();
        for Handover {
            mut left,
            files: pipes,
        } in held
        {
            let first = 1 + files.len();
            for worker in left.pools.iter_mut().flat_map(|pool| &mut pool.workers) {
                worker.pipes = worker.pipes.map(|at| at.map(|at| first + at));
            }
            files.extend(pipes);
            kinds.push(left);
        }
        let loopback = loopback.map(|listener| {
            files.push(listener);
            files.len()
        });
        let (workers, asks) = (&self.context.worker_numbers, &self.context.next_ask);
        let left = Left {
            version: VERSION,
            environment: self.context.me.environment.clone(),
            zone: self.context.zone.clone(),
            incarnation: self.context.me.incarnation,
            at: takeover::now(),
            socket: self.place.clone(),
            loopback,
            next_worker: workers.load(Ordering::Relaxed),
            next_ask: asks.load(Ordering::Relaxed),
            files: 1 + files.len(),
            kinds,
        };
        Ok(Takeover {
            left,
            listener: near,
            pipes: files,
        })
    }
}

/// Returns the two ends of the queue of handovers.
pub(in crate::environment) fn handovers() -> (mpsc::Sender<Handover>, mpsc::Receiver<Handover>) {
    mpsc::channel(LEFTS)
}

/// The number of kinds that leave at once; the others try again.
const LEFTS: usize = 256;
