//! Sessions and lockouts.

use std::time::Duration;

use serde_json::json;

use crate::{
    bmc::{Bmc, Habits, PASSWORD, USER, tree},
    device::Device,
};

const LOGIN: &[(&str, &str)] = &[("user", USER), ("password", PASSWORD)];

async fn start(habits: Habits) -> (Bmc, Device) {
    let bmc = Bmc::start(tree(), habits).await;
    let device = Device::new(bmc.url(), LOGIN);
    (bmc, device)
}

#[tokio::test]
async fn there_is_one_session_for_reading_and_control_and_it_can_be_ended() {
    let (bmc, device) = start(Habits::default()).await;
    for _ in 0..3 {
        device.read().await;
    }
    device
        .run("indicator", json!({ "state": "on" }))
        .await
        .unwrap();
    assert_eq!(bmc.state.lock().logins, 1);
    assert_eq!(bmc.state.lock().sessions.len(), 1);
    let soon = tokio::time::Instant::now() + Duration::from_secs(2);
    device.worker().log_out(soon).await;
    assert!(bmc.state.lock().sessions.is_empty());
}

#[tokio::test]
async fn a_login_that_is_answered_after_its_task_has_ended_is_not_sent_again() {
    const SHORT: Duration = Duration::from_millis(800);
    let habits = Habits {
        holds_logins: true,
        ..Habits::default()
    };
    let (bmc, device) = start(habits.clone()).await;
    for _ in 0..2 {
        device.read_within(SHORT).await.unwrap_err();
        assert_eq!(bmc.state.lock().logins, 1);
    }
    bmc.answer_logins();
    device.read().await;
    let (logins, sessions) = {
        let state = bmc.state.lock();
        (state.logins, state.sessions.len())
    };
    assert_eq!((logins, sessions), (1, 1));

    // A worker that ends takes the session with it.
    let (bmc, device) = start(habits).await;
    device.read_within(SHORT).await.unwrap_err();
    assert_eq!(bmc.state.lock().sessions.len(), 1);
    bmc.answer_logins();
    let soon = tokio::time::Instant::now() + Duration::from_secs(2);
    device.worker().log_out(soon).await;
    assert!(bmc.state.lock().sessions.is_empty());
}

#[tokio::test]
async fn a_session_that_is_gone_is_renewed_once() {
    let (bmc, device) = start(Habits::default()).await;
    device.read().await;
    bmc.state.lock().sessions.clear();
    device.read().await;
    assert_eq!(bmc.state.lock().logins, 2);
    // In the middle of control, too: a request that was refused so was not carried out.
    bmc.state.lock().sessions.clear();
    device.run("power-off", json!({})).await.unwrap();
    assert_eq!(bmc.state.lock().resets, ["ForceOff"]);
}

#[tokio::test]
async fn a_wrong_password_never_locks_the_account() {
    let habits = Habits {
        lockout: 3,
        ..Habits::default()
    };
    let bmc = Bmc::start(tree(), habits).await;
    let device = Device::new(bmc.url(), &[("user", USER), ("password", "wrong")]);
    for _ in 0..5 {
        let problem = device.run("read", json!({})).await.unwrap_err().problem;
        assert_eq!(&*problem.code, "bad-credential", "{problem}");
        assert!(!problem.message.contains("wrong\""), "{problem}");
    }
    assert_eq!(bmc.state.lock().wrong, 2);
    // The right one is another credential, and is tried at once.
    let right = Device::new(bmc.url(), LOGIN);
    right.read().await;
}

#[tokio::test]
async fn a_moody_service_is_believed_the_second_time() {
    let habits = Habits {
        moody: 1,
        ..Habits::default()
    };
    let (bmc, device) = start(habits).await;
    device.read().await;
    assert_eq!(bmc.state.lock().logins, 2);
}

#[tokio::test]
async fn without_a_free_session_there_is_basic_and_those_of_others_stay() {
    let habits = Habits {
        others: 4,
        ..Habits::default()
    };
    let (bmc, device) = start(habits).await;
    device.read().await;
    device.read().await;
    assert_eq!(bmc.state.lock().logins, 1);
    assert_eq!(bmc.state.lock().sessions.len(), 4);
}

#[tokio::test]
async fn without_sessions_or_with_short_ones_there_is_basic() {
    for (habits, logins) in [
        (
            Habits {
                sessions: 0,
                ..Habits::default()
            },
            0,
        ),
        (
            Habits {
                timeout: 30,
                ..Habits::default()
            },
            1,
        ),
    ] {
        let (bmc, device) = start(habits).await;
        device.read().await;
        device.read().await;
        assert_eq!(bmc.state.lock().logins, logins);
        assert!(bmc.state.lock().sessions.is_empty());
    }
    let bmc = Bmc::start(tree(), Habits::default()).await;
    let basic = [LOGIN, &[("auth", "basic")]].concat();
    Device::new(bmc.url(), &basic).read().await;
    assert_eq!(bmc.state.lock().logins, 0);
}

#[tokio::test]
async fn a_resource_that_is_barred_costs_one_login_and_the_rest_is_told() {
    let habits = Habits {
        bars: "/redfish/v1/Chassis/1/Thermal",
        ..Habits::default()
    };
    let (bmc, device) = start(habits).await;
    for _ in 0..3 {
        let answer = device.run("read", json!({})).await.unwrap();
        assert_eq!(answer.missing.into_entries().len(), 1);
    }
    assert_eq!(bmc.state.lock().logins, 2);
    // The one before, which was refused for nothing, was ended.
    assert_eq!(bmc.state.lock().sessions.len(), 1);
}

#[tokio::test]
async fn a_password_that_must_be_changed_is_told_and_not_tried_again() {
    let habits = Habits {
        expired: true,
        ..Habits::default()
    };
    let (bmc, device) = start(habits).await;
    for round in 0..3 {
        let problem = device.run("read", json!({})).await.unwrap_err().problem;
        assert_eq!(&*problem.code, "bad-credential", "{problem}");
        let is_told = problem.message.contains("must be changed");
        assert_eq!(is_told, round == 0, "{problem}");
    }
    assert_eq!(bmc.state.lock().logins, 1);
}

#[tokio::test]
async fn ending_a_session_that_is_gone_harms_nobody() {
    let (bmc, device) = start(Habits::default()).await;
    device.read().await;
    bmc.state.lock().sessions.clear();
    let soon = tokio::time::Instant::now() + Duration::from_secs(2);
    device.worker().log_out(soon).await;
    assert_eq!(bmc.count("DELETE"), 1);
    device.read().await;
    assert_eq!(bmc.state.lock().sessions.len(), 1);
}
