//! Faults of a cluster.

use std::time::Duration;

use rustix::process::Signal;

use super::Cluster;
use crate::fault::{Fault, Scope};
use crate::processes::Verdict;
use crate::store::Key;

impl Cluster {
    /// Takes the API server away: connections end and new ones are refused. Pods keep running.
    pub fn close(&self) {
        self.order(false);
    }

    /// Brings the API server back, on the same port.
    pub fn open(&self) {
        self.order(true);
    }

    fn order(&self, listens: bool) {
        let (done, ordered) = std::sync::mpsc::channel();
        if let Some(orders) = &self.orders
            && orders.send((listens, done)).is_ok()
        {
            // Fails when the server has ended: then it does not listen either.
            let _ = ordered.recv();
        }
    }

    /// Makes the API server accept connections without answering anything, watches included.
    pub fn freeze(&self) {
        self.world.faults.frozen.send_replace(true);
    }

    /// Lets the API server continue where it was.
    pub fn thaw(&self) {
        self.world.faults.frozen.send_replace(false);
    }

    /// Makes the next requests of a scope fail.
    pub fn fail(&self, scope: Scope, fault: Fault, times: usize) {
        self.world.faults.plan(scope, fault, times);
    }

    /// Delays every answer.
    pub fn delay(&self, latency: Duration) {
        self.world.faults.set_latency(latency);
    }

    /// Cancels planned failures and the delay.
    pub fn heal(&self) {
        self.world.faults.clear();
    }

    /// Breaks all watches off.
    pub fn cut_watches(&self) {
        self.world.faults.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Forgets the past: a watch from any earlier version ends with 410.
    pub fn compact(&self) {
        self.world.store().forget();
    }

    /// Makes the next watches end with 410, whatever their version.
    pub fn expire_watches(&self, times: usize) {
        self.world.faults.expire_watches(times);
    }

    /// Makes a container of a pod exceed its memory limit.
    pub fn run_out_of_memory(&self, namespace: &str, pod: &str) {
        self.end(namespace, pod, Verdict::OutOfMemory);
    }

    /// Makes the kubelet evict a pod because its node is short of something (phase Failed, reason
    /// Evicted).
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

    /// Sends a signal to the processes of a pod, bypassing the API.
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
