//! The status of a pod, and its meaning for the worker in it.
//!
//! ```text
//!  pending ──► running ──► ended      proven: exit code, or why it never ran
//!     │           │
//!     │           └── must go (evicted, drained, deleted) ──► ended
//!     └── cannot be had (image, container) ──► told after a grace
//!  object gone, end not seen ──► nobody will ever know
//! ```

use std::time::Duration;

use k8s_openapi::api::core::v1::{ContainerStateTerminated, ContainerStatus, Pod, PodStatus};
use utakata_execution::runtime::Exit;

use crate::pod::CONTAINER;

/// Reasons for which a container waits that go away by themselves at best.
const UNSTARTABLE: [&str; 8] = [
    "ErrImagePull",
    "ImagePullBackOff",
    "InvalidImageName",
    "ErrImageNeverPull",
    "RegistryUnavailable",
    "CreateContainerConfigError",
    "CreateContainerError",
    "RunContainerError",
];
/// Reasons for which a kubelet ends, or refuses, a pod that has done nothing wrong.
const OF_NODE: [&str; 6] = [
    "Evicted",
    "Preempting",
    "Shutdown",
    "NodeShutdown",
    "Terminated",
    "NodeAffinity",
];
/// The deletion of what was on a node that is no more, or that an administrator has declared dead.
const OF_DEAD_NODE: &str = "DeletionByPodGC";

/// A pod as it was last seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Its container has been started.
    pub(crate) is_running: bool,
    /// A node was found for it.
    pub(crate) is_placed: bool,
    /// The reason for which its container is not started: a word, and a sentence.
    pub(crate) unstartable: Option<(String, String)>,
    /// The reason for which no node is found.
    pub(crate) unschedulable: Option<String>,
    /// It is taken away: within this time.
    pub(crate) must_go: Option<Duration>,
    /// Somebody else than its environment takes it away.
    pub(crate) is_disrupted: bool,
    /// Its end, if that was seen.
    pub(crate) end: Option<End>,
    /// There is no such pod any more.
    pub(crate) is_gone: bool,
}

/// The end of a pod that was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) exit: Exit,
    /// The word of the cluster for it.
    pub(crate) reason: String,
    /// The last words of the worker, or the sentence of the cluster.
    pub(crate) message: String,
    /// Its program was never begun.
    pub(crate) is_unbegun: bool,
}

impl Seen {
    /// Reads the status of a pod.
    pub(crate) fn read(pod: &Pod) -> Self {
        let empty = PodStatus::default();
        let status = pod.status.as_ref().unwrap_or(&empty);
        let container = container(status);
        let state = container.and_then(|container| container.state.as_ref());
        let waiting = state.and_then(|state| state.waiting.as_ref());
        let reason = waiting.and_then(|waiting| waiting.reason.as_deref());
        let unstartable = reason.filter(|reason| UNSTARTABLE.contains(reason));
        let message = || waiting.and_then(|waiting| waiting.message.clone());
        let spec = pod.spec.as_ref();
        Self {
            is_running: state.is_some_and(|state| state.running.is_some()),
            is_placed: spec.is_some_and(|spec| spec.node_name.is_some()),
            unstartable: unstartable.map(|why| (why.into(), message().unwrap_or_default())),
            unschedulable: unschedulable(status),
            must_go: must_go(pod, status),
            is_disrupted: disruption(status).is_some()
                || is_of_node(status.reason.as_deref().unwrap_or_default()),
            end: end(
                pod,
                status,
                state.and_then(|state| state.terminated.as_ref()),
            ),
            is_gone: false,
        }
    }

    /// Returns it once the pod is deleted: what was not seen before is not seen any more.
    pub(crate) fn deleted(self) -> Self {
        Self {
            is_gone: true,
            ..self
        }
    }

    /// Returns how it has ended, if it has. A pod that had no node has never run; of another one
    /// that is gone, and was not seen to end, nobody will ever know.
    pub(crate) fn exit(&self) -> Option<Exit> {
        match &self.end {
            Some(end) => Some(end.exit),
            None if self.is_gone && !self.is_placed => Some(Exit::Evicted),
            None if self.is_gone => Some(Exit::Unseen),
            None => None,
        }
    }
}

fn container(status: &PodStatus) -> Option<&ContainerStatus> {
    let all = status.container_statuses.as_ref()?;
    all.iter().find(|one| one.name == CONTAINER)
}

fn condition<'p>(
    status: &'p PodStatus,
    name: &str,
    value: &str,
) -> Option<(&'p str, Option<&'p str>)> {
    let mut all = status.conditions.iter().flatten();
    let found = all.find(|one| one.type_ == name && one.status == value)?;
    let reason = found.reason.as_deref().unwrap_or_default();
    Some((reason, found.message.as_deref()))
}

fn unschedulable(status: &PodStatus) -> Option<String> {
    let (reason, message) = condition(status, "PodScheduled", "False")?;
    (reason == "Unschedulable").then(|| message.unwrap_or_default().into())
}

/// Returns the reason for which something takes a pod away, and its sentence.
fn disruption(status: &PodStatus) -> Option<(&str, Option<&str>)> {
    condition(status, "DisruptionTarget", "True")
}

fn must_go(pod: &Pod, status: &PodStatus) -> Option<Duration> {
    let metadata = &pod.metadata;
    let is_deleted = metadata.deletion_timestamp.is_some();
    if !is_deleted && disruption(status).is_none() {
        return None;
    }
    let grace = metadata.deletion_grace_period_seconds;
    let spec = pod.spec.as_ref();
    let grace = grace.or_else(|| spec.and_then(|spec| spec.termination_grace_period_seconds));
    Some(Duration::from_secs(
        grace
            .and_then(|grace| grace.try_into().ok())
            .unwrap_or_default(),
    ))
}

fn end(pod: &Pod, status: &PodStatus, ended: Option<&ContainerStateTerminated>) -> Option<End> {
    let is_over = matches!(status.phase.as_deref(), Some("Failed" | "Succeeded"));
    let of_pod = status.reason.as_deref().unwrap_or_default();
    let is_taken = disruption(status).is_some()
        || pod.metadata.deletion_timestamp.is_some()
        || is_of_node(of_pod);
    if let Some(ended) = ended {
        let exit = match exit(ended) {
            Exit::OutOfMemory => Exit::OutOfMemory,
            _ if is_taken => Exit::Evicted,
            exit => exit,
        };
        let reason = ended.reason.clone().unwrap_or_default();
        return Some(End {
            exit,
            is_unbegun: reason == "StartError" || reason == "ContainerCannotRun",
            reason,
            message: ended.message.clone().unwrap_or_default(),
        });
    }
    // A kubelet that has refused a pod, and a controller that has written it off.
    let (why, sentence) = disruption(status).unwrap_or_default();
    let is_known = why == OF_DEAD_NODE || !of_pod.is_empty() || container(status).is_none();
    (is_over && is_known).then(|| End {
        exit: Exit::Evicted,
        reason: if of_pod.is_empty() { why } else { of_pod }.into(),
        message: status
            .message
            .as_deref()
            .or(sentence)
            .unwrap_or_default()
            .into(),
        is_unbegun: false,
    })
}

fn is_of_node(reason: &str) -> bool {
    OF_NODE.contains(&reason) || reason.starts_with("OutOf")
}

fn exit(ended: &ContainerStateTerminated) -> Exit {
    match (ended.reason.as_deref(), ended.exit_code) {
        (Some("OOMKilled"), _) => Exit::OutOfMemory,
        // The status was lost with the node, or with its engine.
        (Some("ContainerStatusUnknown"), _) => Exit::Unknown,
        (_, code @ 129..=192) => Exit::Signal(code - 128),
        (_, code) => Exit::Code(code),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn seen(pod: Value) -> Seen {
        Seen::read(&serde_json::from_value(pod).unwrap())
    }

    fn state(state: &Value) -> Value {
        json!({"containerStatuses": [{"name": "worker", "state": state, "image": "", "imageID": "",
            "ready": false, "restartCount": 0}]})
    }

    fn exit_of(status: &Value) -> Option<Exit> {
        let exit = seen(json!({"spec": {"containers": [], "nodeName": "n"}, "status": status}));
        exit.exit()
    }

    #[test]
    fn an_end_says_whose_fault_it_was() {
        let ended = |reason: &str, code: i32| {
            state(&json!({"terminated": {"exitCode": code, "reason": reason}}))
        };
        for (status, expect) in [
            (json!({"phase": "Pending"}), None),
            (state(&json!({"running": {}})), None),
            (ended("Completed", 0), Some(Exit::Code(0))),
            (ended("Error", 3), Some(Exit::Code(3))),
            (ended("Error", 137), Some(Exit::Signal(9))),
            (ended("OOMKilled", 137), Some(Exit::OutOfMemory)),
            (
                json!({"phase": "Failed", "reason": "Evicted", "message": "low on memory"}),
                Some(Exit::Evicted),
            ),
            (
                json!({"phase": "Failed", "reason": "OutOfcpu"}),
                Some(Exit::Evicted),
            ),
        ] {
            assert_eq!(exit_of(&status), expect, "{status}");
        }
        let mut drained = ended("Completed", 0);
        drained["conditions"] = json!([{"type": "DisruptionTarget", "status": "True",
            "reason": "EvictionByEvictionAPI"}]);
        assert_eq!(exit_of(&drained), Some(Exit::Evicted));
    }

    #[test]
    fn what_is_gone_and_was_not_seen_to_end_may_go_on() {
        let running = json!({"spec": {"containers": [], "nodeName": "n"},
            "status": state(&json!({"running": {}}))});
        assert_eq!(seen(running).deleted().exit(), Some(Exit::Unseen));
        let pending = json!({"spec": {"containers": []}, "status": {"phase": "Pending"}});
        assert_eq!(seen(pending).deleted().exit(), Some(Exit::Evicted));
        let dead = json!({"spec": {"containers": [], "nodeName": "n"}, "status": {
            "phase": "Failed", "containerStatuses": [{"name": "worker", "state": {"running": {}},
                "image": "", "imageID": "", "ready": false, "restartCount": 0}],
            "conditions": [{"type": "DisruptionTarget", "status": "True",
                "reason": "DeletionByPodGC"}]}});
        assert_eq!(seen(dead).exit(), Some(Exit::Evicted));
    }

    #[test]
    fn what_is_taken_away_is_told_with_what_is_left_of_its_time() {
        let spec = json!({"containers": [], "terminationGracePeriodSeconds": 40});
        let marked = json!({"spec": spec, "status": {"conditions": [
            {"type": "DisruptionTarget", "status": "True", "reason": "PreemptionByScheduler"}]}});
        assert_eq!(seen(marked).must_go, Some(Duration::from_secs(40)));
        let deleted = json!({"spec": spec, "metadata": {"deletionGracePeriodSeconds": 5,
            "deletionTimestamp": "2026-01-01T00:00:00Z"}});
        assert_eq!(seen(deleted).must_go, Some(Duration::from_secs(5)));
        assert_eq!(seen(json!({"spec": spec})).must_go, None);
    }

    #[test]
    fn what_cannot_be_started_has_its_reason() {
        let pulled = state(&json!({"waiting": {"reason": "ErrImagePull", "message": "no"}}));
        let pulled = seen(json!({"status": pulled}));
        assert_eq!(
            pulled.unstartable,
            Some(("ErrImagePull".into(), "no".into()))
        );
        let creating = state(&json!({"waiting": {"reason": "ContainerCreating"}}));
        assert_eq!(seen(json!({"status": creating})).unstartable, None);
        let nowhere = seen(json!({"status": {"conditions": [{"type": "PodScheduled",
            "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}]}}));
        assert_eq!(nowhere.unschedulable.as_deref(), Some("0/1 nodes"));
    }
}
