use utakata_model::TaskState::{
    Cancelled, Expired, Failed, Permitted, Queued, Succeeded, Unknown, Unsettled,
};

use super::*;

const HONEST: &str = "honest";
const LIAR: &str = "liar";

fn sent(act: Act, device: &str) -> Sent {
    Sent {
        operation: OperationId::generate(),
        act,
        token: "t".into(),
        devices: vec![device.into()],
    }
}

fn task(sent: &Sent, state: TaskState) -> Task {
    Task {
        id: TaskId::generate(),
        operation: sent.operation,
        act: sent.act,
        token: sent.token.clone(),
        device: sent.devices[0].clone(),
        state,
        attempts: Vec::new(),
    }
}

fn truth(device: &str, done: u64) -> Truth {
    let mut truth = Truth::default();
    for name in [HONEST, LIAR] {
        let mut one = Device {
            is_liar: name == LIAR,
            ..Device::default()
        };
        if name == device {
            one.tokens.insert(
                "t".into(),
                Deeds {
                    received: done,
                    done,
                },
            );
        }
        truth.devices.insert(name.into(), one);
    }
    truth
}

#[test]
fn what_is_reported_of_a_task_is_compared_with_what_its_device_did() {
    // Each line: action, device, reported state, number of effects; lost, twice, lies.
    for (act, device, state, done, expect) in [
        (Act::Mark, HONEST, Succeeded, 1, (0, 0, 0)),
        (Act::Mark, HONEST, Succeeded, 0, (0, 0, 1)),
        (Act::Mark, HONEST, Succeeded, 2, (0, 1, 0)),
        (Act::Mark, HONEST, Failed, 0, (0, 0, 0)),
        (Act::Mark, HONEST, Failed, 1, (0, 0, 1)),
        (Act::Mark, HONEST, Failed, 2, (0, 1, 1)),
        (Act::Mark, HONEST, Expired, 0, (0, 0, 0)),
        (Act::Mark, HONEST, Expired, 1, (0, 0, 1)),
        (Act::Mark, HONEST, Cancelled, 0, (0, 0, 0)),
        (Act::Mark, HONEST, Cancelled, 1, (0, 0, 1)),
        (Act::Mark, HONEST, Unsettled, 0, (0, 0, 0)),
        (Act::Mark, HONEST, Unsettled, 1, (0, 0, 0)),
        (Act::Mark, HONEST, Unsettled, 2, (0, 1, 0)),
        (Act::Mark, HONEST, Queued, 0, (1, 0, 0)),
        (Act::Mark, HONEST, Permitted, 1, (1, 0, 0)),
        (Act::Mark, HONEST, Unknown, 2, (1, 1, 0)),
        (Act::Put, HONEST, Succeeded, 1, (0, 0, 0)),
        (Act::Put, HONEST, Succeeded, 3, (0, 0, 0)),
        (Act::Put, HONEST, Succeeded, 0, (0, 0, 1)),
        (Act::Put, HONEST, Failed, 1, (0, 0, 1)),
        (Act::BlindMark, HONEST, Succeeded, 1, (0, 0, 0)),
        (Act::BlindMark, HONEST, Succeeded, 0, (0, 0, 1)),
        (Act::BlindMark, HONEST, Unsettled, 2, (0, 1, 0)),
        // The one that is read back is found out, the other is believed.
        (Act::Mark, LIAR, Succeeded, 0, (0, 0, 1)),
        (Act::Mark, LIAR, Failed, 0, (0, 0, 0)),
        (Act::Put, LIAR, Succeeded, 0, (0, 0, 1)),
        (Act::BlindMark, LIAR, Succeeded, 0, (0, 0, 0)),
    ] {
        let one = sent(act, device);
        let counts = count(
            std::slice::from_ref(&one),
            &[task(&one, state)],
            &truth(device, done),
        );
        let found = (counts.lost, counts.twice, counts.lies);
        assert_eq!(found, expect, "{act:?} {device} {state:?} {done}");
        assert_eq!(counts.is_clean(), expect == (0, 0, 0));
        let all = (expect.0 + expect.1 + expect.2) as usize;
        assert_eq!(counts.findings.len(), all);
        assert_eq!((counts.operations, counts.sent), (1, 1));
    }
}

#[test]
fn what_was_accepted_and_is_not_in_the_ledger_is_lost() {
    let one = Sent {
        devices: vec![HONEST.into(), LIAR.into()],
        ..sent(Act::Mark, HONEST)
    };
    let only = task(&one, Failed);
    let counts = count(&[one], &[only], &truth(HONEST, 0));
    assert_eq!((counts.sent, counts.lost), (2, 1));
    assert_eq!(counts.findings[0].device, LIAR);
}

#[test]
fn what_a_device_was_told_and_no_ledger_has_is_written_nowhere() {
    let mut received = truth(HONEST, 1);
    let counts = count(&[], &[], &received);
    assert_eq!((counts.nowhere, counts.is_clean()), (1, false));
    assert_eq!(counts.findings[0].device, HONEST);
    let one = sent(Act::Mark, HONEST);
    let counts = count(
        std::slice::from_ref(&one),
        &[task(&one, Succeeded)],
        &received,
    );
    assert_eq!((counts.nowhere, counts.is_clean()), (0, true));
    // Accepted, done, and gone: both findings.
    received.devices.clear();
    received.devices.extend(truth(LIAR, 1).devices);
    let counts = count(&[sent(Act::Mark, LIAR)], &[], &received);
    assert_eq!((counts.lost, counts.nowhere), (1, 1));
}

#[test]
fn what_was_accepted_once_is_in_the_ledger_once() {
    let one = sent(Act::Put, HONEST);
    let again = Task {
        operation: OperationId::generate(),
        ..task(&one, Succeeded)
    };
    let tasks = [task(&one, Succeeded), again];
    let counts = count(&[one], &tasks, &truth(HONEST, 2));
    assert_eq!((counts.lost, counts.twice, counts.lies), (0, 1, 0));
}

#[test]
fn a_task_that_nobody_has_asked_for_is_found() {
    let unasked = task(&sent(Act::Put, HONEST), Succeeded);
    let counts = count(&[], &[unasked], &truth(HONEST, 1));
    assert_eq!(counts.lies, 1);
}

#[test]
fn attempts_that_nobody_knew_count_as_settled_once_the_task_has_ended() {
    let attempts = vec![
        Some(OutcomeStatus::Unknown),
        None,
        Some(OutcomeStatus::Succeeded),
    ];
    for (state, settled) in [(Succeeded, 2), (Unsettled, 0)] {
        let one = sent(Act::Mark, HONEST);
        let task = Task {
            attempts: attempts.clone(),
            ..task(&one, state)
        };
        let counts = count(&[one], &[task], &truth(HONEST, 1));
        assert_eq!(counts.settled, settled);
    }
}
