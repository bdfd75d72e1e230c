//! The orders to a kind besides serving: to stop for a while, to be taken over by another program
//! in its process, or to end.
//!
//! ```text
//!              order                  nothing is under way
//!  (serves) ──────────► pausing ─────────────────────────────► paused
//!      ▲                                                          │
//!      │       order                  ... and no worker is left   │
//!      ├──────────────► draining ────────────────────────────► drained
//!      └──────────────────────── no order ────────────────────────┘
//! ```

use std::{collections::BTreeSet, sync::Arc};

use tokio::time::Instant;
use utakata_model::{Stop, StopState};

use super::Order;

/// The orders of a kind that apply to all of its releases.
#[derive(Debug, Default)]
pub(super) struct Lifecycle {
    /// True if no new tasks are taken, and none will be.
    is_closing: bool,
    stop: Option<Stop>,
    handover: HandoverPhase,
    /// Versions that are to serve and are not here yet.
    coming: BTreeSet<Arc<str>>,
    /// The time at which everything that runs is given up.
    give_up_at: Option<Instant>,
}

/// The handover of a kind to another program in this process. The workers go over with their
/// attempts, and no attempt ends by it.
///
/// ```text
///            order                 asks answered           workers have left
/// (serves) ────────► settling ─────────────────► parting ────────────────────► left
///     ▲                 no order: workers return                                 │
///     └──────────────────────────────────────────────────────────────────────────┤
///     └────────────── first order ◄── awaiting ◄── (another program) ◄───────────┘
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum HandoverPhase {
    /// No handover is under way.
    #[default]
    None,
    /// It takes no new tasks; control that is asked for still begins.
    Settling { until: Instant },
    /// Its workers were told to return, or to finish their tasks.
    Parting { until: Instant },
    /// It was taken over, and has no order yet.
    Awaiting,
}

/// The work that is under way in a kind that is to stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnderWay {
    /// True if tasks wait or run, or outcomes are not recorded.
    pub(super) tasks: bool,
    pub(super) workers: bool,
}

impl Lifecycle {
    pub(super) fn on_order(&mut self, order: &Order) {
        self.is_closing = order.releases.is_empty();
        self.stop = order.stop;
        self.coming.clone_from(&order.coming);
        self.give_up_at = order.give_up_at;
        self.handover = match (order.hold, self.handover) {
            (
                Some(_),
                under_way @ (HandoverPhase::Settling { .. } | HandoverPhase::Parting { .. }),
            ) => under_way,
            (Some(until), HandoverPhase::None | HandoverPhase::Awaiting) => {
                HandoverPhase::Settling { until }
            }
            (None, _) => HandoverPhase::None,
        };
    }

    /// Waits for the first order, after taking over from another program in this process.
    pub(super) fn on_taken_over(&mut self) {
        self.handover = HandoverPhase::Awaiting;
    }

    /// Returns true if the kind ends, and no new tasks will be taken.
    pub(super) fn is_closing(&self) -> bool {
        self.is_closing
    }

    /// Returns the stop that is ordered.
    pub(super) fn stop(&self) -> Option<Stop> {
        self.stop
    }

    /// Returns true if a release of this version is to serve and is not here yet.
    pub(super) fn awaits(&self, version: &str) -> bool {
        self.coming.contains(version)
    }

    /// Returns true if any release is to serve that is not here yet.
    pub(super) fn awaits_any(&self) -> bool {
        !self.coming.is_empty()
    }

    /// Returns true if everything that runs is to be given up.
    pub(super) fn is_given_up(&self, now: Instant) -> bool {
        self.give_up_at.is_some_and(|at| now >= at)
    }

    /// Returns true if nothing is planned because everything is going over, or has just arrived.
    pub(super) fn is_going_over(&self) -> bool {
        self.handover != HandoverPhase::None
    }

    /// Returns true if waiting tasks are to leave before the workers do.
    pub(super) fn is_settling(&self) -> bool {
        matches!(self.handover, HandoverPhase::Settling { .. })
    }

    /// Lets the workers leave, now that no asks are open any more.
    pub(super) fn on_settled(&mut self) {
        if let HandoverPhase::Settling { until } = self.handover {
            self.handover = HandoverPhase::Parting { until };
        }
    }

    /// Returns the time by which the workers have to leave, once they are to.
    pub(super) fn parts_until(&self) -> Option<Instant> {
        match self.handover {
            HandoverPhase::Parting { until } => Some(until),
            HandoverPhase::None | HandoverPhase::Settling { .. } | HandoverPhase::Awaiting => None,
        }
    }

    /// Returns the progress of the stop that is ordered.
    pub(super) fn stopped(&self, under_way: UnderWay) -> Option<StopState> {
        Some(match self.stop? {
            Stop::Pause if under_way.tasks => StopState::Pausing,
            Stop::Pause => StopState::Paused,
            Stop::Drain if under_way.tasks || under_way.workers => StopState::Draining,
            Stop::Drain => StopState::Drained,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::{catalogue::Chosen, samples::release};

    fn serves() -> Order {
        let release = release("echo", "1");
        Order {
            releases: vec![Chosen {
                size: release.manifest.pool.clone(),
                release,
                is_active: true,
                is_kept: false,
            }],
            ..Order::default()
        }
    }

    fn going(until: Instant) -> Order {
        Order {
            hold: Some(until),
            ..serves()
        }
    }

    #[test]
    fn a_kind_settles_before_its_workers_part_and_an_order_brings_it_back() {
        let (mut lifecycle, until) = (Lifecycle::default(), Instant::now());
        lifecycle.on_settled();
        assert!(!lifecycle.is_going_over(), "nobody has requested it");
        lifecycle.on_order(&going(until));
        assert!(lifecycle.is_settling() && lifecycle.parts_until().is_none());
        lifecycle.on_settled();
        assert_eq!(lifecycle.parts_until(), Some(until));
        // Repeating the same order changes nothing.
        lifecycle.on_order(&going(until + Duration::from_secs(1)));
        assert_eq!(lifecycle.parts_until(), Some(until));
        lifecycle.on_order(&serves());
        assert!(!lifecycle.is_going_over());
    }

    #[test]
    fn a_kind_that_was_taken_over_waits_for_its_first_order() {
        let mut lifecycle = Lifecycle::default();
        lifecycle.on_taken_over();
        assert!(lifecycle.is_going_over() && !lifecycle.is_settling());
        lifecycle.on_settled();
        assert_eq!(lifecycle.parts_until(), None);
        lifecycle.on_order(&serves());
        assert!(!lifecycle.is_going_over() && !lifecycle.is_closing());
    }

    #[test]
    fn a_stop_is_complete_when_nothing_is_under_way_and_a_drain_when_no_worker_is_left() {
        for (stop, tasks, workers, expect) in [
            (None, false, false, None),
            (Some(Stop::Pause), true, true, Some(StopState::Pausing)),
            (Some(Stop::Pause), false, true, Some(StopState::Paused)),
            (Some(Stop::Drain), true, false, Some(StopState::Draining)),
            (Some(Stop::Drain), false, true, Some(StopState::Draining)),
            (Some(Stop::Drain), false, false, Some(StopState::Drained)),
        ] {
            let mut lifecycle = Lifecycle::default();
            lifecycle.on_order(&Order { stop, ..serves() });
            let stopped = lifecycle.stopped(UnderWay { tasks, workers });
            assert_eq!(stopped, expect, "{stop:?} {tasks} {workers}");
        }
    }
}
