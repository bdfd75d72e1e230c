//! Credentials are lent to environments whose key is accepted, each for its own zone.

use std::sync::Arc;

use axum::http::StatusCode;
use serde_json::{Value, json};
use utakata_api::environment::Trust;
use utakata_interconnect::{
    Event, Events, Interest, Subscription,
    message::content::{ContentPiece, ContentReply, ContentRequest, FetchBatch},
};
use utakata_logic::{
    Config, config,
    store::{Environments, KeyRow, sqlite::Sqlite},
};
use utakata_model::{EnvironmentId, EnvironmentKey, KeyReport, Problem};
use utakata_seal::{EnvironmentKeys, JoinSecret, LoanPlace, fingerprint};
use utakata_tests::wait::{soon, until};

use crate::room::{Room, config as settings, target};

const PLANTED: &str = "pl4nted-s3cret";

/// A scripted environment that borrows.
struct Borrower {
    id: EnvironmentId,
    keys: EnvironmentKeys,
    answers: Box<dyn Subscription>,
}

impl Borrower {
    async fn new(room: &Room) -> Self {
        let id = EnvironmentId::new("env-1").unwrap();
        let interest = Interest {
            answers: Some(id.clone()),
            ..Interest::NONE
        };
        Self {
            id,
            keys: EnvironmentKeys::generate().unwrap(),
            answers: room.bus.subscribe(interest).await.unwrap(),
        }
    }

    fn key(&self) -> &EnvironmentKey {
        self.keys.public()
    }

    /// Reports its key.
    async fn report(&self, room: &Room, joins: Option<String>) {
        let key = KeyReport {
            public: self.key().clone(),
            joins,
            waits: true,
        };
        room.announce_one(&["pdu"], |status| status.key = Some(key))
            .await;
    }

    /// Waits for an answer to this request.
    async fn answer(&mut self, want: &ContentRequest) -> ContentPiece {
        loop {
            for event in soon("an answer comes", self.answers.next()).await.unwrap() {
                if let Event::Content(got) = event
                    && got.want == *want
                {
                    let ContentReply { found, .. } = got.as_ref().clone();
                    return found;
                }
            }
        }
    }

    async fn ask(&mut self, room: &Room, want: ContentRequest) -> ContentPiece {
        let batch = FetchBatch {
            environment: self.id.clone(),
            wants: vec![want.clone()],
        };
        let asked = vec![Event::Fetch(Arc::new(batch))];
        room.bus.publish(asked).await.unwrap();
        self.answer(&want).await
    }

    async fn is_accepted(&mut self, room: &Room) -> bool {
        let want = ContentRequest::Acceptance(self.key().clone());
        matches!(self.ask(room, want).await, ContentPiece::Accepted)
    }

    /// Borrows the credential of a target.
    async fn borrow(&mut self, room: &Room, of: &str) -> Result<String, Problem> {
        let known = room
            .handle
            .inventory()
            .target(&of.parse().unwrap())
            .unwrap();
        let reference = known.reference.clone().unwrap();
        let (name, version) = (reference.name.clone(), reference.version.clone());
        let want = ContentRequest::Credential { name, version };
        let place = LoanPlace {
            name: &reference.name,
            version: &reference.version,
            zone: &"default".parse().unwrap(),
            environment: &self.id.clone(),
        };
        match self.ask(room, want).await {
            ContentPiece::Lent(sealed) => {
                let stranger = EnvironmentKeys::generate().unwrap();
                assert!(stranger.open(&sealed, &place).is_err());
                let loan = self.keys.open(&sealed, &place).unwrap();
                assert!(loan.uses.allow(&reference, place.zone, &known.target));
                Ok(loan.credential.values["community"].reveal().to_owned())
            }
            ContentPiece::Nothing(problem) => Err(problem),
            other => panic!("{other:?}"),
        }
    }
}

fn credential(name: &str) -> Value {
    json!({ "type": "credential", "name": name, "values": { "community": PLANTED } })
}

async fn furnished(config: Config) -> Room {
    let room = Room::empty(config).await;
    room.announce(&["pdu"]).await;
    let mut elsewhere = target("far");
    elsewhere["zone"] = "hall-2".into();
    elsewhere["credential"] = "other".into();
    // Another kind, which is not served: it is not checked.
    let documents = json!([
        credential("lab"),
        credential("other"),
        target("pdu-1"),
        elsewhere
    ]);
    room.apply(documents).await;
    room
}

async fn enrolment(room: &Room) -> Value {
    let (_, listed) = room.get("/v1/environments").await;
    listed["items"][0]["enrolment"].clone()
}

#[tokio::test]
async fn a_credential_is_lent_to_the_accepted_key_for_its_zone_and_to_nobody_else() {
    let room = furnished(settings()).await;
    let mut env = Borrower::new(&room).await;
    env.report(&room, None).await;
    let print = fingerprint(env.key());
    let waiting = enrolment(&room).await;
    assert_eq!(waiting["state"], "waiting", "{waiting}");
    assert_eq!(waiting["fingerprint"], print.as_str());
    assert!(!env.is_accepted(&room).await);
    let refused = env.borrow(&room, "pdu-1").await.unwrap_err();
    assert_eq!(&*refused.code, "environment-waiting", "{refused}");
    let (_, read) = room
        .post(
            "/v1/reads",
            json!({ "selector": "name=pdu-1", "wait": "1s" }),
        )
        .await;
    assert!(read.to_string().contains("no environment"), "{read}");

    let accept = "/v1/environments/env-1/accept";
    let wrong = json!({ "fingerprint": "0000-0000-0000-0000-0000-0000-0000-0000" });
    let (status, answer) = room.post(accept, wrong).await;
    assert_eq!(status, StatusCode::CONFLICT, "{answer}");
    assert_eq!(answer["code"], "environment-key", "{answer}");
    assert_eq!(enrolment(&room).await["state"], "waiting");
    let typed = print.to_uppercase().replace('-', " ");
    let (status, answer) = room.post(accept, json!({ "fingerprint": typed })).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(answer["enrolment"]["by"], "admin", "{answer}");
    // It is told without asking.
    let told = env
        .answer(&ContentRequest::Acceptance(env.key().clone()))
        .await;
    assert_eq!(told, ContentPiece::Accepted);
    assert!(env.is_accepted(&room).await);
    assert_eq!(env.borrow(&room, "pdu-1").await.unwrap(), PLANTED);
    let elsewhere = env.borrow(&room, "far").await.unwrap_err();
    assert_eq!(&*elsewhere.code, "credential-withheld");
    assert!(
        elsewhere.message.contains("no target of the zone"),
        "{elsewhere}"
    );

    let lab = room
        .handle
        .inventory()
        .target(&"pdu-1".parse().unwrap())
        .unwrap();
    let before = lab.reference.clone().unwrap();
    let change = json!({ "name": "lab", "values": { "community": "another" } });
    room.send("PUT", "/v1/credentials/lab", Some(change)).await;
    assert_eq!(env.borrow(&room, "pdu-1").await.unwrap(), "another");
    let old = ContentRequest::Credential {
        name: before.name.clone(),
        version: before.version.clone(),
    };
    let ContentPiece::Nothing(changed) = env.ask(&room, old).await else {
        panic!("an old version is lent");
    };
    assert!(changed.message.contains("was changed"), "{changed}");

    let mut taken = Borrower::new(&room).await;
    taken.report(&room, None).await;
    assert!(
        !taken.is_accepted(&room).await,
        "another key under the same name"
    );
    let revoke = "/v1/environments/env-1/revoke";
    env.report(&room, None).await;
    let (status, answer) = room.post(revoke, json!({})).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
    assert_eq!(enrolment(&room).await["state"], "revoked");
    assert!(!env.is_accepted(&room).await);
    assert!(env.borrow(&room, "pdu-1").await.is_err());
}

#[tokio::test]
async fn an_environment_with_the_secret_of_the_site_joins_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("join.secret");
    let text = "s".repeat(40);
    std::fs::write(&path, &text).unwrap();
    let room = furnished(Config {
        environments: config::Environments {
            join_file: Some(path),
        },
        ..settings()
    })
    .await;
    let mut env = Borrower::new(&room).await;
    let zone = "default".parse().unwrap();
    let other = JoinSecret::parse(&"t".repeat(40)).unwrap();
    let proof = |secret: &JoinSecret, env: &Borrower| secret.proof(&env.id, &zone, env.key());
    env.report(&room, Some(proof(&other, &env))).await;
    assert!(!env.is_accepted(&room).await);
    let secret = JoinSecret::parse(&text).unwrap();
    env.report(&room, Some(proof(&secret, &env))).await;
    until("it has joined", async || {
        enrolment(&room).await["state"] == "accepted"
    })
    .await;
    assert_eq!(env.borrow(&room, "pdu-1").await.unwrap(), PLANTED);
    // A pod that makes another key when it starts again.
    let mut again = Borrower::new(&room).await;
    again.report(&room, Some(proof(&secret, &again))).await;
    until("it has joined again", async || {
        let print = fingerprint(again.key());
        let now = enrolment(&room).await;
        now["state"] == "accepted" && now["fingerprint"] == print.as_str()
    })
    .await;
    assert_eq!(again.borrow(&room, "pdu-1").await.unwrap(), PLANTED);
}

#[tokio::test]
async fn an_environment_from_before_keys_is_accepted_with_its_first_one() {
    let folder = tempfile::tempdir().unwrap();
    let store = Sqlite::open(folder.path().join("store.sqlite3"))
        .await
        .unwrap();
    let row = KeyRow {
        environment: "env-1".parse().unwrap(),
        zone: "default".parse().unwrap(),
        trust: Trust::Expected,
    };
    store.put_key(&row).await.unwrap();
    let room = Room::with(folder, settings(), Arc::new(store)).await;
    let mut env = Borrower::new(&room).await;
    env.report(&room, None).await;
    until("it is accepted", async || {
        enrolment(&room).await["state"] == "accepted"
    })
    .await;
    assert!(env.is_accepted(&room).await);
    let mut other = Borrower::new(&room).await;
    other.report(&room, None).await;
    assert!(!other.is_accepted(&room).await, "only the first one");
}
