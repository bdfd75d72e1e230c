//! The workers of each kind reach the networks of its targets, as the logic environment sends them.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::{Value, json};
use utakata_execution::config;
use utakata_interconnect::{Event, Events as _};
use utakata_kube_for_tests::{Fault, Scope};
use utakata_model::{Desired, Kind, StandingOrders, TargetNetworks, Zone};

use super::{
    Quay,
    quay::{NAMESPACE, reference},
};
use crate::{player::until, site::Site};

const POLICIES: &str = "networkpolicies";

fn networks(networks: &[&str], names: &[&str]) -> TargetNetworks {
    TargetNetworks {
        networks: networks.iter().map(|text| text.parse().unwrap()).collect(),
        names: names.iter().map(|name| (*name).to_owned()).collect(),
        unknown: 0,
    }
}

async fn send(site: &Site, revision: u64, targets: Option<BTreeMap<Kind, TargetNetworks>>) {
    let desired = Desired {
        zone: Zone::default(),
        revision,
        environments: BTreeMap::new(),
        kinds: BTreeMap::new(),
        standing: StandingOrders::default(),
        targets,
    };
    let event = Event::Desired(Arc::new(desired));
    site.bus.publish(vec![event]).await.unwrap();
}

fn of(kind: &str, targets: TargetNetworks) -> Option<BTreeMap<Kind, TargetNetworks>> {
    Some([(kind.parse().unwrap(), targets)].into())
}

/// The networks of the policies that are there, by kind.
fn reached(quay: &Quay) -> BTreeMap<String, Vec<String>> {
    let policies = quay.cluster.objects(POLICIES, NAMESPACE).into_iter();
    let of_one = |policy: Value| {
        let kind = &policy["spec"]["podSelector"]["matchLabels"]["utakata.io/kind"];
        let rules = policy["spec"]["egress"].as_array().unwrap();
        let to = rules
            .iter()
            .filter_map(|rule| rule["to"].as_array())
            .flatten();
        let to = to.map(|peer| peer["ipBlock"]["cidr"].as_str().unwrap().to_owned());
        (kind.as_str().unwrap().to_owned(), to.collect())
    };
    policies.map(of_one).collect()
}

fn expect<const N: usize>(kind: &str, networks: [&str; N]) -> BTreeMap<String, Vec<String>> {
    [(kind.into(), networks.map(str::to_owned).into())].into()
}

#[tokio::test]
async fn workers_reach_the_targets_of_their_kind_wherever_the_inventory_moves_them() {
    let quay = Quay::open();
    let pods = config::Kubernetes {
        network_policies: true,
        ..quay.config()
    };
    let scope = Scope::of("create", POLICIES);
    quay.cluster.fail(scope, Fault::TooManyRequests(1), 1);
    let site = quay.site_with(&reference(), pods, |_| {}).await;
    site.ready("echo").await;
    assert!(site.handle.status().needs_networks);
    // Nobody has said yet where the targets are.
    assert_eq!(reached(&quay), BTreeMap::new());
    send(&site, 0, of("echo", networks(&["192.0.2.0/30"], &[]))).await;
    let first = expect("echo", ["127.0.0.1/32", "192.0.2.0/30"]);
    until(|| reached(&quay) == first).await;
    let policy = quay.cluster.objects(POLICIES, NAMESPACE).remove(0);
    let lease = quay.cluster.objects("leases", NAMESPACE).remove(0);
    let owner = &policy["metadata"]["ownerReferences"][0];
    assert_eq!(owner["uid"], lease["metadata"]["uid"]);
    let pod = quay.cluster.objects("pods", NAMESPACE).remove(0);
    for (name, value) in policy["spec"]["podSelector"]["matchLabels"]
        .as_object()
        .unwrap()
    {
        assert_eq!(&pod["metadata"]["labels"][name], value, "{name}");
    }
    // The inventory has changed, and the orders have not.
    let moved = networks(&["198.51.100.7/32"], &["localhost"]);
    send(&site, 0, of("echo", moved)).await;
    until(|| reached(&quay)["echo"].contains(&"198.51.100.7/32".to_owned())).await;
    let policy = quay.cluster.objects(POLICIES, NAMESPACE).remove(0);
    let to_names = &policy["spec"]["egress"].as_array().unwrap().last().unwrap()["ports"];
    let dns = json!([{"port": 53, "protocol": "UDP"}, {"port": 53, "protocol": "TCP"}]);
    assert_eq!(*to_names, dns);
    // What no logic environment knows about stays as it is.
    send(&site, 1, None).await;
    send(&site, 2, of("other", networks(&["203.0.113.1/32"], &[]))).await;
    let other = expect("other", ["127.0.0.1/32", "203.0.113.1/32"]);
    until(|| reached(&quay) == other).await;
    site.end().await;
    quay.assert_empty().await;
}

#[tokio::test]
async fn without_the_setting_no_policy_is_written() {
    let quay = Quay::open();
    let site = quay.site(|_| {}).await;
    site.ready("echo").await;
    assert!(!site.handle.status().needs_networks);
    send(&site, 1, of("echo", networks(&["192.0.2.0/30"], &[]))).await;
    until(|| site.handle.status().desired == Some(1)).await;
    assert_eq!(reached(&quay), BTreeMap::new());
    site.end().await;
    quay.assert_empty().await;
}
