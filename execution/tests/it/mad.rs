//! Workers that speak the protocol but misbehave: they are cut off or corrected, that is reported,
//! and nothing is lost.

use std::{sync::Arc, time::Duration};

use tonic::Streaming;
use utakata_execution::runtime::{Exit, Spec, scripted::Scripted};
use utakata_model::{Class, Outcome, OutcomeStatus, Task};
use utakata_protocol::v1::{
    AttemptOutcome, Heartbeat, Outcomes, Reading, Status, ToWorker, from_worker::Message,
    reading::Value, to_worker,
};

use crate::{
    player::{Line, beat, can_begin, connect, manifest, of_kind, say},
    site::{Site, add_release, assert_ended, pool},
};

/// A worker that does what its first argument names.
async fn act(spec: Spec) -> Exit {
    let (line, heard) = connect(&spec, 100).await;
    // It lives as long as its connection.
    tokio::select! {
        () = rave(&spec.run.arguments[0], &line, heard) => {}
        () = beat(&line) => {}
    }
    Exit::Code(1)
}

async fn rave(how: &str, line: &Line, mut heard: Streaming<ToWorker>) {
    if how == "chatters" {
        while say(line, Message::Heartbeat(Heartbeat::default())).await {}
    }
    while let Ok(Some(message)) = heard.message().await {
        let mut begun = Vec::new();
        match message.message {
            Some(to_worker::Message::Tasks(tasks)) => {
                for task in tasks.tasks {
                    if task.control {
                        can_begin(line, &task).await;
                    } else {
                        begun.push((task.id, task.attempt));
                    }
                }
            }
            Some(to_worker::Message::Go(go)) => {
                begun.extend(go.attempts.into_iter().map(|go| (go.id, go.attempt)));
            }
            _ => {}
        }
        for (id, attempt) in begun {
            let outcomes = answers(how, id, attempt);
            if !outcomes.is_empty() {
                say(line, Message::Outcomes(Outcomes { outcomes })).await;
            }
        }
    }
}

fn answers(how: &str, id: Vec<u8>, attempt: u32) -> Vec<AttemptOutcome> {
    let answer = AttemptOutcome {
        id,
        attempt,
        status: Status::Succeeded.into(),
        ..AttemptOutcome::default()
    };
    let reading = |number| Reading {
        metric: "hw.power".into(),
        value: Some(Value::Number(number)),
        ..Reading::default()
    };
    match how {
        "repeats" => vec![answer; 200],
        "exaggerates" => vec![AttemptOutcome {
            result: vec![b'1'; 17 << 20],
            ..answer
        }],
        "lies" => vec![AttemptOutcome {
            readings: vec![reading(1.0), reading(f64::NAN)],
            ..answer
        }],
        "doubles" => vec![AttemptOutcome {
            readings: vec![reading(1.0), reading(2.0)],
            ..answer
        }],
        "mumbles" => vec![AttemptOutcome {
            id: vec![1, 2, 3],
            ..answer
        }],
        _ => Vec::new(),
    }
}

async fn site(how: &str) -> Site {
    let folder = tempfile::tempdir().unwrap();
    let manifest = manifest("mad", how);
    add_release(&folder.path().join("releases"), "mad", &manifest, Some("x"));
    let runtime = Scripted::new(|spec| Some(Box::pin(act(spec))));
    let set = |config: &mut utakata_execution::Config| {
        config.grace = Duration::from_millis(200);
        config.drain_within = Duration::from_millis(500);
    };
    Site::start_with(folder, set, Arc::new(runtime)).await
}

fn mad(target: &str, class: Class) -> Task {
    Task {
        timeout: Duration::from_millis(300),
        ..of_kind("mad", target, class)
    }
}

/// Returns the outcomes of a read and of a control task.
async fn ask(site: &mut Site) -> (Outcome, Outcome) {
    let tasks = vec![mad("a", Class::Observe), mad("b", Class::Control)];
    let keys = site.send(tasks).await;
    let mut outcomes = site.outcomes(&keys).await;
    (outcomes.remove(0), outcomes.remove(0))
}

/// Checks the outcome after a worker was cut off: before control had its go, or after.
fn assert_lost(control: &Outcome) {
    let status = match control.ran_by {
        Some(_) => OutcomeStatus::Unknown,
        None => OutcomeStatus::Expired,
    };
    assert_ended(control, status, "worker-lost");
}

async fn is_reported(site: &Site, code: &str) {
    site.status(|status| {
        let problem = pool(status, "mad").and_then(|pool| pool.problem.as_ref());
        problem.is_some_and(|problem| &*problem.code == code)
    })
    .await;
}

#[tokio::test]
async fn a_worker_that_says_too_much_of_no_use_is_cut_off() {
    let site = site("chatters").await;
    is_reported(&site, "worker-flood").await;
    site.end().await;
}

#[tokio::test]
async fn a_worker_that_repeats_its_answers_is_cut_off_and_each_task_has_one_outcome() {
    let mut site = site("repeats").await;
    let (read, control) = ask(&mut site).await;
    assert_eq!(site.outcomes_of(read.key()).len(), 1);
    assert_eq!(site.outcomes_of(control.key()).len(), 1);
    is_reported(&site, "worker-flood").await;
    site.end().await;
}

#[tokio::test]
async fn a_worker_whose_answer_is_larger_than_a_message_is_cut_off() {
    let mut site = site("exaggerates").await;
    let (read, control) = ask(&mut site).await;
    assert_ended(&read, OutcomeStatus::Failed, "worker-lost");
    assert_lost(&control);
    is_reported(&site, "worker-flood").await;
    site.end().await;
}

#[tokio::test]
async fn readings_that_cannot_be_are_not_published_and_control_is_not_believed() {
    for how in ["lies", "doubles"] {
        let mut site = site(how).await;
        let (read, control) = ask(&mut site).await;
        assert_ended(&read, OutcomeStatus::Failed, "worker-malformed");
        assert_ended(&control, OutcomeStatus::Unknown, "worker-malformed");
        assert!(site.readings_of(read.key()).is_none());
        site.end().await;
    }
}

#[tokio::test]
async fn a_worker_that_answers_to_no_attempt_is_cut_off() {
    let mut site = site("mumbles").await;
    let (read, control) = ask(&mut site).await;
    assert_ended(&read, OutcomeStatus::Failed, "worker-lost");
    assert_lost(&control);
    is_reported(&site, "worker-crashed").await;
    site.end().await;
}

#[tokio::test]
async fn a_worker_that_answers_nothing_has_its_tasks_ended_and_is_replaced() {
    let mut site = site("ignores").await;
    let (read, control) = ask(&mut site).await;
    assert_ended(&read, OutcomeStatus::Failed, "deadline");
    assert_ended(&control, OutcomeStatus::Unknown, "deadline");
    let before = read.ran_by.unwrap().worker;
    let (read, _) = ask(&mut site).await;
    assert_ended(&read, OutcomeStatus::Failed, "deadline");
    assert_ne!(read.ran_by.unwrap().worker, before);
    site.end().await;
}
