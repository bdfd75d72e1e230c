use utakata_interconnect::message::content::{ContentReply, ContentRequest};
use utakata_seal::{EnvironmentKeys, Keyring, SiteKey, SiteSigner};

use super::*;

const PERMIT: &str = "utakata/v1/permit/wee-1";
const CONTENT: &str = "utakata/v1/content/wee-1";
const TASKS: &str = "tasks/hall-1/apc-pdu/control";

/// The key of a site, rotated as often as there are keys.
fn site(ring: &Keyring) -> SiteSigner {
    ring.site_signer(ring.newest().id()).unwrap()
}

fn ring() -> Keyring {
    Keyring::of(SiteKey::generate().unwrap())
}

struct Place {
    folder: tempfile::TempDir,
    keys: EnvironmentKeys,
    secret: Option<JoinSecret>,
}

impl Place {
    fn new(secret: Option<&str>) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            keys: EnvironmentKeys::generate().unwrap(),
            secret: secret.map(|secret| JoinSecret::parse(secret).unwrap()),
        }
    }

    fn begin(&self, setting: Option<&str>) -> EnvironmentSignatures {
        let own = Own {
            id: "wee-1".parse().unwrap(),
            zone: "hall-1".parse().unwrap(),
            key: self.keys.public().clone(),
            secret: self.secret.clone(),
        };
        let pin = Pin::load(self.folder.path(), setting).unwrap();
        EnvironmentSignatures::new(self.keys.signing_key(), own, pin)
    }

    fn certificate(&self, site: &SiteSigner, secret: Option<&JoinSecret>) -> SiteCertificate {
        let (id, zone) = ("wee-1".parse().unwrap(), "hall-1".parse().unwrap());
        site.certify(&id, &zone, self.keys.public(), secret)
    }
}

fn signed(site: &SiteSigner, place: &str) -> Vec<u8> {
    site.key().sign(place, br#"{"version":1}"#.to_vec())
}

fn admit(
    signatures: &EnvironmentSignatures,
    topic: &str,
    payload: &[u8],
) -> Result<Sender, Distrust> {
    let topic = topic.parse().unwrap();
    let admitted = signatures.admit_event(&topic, payload);
    admitted.map(|admitted| {
        assert_eq!(&*admitted.message, br#"{"version":1}"#);
        admitted.sender
    })
}

#[test]
fn what_commands_counts_if_the_site_has_signed_it_for_its_place() {
    let (place, site) = (Place::new(None), site(&ring()));
    let stranger = self::site(&ring());
    let signatures = place.begin(Some(&site.key().signer().0));
    let permit = signed(&site, PERMIT);
    assert_eq!(admit(&signatures, PERMIT, &permit), Ok(Sender::Site));
    // The broker delivers again what was not acknowledged, or what a sender was not sure of.
    assert_eq!(admit(&signatures, PERMIT, &permit), Ok(Sender::Site));
    let other = "utakata/v1/recorded/wee-1";
    let moved = signed(&site, PERMIT);
    assert_eq!(admit(&signatures, other, &moved), Err(Distrust::Wrong));
    let forged = signed(&stranger, PERMIT);
    assert_eq!(admit(&signatures, PERMIT, &forged), Err(Distrust::Unknown));
    let clear = br#"{"version":1}"#;
    assert_eq!(admit(&signatures, PERMIT, clear), Err(Distrust::Unsigned));
    // An environment does not command another one, whatever its key.
    let own = place.keys.signing_key().sign(PERMIT, clear.to_vec());
    assert_eq!(admit(&signatures, PERMIT, &own), Err(Distrust::Unknown));
}

#[test]
fn control_counts_if_the_site_has_signed_it_for_its_queue() {
    let (place, site) = (Place::new(None), site(&ring()));
    let signatures = place.begin(Some(&site.key().signer().0));
    let tasks = signed(&site, TASKS);
    let admit = |place: &str, payload: &[u8]| {
        let admitted = signatures.admit_tasks(place, payload);
        admitted.map(Cow::into_owned)
    };
    // Whoever had them before may have been killed: they are delivered again, as the same bytes.
    for _ in 0..2 {
        assert_eq!(admit(TASKS, &tasks), Ok(br#"{"version":1}"#.to_vec()));
    }
    let elsewhere = "tasks/hall-1/ups/control";
    assert_eq!(admit(elsewhere, &tasks), Err(Distrust::Wrong));
    let clear = br#"{"version":1}"#;
    assert_eq!(admit(TASKS, clear), Err(Distrust::Unsigned));
    let forged = signed(&self::site(&ring()), TASKS);
    assert_eq!(admit(TASKS, &forged), Err(Distrust::Unknown));
}

#[test]
fn the_first_site_is_kept_and_no_other_takes_its_place() {
    let (place, site) = (Place::new(None), site(&ring()));
    let (signatures, now) = (place.begin(None), Instant::now());
    let permit = signed(&site, PERMIT);
    assert_eq!(admit(&signatures, PERMIT, &permit), Err(Distrust::Early));
    let stranger = Sender::Stranger(site.key().signer().0.clone());
    let content = signed(&site, CONTENT);
    assert_eq!(admit(&signatures, CONTENT, &content), Ok(stranger));
    signatures
        .meet(&place.certificate(&site, None), now)
        .unwrap();
    assert_eq!(admit(&signatures, PERMIT, &permit), Ok(Sender::Site));
    let other = self::site(&ring());
    for signatures in [signatures, place.begin(None)] {
        let refused = signatures.meet(&place.certificate(&other, None), now);
        let message = refused.unwrap_err().message.to_string();
        assert!(message.contains("site.pub"), "{message}");
        let permit = signed(&site, PERMIT);
        assert_eq!(admit(&signatures, PERMIT, &permit), Ok(Sender::Site));
    }
    // A certificate for somebody else is none for us.
    let elsewhere = Place::new(None).certificate(&site, None);
    assert!(place.begin(None).meet(&elsewhere, now).is_err());
}

#[test]
fn with_a_join_secret_the_site_has_to_know_it() {
    let (secret, wrong) = ("s".repeat(40), "t".repeat(40));
    let (place, site) = (Place::new(Some(&secret)), site(&ring()));
    let (signatures, now) = (place.begin(None), Instant::now());
    let wrong = JoinSecret::parse(&wrong).unwrap();
    for secret in [None, Some(&wrong)] {
        let refused = signatures.meet(&place.certificate(&site, secret), now);
        let message = refused.unwrap_err().message.to_string();
        assert!(message.contains("join secret"), "{message}");
    }
    let proved = place.certificate(&site, place.secret.as_ref());
    assert_eq!(signatures.meet(&proved, now), Ok(()));
}

#[test]
fn a_later_key_of_the_site_is_followed_and_the_earlier_one_counts_for_a_while() {
    let (place, mut ring) = (Place::new(None), ring());
    let first = site(&ring);
    let (signatures, now) = (place.begin(None), Instant::now());
    signatures
        .meet(&place.certificate(&first, None), now)
        .unwrap();
    ring.add(SiteKey::generate().unwrap());
    let second = site(&ring);
    let early = signed(&second, PERMIT);
    assert_eq!(admit(&signatures, PERMIT, &early), Err(Distrust::Unknown));
    signatures
        .meet(&place.certificate(&second, None), now)
        .unwrap();
    assert_eq!(admit(&signatures, PERMIT, &early), Ok(Sender::Site));
    // One of several logic environments that stood still accepts as it did before.
    let earlier = place.certificate(&first, None);
    assert_eq!(signatures.meet(&earlier, now), Ok(()));
    let late = signed(&first, PERMIT);
    assert_eq!(admit(&signatures, PERMIT, &late), Ok(Sender::Site));
    let known = |now| signatures.site.read().knows(&first.key().signer().0, now);
    assert!(known(now) && !known(now + SUCCESSION));
    let next_life = place.begin(None);
    assert_eq!(admit(&next_life, PERMIT, &late), Err(Distrust::Unknown));
    assert_eq!(admit(&next_life, PERMIT, &early), Ok(Sender::Site));
}

#[test]
fn whoever_is_not_known_may_introduce_himself_and_say_nothing_else() {
    let (place, site) = (Place::new(None), site(&ring()));
    let signatures = place.begin(None);
    let signer = site.key().signer().0.clone();
    let certificate = Box::new(place.certificate(&site, None));
    let want = ContentRequest::Acceptance(place.keys.public().clone());
    let says = |sender: &Sender, want: &ContentRequest, found: ContentPiece| {
        let reply = ContentReply {
            environment: "wee-1".parse().unwrap(),
            want: want.clone(),
            found,
            kept: None,
        };
        signatures.check_event(sender, &Event::Content(reply.into()))
    };
    let (stranger, other) = (Sender::Stranger(signer), Sender::Stranger("x".into()));
    let certified = || ContentPiece::Certified(certificate.clone());
    let waits = || ContentPiece::Nothing(unproved());
    let early = Err(Distrust::Early);
    assert_eq!(says(&stranger, &want, certified()), Ok(()));
    assert_eq!(says(&other, &want, certified()), early);
    assert_eq!(says(&stranger, &want, waits()), Ok(()));
    let lent = ContentPiece::Lent([1].into());
    assert_eq!(says(&stranger, &want, lent.clone()), early);
    assert_eq!(says(&Sender::Site, &want, lent), Ok(()));
    signatures.meet(&certificate, Instant::now()).unwrap();
    assert_eq!(says(&other, &want, waits()), Err(Distrust::Unknown));
}

#[test]
fn what_is_no_key_of_a_site_is_refused_with_its_place() {
    let place = Place::new(None);
    let refused = Pin::load(place.folder.path(), Some("short")).unwrap_err();
    assert!(refused.to_string().contains("execution.site_key"));
    std::fs::write(place.folder.path().join(FILE), "something").unwrap();
    let refused = Pin::load(place.folder.path(), None).unwrap_err();
    assert!(refused.to_string().contains("remove it"), "{refused}");
}
