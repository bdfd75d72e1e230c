//! The addresses that the pods of a kind reach: those of its targets, and their environment. Pure.

use std::{collections::BTreeMap, net::IpAddr};

use k8s_openapi::{
    api::networking::v1::{
        IPBlock, NetworkPolicy, NetworkPolicyEgressRule, NetworkPolicyPeer, NetworkPolicyPort,
        NetworkPolicySpec,
    },
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, ObjectMeta, OwnerReference},
        util::intstr::IntOrString,
    },
};
use utakata_model::{EnvironmentId, Kind, Network};

use crate::labels;

/// The port of name servers.
const DNS_PORT: i32 = 53;

/// The policy of the pods of a kind.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    pub(crate) environment: &'a EnvironmentId,
    pub(crate) kind: &'a Kind,
    /// The networks that its targets are in.
    pub(crate) networks: &'a [Network],
    /// Workers look names up.
    pub(crate) has_names: bool,
    /// The addresses at which their environment listens, and the port.
    pub(crate) door: (&'a [IpAddr], u16),
    /// The Lease of the environment, with which the policy goes.
    pub(crate) owner: &'a OwnerReference,
}

/// Returns the policy of the pods of a kind: they reach the networks of their targets and their
/// environment, and nobody reaches them.
pub(crate) fn policy(request: &Request<'_>) -> NetworkPolicy {
    let own = own_labels(request.environment, Some(request.kind));
    let (door, port) = request.door;
    let door = door.iter().map(|address| Network::of(*address));
    let to_door = rule(door, vec![self::port("TCP", port.into())]);
    let to_targets = rule(request.networks.iter().copied(), Vec::new());
    let rules = [to_door, to_targets].into_iter().flatten();
    let to_names = request.has_names.then(|| NetworkPolicyEgressRule {
        // Clusters have their name servers in different places.
        to: None,
        ports: Some(["UDP", "TCP"].map(port_of_names).into()),
    });
    let mut labels = own.clone();
    labels.insert("app.kubernetes.io/managed-by".into(), "utakata".into());
    NetworkPolicy {
        metadata: ObjectMeta {
            name: Some(labels::policy_name(request.environment, request.kind)),
            labels: Some(labels),
            owner_references: Some(vec![request.owner.clone()]),
            ..ObjectMeta::default()
        },
        spec: Some(NetworkPolicySpec {
            pod_selector: Some(LabelSelector {
                match_labels: Some(own),
                match_expressions: None,
            }),
            policy_types: Some(vec!["Ingress".into(), "Egress".into()]),
            // Absent: nobody. An empty list is left out when it is stored.
            ingress: None,
            egress: Some(rules.chain(to_names).collect()),
        }),
    }
}

/// Returns the labels of the pods of a kind of an environment, or of all of its kinds.
fn own_labels(environment: &EnvironmentId, kind: Option<&Kind>) -> BTreeMap<String, String> {
    let environment = (labels::ENVIRONMENT, labels::value(environment.as_str()));
    let kind = kind.map(|kind| (labels::KIND, labels::value(kind.as_str())));
    let own = std::iter::once(environment).chain(kind);
    own.map(|(name, value)| (name.to_owned(), value)).collect()
}

/// Returns the rule that lets packets to networks through; `None` if there are no networks, for a
/// rule without peers lets everything through.
fn rule(
    to: impl Iterator<Item = Network>,
    ports: Vec<NetworkPolicyPort>,
) -> Option<NetworkPolicyEgressRule> {
    let peer = |network: Network| NetworkPolicyPeer {
        ip_block: Some(IPBlock {
            cidr: network.to_string(),
            except: None,
        }),
        ..NetworkPolicyPeer::default()
    };
    let peers: Vec<NetworkPolicyPeer> = to.map(peer).collect();
    (!peers.is_empty()).then(|| NetworkPolicyEgressRule {
        to: Some(peers),
        ports: (!ports.is_empty()).then_some(ports),
    })
}

fn port_of_names(protocol: &str) -> NetworkPolicyPort {
    port(protocol, DNS_PORT)
}

fn port(protocol: &str, port: i32) -> NetworkPolicyPort {
    NetworkPolicyPort {
        port: Some(IntOrString::Int(port)),
        protocol: Some(protocol.into()),
        end_port: None,
    }
}

/// A step that makes the policies of an environment what they should be.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    Create(Box<NetworkPolicy>),
    Replace(Box<NetworkPolicy>),
    Delete(String),
}

/// Compares the policies that are there with those that should be.
pub(crate) fn steps(wanted: Vec<NetworkPolicy>, found: Vec<NetworkPolicy>) -> Vec<Step> {
    let by_name = |policy: NetworkPolicy| Some((policy.metadata.name.clone()?, policy));
    let mut found: BTreeMap<String, NetworkPolicy> =
        found.into_iter().filter_map(by_name).collect();
    let mut steps = Vec::new();
    for (name, mut policy) in wanted.into_iter().filter_map(by_name) {
        match found.remove(&name) {
            None => steps.push(Step::Create(Box::new(policy))),
            Some(last) if is_alike(&last, &policy) => {}
            Some(last) => {
                policy.metadata.resource_version = last.metadata.resource_version;
                steps.push(Step::Replace(Box::new(policy)));
            }
        }
    }
    steps.extend(found.into_keys().map(Step::Delete));
    steps
}

fn is_alike(one: &NetworkPolicy, other: &NetworkPolicy) -> bool {
    let of = |policy: &NetworkPolicy| {
        let metadata = &policy.metadata;
        (policy.spec.clone(), metadata.owner_references.clone())
    };
    let ((mut spec, owners), wanted) = (of(one), of(other));
    // Both say the same.
    if let Some(spec) = &mut spec
        && spec.ingress.as_ref().is_some_and(Vec::is_empty)
    {
        spec.ingress = None;
    }
    (spec, owners) == wanted
}

#[cfg(test)]
mod tests {
    use std::{fs, path::Path};

    use super::*;

    fn asked(kind: &str, networks: &[&str], has_names: bool) -> NetworkPolicy {
        let networks: Vec<Network> = networks.iter().map(|text| text.parse().unwrap()).collect();
        policy(&Request {
            environment: &"lab".parse().unwrap(),
            kind: &kind.parse().unwrap(),
            networks: &networks,
            has_names,
            door: (&[[10, 1, 0, 1].into()], 7733),
            owner: &crate::lease::owner("lab", "owner-uid"),
        })
    }

    /// `UPDATE=1` writes the file.
    #[test]
    fn a_policy_is_as_the_golden_file_says() {
        let policy = asked("snmp", &["10.0.0.0/30", "2001:db8::1/128"], true);
        let mut text = serde_json::to_string_pretty(&policy).unwrap();
        text.push('\n');
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/policy/golden.json");
        if std::env::var_os("UPDATE").is_some() {
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(&file, &text).unwrap();
        }
        assert_eq!(text, fs::read_to_string(&file).unwrap());
    }

    #[test]
    fn without_targets_pods_reach_their_environment_alone_and_never_everything() {
        let spec = asked("snmp", &[], false).spec.unwrap();
        let rules = serde_json::to_value(&spec.egress).unwrap();
        let expect = serde_json::json!([
            {"to": [{"ipBlock": {"cidr": "10.1.0.1/32"}}],
                "ports": [{"port": 7733, "protocol": "TCP"}]},
        ]);
        assert_eq!(rules, expect);
        assert_eq!(spec.policy_types.unwrap(), ["Ingress", "Egress"]);
        assert_eq!(spec.ingress, None);
    }

    #[test]
    fn policies_are_written_only_when_they_differ() {
        let stored = |mut policy: NetworkPolicy| {
            policy.metadata.uid = Some("u".into());
            policy.metadata.resource_version = Some("7".into());
            policy
        };
        let found = vec![
            stored(asked("same", &["10.0.0.1/32"], false)),
            stored(asked("other", &["10.0.0.1/32"], false)),
            stored(asked("gone", &["10.0.0.1/32"], false)),
        ];
        let wanted = vec![
            asked("same", &["10.0.0.1/32"], false),
            asked("other", &["10.0.0.2/32"], false),
            asked("new", &[], false),
        ];
        let told: Vec<String> = steps(wanted, found)
            .into_iter()
            .map(|step| match step {
                Step::Create(policy) => format!("create {}", policy.metadata.name.unwrap()),
                Step::Replace(policy) => {
                    assert_eq!(policy.metadata.resource_version.as_deref(), Some("7"));
                    format!("replace {}", policy.metadata.name.unwrap())
                }
                Step::Delete(name) => format!("delete {name}"),
            })
            .collect();
        assert_eq!(
            told,
            ["replace lab-other", "create lab-new", "delete lab-gone"]
        );
    }
}
