//! The processes of all pods: none of them outlives the cluster.

use std::collections::HashMap;

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, kill_process_group, waitpid};

/// Why the kubelet ended a pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    OutOfMemory,
    Evicted(String),
}

#[derive(Debug, Clone)]
struct Running {
    uid: String,
    node: String,
}

/// Processes by their ids, each the leader of its group.
#[derive(Debug, Default)]
pub struct Processes {
    running: Mutex<HashMap<Pid, Running>>,
    verdicts: Mutex<HashMap<String, Verdict>>,
}

impl Processes {
    pub fn add(&self, pid: Pid, uid: &str, node: &str) {
        let running = Running {
            uid: uid.to_owned(),
            node: node.to_owned(),
        };
        self.running.lock().insert(pid, running);
    }

    /// One has ended: what it has left in its group ends, too, as in a container.
    pub fn remove(&self, pid: Pid) {
        self.running.lock().remove(&pid);
        let _ = kill_process_group(pid, Signal::KILL);
    }

    pub fn of_pod(&self, uid: &str) -> Vec<Pid> {
        let running = self.running.lock();
        running
            .iter()
            .filter(|(_, one)| one.uid == uid)
            .map(|(pid, _)| *pid)
            .collect()
    }

    pub fn all(&self) -> Vec<Pid> {
        self.running.lock().keys().copied().collect()
    }

    /// Sends a signal: to the first process, as container runtimes do; SIGKILL to all.
    pub fn signal(&self, uid: &str, signal: Signal) {
        for pid in self.of_pod(uid) {
            // It may have ended in this moment.
            let _ = if signal == Signal::KILL {
                kill_process_group(pid, signal)
            } else {
                kill_process(pid, signal)
            };
        }
    }

    /// Sends a signal to all that runs on a node.
    pub fn signal_node(&self, node: &str, signal: Signal) {
        let running = self.running.lock();
        for (pid, _) in running.iter().filter(|(_, one)| one.node == node) {
            let _ = kill_process_group(*pid, signal);
        }
    }

    pub fn kill_all(&self) {
        for pid in self.all() {
            let _ = kill_process_group(pid, Signal::KILL);
        }
    }

    /// Kills all and waits for their ends: nothing is left of them, not even an exit code.
    pub fn end_all(&self) {
        self.kill_all();
        for pid in self.all() {
            // The runtime may have waited for it already.
            let _ = waitpid(Some(pid), WaitOptions::empty());
        }
    }

    /// Ends a pod for a reason, which its status will tell.
    pub fn end(&self, uid: &str, verdict: Verdict) {
        self.verdicts.lock().insert(uid.to_owned(), verdict);
        self.signal(uid, Signal::KILL);
    }

    pub fn verdict(&self, uid: &str) -> Option<Verdict> {
        self.verdicts.lock().get(uid).cloned()
    }
}
