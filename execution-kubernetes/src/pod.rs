//! From what is to be started to the pod that is asked for: it can do no more than a worker needs,
//! and has no secret in it.

use std::collections::BTreeMap;

use k8s_openapi::{
    api::core::v1::{
        Capabilities, Container, EmptyDirVolumeSource, EnvVar, LocalObjectReference, Pod,
        PodSecurityContext, PodSpec, ProjectedVolumeSource, ResourceRequirements, SeccompProfile,
        SecurityContext, ServiceAccountTokenProjection, Toleration, TopologySpreadConstraint,
        Volume, VolumeMount, VolumeProjection,
    },
    apimachinery::pkg::{
        api::resource::Quantity,
        apis::meta::v1::{LabelSelector, ObjectMeta},
    },
};
use utakata_execution::{
    artifact::Reference,
    config,
    runtime::{Door, Spec},
};
use utakata_protocol::{
    AUTHORITY_VARIABLE, ENDPOINT_VARIABLE, LAST_WORDS_VARIABLE, RELEASE_VARIABLE,
    TOKEN_FILE_VARIABLE, TOKEN_VARIABLE,
};

use crate::{labels, lease};

/// The one container of a pod.
pub(crate) const CONTAINER: &str = "worker";
/// The file in which a kubelet looks for the last words of a container.
const LAST_WORDS: &str = "/dev/termination-log";
/// The user, and the group, of every worker. An image that names no group would have that of root.
const NOBODY: i64 = 65_532;
/// The place of a release in its image.
const RELEASE: &str = "/";
/// The folder of the token, and its name there.
const TOKEN_FOLDER: &str = "/var/run/secrets/utakata";
const TOKEN: &str = "token";
const TOKEN_VOLUME: &str = "token";
/// A token is used once, right at the start: this is the shortest that the API server gives.
const TOKEN_SECONDS: i64 = 600;
/// Written to and kept by nobody.
const SCRATCH_VOLUME: &str = "scratch";
const SCRATCH_FOLDER: &str = "/tmp";
const SCRATCH_SIZE: &str = "16Mi";
/// The time that a worker has beyond its longest control task before it is killed.
const GRACE_BEYOND: u64 = 10;
/// The time that a pod on trial has beyond its start before the cluster ends it, whatever became of
/// its environment: that it says no hello is found out before.
const TRIAL_BEYOND: u64 = 300;
/// Variables that name places of this machine, which are elsewhere in an image.
const PLACES: [&str; 7] = [
    "PATH",
    "HOME",
    "TMPDIR",
    "LD_LIBRARY_PATH",
    "PYTHONPATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];
/// The taints of a node that cannot be reached, or is not well.
const AWAY: [&str; 2] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
];

/// A pod that is to be asked for.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) spec: &'a Spec,
    pub(crate) image: &'a Reference,
    pub(crate) door: &'a Door,
    pub(crate) config: &'a config::Kubernetes,
    /// The Lease of the environment: its name and uid.
    pub(crate) owner: (&'a str, &'a str),
    /// The number of this start, which no other start of this life has.
    pub(crate) start: u32,
}

/// The audience of the tokens by which an environment knows its pods.
pub(crate) fn audience(environment: &str) -> String {
    format!("utakata/{environment}")
}

/// Returns the pod that the cluster is asked for.
pub(crate) fn pod(request: &Request<'_>) -> Pod {
    Pod {
        metadata: metadata(request),
        spec: Some(spec(request)),
        status: None,
    }
}

fn metadata(request: &Request<'_>) -> ObjectMeta {
    let (spec, (owner, uid)) = (request.spec, request.owner);
    let annotations = [
        ("cluster-autoscaler.kubernetes.io/safe-to-evict", "true"),
        (labels::WORKER, spec.worker.as_str()),
    ];
    ObjectMeta {
        name: Some(labels::pod_name(spec, request.start)),
        namespace: Some(request.config.namespace.clone()),
        labels: Some(labels_of(spec)),
        annotations: Some(texts(annotations)),
        owner_references: Some(vec![lease::owner(owner, uid)]),
        ..ObjectMeta::default()
    }
}

fn labels_of(spec: &Spec) -> BTreeMap<String, String> {
    let release = &spec.release;
    let digest = &release.digest.0;
    let digest = digest.rsplit(':').next().unwrap_or(digest);
    let own = [
        ("app.kubernetes.io/name", "utakata-worker".to_owned()),
        ("app.kubernetes.io/component", "worker".into()),
        ("app.kubernetes.io/managed-by", "utakata".into()),
        ("app.kubernetes.io/part-of", "utakata".into()),
        (labels::KIND, labels::value(release.kind.as_str())),
        (labels::VERSION, labels::value(&release.version)),
        (labels::DIGEST, digest.chars().take(16).collect()),
    ];
    let all = own.into_iter().chain(labels::of_life(&spec.life));
    all.map(|(name, value)| (name.into(), value)).collect()
}

fn spec(request: &Request<'_>) -> PodSpec {
    let Request { spec, config, .. } = request;
    let secrets = config.pull_secrets.iter();
    PodSpec {
        restart_policy: Some("Never".into()),
        service_account_name: Some(config.service_account.clone()),
        automount_service_account_token: Some(false),
        enable_service_links: Some(false),
        termination_grace_period_seconds: Some(grace(spec)),
        active_deadline_seconds: spec
            .is_trial
            .then(|| seconds(config.starts_within.as_secs() + TRIAL_BEYOND)),
        image_pull_secrets: Some(
            secrets
                .map(|name| LocalObjectReference { name: name.clone() })
                .collect(),
        ),
        security_context: Some(PodSecurityContext {
            run_as_non_root: Some(true),
            run_as_user: Some(NOBODY),
            run_as_group: Some(NOBODY),
            seccomp_profile: Some(SeccompProfile {
                type_: "RuntimeDefault".into(),
                localhost_profile: None,
            }),
            ..PodSecurityContext::default()
        }),
        tolerations: Some(AWAY.map(|taint| toleration(taint, config)).into()),
        topology_spread_constraints: Some(vec![spread(spec)]),
        containers: vec![container(request)],
        volumes: Some(vec![token(spec), scratch()]),
        ..PodSpec::default()
    }
}

/// Returns the seconds that a pod has from being told to end until it is killed.
pub(crate) fn grace(spec: &Spec) -> i64 {
    seconds(spec.control_within.as_secs() + GRACE_BEYOND)
}

fn seconds(seconds: u64) -> i64 {
    i64::try_from(seconds).unwrap_or(i64::MAX)
}

fn container(request: &Request<'_>) -> Container {
    let Request { spec, image, .. } = request;
    Container {
        name: CONTAINER.into(),
        image: Some(image.as_str().into()),
        command: Some(vec![format!("{RELEASE}{}", spec.run.program)]),
        args: Some(spec.run.arguments.clone()),
        working_dir: Some(RELEASE.into()),
        env: Some(variables(spec, request.door)),
        resources: Some(resources(spec, request.config)),
        security_context: Some(SecurityContext {
            allow_privilege_escalation: Some(false),
            privileged: Some(false),
            read_only_root_filesystem: Some(true),
            capabilities: Some(Capabilities {
                drop: Some(vec!["ALL".into()]),
                add: None,
            }),
            ..SecurityContext::default()
        }),
        termination_message_path: Some(LAST_WORDS.into()),
        termination_message_policy: Some("FallbackToLogsOnError".into()),
        volume_mounts: Some(vec![
            mount(TOKEN_VOLUME, TOKEN_FOLDER, Some(true)),
            mount(SCRATCH_VOLUME, SCRATCH_FOLDER, None),
        ]),
        ..Container::default()
    }
}

fn mount(name: &str, path: &str, read_only: Option<bool>) -> VolumeMount {
    VolumeMount {
        name: name.into(),
        mount_path: path.into(),
        read_only,
        ..VolumeMount::default()
    }
}

fn variables(spec: &Spec, door: &Door) -> Vec<EnvVar> {
    let own = [
        (ENDPOINT_VARIABLE, door.endpoint.clone()),
        (AUTHORITY_VARIABLE, door.authority.clone()),
        (TOKEN_FILE_VARIABLE, format!("{TOKEN_FOLDER}/{TOKEN}")),
        (RELEASE_VARIABLE, RELEASE.into()),
        (LAST_WORDS_VARIABLE, LAST_WORDS.into()),
    ];
    let own = own.map(|(name, value)| (name.to_owned(), value));
    let passed = spec.variables.iter().filter_map(|(name, value)| {
        let (name, value) = (name.to_str()?, value.to_str()?);
        let is_passed = !PLACES.contains(&name) && name != TOKEN_VARIABLE;
        is_passed.then(|| (name.to_owned(), value.to_owned()))
    });
    let all = passed.chain(own);
    all.map(|(name, value)| EnvVar {
        name,
        // A dollar would name another variable.
        value: Some(value.replace('$', "$$")),
        value_from: None,
    })
    .collect()
}

/// The memory that it asks for is all that it may have, so that a node holds what it has promised.
/// Processor time is not cut off: a worker that waits for it would miss its heartbeats.
fn resources(spec: &Spec, config: &config::Kubernetes) -> ResourceRequirements {
    let memory = spec.run.memory.unwrap_or(config.memory).bytes();
    let memory = ("memory".to_owned(), Quantity(memory.to_string()));
    let cpus = spec.run.cpus.unwrap_or(config.cpus).billionths();
    let cpus = ("cpu".to_owned(), Quantity(format!("{}m", cpus / 1_000_000)));
    ResourceRequirements {
        requests: Some([memory.clone(), cpus.clone()].into()),
        limits: Some(match spec.run.cpus {
            Some(_) => [memory, cpus].into(),
            None => [memory].into(),
        }),
        claims: None,
    }
}

fn toleration(taint: &str, config: &config::Kubernetes) -> Toleration {
    Toleration {
        key: Some(taint.into()),
        operator: Some("Exists".into()),
        effect: Some("NoExecute".into()),
        toleration_seconds: Some(seconds(config.leaves_node_after.as_secs())),
        value: None,
    }
}

/// Workers of a kind are on different nodes, where that is possible.
fn spread(spec: &Spec) -> TopologySpreadConstraint {
    let kind = labels::value(spec.release.kind.as_str());
    let environment = labels::value(spec.life.environment.as_str());
    let alike = [
        (labels::ENVIRONMENT, environment.as_str()),
        (labels::KIND, kind.as_str()),
    ];
    TopologySpreadConstraint {
        max_skew: 1,
        topology_key: "kubernetes.io/hostname".into(),
        when_unsatisfiable: "ScheduleAnyway".into(),
        label_selector: Some(LabelSelector {
            match_labels: Some(texts(alike)),
            match_expressions: None,
        }),
        ..TopologySpreadConstraint::default()
    }
}

fn token(spec: &Spec) -> Volume {
    let projection = ServiceAccountTokenProjection {
        audience: Some(audience(spec.life.environment.as_str())),
        expiration_seconds: Some(TOKEN_SECONDS),
        path: TOKEN.into(),
    };
    Volume {
        name: TOKEN_VOLUME.into(),
        projected: Some(ProjectedVolumeSource {
            default_mode: None,
            sources: Some(vec![VolumeProjection {
                service_account_token: Some(projection),
                ..VolumeProjection::default()
            }]),
        }),
        ..Volume::default()
    }
}

fn scratch() -> Volume {
    Volume {
        name: SCRATCH_VOLUME.into(),
        empty_dir: Some(EmptyDirVolumeSource {
            medium: Some("Memory".into()),
            size_limit: Some(Quantity(SCRATCH_SIZE.into())),
        }),
        ..Volume::default()
    }
}

fn texts<const N: usize>(of: [(&str, &str); N]) -> BTreeMap<String, String> {
    let own = of.map(|(name, value)| (name.to_owned(), value.to_owned()));
    own.into()
}

#[cfg(test)]
mod tests;
