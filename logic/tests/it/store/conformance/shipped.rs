//! Requirements on every store: shipped releases, and the zones and keys of environments.

use jiff::Timestamp;
use utakata_api::environment::{Trust, TrustedKey};
use utakata_logic::store::{KeyRow, ShippedRelease, Store};
use utakata_model::{
    Content, EnvironmentId, EnvironmentKey, Manifest, ReleaseDigest, ReleaseId, Zone,
};

fn release(version: &str, digest: &str) -> ShippedRelease {
    let text = format!(
        "kind = \"pdu\"\nversion = \"{version}\"\nprotocol = 1\n[run]\nprogram = \"run\"\n\
         [[action]]\nname = \"read\"\nclass = \"observe\"\n"
    );
    let manifest = Manifest::parse(&text).unwrap();
    ShippedRelease {
        id: ReleaseId {
            kind: manifest.kind.clone(),
            version: version.into(),
            digest: ReleaseDigest(digest.into()),
        },
        manifest,
        content: Content::default(),
        utakata: "0.1.0".into(),
    }
}

/// Releases shipped with one version of utakata stay when another version ships others, whichever
/// was here first.
pub async fn what_comes_with_utakata_stays_when_others_come(store: &dyn Store) {
    let (old, new) = (release("1.0", "aa"), release("1.1", "bb"));
    let version = store.inventory_version().await.unwrap();
    assert!(
        store
            .put_shipped(&[old.clone(), new.clone()])
            .await
            .unwrap()
    );
    let changed = store.inventory_version().await.unwrap();
    assert!(changed > version);
    assert!(!store.put_shipped(std::slice::from_ref(&new)).await.unwrap());
    assert!(!store.put_shipped(std::slice::from_ref(&old)).await.unwrap());
    assert_eq!(store.shipped().await.unwrap(), [old, new]);
    assert_eq!(store.inventory_version().await.unwrap(), changed);
}

/// An environment keeps the zone written first, until it is removed.
pub async fn an_environment_has_the_zone_that_was_written_first(store: &dyn Store) {
    let id = EnvironmentId::new("hall-1-a").unwrap();
    let [one, other] = ["hall-1", "hall-2"].map(|zone| Zone::new(zone).unwrap());
    store.put_zone(&id, &one).await.unwrap();
    store.put_zone(&id, &other).await.unwrap();
    assert_eq!(store.zones().await.unwrap(), [(id.clone(), one)]);
    let version = store.inventory_version().await.unwrap();
    store.delete_zone(&id).await.unwrap();
    assert!(store.inventory_version().await.unwrap() > version);
    store.put_zone(&id, &other).await.unwrap();
    assert_eq!(store.zones().await.unwrap(), [(id, other)]);
}

/// An environment has the key written last, until it is removed.
pub async fn an_environment_has_the_key_that_was_written_last(store: &dyn Store) {
    let row = |zone: &str, trust: Trust| KeyRow {
        environment: EnvironmentId::new("hall-1-a").unwrap(),
        zone: Zone::new(zone).unwrap(),
        trust,
    };
    let trusted = TrustedKey {
        key: EnvironmentKey("aGFsbC0x".into()),
        by: Some("ann".parse().unwrap()),
        since: Timestamp::UNIX_EPOCH,
    };
    let version = store.inventory_version().await.unwrap();
    for trust in [
        Trust::Expected,
        Trust::Accepted(trusted.clone()),
        Trust::Revoked(trusted),
    ] {
        let row = row("hall-1", trust);
        store.put_key(&row).await.unwrap();
        assert_eq!(store.keys().await.unwrap(), [row]);
    }
    let moved = row("hall-2", Trust::Expected);
    store.put_key(&moved).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), std::slice::from_ref(&moved));
    store.delete_key(&moved.environment).await.unwrap();
    assert_eq!(store.keys().await.unwrap(), []);
    assert!(store.inventory_version().await.unwrap() > version + 3);
}
