//! The policies of an environment's pods: made of the networks of targets, and written where they
//! differ.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    net::IpAddr,
    time::Duration,
};

use futures::{StreamExt as _, stream};
use parking_lot::Mutex;
use utakata_execution::runtime::{Door, Life};
use utakata_model::{Kind, TargetNetworks, network};

use crate::{
    cluster::Cluster,
    error::Error,
    labels,
    lease::{self, Ownership},
    policy::{self, Request, Step},
};

/// Networks of a policy: as many as a logic environment sends, and the addresses behind names.
const MAX_NETWORKS: usize = 1000;
/// Names that are looked up at a time.
const LOOKUPS: usize = 16;
/// The time that a look-up may take.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(5);

/// The addresses of names, as they were found last: a name server that is away closes no way.
#[derive(Debug, Default)]
pub(crate) struct Names(Mutex<HashMap<String, BTreeSet<IpAddr>>>);

impl Names {
    /// Looks up the addresses of names, keeps those found before of names that are not found now,
    /// and forgets all other names.
    async fn look_up(&self, names: BTreeSet<String>) {
        let found = stream::iter(names.clone()).map(|name| async move {
            let found = tokio::net::lookup_host((name.as_str(), 0));
            let found = tokio::time::timeout(LOOKUP_TIMEOUT, found).await;
            let found = found.ok()?.ok()?;
            let addresses: BTreeSet<IpAddr> = found.map(|one| one.ip().to_canonical()).collect();
            (!addresses.is_empty()).then_some((name, addresses))
        });
        let found: Vec<_> = found.buffer_unordered(LOOKUPS).collect().await;
        let mut known = self.0.lock();
        known.retain(|name, _| names.contains(name));
        known.extend(found.into_iter().flatten());
    }

    fn of(&self, name: &str) -> BTreeSet<IpAddr> {
        self.0.lock().get(name).cloned().unwrap_or_default()
    }
}

/// Makes the policies of an environment what they should be.
pub(crate) async fn confine(
    (cluster, ownership, names): (&Cluster, &Ownership, &Names),
    life: &Life,
    door: &Door,
    targets: &BTreeMap<Kind, TargetNetworks>,
) -> Result<(), Error> {
    let (host, port) = host_and_port(&door.endpoint).ok_or(Error::Address)?;
    let of_targets = targets.values().flat_map(|one| &one.names);
    let host = host.to_owned();
    let all = of_targets.chain([&host]).cloned();
    names.look_up(all.collect()).await;
    let door: Vec<IpAddr> = names.of(&host).into_iter().collect();
    if door.is_empty() {
        // Pods that cannot reach their environment would be worse than pods that reach too much.
        return Err(Error::Address);
    }
    let uid = ownership.uid(cluster, life).await?;
    let owner = lease::owner(&labels::lease_name(&life.environment), &uid);
    let wanted = targets.iter().map(|(kind, targets)| {
        let of_names = targets.names.iter().flat_map(|name| names.of(name));
        let of_names = network::collapse(of_names, MAX_NETWORKS);
        policy::policy(&Request {
            environment: &life.environment,
            kind,
            networks: &[&targets.networks[..], &of_names].concat(),
            has_names: !targets.names.is_empty(),
            door: (&door, port),
            owner: &owner,
        })
    });
    let wanted = wanted.collect();
    let found = cluster
        .policies(&labels::of_environment(&life.environment))
        .await?;
    for step in policy::steps(wanted, found) {
        match step {
            Step::Create(policy) => cluster.create_policy(&policy).await?,
            Step::Replace(policy) => cluster.replace_policy(&policy).await?,
            Step::Delete(name) => cluster.delete_policy(&name).await?,
        }
    }
    for (kind, targets) in targets.iter().filter(|(_, targets)| targets.unknown > 0) {
        let unknown = targets.unknown;
        tracing::debug!(%kind, unknown, "no policy can hold the addresses of some targets");
    }
    Ok(())
}

/// Returns host and port of `https://host:port`.
fn host_and_port(endpoint: &str) -> Option<(&str, u16)> {
    let (_, authority) = endpoint.split_once("://")?;
    let (host, port) = authority.trim_end_matches('/').rsplit_once(':')?;
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    Some((bare.unwrap_or(host), port.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_door_has_a_host_and_a_port() {
        for (endpoint, expect) in [
            ("https://10.0.0.1:7733", Some(("10.0.0.1", 7733))),
            ("https://[2001:db8::1]:7733", Some(("2001:db8::1", 7733))),
            ("https://wee.example:1/", Some(("wee.example", 1))),
            ("unix:/run/x", None),
        ] {
            assert_eq!(host_and_port(endpoint), expect, "{endpoint}");
        }
    }

    #[tokio::test]
    async fn a_name_that_is_not_found_any_more_keeps_its_addresses() {
        let names = Names::default();
        names
            .0
            .lock()
            .insert("gone.invalid".into(), [[10, 0, 0, 1].into()].into());
        names
            .0
            .lock()
            .insert("unused.invalid".into(), [[10, 0, 0, 2].into()].into());
        names
            .look_up(["gone.invalid", "127.0.0.1"].map(str::to_owned).into())
            .await;
        assert_eq!(names.of("gone.invalid"), [[10, 0, 0, 1].into()].into());
        assert_eq!(names.of("127.0.0.1"), [[127, 0, 0, 1].into()].into());
        assert!(names.of("unused.invalid").is_empty());
    }
}
