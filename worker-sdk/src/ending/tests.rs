//! The outcome that is reported for each ending.

use utakata_model::{Measurand, MetricName, Quality, TaskId, reading::Attributes};

use super::*;

fn subject(class: Class) -> Subject {
    Subject {
        key: TaskKey {
            task: TaskId::generate(),
            attempt: 2,
        },
        target: TargetName::new("pdu-1").unwrap(),
        action: ActionName::new("off").unwrap(),
        class,
        is_whole: false,
        timeout: Duration::from_secs(3),
        came: Instant::now(),
    }
}

fn told(class: Class, ending: Ending) -> (v1::Status, String, v1::AttemptOutcome) {
    let subject = subject(class);
    let outcome = subject.outcome(ending, subject.came + Duration::from_millis(5));
    let outcome = outcome.message();
    assert_eq!(outcome.key().unwrap(), subject.key);
    assert_eq!(outcome.ran_microseconds, 5000);
    let code = outcome.problem.as_ref().map(|problem| problem.code.clone());
    (outcome.status(), code.unwrap_or_default(), outcome)
}

fn number(number: f64) -> Reading {
    Reading {
        of: Measurand {
            metric: MetricName::new("hw.power").unwrap(),
            attributes: Attributes::new(),
            unit: "W".into(),
        }
        .into(),
        value: ReadingValue::Number(number),
        quality: Quality::Good,
    }
}

fn failure(status: OutcomeStatus) -> Ending {
    let problem = Problem::new("device-refused", Cure::Operator, "no");
    Ending::Answered(Err(Failure { status, problem }))
}

#[test]
fn what_changes_something_and_was_interrupted_is_unknown_and_never_a_guess() {
    use v1::Status::{Cancelled, Expired, Failed, Succeeded, Unknown};
    type Make = fn() -> Ending;
    let cases: [(Make, v1::Status, v1::Status, &str); 11] = [
        (
            || Ending::Answered(Ok(Answer::default())),
            Succeeded,
            Succeeded,
            "",
        ),
        (
            || failure(OutcomeStatus::Failed),
            Failed,
            Failed,
            "device-refused",
        ),
        (
            || failure(OutcomeStatus::Unknown),
            Unknown,
            Unknown,
            "device-refused",
        ),
        (
            || failure(OutcomeStatus::Succeeded),
            Failed,
            Unknown,
            "device-refused",
        ),
        (|| Ending::Panicked, Failed, Unknown, "worker-panic"),
        (|| Ending::Deadline, Failed, Unknown, "deadline"),
        (
            || Ending::CancelledWhileRunning,
            Cancelled,
            Unknown,
            "cancelled",
        ),
        (
            || Ending::CancelledBefore,
            Cancelled,
            Cancelled,
            "cancelled",
        ),
        (|| Ending::Expired, Expired, Expired, "expired"),
        (|| Ending::Draining, Expired, Expired, "draining"),
        (|| Ending::GivenUp, Cancelled, Unknown, "drain-limit"),
    ];
    for (make, observe, control, code) in cases {
        let (status, found, outcome) = told(Class::Observe, make());
        assert_eq!((status, found.as_str()), (observe, code), "{outcome:?}");
        let (status, found, outcome) = told(Class::Control, make());
        assert_eq!((status, found.as_str()), (control, code), "{outcome:?}");
    }
}

#[test]
fn a_problem_names_the_action_the_target_and_the_limit() {
    let (_, _, outcome) = told(Class::Observe, Ending::Deadline);
    let message = outcome.problem.unwrap().message;
    assert_eq!(message, "off on pdu-1 did not end within 3s");
}

#[test]
fn a_value_that_is_not_a_number_is_left_out_and_reported() {
    let answer = |numbers: &[f64]| {
        let readings = numbers.iter().copied().map(number).collect();
        Ending::Answered(Ok(Answer {
            readings,
            ..Answer::default()
        }))
    };
    let (status, code, outcome) = told(Class::Observe, answer(&[1.0, f64::NAN, 2.0]));
    assert_eq!(
        (status, code.as_str()),
        (v1::Status::Succeeded, "bad-reading")
    );
    assert_eq!(outcome.readings.len(), 2);
    assert!(outcome.problem.unwrap().message.contains("hw.power"));
    let (status, code, outcome) = told(Class::Observe, answer(&[f64::INFINITY]));
    assert_eq!((status, code.as_str()), (v1::Status::Failed, "bad-reading"));
    assert!(outcome.readings.is_empty());
    let (status, ..) = told(Class::Control, answer(&[f64::NEG_INFINITY]));
    assert_eq!(status, v1::Status::Succeeded, "what was done was done");
}

#[test]
fn an_answer_that_no_message_can_hold_says_so_instead() {
    let large = || {
        let result = Some(serde_json::Value::String("x".repeat(RESULT_MAX)));
        Ending::Answered(Ok(Answer {
            result,
            ..Answer::default()
        }))
    };
    let (status, code, outcome) = told(Class::Observe, large());
    assert_eq!(
        (status, code.as_str()),
        (v1::Status::Failed, "answer-too-large")
    );
    assert!(outcome.result.is_empty());
    let (status, code, _) = told(Class::Control, large());
    assert_eq!(
        (status, code.as_str()),
        (v1::Status::Succeeded, "answer-too-large")
    );
}

#[test]
fn a_timeout_beyond_the_clock_is_no_panic() {
    let mut subject = subject(Class::Observe);
    subject.timeout = Duration::from_millis(u64::MAX);
    assert!(subject.deadline() > subject.came);
}

#[test]
fn the_sentence_of_a_problem_is_cut_where_a_manager_would_refuse_it() {
    let problem = Problem::new("bad-parameters", Cure::Operator, "ü".repeat(5000));
    let outcome = refused(vec![0; 16], 1, problem).message();
    let message = outcome.problem.unwrap().message;
    assert!(message.len() < SENTENCE_MAX + 8 && message.ends_with("ü…"));
}
