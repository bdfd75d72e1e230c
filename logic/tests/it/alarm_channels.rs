//! Alarms on their way to people: a real Alertmanager, a real mail server.

use std::sync::Arc;

use serde_json::json;
use utakata_logic::{Config, config::Mail};
use utakata_model::OutcomeStatus;
use utakata_tests::{
    servers::{Alertmanager, Smtp},
    wait::until,
};

use crate::{
    alarms::{apply, read, rule, set_power},
    room::{Room, config},
};

/// Starts again in the folder of an earlier room, with targets that are served.
async fn again(folder: tempfile::TempDir, config: Config) -> Room {
    let mut room = Room::at(folder, config).await;
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    room
}

/// Returns the targets of the active alerts.
fn targets(receiver: &Alertmanager) -> Vec<String> {
    let alerts = receiver.alerts().unwrap_or_default();
    let target = |alert: &serde_json::Value| alert["labels"]["target"].as_str().map(Into::into);
    let mut targets: Vec<String> = alerts.iter().filter_map(target).collect();
    targets.sort();
    targets
}

#[tokio::test(flavor = "multi_thread")]
async fn alertmanager_has_what_people_are_told_also_after_it_was_away() {
    let mut receiver = Alertmanager::start().unwrap();
    let mut config = config();
    config.alarms.webhooks = vec![receiver.url()];
    let mut room = Room::empty(config).await;
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    room.furnish(2).await;
    set_power(&room, "pdu-1", 50.0).await;
    apply(&room, json!([rule()])).await;
    read(&room).await;
    until("the alert is there", async || {
        targets(&receiver) == ["pdu-0"]
    })
    .await;
    let alert = &receiver.alerts().unwrap()[0];
    assert_eq!(alert["labels"]["alertname"], "draws-much", "{alert}");
    assert_eq!(alert["labels"]["severity"], "critical", "{alert}");
    assert_eq!(alert["labels"]["rack"], "A1", "{alert}");
    assert_eq!(
        alert["annotations"]["summary"], "pdu-0 draws 120 W",
        "{alert}"
    );
    assert_eq!(alert["annotations"]["do"], "shed load", "{alert}");

    receiver.server().kill().unwrap();
    set_power(&room, "pdu-1", 150.0).await;
    let says_so =
        |status: &serde_json::Value| status["problems"].to_string().contains("alarm-channel");
    room.until("/v1/status", says_so).await;
    receiver.server().start_again().unwrap();
    // It had its alerts in memory alone: what it missed comes at once.
    until("the missed alert is there", async || {
        targets(&receiver).contains(&"pdu-1".to_owned())
    })
    .await;
    room.until("/v1/status", |status| !says_so(status)).await;
    set_power(&room, "pdu-1", 50.0).await;
    until("it is over there, too", async || {
        !targets(&receiver).contains(&"pdu-1".to_owned())
    })
    .await;
    room.end().await;
}

fn mailing(server: &str, certificate: Option<std::path::PathBuf>) -> Config {
    let mut config = config();
    config.alarms.mail = Mail {
        server: Some(server.parse().unwrap()),
        ca: certificate,
        from: Some("utakata@example.org".into()),
        to: vec![
            "Operators <noc@example.org>".into(),
            "duty@example.org".into(),
        ],
        gather: Some(std::time::Duration::from_secs(3)),
        ..Mail::default()
    };
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn a_storm_is_one_mail_and_a_restart_mails_nothing_again() {
    let server = Smtp::start_tls().unwrap();
    let url = format!("smtp://utakata:secret@{}", server.address());
    let config = mailing(&url, Some(server.certificate()));
    let mut room = Room::empty(config.clone()).await;
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    room.furnish(40).await;
    apply(&room, json!([rule()])).await;
    read(&room).await;
    until("the mail is there", async || {
        !server.messages().unwrap().is_empty()
    })
    .await;
    let message = server.messages().unwrap().remove(0);
    let headers = message.split("\r\n\r\n").next().unwrap();
    assert!(
        headers.contains("X-RcptTo: noc@example.org, duty@example.org"),
        "{headers}"
    );
    assert!(
        headers.contains("Subject: utakata: 40 raised: critical: pdu-"),
        "{headers}"
    );
    assert!(
        headers.contains("Message-ID: <utakata-alarms-"),
        "{headers}"
    );
    assert!(
        headers.contains("Auto-Submitted: auto-generated"),
        "{headers}"
    );
    assert!(message.contains("critical: pdu-0 draws 120 W"), "{message}");

    // Nothing is mailed again; what comes next is, once.
    let folder = room.end().await;
    let room = again(folder, config).await;
    read(&room).await;
    set_power(&room, "pdu-0", 50.0).await;
    until("the end is mailed", async || {
        server.messages().unwrap().len() == 2
    })
    .await;
    let message = &server.messages().unwrap()[1];
    assert!(
        message.contains("Subject: utakata: 1 over: critical: pdu-0"),
        "{message}"
    );
    room.end().await;
    assert_eq!(server.messages().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_server_that_refuses_or_is_away_is_told_and_gets_it_later() {
    let mut server = Smtp::start().unwrap();
    let config = mailing(&format!("smtp://{}", server.address()), None);
    let mut room = Room::empty(config).await;
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    room.furnish(1).await;
    apply(&room, json!([rule()])).await;
    server.server().kill().unwrap();
    read(&room).await;
    let says_so = |status: &serde_json::Value| {
        let problems = status["problems"].to_string();
        problems.contains("alarm-channel") && problems.contains("noc@example.org")
    };
    room.until("/v1/status", says_so).await;
    server.server().start_again().unwrap();
    until("the mail is there", async || {
        server.messages().unwrap().len() == 1
    })
    .await;
    room.until("/v1/status", |status| !says_so(status)).await;
    room.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_is_not_given_to_a_server_whose_certificate_nobody_vouches_for() {
    let server = Smtp::start_tls().unwrap();
    // Its certificate is its own: the authorities of the system do not know it.
    let url = format!(
        "smtp://utakata:secret@localhost:{}",
        server.address().port()
    );
    let mut config = mailing(&url, Some(server.certificate()));
    config.alarms.mail.gather = Some(std::time::Duration::ZERO);
    let mut room = Room::empty(config).await;
    room.serve("pdu", Arc::new(|_| Some((OutcomeStatus::Succeeded, None))))
        .await;
    room.furnish(1).await;
    apply(&room, json!([rule()])).await;
    read(&room).await;
    // It is for 127.0.0.1, and not for this name.
    room.until("/v1/status", |status| {
        let problems = status["problems"].to_string();
        problems.contains("alarm-channel") && !problems.contains("secret")
    })
    .await;
    assert_eq!(server.messages().unwrap().len(), 0);
    room.end().await;
}
