//! Requirements on every store: the desired state of kinds, and rollouts.

use serde_json::json;
use utakata_api::rollout::{KindAssignment, Pin, Rollout, RolloutState};
use utakata_logic::store::{KindRow, KindsDesired, Store};
use utakata_model::{ReleaseDigest, ReleaseId, RolloutId};

fn release(kind: &str, version: &str) -> ReleaseId {
    ReleaseId {
        kind: kind.parse().unwrap(),
        version: version.into(),
        digest: ReleaseDigest(format!("{version:0>64}").into()),
    }
}

fn rollout(kind: &str, state: RolloutState) -> Rollout {
    serde_json::from_value(json!({
        "id": RolloutId::generate(), "kind": kind, "from": release(kind, "1.0"),
        "to": release(kind, "1.1"), "plan": {}, "waves": ["room=A"], "wave": 0, "by": "kim",
        "began": "2026-03-01T12:00:00Z", "state": state,
    }))
    .unwrap()
}

fn requested(kind: &str, version: &str) -> KindRow {
    KindRow {
        kind: kind.parse().unwrap(),
        requested: KindAssignment {
            stable: Some(release(kind, version)),
            pins: vec![Pin {
                selector: "firmware=2.1".parse().unwrap(),
                version: "0.9".into(),
            }],
            kept: vec![release(kind, "0.9")],
            placement: Some("purpose=control".parse().unwrap()),
        },
    }
}

/// Rollouts and orders of kinds are those written last, with their revision.
pub async fn rollouts_are_those_that_were_written(store: &dyn Store) {
    let desired = async || store.kinds_desired().await.unwrap();
    let revision = async || store.orders().await.unwrap().revision;
    assert_eq!(desired().await, KindsDesired::default());
    let version = store.inventory_version().await.unwrap();
    let (pdu, ups) = (
        rollout("pdu", RolloutState::Running),
        rollout("ups", RolloutState::Paused),
    );
    let row = requested("pdu", "1.0");
    store.put_rollout(5, Some(&row), Some(&pdu)).await.unwrap();
    store.put_rollout(6, None, Some(&ups)).await.unwrap();
    assert_eq!(revision().await, 6);
    // Others see that they have to read again.
    assert!(store.inventory_version().await.unwrap() > version);
    let expect = KindsDesired {
        kinds: vec![row],
        open: vec![pdu.clone(), ups.clone()],
    };
    assert_eq!(desired().await, expect);
    // A second one of the same kind cannot be open, and leaves nothing.
    let second = rollout("pdu", RolloutState::Running);
    let row = requested("pdu", "3");
    let refused = store.put_rollout(7, Some(&row), Some(&second)).await;
    refused.unwrap_err();
    assert_eq!((revision().await, desired().await), (6, expect));
    let done = Rollout {
        state: RolloutState::Done,
        ..pdu.clone()
    };
    let row = requested("pdu", "1.1");
    store.put_rollout(8, Some(&row), Some(&done)).await.unwrap();
    store.put_rollout(9, None, Some(&second)).await.unwrap();
    let now = desired().await;
    assert_eq!(now.kinds, [row]);
    let mut open = vec![ups.clone(), second.clone()];
    open.sort_by_key(|one| one.id);
    assert_eq!(now.open, open);
    let listed = store.rollouts(None, 10).await.unwrap();
    assert_eq!(listed, [second.clone(), ups.clone(), done.clone()]);
    let before = store.rollouts(Some(second.id), 1).await.unwrap();
    assert_eq!(before, [ups]);
    assert_eq!(store.rollout(done.id).await.unwrap(), Some(done));
    assert_eq!(store.rollout(RolloutId::generate()).await.unwrap(), None);
}
