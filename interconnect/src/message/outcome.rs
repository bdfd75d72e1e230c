//! Outcomes sent together.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use utakata_model::{EnvironmentId, Incarnation, Kind, Outcome, Zone};

use super::{
    Error, Form, Message, encode,
    moments::{Moments, agree},
};
use crate::clock::{Clock, Sent};

/// Outcomes that were published together.
#[derive(Debug, Clone, Serialize)]
pub struct OutcomeBatch {
    pub zone: Zone,
    pub kind: Kind,
    /// The life of the environment that published them and wants to hear when those of control are
    /// recorded; absent where nobody waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Sender>,
    /// The outcomes, in the order in which they were observed.
    pub outcomes: Vec<Outcome>,
}

/// One life of an environment, which publishes outcomes.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Sender {
    pub environment: EnvironmentId,
    /// The incarnation of the environment.
    pub incarnation: Incarnation,
}

/// A selection from several batches, written as one message.
#[derive(Serialize)]
struct Selected<'b> {
    zone: &'b Zone,
    kind: &'b Kind,
    outcomes: &'b [&'b Outcome],
}

#[derive(Deserialize)]
pub struct ReceivedOutcomes {
    #[serde(default)]
    sent: Option<Sent>,
    #[serde(default)]
    ages: Vec<u64>,
    zone: Zone,
    kind: Kind,
    #[serde(default)]
    from: Option<Sender>,
    outcomes: Vec<Outcome>,
}

/// Encodes outcomes from several batches as one message.
///
/// # Errors
/// As for [`Message::encode`].
pub fn encode_selected(zone: &Zone, kind: &Kind, outcomes: &[&Outcome]) -> Result<Vec<u8>, Error> {
    let selected = Selected {
        zone,
        kind,
        outcomes,
    };
    encode(Form::of::<OutcomeBatch>(), &selected)
}

impl Message for OutcomeBatch {
    const NAME: &'static str = "batch of outcomes";
    type Fields<'o> = &'o Self;
    type Received = ReceivedOutcomes;

    fn fields(&self) -> &Self {
        self
    }

    fn moments(&self, clock: &Clock) -> Option<Moments> {
        let ended = self.outcomes.iter().map(|outcome| outcome.timings.ended);
        Some(Moments::ages(ended, clock))
    }

    fn received(mut received: ReceivedOutcomes, clock: Option<&Clock>) -> Self {
        if let Some(clock) = clock {
            received.anchor(clock);
        }
        Self {
            zone: received.zone,
            kind: received.kind,
            from: received.from,
            outcomes: received.outcomes,
        }
    }
}

impl ReceivedOutcomes {
    /// Converts the ends of the attempts to our clock.
    fn anchor(&mut self, clock: &Clock) {
        let is_whole = self.ages.len() == self.outcomes.len();
        let sent = self.sent.take().filter(|_| is_whole);
        let transit = sent.map(|sent| clock.receive(&sent));
        for (at, outcome) in self.outcomes.iter_mut().enumerate() {
            let ended = &mut outcome.timings.ended;
            *ended = match (transit, self.ages.get(at)) {
                (Some(transit), _) if agree(transit.ahead) => *ended,
                (Some(transit), Some(age)) => {
                    clock.before(Duration::from_millis(*age) + transit.waited)
                }
                _ => (*ended).min(clock.now()),
            };
        }
    }
}
