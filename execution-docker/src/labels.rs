//! The labels of containers and images.

/// The label with the environment of a container.
pub(crate) const ENVIRONMENT_LABEL: &str = "utakata.environment";
/// The label with the incarnation of that environment.
pub(crate) const INCARNATION_LABEL: &str = "utakata.incarnation";
pub(crate) const RELEASE_LABEL: &str = "utakata.release";
pub(crate) const WORKER_LABEL: &str = "utakata.worker";
/// The label with the text of the `worker.toml` of an image.
pub(crate) const MANIFEST_LABEL: &str = "org.utakata.manifest";
