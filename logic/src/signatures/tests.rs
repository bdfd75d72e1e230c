use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::json;
use utakata_api::environment::{Trust, TrustedKey};
use utakata_seal::EnvironmentKeys;

use super::*;
use crate::{secrets::KeyPlace, store};

/// A site with an environment in each of two halls.
struct Site {
    signatures: SiteSignatures,
    kinds: Arc<Kinds>,
    one: EnvironmentKeys,
    two: EnvironmentKeys,
    _folder: tempfile::TempDir,
}

impl Site {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("store.db");
        let store = store::open(&crate::config::Store::default(), &file)
            .await
            .unwrap();
        let place = KeyPlace::of(&crate::Config::default(), folder.path(), None);
        let secrets = Secrets::begin(place, None, &*store, clock::now())
            .await
            .unwrap();
        let keys = || EnvironmentKeys::generate().unwrap();
        let (one, two, kinds) = (keys(), keys(), Arc::new(Kinds::default()));
        let trusted = |keys: &EnvironmentKeys| TrustedKey {
            key: keys.public().clone(),
            by: None,
            since: Timestamp::UNIX_EPOCH,
        };
        let hall = |name: &str| name.parse::<Zone>().unwrap();
        let all = [("wee-1", "hall-1", &one), ("wee-2", "hall-2", &two)];
        let zones = all.map(|(id, zone, _)| (id.parse().unwrap(), hall(zone)));
        kinds.settle_zones(zones.into());
        let trust = all.map(|(id, zone, keys)| {
            let trust = Trust::Accepted(trusted(keys));
            (id.parse().unwrap(), (hall(zone), trust))
        });
        kinds.trust(BTreeMap::from(trust));
        let signatures = SiteSignatures::new();
        signatures.know(Arc::new(secrets), Arc::clone(&kinds), None);
        Self {
            signatures,
            kinds,
            one,
            two,
            _folder: folder,
        }
    }

    fn admit(&self, topic: &str, payload: &[u8]) -> Result<Sender, Distrust> {
        let topic: Topic = format!("utakata/v1/{topic}").parse().unwrap();
        let admitted = self.signatures.admit_event(&topic, payload);
        admitted.map(|admitted| {
            assert_eq!(&*admitted.message, MESSAGE);
            admitted.sender
        })
    }

    fn status(&self, id: &str, zone: &str, state: &str, keys: &EnvironmentKeys) {
        let status = json!({
            "id": id, "incarnation": "0192f0c1-0000-7000-8000-00000000000e", "zone": zone,
            "state": state, "version": "1", "time": "2026-03-01T12:00:00Z", "pools": [],
            "key": { "public": keys.public() },
        });
        self.kinds
            .hear(&Arc::new(serde_json::from_value(status).unwrap()));
    }
}

const MESSAGE: &[u8] = br#"{"version":1}"#;

fn signed(keys: &EnvironmentKeys, topic: &str) -> Vec<u8> {
    let place = format!("utakata/v1/{topic}");
    keys.signing_key().sign(&place, MESSAGE.to_vec())
}

fn environment(id: &str) -> Result<Sender, Distrust> {
    Ok(Sender::Environment(id.parse().unwrap()))
}

#[tokio::test]
async fn an_environment_speaks_for_itself_and_its_zone() {
    let site = Site::new().await;
    let of_one = [
        "environment/wee-1",
        "start/wee-1",
        "datagram/wee-1",
        "outcome/hall-1/pdu",
    ];
    for topic in of_one {
        assert_eq!(
            site.admit(topic, MESSAGE),
            Err(Distrust::Unsigned),
            "{topic}"
        );
        let forged = signed(&site.two, topic);
        assert_eq!(
            site.admit(topic, &forged),
            Err(Distrust::Elsewhere),
            "{topic}"
        );
        let own = signed(&site.one, topic);
        // The broker may deliver it again.
        for _ in 0..2 {
            assert_eq!(site.admit(topic, &own), environment("wee-1"), "{topic}");
        }
    }
    let elsewhere = signed(&site.two, "outcome/hall-2/pdu");
    assert_eq!(
        site.admit("outcome/hall-1/pdu", &elsewhere),
        Err(Distrust::Elsewhere)
    );
    let moved = signed(&site.one, "start/wee-1");
    assert_eq!(
        site.admit("environment/wee-1", &moved),
        Err(Distrust::Wrong)
    );
}

#[tokio::test]
async fn a_key_that_is_not_accepted_only_introduces_itself_and_for_nobody_who_is_there() {
    let site = Site::new().await;
    let stranger = EnvironmentKeys::generate().unwrap();
    let signer = Sender::Stranger(stranger.signing_key().signer().0.clone());
    for topic in ["start/wee-3", "outcome/hall-1/pdu"] {
        let forged = signed(&stranger, topic);
        assert_eq!(
            site.admit(topic, &forged),
            Err(Distrust::Unknown),
            "{topic}"
        );
    }
    // What somebody says who waits to be accepted does not count, and is nothing to report.
    site.status("wee-4", "hall-1", "running", &stranger);
    let waiting = signed(&stranger, "start/wee-4");
    assert_eq!(site.admit("start/wee-4", &waiting), Err(Distrust::Early));
    let new = signed(&stranger, "environment/wee-3");
    assert_eq!(site.admit("environment/wee-3", &new), Ok(signer.clone()));
    // A host that was made anew has another key, once the earlier one is gone.
    site.status("wee-1", "hall-1", "running", &site.one);
    let anew = signed(&stranger, "environment/wee-1");
    assert_eq!(
        site.admit("environment/wee-1", &anew),
        Err(Distrust::Unknown)
    );
    site.status("wee-1", "hall-1", "gone", &site.one);
    assert_eq!(site.admit("environment/wee-1", &anew), Ok(signer));
}

#[tokio::test]
async fn what_only_the_site_says_no_environment_says() {
    let site = Site::new().await;
    let topic = "notification/hall-1/pdu-1";
    let forged = signed(&site.one, topic);
    assert_eq!(site.admit(topic, &forged), Err(Distrust::Unknown));
    let place = format!("utakata/v1/{topic}");
    let own = site.signatures.sign(&place, MESSAGE.to_vec());
    assert_eq!(site.admit(topic, &own), Ok(Sender::Site));
    // How what was unknown is settled.
    let own = site
        .signatures
        .sign("utakata/v1/outcome/hall-1/pdu", MESSAGE.to_vec());
    assert_eq!(site.admit("outcome/hall-1/pdu", &own), Ok(Sender::Site));
    for topic in ["reading/pdu-1/read", "fetch/wee-9"] {
        assert_eq!(site.admit(topic, MESSAGE), Ok(Sender::Anybody), "{topic}");
    }
}

#[tokio::test]
async fn before_the_site_is_known_nothing_counts_and_nothing_is_reported() {
    let signatures = SiteSignatures::new();
    let topic = "utakata/v1/start/wee-1".parse().unwrap();
    let refused = signatures.admit_event(&topic, MESSAGE);
    assert_eq!(refused.unwrap_err(), Distrust::Early);
    assert_eq!(signatures.sign("x", MESSAGE.to_vec()), MESSAGE);
}

#[tokio::test]
async fn after_a_rotation_the_earlier_key_signs_until_all_know_the_new_one() {
    let site = Site::new().await;
    let known = site.signatures.known.get().unwrap();
    let (secrets, before) = (&known.secrets, clock::now());
    let first = secrets.seal().key;
    assert_eq!(secrets.signing_key(before), first);
    let next = secrets.next(before).await.unwrap();
    secrets.adopt(next.clone()).await;
    assert_eq!(secrets.signing_key(before), first);
    let later = before + jiff::SignedDuration::from_secs(91);
    assert_eq!(secrets.signing_key(later), next.key);
    let (id, zone) = ("wee-1".parse().unwrap(), "hall-1".parse().unwrap());
    let ContentPiece::Certified(certificate) =
        site.signatures.certify(&id, &zone, site.one.public())
    else {
        panic!("no certificate");
    };
    let signer = secrets.site_signer(&first).unwrap();
    assert!(utakata_seal::is_successor(
        &certificate,
        signer.key().signer()
    ));
    assert_ne!(certificate.signer, *signer.key().signer());
}
