//! The labels of containers and images.

/// The environment that a container is of.
pub(super) const ENVIRONMENT_LABEL: &str = "utakata.environment";
/// The life of that environment.
pub(super) const INCARNATION_LABEL: &str = "utakata.incarnation";
pub(super) const RELEASE_LABEL: &str = "utakata.release";
pub(super) const WORKER_LABEL: &str = "utakata.worker";
/// The text of the `worker.toml` of an image.
pub(super) const MANIFEST_LABEL: &str = "org.utakata.manifest";
