//! Checks of the machine: programs, kernel limits, the clock.

use std::fs;

use jiff::Timestamp;
use utakata_up::{confinement, programs};

use super::Finding;
use crate::output::time;

/// The receive buffer that the SNMP worker requests from the kernel, so that a burst of answers is
/// not lost. In bytes.
const RECEIVE_BUFFER: u64 = 8 * 1024 * 1024;
/// The number of open files for connections of workers, clients and files: fewer are too few for a
/// large site.
const OPEN_FILES: u64 = 4096;
/// This version was built after 2026-11-01.
const MADE_AFTER: i64 = 1_793_491_200;
/// The programs, the effect of their absence, and its seriousness: the simulator is only for trying
/// things out.
const PROGRAMS: [(&str, &str, Without); 13] = [
    (
        "utakata-worker-snmp",
        "SNMP targets cannot be reached",
        Finding::wrong,
    ),
    (
        "utakata-worker-redfish",
        "BMCs and everything else that speaks Redfish cannot be reached",
        Finding::wrong,
    ),
    (
        "utakata-worker-modbus",
        "Modbus targets cannot be reached",
        Finding::wrong,
    ),
    (
        "utakata-worker-nut",
        "UPSs behind Network UPS Tools cannot be reached",
        Finding::wrong,
    ),
    (
        "utakata-worker-probe",
        "nothing can be probed",
        Finding::wrong,
    ),
    (
        "utakata-worker-http-json",
        "devices that answer HTTP with JSON cannot be reached",
        Finding::wrong,
    ),
    (
        "utakata-worker-scrape",
        "exporters of Prometheus cannot be read",
        Finding::wrong,
    ),
    (
        "utakata-worker-ssh",
        "hosts cannot be reached by SSH",
        Finding::wrong,
    ),
    (
        "utakata-worker-ipmi",
        "BMCs cannot be reached by IPMI",
        Finding::wrong,
    ),
    (
        "utakata-worker-libvirt",
        "hosts with libvirt cannot be reached",
        Finding::wrong,
    ),
    (
        "utakata-worker-exec",
        "workers that are scripts cannot run",
        Finding::doubtful,
    ),
    (
        "utakata-workbench",
        "profiles of the data directory are not taken, and `utakata profile` does nothing",
        Finding::doubtful,
    ),
    (
        "utakata-simulator",
        "`utakata up --demo` has no devices",
        Finding::doubtful,
    ),
];

/// Creates the finding about something that is missing.
type Without = fn(&str, String, String) -> Finding;

/// The host, which decides who can change the limits of the kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Host {
    /// A machine, whose user can change them.
    Machine,
    /// A pod, from which nobody can: the node is somebody else's.
    Pod,
}

impl Host {
    /// Returns the host. Kubernetes sets the variable in each container.
    fn find() -> Self {
        match std::env::var_os("KUBERNETES_SERVICE_HOST") {
            Some(_) => Self::Pod,
            None => Self::Machine,
        }
    }
}

pub fn look() -> Vec<Finding> {
    let host = Host::find();
    let mut findings: Vec<Finding> = PROGRAMS
        .iter()
        .map(|&(program, without, finding)| program_finding(program, without, finding))
        .collect();
    findings.push(receive_buffer(
        fs::read_to_string("/proc/sys/net/core/rmem_max")
            .ok()
            .as_deref(),
        host,
    ));
    findings.push(open_files(
        fs::read_to_string("/proc/self/limits").ok().as_deref(),
        host,
    ));
    findings.push(clock(Timestamp::now()));
    findings.push(confinement());
    findings
}

fn confinement() -> Finding {
    let check = "confinement of workers";
    match confinement::possible() {
        Ok(()) => Finding::right(check, "possible"),
        Err(reason) => Finding::doubtful(
            check,
            format!(
                "workers that are processes reach all files of utakata, and with the token or the \
                 key of the local socket in there they are admin: {reason}"
            ),
            "use a kernel with Landlock, or releases that are images (docs/guide/trust.md)",
        ),
    }
}

fn program_finding(program: &str, without: &str, finding: Without) -> Finding {
    let check = format!("program {program}");
    match programs::find(program) {
        Some(path) => Finding::right(&check, path.display().to_string()),
        None => {
            let folders: Vec<String> = programs::folders()
                .iter()
                .map(|folder| folder.display().to_string())
                .collect();
            let seen = format!("not found: {without}");
            finding(
                &check,
                seen,
                format!("put it into {}", folders.join(" or ")),
            )
        }
    }
}

fn receive_buffer(text: Option<&str>, host: Host) -> Finding {
    let check = "net.core.rmem_max";
    let Some(bytes) = text.and_then(|text| text.trim().parse::<u64>().ok()) else {
        // The kernel tells it in the network of the node alone.
        return match host {
            Host::Pod => Finding::right(check, "a setting of the node; not seen from a pod"),
            Host::Machine => Finding::doubtful(check, "not known", "only Linux tells"),
        };
    };
    if bytes >= RECEIVE_BUFFER {
        return Finding::right(check, format!("{bytes} bytes"));
    }
    Finding::doubtful(
        check,
        format!("{bytes} bytes: answers may be lost when very many targets answer at once"),
        match host {
            Host::Machine => {
                format!(
                    "sysctl -w net.core.rmem_max={RECEIVE_BUFFER}, and in /etc/sysctl.d for good"
                )
            }
            Host::Pod => format!(
                "nobody can in a pod: ask the administrator of the nodes for \
                 net.core.rmem_max={RECEIVE_BUFFER} (docs/guide/kubernetes.md)"
            ),
        },
    )
}

fn open_files(text: Option<&str>, host: Host) -> Finding {
    let check = "open files";
    let limit = text.and_then(|text| {
        let line = text
            .lines()
            .find(|line| line.starts_with("Max open files"))?;
        line.split_whitespace().nth(3)?.parse::<u64>().ok()
    });
    match limit {
        Some(limit) if limit < OPEN_FILES => Finding::doubtful(
            check,
            format!("at most {limit}"),
            match host {
                Host::Machine => {
                    format!(
                        "ulimit -n {OPEN_FILES}, or LimitNOFILE={OPEN_FILES} in the systemd unit"
                    )
                }
                Host::Pod => format!(
                    "nobody can in a pod: ask the administrator of the nodes for a limit of \
                     {OPEN_FILES} in the container runtime"
                ),
            },
        ),
        Some(limit) => Finding::right(check, format!("at most {limit}")),
        None => Finding::right(check, "no limit is known"),
    }
}

fn clock(now: Timestamp) -> Finding {
    let seen = time::moment(now);
    if now.as_second() >= MADE_AFTER {
        return Finding::right("clock", seen);
    }
    let cure = "set the clock, with NTP best: deadlines and readings depend on it";
    Finding::wrong(
        "clock",
        format!("{seen}: before this program was made"),
        cure,
    )
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn limits_that_are_too_small_are_reported_with_a_cure() {
        for (text, expect) in [
            (Some("212992\n"), Verdict::Doubtful),
            (Some("8388608\n"), Verdict::Right),
            (None, Verdict::Doubtful),
        ] {
            assert_eq!(
                receive_buffer(text, Host::Machine).result,
                expect,
                "{text:?}"
            );
        }
        let in_pod = receive_buffer(Some("212992\n"), Host::Pod);
        assert!(!in_pod.cure.contains("sysctl -w"), "{}", in_pod.cure);
        assert_eq!(receive_buffer(None, Host::Pod).result, Verdict::Right);
        let limits = "Max processes   1  2 processes\nMax open files            1024                 524288               files\n";
        let found = open_files(Some(limits), Host::Machine);
        assert_eq!(found.result, Verdict::Doubtful);
        let found = open_files(Some(limits), Host::Pod);
        assert!(!found.cure.contains("ulimit"), "{}", found.cure);
        assert_eq!(clock(Timestamp::UNIX_EPOCH).result, Verdict::Wrong);
    }
}
