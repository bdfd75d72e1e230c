//! Requirements on every store: shipped releases, and the zones of environments.

use utakata_logic::store::{ShippedRelease, Store};
use utakata_model::{Content, EnvironmentId, Manifest, ReleaseDigest, ReleaseId, Zone};

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
