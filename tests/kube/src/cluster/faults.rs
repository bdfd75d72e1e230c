//! What can go wrong with a cluster.

use std::time::Duration;

use rustix::process::Signal;

use super::Cluster;
use crate::fault::{Fault, Scope};
use crate::processes::Verdict;
use crate::store::Key;

impl Cluster {
    /// The API server is away: whoever connects is refused, connections end. Pods run on.
    pub fn close(&self) {
        self.order(false);
    }

    /// It is back, on the same port.
    pub fn open(&self) {
        self.order(true);
    }

    fn order(&self, listens: bool) {
        let (done, ordered) = std::sync::mpsc::channel();
        if let Some(orders) = &self.orders
            && orders.send((listens, done)).is_ok()
        {
            // It fails when the server has ended: then it listens no more, either.
            let _ = ordered.recv();
        }
    }

    /// The API server accepts connections and answers nothing, watches included.
    pub fn freeze(&self) {
        self.world.faults.frozen.send_replace(true);
    }

    /// It goes on where it was.
    pub fn thaw(&self) {
        self.world.faults.frozen.send_replace(false);
    }

    /// The next requests of a scope go wrong.
    pub fn fail(&self, scope: Scope, fault: Fault, times: usize) {
        self.world.faults.plan(scope, fault, times);
    }

    /// Every answer takes so much longer.
    pub fn delay(&self, latency: Duration) {
        self.world.faults.set_latency(latency);
    }

    /// No more planned failures, no delay.
    pub fn heal(&self) {
        self.world.faults.clear();
    }

    /// All watches break off.
    pub fn cut_watches(&self) {
        self.world.faults.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// The past is forgotten: a watch from any version of before ends with 410.
    pub fn compact(&self) {
        self.world.store().forget();
    }

    /// The next watches end with 410, whatever their version.
    pub fn expire_watches(&self, times: usize) {
        self.world.faults.expire_watches(times);
    }

    /// A container of a pod takes more memory than its limit.
    pub fn run_out_of_memory(&self, namespace: &str, pod: &str) {
        self.end(namespace, pod, Verdict::OutOfMemory);
    }

    /// The node is short of something: the kubelet ends a pod (phase Failed, reason Evicted).
    pub fn evict_by_kubelet(&self, namespace: &str, pod: &str, message: &str) {
        self.end(namespace, pod, Verdict::Evicted(message.to_owned()));
    }

    fn end(&self, namespace: &str, pod: &str, verdict: Verdict) {
        if let Some(pod) = self.world.store().get(&Key::pod(namespace, pod)) {
            self.world
                .processes
                .end(pod["metadata"]["uid"].as_str().unwrap_or_default(), verdict);
        }
    }

    /// Sends a signal to the processes of a pod, past the API: nobody is told.
    pub fn signal(&self, namespace: &str, pod: &str, signal: Signal) {
        if let Some(pod) = self.world.store().get(&Key::pod(namespace, pod)) {
            self.world
                .processes
                .signal(pod["metadata"]["uid"].as_str().unwrap_or_default(), signal);
        }
    }

    /// The ids of all processes of all pods.
    #[must_use]
    pub fn processes(&self) -> Vec<i32> {
        self.world
            .processes
            .all()
            .into_iter()
            .map(|pid| pid.as_raw_pid())
            .collect()
    }
}
