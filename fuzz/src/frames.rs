//! Frames of the worker protocol.

use prost::Message as _;
use utakata_model::{Missing, Problem, Reading, Recognition, TaskKey};
use utakata_protocol::{
    outcome_status, reading_from_wire, reading_to_wire,
    v1::{self, FromWorker, ToWorker, from_worker, to_worker},
};
use utakata_worker_sdk::ReadingBuffer;

/// Decodes a frame of either side, and processes it as that side does.
pub fn frames(data: &[u8]) {
    if let Ok(frame) = FromWorker::decode(data) {
        from_worker(frame);
    }
    if let Ok(frame) = ToWorker::decode(data) {
        to_worker(frame);
    }
}

fn from_worker(frame: FromWorker) {
    match frame.message {
        Some(from_worker::Message::Outcomes(outcomes)) => {
            outcomes.outcomes.into_iter().for_each(outcome);
        }
        Some(from_worker::Message::Ready(ready)) => {
            ready.attempts.iter().for_each(|one| drop(one.key()));
        }
        Some(from_worker::Message::Progress(progress)) => drop(progress.key()),
        Some(from_worker::Message::Hello(hello)) => {
            let _ = utakata_protocol::negotiate(&hello.protocol_versions);
            let _ = serde_json::from_str::<utakata_model::Manifest>(&hello.manifest);
        }
        _ => {}
    }
}

fn outcome(outcome: v1::AttemptOutcome) {
    let _ = (outcome.key(), outcome_status(outcome.status));
    if let Some(problem) = outcome.problem {
        let problem = Problem::from(problem);
        let again = Problem::from(v1::Problem::from(problem.clone()));
        assert_eq!(problem, again);
    }
    for missing in outcome.missing {
        let missing = Missing::from(missing);
        let again = Missing::from(v1::Missing::from(missing.clone()));
        assert_eq!(missing, again);
    }
    if let Some(recognition) = outcome.recognition {
        let recognition = Recognition::from(recognition).bounded();
        let again = Recognition::from(v1::Recognition::from(recognition.clone()));
        assert_eq!(recognition, again);
    }
    let readings = outcome.readings.into_iter().map(reading_from_wire);
    written_down(&readings.filter_map(Result::ok).collect::<Vec<_>>());
}

/// Checks that readings stay the same when they are sent on, and when a worker writes them itself.
fn written_down(readings: &[Reading]) {
    let mut buffer = ReadingBuffer::default();
    for reading in readings {
        let again = reading_from_wire(reading_to_wire(reading));
        assert_eq!(again.as_ref(), Ok(reading));
        let attributes = reading.attributes.iter();
        buffer.push(
            reading.metric.as_str(),
            attributes.map(|(key, value)| (&**key, &**value)),
            &reading.value,
            &reading.unit,
            reading.quality,
        );
    }
    assert_eq!(buffer.readings(), readings);
}

fn to_worker(frame: ToWorker) {
    let is_same = |key: TaskKey| assert_eq!(v1::TaskKey::from(key).key(), Ok(key));
    match frame.message {
        Some(to_worker::Message::Tasks(tasks)) => {
            let keys = tasks.tasks.iter().filter_map(|task| task.key().ok());
            keys.for_each(is_same);
        }
        Some(to_worker::Message::Cancel(cancel)) => {
            let keys = cancel.tasks.iter().filter_map(|task| task.key().ok());
            keys.for_each(is_same);
        }
        Some(to_worker::Message::Go(go)) => {
            let keys = go.attempts.iter().filter_map(|one| one.key().ok());
            keys.for_each(is_same);
        }
        _ => {}
    }
}
