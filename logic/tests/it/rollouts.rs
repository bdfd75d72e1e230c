//! Rollouts, from the request to the orders of environments, and back.

use std::sync::Arc;

use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::{Value, json};
use utakata_interconnect::{Event, Events, Interest, Subscription, Zones};
use utakata_model::{
    Cure, EnvironmentStatus, KindDesired, Problem, ReleaseDigest, ReleaseId, RolloutPhase,
    RolloutStatus, rollout::GoOrder,
};
use utakata_tests::wait::{soon, until};

use crate::room::{Room, config};

/// An environment that has two releases of the kind, and the orders it receives.
struct Site {
    room: Room,
    told: Box<dyn Subscription>,
}

fn release(version: &str, digit: &str) -> ReleaseId {
    ReleaseId {
        kind: "pdu".parse().unwrap(),
        version: version.into(),
        digest: ReleaseDigest(digit.repeat(64).into()),
    }
}

impl Site {
    async fn new() -> Self {
        Self::of(Room::served().await).await
    }

    async fn of(room: Room) -> Self {
        let interest = Interest {
            desired: Zones::One("default".parse().unwrap()),
            ..Interest::NONE
        };
        let told = room.bus.subscribe(interest).await.unwrap();
        let site = Self { room, told };
        site.tell(None).await;
        site
    }

    /// Reports the progress of the environment.
    async fn tell(&self, phase: Option<RolloutPhase>) {
        let environments = self.room.handle.kinds().environments();
        let mut status = EnvironmentStatus::clone(&environments[0]);
        let mut next = status.pools[0].clone();
        next.release = release("9.1", "b");
        Arc::make_mut(&mut next.manifest).version = "9.1".into();
        next.active = false;
        if status.pools.len() == 1 {
            status.pools.push(next);
        }
        let open = self.room.handle.desired().open_rollouts();
        let known = phase.zip(open.first());
        let told = known.map(|(phase, rollout)| RolloutStatus {
            id: rollout.id,
            kind: rollout.kind.clone(),
            candidate: rollout.to.clone(),
            phase,
            since: Timestamp::now(),
            paused: false,
            evidence: Default::default(),
            problem: (phase == RolloutPhase::Back)
                .then(|| Problem::new("rollout-differs", Cure::Bug, "3 of 5 answers differ")),
        });
        status.rollouts = told.into_iter().collect();
        let time = Timestamp::now();
        status.time = time;
        let event = Event::Environment(Arc::new(status));
        self.room.bus.publish(vec![event]).await.unwrap();
        until("the status is heard", async || {
            self.room.handle.kinds().environments()[0].time == time
        })
        .await;
    }

    /// Waits for the order to the environment that satisfies a condition.
    async fn requested(&mut self, is_so: impl Fn(&KindDesired) -> bool) -> KindDesired {
        let looking = async {
            loop {
                for event in self.told.next().await.unwrap() {
                    let Event::Desired(desired) = event else {
                        continue;
                    };
                    if let Some(kind) = desired.kinds.get("pdu")
                        && is_so(kind)
                    {
                        return kind.clone();
                    }
                }
            }
        };
        soon("what is asked of the environment", looking).await
    }

    async fn begin(&self, body: Value) -> Value {
        let (status, begun) = self.room.post("/v1/rollouts", body).await;
        assert_eq!(status, StatusCode::CREATED, "{begun}");
        begun
    }

    /// Returns the rollout once it is in a state.
    async fn state(&self, id: &Value, state: &str) -> Value {
        let path = format!("/v1/rollouts/{}", id.as_str().unwrap());
        let is_so = |rollout: &Value| rollout["state"] == state;
        self.room.until(&path, is_so).await
    }
}

fn go(kind: &KindDesired) -> Option<GoOrder> {
    let rollout = kind.rollout.as_ref()?;
    rollout.environments.get("env-1").map(|go| go.order)
}

#[tokio::test]
async fn a_rollout_goes_from_the_request_to_the_environment_and_is_done_when_that_says_so() {
    let mut site = Site::new().await;
    let begun = site
        .begin(json!({ "kind": "pdu", "to": "9.1", "why": "a fix" }))
        .await;
    assert_eq!(
        (&begun["state"], &begun["by"]),
        (&json!("running"), &json!("admin"))
    );
    let requested = site.requested(|kind| go(kind) == Some(GoOrder::Go)).await;
    let rollout = requested.rollout.unwrap();
    assert_eq!(rollout.candidate, release("9.1", "b"));
    // The previous one stays in service, now by an explicit order.
    assert_eq!(
        requested.stable.unwrap().version,
        begun["from"]["version"].as_str().unwrap().into()
    );
    let (status, again) = site
        .room
        .post("/v1/rollouts", json!({ "kind": "pdu", "to": "9.1" }))
        .await;
    assert_eq!(
        (status, &again["code"]),
        (StatusCode::CONFLICT, &json!("rollout-open"))
    );
    site.tell(Some(RolloutPhase::Shadow)).await;
    site.tell(Some(RolloutPhase::Done)).await;
    site.state(&begun["id"], "done").await;
    let requested = site.requested(|kind| kind.rollout.is_none()).await;
    assert_eq!(requested.stable, Some(release("9.1", "b")));
    let again = json!({ "kind": "pdu", "to": "9.1" });
    let (status, serves) = site.room.post("/v1/rollouts", again).await;
    assert_eq!(
        (status, &serves["code"]),
        (StatusCode::CONFLICT, &json!("release-serves"))
    );
    // It survives a restart.
    let room = Room::at(site.room.end().await, config()).await;
    room.announce(&["pdu"]).await;
    let mut site = Site::of(room).await;
    let requested = site.requested(|_| true).await;
    assert_eq!(requested.stable, Some(release("9.1", "b")));
    site.room.end().await;
}

#[tokio::test]
async fn an_environment_that_goes_back_ends_it_with_the_reason_and_the_old_release_stays() {
    let mut site = Site::new().await;
    let begun = site.begin(json!({ "kind": "pdu", "to": "bbbbbbbb" })).await;
    site.requested(|kind| go(kind) == Some(GoOrder::Go)).await;
    site.tell(Some(RolloutPhase::Back)).await;
    let failed = site.state(&begun["id"], "failed").await;
    assert_eq!(failed["problem"]["code"], "rollout-differs", "{failed}");
    let requested = site.requested(|kind| kind.rollout.is_none()).await;
    assert_ne!(requested.stable, Some(release("9.1", "b")));
    let (_, list) = site.room.get("/v1/rollouts").await;
    assert_eq!(list["items"][0]["state"], "failed", "{list}");
    site.room.end().await;
}

#[tokio::test]
async fn people_pause_promote_and_abort_and_only_what_can_be() {
    let mut site = Site::new().await;
    let begun = site.begin(json!({ "kind": "pdu", "to": "9.1" })).await;
    let path = format!("/v1/rollouts/{}", begun["id"].as_str().unwrap());
    site.tell(Some(RolloutPhase::Canary)).await;
    let changed = async |site: &Site, verb: &str, body: Value| {
        site.room.post(&format!("{path}/{verb}"), body).await
    };
    let (status, told) = changed(&site, "resume", json!({})).await;
    assert_eq!(
        (status, &told["code"]),
        (StatusCode::CONFLICT, &json!("rollout-state"))
    );
    let why = json!({ "why": "a second look" });
    assert_eq!(
        changed(&site, "pause", why).await.1["changed"]["why"],
        "a second look"
    );
    site.requested(|kind| go(kind) == Some(GoOrder::Pause))
        .await;
    changed(&site, "resume", json!({})).await;
    site.requested(|kind| go(kind) == Some(GoOrder::Go)).await;
    changed(&site, "promote", json!({})).await;
    let promoted = |kind: &KindDesired| {
        let go = kind.rollout.as_ref()?.environments.get("env-1")?;
        go.promoted
    };
    site.requested(|kind| promoted(kind) == Some(RolloutPhase::Canary))
        .await;
    changed(&site, "abort", json!({})).await;
    site.requested(|kind| go(kind) == Some(GoOrder::Back)).await;
    site.tell(Some(RolloutPhase::Back)).await;
    let aborted = site.state(&begun["id"], "aborted").await;
    assert_eq!(aborted["problem"], Value::Null, "{aborted}");
    site.room.end().await;
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_what_there_is() {
    let site = Site::new().await;
    for (body, status, code, cure) in [
        (
            json!({ "kind": "pd", "to": "9.1" }),
            404,
            "not-found",
            "pdu",
        ),
        (
            json!({ "kind": "pdu", "to": "9.2" }),
            404,
            "not-found",
            "9.1",
        ),
        (
            json!({ "kind": "pdu", "to": "9.1", "plan": { "tolerance": 2.0 } }),
            422,
            "body-invalid",
            "tolerance",
        ),
        (
            json!({ "kind": "pdu", "to": "9.1", "waves": ["room="] }),
            422,
            "body-invalid",
            "selector",
        ),
        (json!({ "kind": "pdu" }), 422, "body-invalid", "to"),
    ] {
        let (found, told) = site.room.post("/v1/rollouts", body.clone()).await;
        let seen = (found.as_u16(), told["code"].as_str().unwrap_or_default());
        assert_eq!(seen, (status, code), "{body}: {told}");
        assert!(told.to_string().contains(cure), "{body}: {told}");
    }
    assert!(site.room.handle.desired().state().kinds.is_empty());
    site.room.end().await;
}

#[tokio::test]
async fn pins_and_placement_are_asked_of_environments() {
    let mut site = Site::new().await;
    let pins = json!({ "pins": [{ "selector": "firmware=2.1", "version": "9.1" }] });
    let path = "/v1/kinds/pdu/pins";
    let (status, requested) = site.room.send("PUT", path, Some(pins)).await;
    assert_eq!(status, StatusCode::OK, "{requested}");
    let requested = site.requested(|kind| !kind.kept.is_empty()).await;
    assert_eq!(requested.kept, [release("9.1", "b")]);
    let place = json!({ "environments": "purpose=control" });
    let path = "/v1/kinds/pdu/placement";
    site.room.send("PUT", path, Some(place)).await;
    let requested = site.requested(|kind| kind.placement.is_some()).await;
    assert_eq!(requested.placement.unwrap().to_string(), "purpose=control");
    site.room.end().await;
}
