use utakata_model::TaskId;
use utakata_protocol::v1;

use super::*;

fn reading(metric: &str, number: f64) -> v1::Reading {
    v1::Reading {
        metric: metric.into(),
        value: Some(v1::reading::Value::Number(number)),
        ..v1::Reading::default()
    }
}

fn said() -> AttemptOutcome {
    AttemptOutcome {
        id: TaskId::generate().as_bytes().to_vec(),
        attempt: 1,
        status: v1::Status::Succeeded.into(),
        readings: vec![reading("hw.power", 1.0), reading("hw.temperature", 2.0)],
        result: b"{\"a\":1}".to_vec(),
        ..AttemptOutcome::default()
    }
}

fn failed(code: &str, message: &str) -> impl Fn(&mut AttemptOutcome) {
    let problem = v1::Problem {
        code: code.into(),
        message: message.into(),
        cure: v1::Cure::Retry.into(),
    };
    move |said| {
        said.status = v1::Status::Failed.into();
        said.problem = Some(problem.clone());
    }
}

#[track_caller]
fn refuses(change: impl Fn(&mut AttemptOutcome), words: &str) {
    let mut said = said();
    change(&mut said);
    let problem = Answer::from_wire(said).unwrap().end.unwrap_err();
    assert_eq!(&*problem.code, "worker-malformed");
    assert!(problem.message.contains(words), "{problem}");
}

#[test]
fn an_answer_that_can_be_is_taken_as_it_is() {
    let end = Answer::from_wire(said()).unwrap().end.unwrap();
    assert_eq!(end.status, OutcomeStatus::Succeeded);
    assert_eq!(end.readings.len(), 2);
    assert_eq!(end.result.unwrap().get(), "{\"a\":1}");
    assert_eq!(end.problem, None);
}

#[test]
fn a_number_that_no_such_quantity_has_is_suspect_whichever_worker_reports_it() {
    let mut said = said();
    for (metric, unit, number) in [
        ("a.temperature", "Cel", 2_147_483_647.0),
        ("b.temperature", "Cel", 214_748_364.7),
        ("c.temperature", "Cel", 24.5),
        ("d.things", "{thing}", 2_147_483_647.0),
    ] {
        said.readings.push(v1::Reading {
            unit: unit.into(),
            ..reading(metric, number)
        });
    }
    let end = Answer::from_wire(said).unwrap().end.unwrap();
    let is_suspect = |one: &&Reading| one.quality == Quality::Suspect;
    let suspect = end.readings.iter().filter(is_suspect);
    let suspect: Vec<&str> = suspect.map(|one| one.metric.as_str()).collect();
    assert_eq!(suspect, ["a.temperature", "b.temperature"]);
}

#[test]
fn what_succeeded_keeps_the_problem_that_comes_with_it() {
    let mut said = said();
    failed("bad-reading", "one is left out")(&mut said);
    said.status = v1::Status::Succeeded.into();
    let end = Answer::from_wire(said).unwrap().end.unwrap();
    assert_eq!(end.status, OutcomeStatus::Succeeded);
    assert_eq!(&*end.problem.unwrap().code, "bad-reading");
}

#[test]
fn an_impossible_answer_is_reported_and_not_believed() {
    refuses(|s| s.status = 0, "unknown status 0");
    refuses(|s| s.status = 77, "unknown status 77");
    refuses(
        |s| s.status = v1::Status::Failed.into(),
        "failed without a reason",
    );
    refuses(failed("", "x"), "no code");
    refuses(failed("x", &"x".repeat(5000)), "5000 bytes");
    refuses(|s| s.readings.push(reading("a/b", 1.0)), "a/b");
    refuses(|s| s.readings.push(reading("x", f64::NAN)), "not finite");
    refuses(
        |s| s.readings.push(reading("hw.power", 3.0)),
        "two readings of hw.power",
    );
    refuses(|s| s.result = b"{".to_vec(), "not JSON");
    refuses(|s| s.result = vec![0xff], "not UTF-8");
    refuses(|s| s.result = vec![b' '; MAX_RESULT + 1], "1048577 bytes");
    refuses(
        |s| s.readings = vec![v1::Reading::default(); MAX_READINGS + 1],
        "100001 readings",
    );
}

#[test]
fn an_answer_to_no_attempt_is_refused_as_a_whole() {
    let mut said = said();
    said.id.pop();
    assert_eq!(
        Answer::from_wire(said).unwrap_err(),
        Malformed::Id { length: 15 }
    );
}
