//! The status of a pod, as a kubelet writes it.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde_json::{Value, json};

use crate::moment;
use crate::pods::set_condition;

const IP: &str = "127.0.0.1";

/// The end of a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exit {
    pub code: i32,
    pub reason: &'static str,
    pub message: String,
    pub started: String,
}

impl Exit {
    pub fn of(status: ExitStatus, started: &str) -> Self {
        let code = status
            .code()
            .or_else(|| status.signal().map(|signal| 128 + signal));
        let code = code.unwrap_or(255);
        Self {
            code,
            reason: if code == 0 { "Completed" } else { "Error" },
            message: String::new(),
            started: started.to_owned(),
        }
    }

    pub fn state(&self) -> Value {
        let mut ended = json!({
            "exitCode": self.code, "reason": self.reason,
            "startedAt": self.started, "finishedAt": moment::now(),
            "containerID": "process://",
        });
        if !self.message.is_empty() {
            ended["message"] = json!(self.message);
        }
        json!({"terminated": ended})
    }
}

pub fn waiting(reason: &str, message: &str) -> Value {
    let mut state = json!({"waiting": {"reason": reason}});
    if !message.is_empty() {
        state["waiting"]["message"] = json!(message);
    }
    state
}

pub fn running(started: &str) -> Value {
    json!({"running": {"startedAt": started}})
}

/// Writes the states of all containers, and what follows from them for the pod.
pub fn set(pod: &mut Value, states: &[Value], restarts: u32) {
    let before = pod["status"]["containerStatuses"].clone();
    let containers = pod["spec"]["containers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let mut list = Vec::new();
    for (number, (container, state)) in containers.iter().zip(states).enumerate() {
        let is_running = !state["running"].is_null();
        let is_waiting = !state["waiting"].is_null();
        let mut last = before[number]["lastState"].clone();
        if restarts > 0 && !before[number]["state"]["terminated"].is_null() {
            last = json!({"terminated": before[number]["state"]["terminated"]});
        }
        let last = if last.is_null() { json!({}) } else { last };
        list.push(json!({
            "name": container["name"], "image": container["image"],
            "imageID": if is_waiting { json!("") } else { container["image"].clone() },
            "ready": is_running, "started": is_running, "restartCount": restarts,
            "state": state, "lastState": last, "resources": container["resources"],
        }));
    }
    pod["status"]["containerStatuses"] = json!(list);
    if pod["status"]["startTime"].is_null() {
        pod["status"]["startTime"] = json!(moment::now());
    }
    pod["status"]["hostIP"] = json!(IP);
    pod["status"]["hostIPs"] = json!([{"ip": IP}]);
    pod["status"]["phase"] = json!(phase(pod, states));
    conditions(pod, states);
}

fn phase(pod: &Value, states: &[Value]) -> &'static str {
    let ended: Vec<i64> = states
        .iter()
        .filter_map(|state| state["terminated"]["exitCode"].as_i64())
        .collect();
    let is_restarted = pod["spec"]["restartPolicy"] != "Never";
    if ended.len() == states.len() {
        let is_fine = ended.iter().all(|code| *code == 0);
        return if is_fine { "Succeeded" } else { "Failed" };
    }
    let has_run = states.iter().any(|state| state["waiting"].is_null());
    let was_running = pod["status"]["phase"] == "Running";
    if has_run || is_restarted && was_running {
        "Running"
    } else {
        "Pending"
    }
}

fn conditions(pod: &mut Value, states: &[Value]) {
    let is_running = states.iter().all(|state| !state["running"].is_null());
    let has_run = states.iter().any(|state| state["waiting"].is_null());
    let is_over = states.iter().all(|state| !state["terminated"].is_null());
    let yes = |is: bool| if is { "True" } else { "False" };
    set_condition(
        pod,
        "PodReadyToStartContainers",
        yes(has_run && !is_over),
        None,
    );
    set_condition(pod, "Initialized", "True", None);
    let all = pod["spec"]["containers"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let unready: Vec<&str> = all
        .iter()
        .zip(states)
        .filter(|(_, state)| state["running"].is_null())
        .filter_map(|(container, _)| container["name"].as_str())
        .collect();
    let told = format!("containers with unready status: [{}]", unready.join(" "));
    let why = match (is_running, is_over, pod["status"]["phase"].as_str()) {
        (true, ..) => None,
        (_, true, Some("Succeeded")) => Some(("PodCompleted", "")),
        (_, true, _) => Some(("PodFailed", "")),
        _ => Some(("ContainersNotReady", told.as_str())),
    };
    set_condition(pod, "Ready", yes(is_running), why);
    set_condition(pod, "ContainersReady", yes(is_running), why);
    if has_run {
        pod["status"]["podIP"] = json!(IP);
        pod["status"]["podIPs"] = json!([{"ip": IP}]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(states: &[Value], phase: &str, ready: &str) {
        let containers: Vec<Value> = (0..states.len())
            .map(|number| json!({"name": format!("c{number}"), "image": "i"}))
            .collect();
        let mut pod = json!({"spec": {"restartPolicy": "Never", "containers": containers}, "status": {"phase": "Pending"}});
        set(&mut pod, states, 0);
        assert_eq!(pod["status"]["phase"], phase, "{states:?}");
        let conditions = pod["status"]["conditions"].as_array().unwrap();
        let found = conditions
            .iter()
            .find(|one| one["type"] == "Ready")
            .unwrap();
        assert_eq!(found["status"], ready, "{states:?}");
    }

    #[test]
    fn the_phase_follows_from_the_containers() {
        let exit = |code| {
            let reason = "Error";
            Exit {
                code,
                reason,
                message: String::new(),
                started: String::new(),
            }
            .state()
        };
        check(&[waiting("ContainerCreating", "")], "Pending", "False");
        check(&[running("")], "Running", "True");
        check(
            &[running(""), waiting("ErrImagePull", "")],
            "Running",
            "False",
        );
        check(&[running(""), exit(0)], "Running", "False");
        check(&[exit(0), exit(0)], "Succeeded", "False");
        check(&[exit(0), exit(3)], "Failed", "False");
    }
}
