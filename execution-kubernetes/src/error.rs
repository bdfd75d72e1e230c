//! The reasons for which there is no pod of a release, and who can cure each.

use std::time::Duration;

use utakata_model::{Cure, Problem};

/// The reason for which there is no pod of a release.
#[derive(Debug, Clone, thiserror::Error)]
pub enum Error {
    /// There is nothing that names a cluster, or what is there cannot be used.
    #[error(
        "the settings do not lead to a cluster ({problem}): set execution.kubernetes.kubeconfig \
         and context, or run in a pod with a service account"
    )]
    Config { problem: String },
    /// Nobody knows the address by which pods would find their environment.
    #[error("no address of this machine is known: set execution.kubernetes.address")]
    Address,
    /// Nobody answers.
    #[error("the API server of the cluster does not answer ({step}): {problem}")]
    Away { step: &'static str, problem: String },
    /// Somebody answers who does not know us.
    #[error(
        "the cluster does not know who asks ({step}): renew the credentials of the kubeconfig, or \
         the service account"
    )]
    Unknown { step: &'static str },
    /// A right is missing.
    #[error(
        "the cluster does not let this environment {step} in the namespace {namespace}: {message}; \
         bind the role of the chart (deploy/kubernetes) to its service account"
    )]
    Forbidden {
        step: &'static str,
        namespace: String,
        message: String,
    },
    /// The namespace is not there.
    #[error(
        "there is no namespace {namespace} in the cluster: make it, or set \
         execution.kubernetes.namespace"
    )]
    Namespace { namespace: String },
    /// The namespace holds as much as it may.
    #[error("the quota of the namespace lets no other pod in: {message}")]
    Quota { message: String },
    /// The API server has too much to do.
    #[error("the API server has too much to do: it is asked again in {} s", wait.as_secs())]
    Busy { wait: Duration },
    /// A rule of the cluster refuses what is asked for.
    #[error("the cluster refuses the pod: {message}")]
    Refused { message: String },
    /// A release that no cluster can run.
    #[error(
        "an archive cannot be run in a cluster: put the image into a registry, and name it in \
         image.toml as registry/name@sha256:..."
    )]
    Archive,
    /// Its image cannot be pulled.
    #[error(
        "the image {image} cannot be pulled: {} ({message})",
        pull_hint(message)
    )]
    Pull { image: String, message: String },
    /// Its container cannot be started.
    #[error("the container of {image} cannot be started: {message}")]
    Unstartable { image: String, message: String },
    /// It is for other processors.
    #[error("{image} is not for the processors of the node: build it for them ({message})")]
    Unfit { image: String, message: String },
    /// There is no node for it.
    #[error("no node has room for a pod: {message}")]
    Nowhere { message: String },
    /// It was not started in time.
    #[error("a pod was not started within {} s: see kubectl describe pod", within.as_secs())]
    Slow { within: Duration },
    /// A later life of the same environment is there.
    #[error(
        "another environment of the name {name} runs in the namespace, and started later: give \
         this one another name (execution.id)"
    )]
    Twice { name: String },
}

impl From<Error> for utakata_execution::runtime::Error {
    fn from(error: Error) -> Self {
        Self::Engine {
            problem: error.problem(),
            is_of_environment: error.is_of_environment(),
        }
    }
}

impl Error {
    /// Returns the failure as others see it.
    pub fn problem(&self) -> Problem {
        let (code, cure) = match self {
            Self::Config { .. } => ("kubernetes-config", Cure::Operator),
            Self::Address => ("kubernetes-address", Cure::Operator),
            Self::Away { .. } => ("kubernetes-away", Cure::Operator),
            Self::Unknown { .. } | Self::Forbidden { .. } => {
                ("kubernetes-forbidden", Cure::Operator)
            }
            Self::Namespace { .. } => ("kubernetes-namespace", Cure::Operator),
            Self::Quota { .. } => ("kubernetes-quota", Cure::Operator),
            Self::Busy { .. } => ("kubernetes-busy", Cure::Retry),
            Self::Refused { .. } => ("kubernetes-refused", Cure::Operator),
            Self::Pull { .. } => ("image-missing", Cure::Operator),
            Self::Archive | Self::Unfit { .. } => ("image-unfit", Cure::Operator),
            Self::Unstartable { .. } => ("worker-not-started", Cure::Operator),
            Self::Nowhere { .. } | Self::Slow { .. } => ("kubernetes-no-node", Cure::Operator),
            Self::Twice { .. } => ("environment-twice", Cure::Operator),
        };
        Problem::new(code, cure, self.to_string())
    }

    /// Returns whether no release would have fared better.
    fn is_of_environment(&self) -> bool {
        !matches!(
            self,
            Self::Refused { .. }
                | Self::Archive
                | Self::Pull { .. }
                | Self::Unstartable { .. }
                | Self::Unfit { .. }
        )
    }

    /// Returns the failure of a request to the API server. `step`: what was asked for.
    pub(crate) fn of_request(step: &'static str, namespace: &str, error: &kube::Error) -> Self {
        let kube::Error::Api(status) = error else {
            return Self::Away {
                step,
                problem: utakata_model::chain(error),
            };
        };
        let message = status.message.clone();
        let details = status.details.as_ref();
        let wait = details.map_or(0, |details| details.retry_after_seconds);
        let is_namespace = details.is_some_and(|details| details.kind == "namespaces");
        match status.code {
            401 => Self::Unknown { step },
            403 if message.contains("exceeded quota") || message.contains("failed quota") => {
                Self::Quota { message }
            }
            403 if is_of_rule(&message) => Self::Refused { message },
            403 => Self::Forbidden {
                step,
                namespace: namespace.into(),
                message,
            },
            404 if is_namespace => Self::Namespace {
                namespace: namespace.into(),
            },
            429 => Self::Busy {
                wait: Duration::from_secs(u64::from(wait).max(1)),
            },
            500.. => Self::Away {
                step,
                problem: message,
            },
            _ => Self::Refused { message },
        }
    }

    /// Returns the failure of a container that waits, and will go on waiting.
    pub(crate) fn of_container(image: &str, reason: &str, message: &str) -> Self {
        let (image, message) = (image.to_owned(), format!("{reason}: {message}"));
        match reason {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "RegistryUnavailable"
                if !is_foreign(&message) =>
            {
                Self::Pull { image, message }
            }
            _ if is_foreign(&message) => Self::Unfit { image, message },
            _ => Self::Unstartable { image, message },
        }
    }
}

/// Returns whether an image, or its program, is for other processors.
pub(crate) fn is_foreign(message: &str) -> bool {
    message.contains("exec format error") || message.contains("no match for platform")
}

/// Returns whether a request was refused for what it asks for, and not for who asks.
fn is_of_rule(message: &str) -> bool {
    [
        "violates PodSecurity",
        "ValidatingAdmissionPolicy",
        "admission webhook",
        "denied the request",
        "is forbidden: error looking up service account",
    ]
    .iter()
    .any(|mark| message.contains(mark))
}

/// The meaning of the words of a registry. The first that is found counts.
const PULL_HINTS: [(&[&str], &str); 4] = [
    (
        &[
            "authorization failed",
            "unauthorized",
            "denied",
            "authentication",
        ],
        "the registry wants credentials: name a secret that has them in \
         execution.kubernetes.pull_secrets",
    ),
    (
        &["not found", "manifest unknown"],
        "the registry has no such image: compare name and digest",
    ),
    (
        &[
            "connection refused",
            "no such host",
            "timeout",
            "dial tcp",
            "eof",
        ],
        "the node does not reach the registry",
    ),
    (
        &["invalidimagename", "couldn't parse"],
        "its name cannot be read",
    ),
];

fn pull_hint(message: &str) -> &'static str {
    let words = message.to_lowercase();
    let found = PULL_HINTS
        .iter()
        .find(|(marks, _)| marks.iter().any(|mark| words.contains(mark)));
    found.map_or("see kubectl describe pod", |(_, meaning)| meaning)
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn code(http: u16, message: &str, kind: &str) -> (String, bool) {
        let mut status = Status::failure(message, "x").with_code(http);
        status.details = serde_json::from_value(serde_json::json!({ "kind": kind })).ok();
        let error = kube::Error::Api(Box::new(status));
        let error = Error::of_request("create pods", "workers", &error);
        (error.problem().code.to_string(), error.is_of_environment())
    }

    #[test]
    fn each_refusal_of_a_cluster_has_its_code() {
        for (http, message, kind, expect, is_of_environment) in [
            (401, "Unauthorized", "", "kubernetes-forbidden", true),
            (
                403,
                "pods is forbidden: User x",
                "pods",
                "kubernetes-forbidden",
                true,
            ),
            (
                403,
                "pods \"a\" is forbidden: exceeded quota: q",
                "pods",
                "kubernetes-quota",
                true,
            ),
            (
                403,
                "violates PodSecurity \"restricted\"",
                "pods",
                "kubernetes-refused",
                false,
            ),
            (
                404,
                "namespaces \"w\" not found",
                "namespaces",
                "kubernetes-namespace",
                true,
            ),
            (
                422,
                "Pod \"a\" is invalid",
                "Pod",
                "kubernetes-refused",
                false,
            ),
            (429, "too many requests", "", "kubernetes-busy", true),
            (503, "unavailable", "", "kubernetes-away", true),
        ] {
            let seen = code(http, message, kind);
            assert_eq!(seen, (expect.to_owned(), is_of_environment), "{message}");
        }
    }

    #[test]
    fn a_container_that_cannot_be_had_says_what_to_do() {
        let of = |reason, message| Error::of_container("r/a@sha256:1", reason, message).to_string();
        let denied = of("ErrImagePull", "pull access denied: authorization failed");
        assert!(denied.contains("pull_secrets"), "{denied}");
        let missing = of("ImagePullBackOff", "r/a@sha256:1: not found");
        assert!(missing.contains("compare name and digest"), "{missing}");
        let foreign = of("RunContainerError", "exec /a: exec format error");
        assert!(foreign.contains("processors"), "{foreign}");
        let other = of("CreateContainerConfigError", "secret \"s\" not found");
        assert!(other.contains("cannot be started"), "{other}");
    }
}
