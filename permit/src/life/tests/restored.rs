//! A restart of the ledger.

use super::*;

/// Checks the life after a restart at second 1000.
#[track_caller]
fn check_restored(rule: &Rule, before: &Life, after: &Life, actions: &[Action]) {
    let (is, does) = Life::restore(before.saved(), rule, at(1000));
    assert_eq!(&is, after, "{before:?}");
    assert_eq!(does, actions, "{before:?}");
}

#[test]
fn after_a_restart_all_waiting_starts_again() {
    let rule = once(Some(Proves::Both));
    let full_permit = Stage::Permitted {
        holder: holder(),
        acts_until: at(1010),
    };
    let full_fence = Stage::Fenced {
        holder: holder(),
        until: at(1013),
    };
    let ended = is(How::Failed, By::Person);
    for (before, after, actions) in [
        (Stage::Planned, Stage::Planned, vec![]),
        (queued(), Stage::Planned, vec![]),
        (permitted(), full_permit, vec![]),
        (verifying(5), verifying(1000), vec![Action::ReadBack]),
        (fenced(), full_fence.clone(), vec![]),
        (reading_back(13), full_fence, vec![]),
        (unsettled(), unsettled(), vec![]),
        (
            Stage::Unsettled {
                holder: None,
                late: None,
            },
            Stage::Unsettled {
                holder: None,
                late: None,
            },
            vec![],
        ),
        (ended.clone(), ended, vec![]),
    ] {
        check_restored(&rule, &life(before.clone()), &life(after.clone()), &actions);
        let (before, after) = (in_doubt(before), in_doubt(after));
        check_restored(&rule, &before, &after, &actions);
        check_restored(&rule, &cancelled(before), &cancelled(after), &actions);
    }
}

#[test]
fn a_record_that_cannot_be_is_for_a_person() {
    let rule = once(None);
    for state in [
        TaskState::Permitted,
        TaskState::Unknown,
        TaskState::Verifying,
        TaskState::Failed,
    ] {
        let saved = Saved {
            state,
            holder: None,
            ..life(permitted()).saved()
        };
        let (is, does) = Life::restore(saved, &rule, at(0));
        assert_eq!(
            (is, does),
            (
                life(Stage::Unsettled {
                    holder: None,
                    late: None
                }),
                vec![]
            ),
            "{state:?}"
        );
    }
}
