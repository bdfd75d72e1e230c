//! Requirements on every store: leases.

use std::time::Duration;

use utakata_logic::store::{
    AuditPage, Error, Fence, Lease, LeaseRequest, Member, Store, WriteBatch,
};
use utakata_model::{EnvironmentId, Incarnation};
use utakata_tests::wait::{PATIENCE, pause, soon};

use super::{audit, operation, planned};

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(30);

fn member(name: &str) -> Member {
    Member {
        environment: EnvironmentId::new(name).unwrap(),
        incarnation: Incarnation::generate(),
    }
}

pub fn wants(by: &Member, lasts: Duration, take: &[&str]) -> LeaseRequest {
    LeaseRequest {
        by: by.clone(),
        address: format!("http://{}:7700", by.environment),
        proof: format!("proof of {}", by.environment),
        lasts,
        take: take.iter().map(|&name| name.to_owned()).collect(),
        release: Vec::new(),
    }
}

fn find<'l>(leases: &'l [Lease], name: &str) -> &'l Lease {
    leases.iter().find(|lease| lease.name == name).unwrap()
}

/// Requests a lease until it is granted.
pub async fn take(store: &dyn Store, wanted: &LeaseRequest, name: &str) -> Lease {
    let taking = async {
        loop {
            let leases = store.lease(wanted).await.unwrap();
            let lease = find(&leases, name);
            if lease.holder() == Some(&wanted.by) {
                return lease.clone();
            }
            pause().await;
        }
    };
    soon(format!("{name} is taken"), taking).await
}

/// A lease has one holder at a time; it is free once it is given back.
pub async fn a_lease_has_one_holder_at_a_time(store: &dyn Store) {
    let (ann, bob) = (member("ann"), member("bob"));
    let leases = store.lease(&wants(&ann, LONG, &["b", "a"])).await.unwrap();
    let names: Vec<&str> = leases.iter().map(|lease| lease.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    for lease in &leases {
        let held = lease.held.as_ref().unwrap();
        assert_eq!((lease.epoch, lease.holder()), (1, Some(&ann)));
        assert_eq!(held.address, "http://ann:7700");
        assert!(held.ends_in > LONG / 2 && held.ends_in <= LONG, "{held:?}");
        assert!(held.since < PATIENCE, "{held:?}");
    }
    let leases = store.lease(&wants(&bob, LONG, &["a", "c"])).await.unwrap();
    assert_eq!(find(&leases, "a").holder(), Some(&ann));
    assert_eq!(find(&leases, "c").holder(), Some(&bob));

    let gives = |name: &str| LeaseRequest {
        release: vec![name.to_owned()],
        ..wants(&ann, LONG, &[])
    };
    let leases = store.lease(&gives("a")).await.unwrap();
    assert_eq!(find(&leases, "a").held, None);
    let leases = store.lease(&gives("c")).await.unwrap();
    assert_eq!(find(&leases, "c").holder(), Some(&bob), "not hers to give");
    let leases = store.lease(&wants(&bob, LONG, &["a", "b"])).await.unwrap();
    let (a, b) = (find(&leases, "a"), find(&leases, "b"));
    assert_eq!((a.epoch, a.holder()), (2, Some(&bob)));
    assert_eq!((b.epoch, b.holder()), (1, Some(&ann)));
    // Another life of the same environment is a different holder.
    let leases = store
        .lease(&wants(&member("ann"), LONG, &["b"]))
        .await
        .unwrap();
    assert_eq!(find(&leases, "b").holder(), Some(&ann));
}

/// A lease that is not renewed ends by itself, and then anybody can take it.
pub async fn a_lease_ends_by_itself(store: &dyn Store) {
    let (ann, bob) = (member("ann"), member("bob"));
    store.lease(&wants(&ann, SHORT, &["a", "b"])).await.unwrap();
    let taken = take(store, &wants(&bob, LONG, &["a"]), "a").await;
    assert_eq!(taken.epoch, 2);
    let held = taken.held.as_ref().unwrap();
    assert_eq!(
        (held.address.as_str(), held.proof.as_str()),
        ("http://bob:7700", "proof of bob")
    );
    // Nobody took the other one: it continues, and the taken one stays lost.
    let leases = store.lease(&wants(&ann, LONG, &["a"])).await.unwrap();
    let (a, b) = (find(&leases, "a"), find(&leases, "b"));
    assert_eq!((a.epoch, a.holder()), (2, Some(&bob)));
    assert_eq!((b.epoch, b.holder()), (1, Some(&ann)));
}

fn fenced(number: u64, lease: &Lease) -> WriteBatch {
    let operation = operation();
    let held = lease.held.as_ref().unwrap();
    WriteBatch {
        audit: Some(audit(number)),
        under: Some(Fence {
            lease: lease.name.clone(),
            by: held.by.clone(),
            epoch: lease.epoch,
        }),
        ..planned(&operation, &[])
    }
}

/// A write under a lease that somebody else has acquired is refused, however late it arrives.
pub async fn who_lost_a_lease_writes_nothing_under_it(store: &dyn Store) {
    let (ann, bob) = (member("ann"), member("bob"));
    let of_ann = take(store, &wants(&ann, SHORT, &["ledger"]), "ledger").await;
    let first = fenced(1, &of_ann);
    store.write(&first).await.unwrap();
    let of_bob = take(store, &wants(&bob, LONG, &["ledger"]), "ledger").await;
    let late = fenced(2, &of_ann);
    let error = store.write(&late).await.unwrap_err();
    let expect = matches!(&error, Error::NotHolder { lease, epoch, .. }
        if lease == "ledger" && *epoch == of_ann.epoch);
    assert!(expect, "{error}");
    let id = late.operations[0].0.id;
    assert!(store.operation(id).await.unwrap().is_none());
    store.write(&fenced(2, &of_bob)).await.unwrap();
    // The other holder's page is found, and the lost lease is given as the reason.
    let mut other = fenced(2, &of_ann);
    other.audit = Some(AuditPage {
        hash: "another hash".into(),
        ..audit(2)
    });
    let error = store.write(&other).await.unwrap_err();
    assert!(matches!(error, Error::NotHolder { .. }), "{error}");
    // What was written in time was written, and is reported as such.
    store.write(&first).await.unwrap();
}

/// The version of the inventory changes with every change, and only then.
pub async fn the_inventory_has_a_version(store: &dyn Store) {
    use utakata_logic::store::PeopleChange;

    let mut last = store.inventory_version().await.unwrap();
    let mut grows = async || {
        let version = store.inventory_version().await.unwrap();
        let did = version > last;
        last = version;
        did
    };
    assert!(!grows().await);
    store.change(&[super::put("a")]).await.unwrap();
    assert!(grows().await);
    let person = super::person::principal("ann");
    let gone = PeopleChange::DeletePrincipal(person.name.clone());
    let come = PeopleChange::PutPrincipal(person);
    store.change_people(&[come]).await.unwrap();
    assert!(grows().await);
    store.change_people(&[gone]).await.unwrap();
    assert!(grows().await);
    store.change(&[]).await.unwrap();
    store.write(&planned(&operation(), &[])).await.unwrap();
    store.delete_readings().await.unwrap();
    assert!(!grows().await);
}
