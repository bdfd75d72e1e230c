//! The request to the engine for a container that can do no more than a worker needs.

use std::{collections::HashMap, path::Path};

use bollard::models::{
    ContainerCreateBody, HostConfig, HostConfigLogConfig, Mount, MountType, RestartPolicy,
    RestartPolicyNameEnum,
};

use crate::{
    fit::Ready,
    labels::{ENVIRONMENT_LABEL, INCARNATION_LABEL, RELEASE_LABEL, WORKER_LABEL},
};
use utakata_execution::{config, runtime::Spec};

/// The places at which a container sees the folder of the socket, and the folder of its release.
const DOOR: &str = "/run/utakata";
const RELEASE: &str = "/";
/// The user of a worker if the image names none, or root.
const NOBODY: &str = "65532:65532";
/// The options of a scratch file system, whose content nobody keeps.
const SCRATCH: &str = "rw,noexec,nosuid,nodev,size=16m";
/// The variables with paths of this machine, which differ in an image.
const PLACES: [&str; 7] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Returns the request to the engine.
pub(crate) fn body(spec: &Spec, image: &Ready, limits: &config::Docker) -> ContainerCreateBody {
    ContainerCreateBody {
        image: Some(image.id.clone()),
        user: Some(user(image.user.as_deref())),
        entrypoint: Some(vec![format!("{RELEASE}{}", spec.run.program)]),
        cmd: Some(spec.run.arguments.clone()),
        env: Some(variables(spec)),
        working_dir: Some(RELEASE.into()),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        labels: Some(labels(spec)),
        host_config: Some(host(spec, limits)),
        ..ContainerCreateBody::default()
    }
}

fn host(spec: &Spec, limits: &config::Docker) -> HostConfig {
    let memory = i64::try_from(spec.run.memory.unwrap_or(limits.memory).bytes()).ok();
    HostConfig {
        cap_drop: Some(vec!["ALL".into()]),
        security_opt: Some(vec!["no-new-privileges".into()]),
        privileged: Some(false),
        readonly_rootfs: Some(true),
        network_mode: Some(spec.run.network.as_str().into()),
        mounts: Some(vec![door(spec)]),
        tmpfs: Some(HashMap::from([("/tmp".into(), SCRATCH.into())])),
        memory,
        // The same limit with swap as without: no swap.
        memory_swap: memory,
        nano_cpus: i64::try_from(spec.run.cpus.unwrap_or(limits.cpus).billionths()).ok(),
        pids_limit: Some(spec.run.pids.unwrap_or(limits.pids).into()),
        // Output goes to our log, and is kept nowhere else.
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".into()),
            config: None,
        }),
        restart_policy: Some(RestartPolicy {
            name: Some(RestartPolicyNameEnum::NO),
            maximum_retry_count: None,
        }),
        ..HostConfig::default()
    }
}

/// Returns the folder of the socket rather than the socket, which may be created again.
fn door(spec: &Spec) -> Mount {
    let folder = spec.socket.parent().unwrap_or(Path::new("/"));
    Mount {
        typ: Some(MountType::BIND),
        source: Some(folder.to_string_lossy().into_owned()),
        target: Some(DOOR.into()),
        read_only: Some(true),
        ..Mount::default()
    }
}

fn variables(spec: &Spec) -> Vec<String> {
    let name = spec.socket.file_name().unwrap_or_default();
    let all = spec.all_variables(&Path::new(DOOR).join(name), Path::new(RELEASE));
    all.filter(|(name, _)| !PLACES.iter().any(|place| name == place))
        .map(|(name, value)| format!("{}={}", name.to_string_lossy(), value.to_string_lossy()))
        .collect()
}

fn labels(spec: &Spec) -> HashMap<String, String> {
    let labels = [
        (ENVIRONMENT_LABEL, spec.life.environment.to_string()),
        (INCARNATION_LABEL, spec.life.incarnation.to_string()),
        (RELEASE_LABEL, spec.release.to_string()),
        (WORKER_LABEL, spec.worker.to_string()),
    ];
    labels.map(|(name, value)| (name.to_owned(), value)).into()
}

/// Returns the user of an image, unless it is root.
fn user(said: Option<&str>) -> String {
    let said = said.unwrap_or_default();
    let name = said.split(':').next().unwrap_or_default();
    let is_root = name == "root" || name.parse() == Ok(0u32);
    if said.is_empty() || name.is_empty() || is_root {
        NOBODY.into()
    } else {
        said.into()
    }
}

#[cfg(test)]
mod tests;
