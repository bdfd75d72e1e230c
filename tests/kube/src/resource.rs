//! The resources that are served.

/// A resource: its names, and where it is served.
#[derive(Debug, PartialEq, Eq)]
pub struct Resource {
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub kind: &'static str,
    pub short: &'static [&'static str],
    pub is_namespaced: bool,
}

impl Resource {
    /// As messages call it: `leases.coordination.k8s.io`.
    pub fn full(&self) -> String {
        match self.group {
            "" => self.plural.to_owned(),
            group => format!("{}.{group}", self.plural),
        }
    }

    pub fn api_version(&self) -> String {
        match self.group {
            "" => self.version.to_owned(),
            group => format!("{group}/{}", self.version),
        }
    }
}

/// Every resource, in the order of discovery.
pub const RESOURCES: &[Resource] = &[
    core("namespaces", "Namespace", &["ns"], false),
    core("nodes", "Node", &["no"], false),
    core("pods", "Pod", &["po"], true),
    core("events", "Event", &["ev"], true),
    core("serviceaccounts", "ServiceAccount", &["sa"], true),
    core("secrets", "Secret", &[], true),
    core("configmaps", "ConfigMap", &["cm"], true),
    core("services", "Service", &["svc"], true),
    core("resourcequotas", "ResourceQuota", &["quota"], true),
    core(
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        &["pvc"],
        true,
    ),
    of("coordination.k8s.io", "leases", "Lease", &[]),
    of("networking.k8s.io", "networkpolicies", "NetworkPolicy", &["netpol"]),
    of("policy", "poddisruptionbudgets", "PodDisruptionBudget", &["pdb"]),
    of(RBAC, "roles", "Role", &[]),
    of(RBAC, "rolebindings", "RoleBinding", &[]),
    everywhere(RBAC, "clusterroles", "ClusterRole"),
    everywhere(RBAC, "clusterrolebindings", "ClusterRoleBinding"),
    // Kept and never acted on: for charts.
    of("apps", "statefulsets", "StatefulSet", &["sts"]),
    of("apps", "deployments", "Deployment", &["deploy"]),
    of("batch", "jobs", "Job", &[]),
    of("batch", "cronjobs", "CronJob", &["cj"]),
    everywhere(ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy"),
    everywhere(ADMISSION, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
];

const RBAC: &str = "rbac.authorization.k8s.io";
const ADMISSION: &str = "admissionregistration.k8s.io";

const fn core(
    plural: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
    is_namespaced: bool,
) -> Resource {
    Resource {
        group: "",
        version: "v1",
        plural,
        kind,
        short,
        is_namespaced,
    }
}

const fn of(
    group: &'static str,
    plural: &'static str,
    kind: &'static str,
    short: &'static [&'static str],
) -> Resource {
    Resource {
        group,
        version: "v1",
        plural,
        kind,
        short,
        is_namespaced: true,
    }
}

const fn everywhere(group: &'static str, plural: &'static str, kind: &'static str) -> Resource {
    Resource {
        group,
        version: "v1",
        plural,
        kind,
        short: &[],
        is_namespaced: false,
    }
}

/// A resource by where it is served.
pub fn find(group: &str, version: &str, plural: &str) -> Option<&'static Resource> {
    let is_it = |one: &&Resource| (one.group, one.version, one.plural) == (group, version, plural);
    RESOURCES.iter().find(is_it)
}

/// A resource by its plural, for our own use.
pub fn named(plural: &str) -> &'static Resource {
    let found = RESOURCES.iter().find(|one| one.plural == plural);
    found.unwrap_or(&RESOURCES[0])
}

/// A resource by what an owner reference says.
pub fn of_kind(api_version: &str, kind: &str) -> Option<&'static Resource> {
    let is_it = |one: &&Resource| one.kind == kind && one.api_version() == api_version;
    RESOURCES.iter().find(is_it)
}
