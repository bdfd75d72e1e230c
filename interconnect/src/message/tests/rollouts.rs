//! The bytes of messages about releases and rollouts.

use utakata_model::{
    Content, ContentFile, EnvironmentKey, FileDigest, KindDesired, RolloutOrder, RolloutPhase,
    RolloutPlan, RolloutStatus, Signer, SiteCertificate, StandingOrders, Succession,
    TargetNetworks,
    rollout::{Difference, Evidence, Go, GoOrder, Sample},
};

use super::*;
use crate::message::content::{ContentPiece, ContentReply, ContentRequest, FetchBatch};

fn candidate() -> ReleaseId {
    ReleaseId {
        version: "1.1.0".into(),
        digest: ReleaseDigest("0cc175b9c0f1b6a831c399e269772661".into()),
        ..release()
    }
}

fn rollout() -> utakata_model::RolloutId {
    "0192f0c1-0000-7000-8000-0000000000aa".parse().unwrap()
}

/// Desired state with orders for everybody in a zone.
fn desired_standing() -> Desired {
    let order = |stop| Order {
        stop,
        by: "kim".parse().unwrap(),
        since: "2026-03-01T12:00:00Z".parse().unwrap(),
        why: None,
    };
    let zone = Orders {
        all: Some(order(Stop::Pause)),
        kinds: BTreeMap::from([("snmp".parse().unwrap(), order(Stop::Drain))]),
        ..Orders::default()
    };
    let everywhere = Orders {
        kinds: BTreeMap::from([("ups".parse().unwrap(), order(Stop::Pause))]),
        releases: BTreeMap::from([("apc-pdu@1.1.0".parse().unwrap(), order(Stop::Drain))]),
        ..Orders::default()
    };
    Desired {
        environments: BTreeMap::new(),
        standing: StandingOrders { zone, everywhere },
        ..desired()
    }
}

fn desired_kinds() -> Desired {
    let go = Go {
        order: GoOrder::Go,
        promoted: Some(RolloutPhase::Shadow),
    };
    let order = RolloutOrder {
        id: rollout(),
        candidate: candidate(),
        plan: RolloutPlan::default(),
        environments: BTreeMap::from([("wee-1".parse().unwrap(), go)]),
    };
    let kind = KindDesired {
        stable: Some(release()),
        kept: vec![release()],
        rollout: Some(order),
        placement: Some("room=A".parse().unwrap()),
    };
    Desired {
        environments: BTreeMap::new(),
        kinds: BTreeMap::from([("apc-pdu".parse().unwrap(), kind)]),
        ..desired()
    }
}

/// Desired state with the networks of targets.
fn desired_networks() -> Desired {
    let networks = TargetNetworks {
        networks: ["10.0.0.0/30", "2001:db8::1/128"]
            .map(|text| text.parse().unwrap())
            .into(),
        names: vec!["pdu-a1.example".into()],
        unknown: 1,
    };
    Desired {
        environments: BTreeMap::new(),
        targets: Some([("snmp".parse().unwrap(), networks)].into()),
        ..desired()
    }
}

fn environment_rollouts() -> EnvironmentStatus {
    let difference = Difference {
        what: "hw.power{hw.id=outlet-4}".into(),
        stable: "87.5 W".into(),
        candidate: "875 W".into(),
        times: 3,
    };
    let rollout = RolloutStatus {
        id: rollout(),
        kind: "apc-pdu".parse().unwrap(),
        candidate: candidate(),
        phase: RolloutPhase::Back,
        since: "2026-03-01T12:00:00Z".parse().unwrap(),
        paused: false,
        evidence: Evidence {
            compared: 5,
            differing: 3,
            differences: vec![difference],
            share: 0.0,
            candidate: Sample::default(),
            stable: Sample {
                tasks: 40,
                failed: 1,
                unknown: 0,
                p50: 0.002,
                p99: 0.015,
            },
            lost: 1,
            memory: Some(20_971_520),
            ..Evidence::default()
        },
        problem: Some(Problem::new(
            "rollout-differs",
            Cure::Bug,
            "3 of 5 answers differ",
        )),
    };
    EnvironmentStatus {
        rollouts: vec![rollout],
        ..environment()
    }
}

fn fetch() -> FetchBatch {
    FetchBatch {
        environment: "wee-1".parse().unwrap(),
        wants: vec![
            ContentRequest::Release(candidate().digest),
            ContentRequest::File {
                digest: FileDigest::of(b"foam"),
                from: 131_072,
            },
        ],
    }
}

fn content() -> ContentReply {
    let file = ContentFile {
        path: "bin/worker".into(),
        digest: FileDigest::of(b"foam"),
        size: 4,
        executable: true,
    };
    ContentReply {
        environment: "wee-1".parse().unwrap(),
        want: ContentRequest::Release(candidate().digest),
        found: ContentPiece::Release(Content { files: vec![file] }),
        kept: None,
    }
}

fn part() -> ContentReply {
    ContentReply {
        want: ContentRequest::File {
            digest: FileDigest::of(b"foam"),
            from: 0,
        },
        found: ContentPiece::Part(b"foam"[..].into()),
        ..content()
    }
}

fn certified() -> ContentReply {
    let signer = |text: &str| Signer(text.into());
    let certificate = SiteCertificate {
        signer: signer("new"),
        signature: "of-wee-1".into(),
        proof: Some("proof".into()),
        succession: vec![Succession {
            from: signer("old"),
            to: signer("new"),
            signature: "of-new".into(),
        }],
    };
    ContentReply {
        want: ContentRequest::Acceptance(EnvironmentKey("key".into())),
        found: ContentPiece::Certified(Box::new(certificate)),
        ..content()
    }
}

#[test]
fn releases_and_rollouts_have_exactly_these_bytes() {
    check("desired-kinds.json", &desired_kinds());
    check("desired-standing.json", &desired_standing());
    check("desired-networks.json", &desired_networks());
    check("environment-rollouts.json", &environment_rollouts());
    check("fetch.json", &fetch());
    check("content.json", &content());
    check("content-part.json", &part());
    check("content-certified.json", &certified());
}
