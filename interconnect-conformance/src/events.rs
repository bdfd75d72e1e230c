//! The promises about events.

mod desired;

use std::sync::Arc;

use utakata_interconnect::{Event, Events, Interest, Subscription};
use utakata_model::{Class, EnvironmentId, EnvironmentState};

use super::{
    Deviation, Promise, expect,
    sample::{Queue, mark},
};

/// Events to check: nothing was published, and nobody else uses them.
#[derive(Clone)]
pub struct Setup {
    pub events: Arc<dyn Events>,
    /// The number of single events that wait for one subscriber, if it is exactly defined; at least
    /// 10.
    pub limit: Option<usize>,
    /// The promises that it need not keep.
    pub slack: Slack,
}

/// Promises that external brokers do not keep. They keep all those about control.
#[derive(Debug, Clone, Copy)]
pub struct Slack {
    /// True if expendable events may overtake others, and the other way round; each keeps its own
    /// order.
    pub overtakes: bool,
    /// True if statuses and desired state from before a subscription do not arrive, but only when
    /// they are published again.
    pub forgets_statuses: bool,
    /// The number of control outcomes, published one after the other, that counts as many.
    pub many: usize,
}

impl Default for Slack {
    fn default() -> Self {
        Self {
            overtakes: false,
            forgets_statuses: false,
            many: 10_000,
        }
    }
}

impl Slack {
    /// Returns the events in an order in which they can be compared.
    fn ordered(&self, mut events: Vec<Event>) -> Vec<Event> {
        if self.overtakes {
            events.sort_by_key(|event| !event.is_expendable());
        }
        events
    }
}

/// All promises about events.
pub const PROMISES: [Promise<Setup>; 16] = [
    Promise {
        words: "what is published comes to every subscriber, once and in its order",
        check: |setup| Box::pin(everything_comes_to_all(setup)),
    },
    Promise {
        words: "an event comes as it was published",
        check: |setup| Box::pin(nothing_is_changed(setup)),
    },
    Promise {
        words: "only what is of interest comes",
        check: |setup| Box::pin(only_what_is_of_interest(setup)),
    },
    Promise {
        words: "the last status of each environment comes first, once",
        check: |setup| Box::pin(last_statuses_come_first(setup)),
    },
    Promise {
        words: "readings and outcomes from before the subscription do not come",
        check: |setup| Box::pin(the_past_does_not_come(setup)),
    },
    Promise {
        words: "waiting for events can be cancelled and nothing is lost",
        check: |setup| Box::pin(waiting_is_cancel_safe(setup)),
    },
    Promise {
        words: "what is not expendable is never dropped, however slow the subscriber",
        check: |setup| Box::pin(control_outcomes_are_never_dropped(setup)),
    },
    Promise {
        words: "of too many expendable events the oldest are dropped and counted, and nobody waits",
        check: |setup| Box::pin(the_oldest_readings_go(setup)),
    },
    Promise {
        words: "nobody waits for a subscriber that only wants what is expendable",
        check: |setup| Box::pin(nobody_waits_for_readers(setup)),
    },
    Promise {
        words: "a subscriber that leaves holds nobody up",
        check: |setup| Box::pin(who_leaves_holds_nobody_up(setup)),
    },
    Promise {
        words: "asks for permits come to those who want them",
        check: |setup| Box::pin(asks_come_to_who_wants_them(setup)),
    },
    Promise {
        words: "permits and records come only to the environment that they are for",
        check: |setup| Box::pin(answers_come_to_whom_they_are_for(setup)),
    },
    Promise {
        words: "asks, permits and records come as they were published",
        check: |setup| Box::pin(the_permit_is_not_changed(setup)),
    },
    Promise {
        words: "asks, permits and records are never dropped, however slow the subscriber",
        check: |setup| Box::pin(the_permit_is_never_dropped(setup)),
    },
    Promise {
        words: "the last desired state of a zone comes first, once, as it was published",
        check: |setup| Box::pin(desired::the_last_comes_first(setup)),
    },
    Promise {
        words: "desired state comes only to those who want that of the zone",
        check: |setup| Box::pin(desired::only_that_of_the_zone_comes(setup)),
    },
];

const READINGS: Interest = Interest {
    readings: true,
    ..Interest::NONE
};
const STATUSES: Interest = Interest {
    environments: true,
    ..Interest::NONE
};

const STARTS: Interest = Interest {
    starts: true,
    ..Interest::NONE
};

async fn everything_comes_to_all(Setup { events, slack, .. }: Setup) -> Result<(), Deviation> {
    let samples = samples()?;
    let mut one = events.subscribe(Interest::ALL).await?;
    let mut other = events.subscribe(Interest::ALL).await?;
    let mut published = Vec::new();
    for batch in 0..3 {
        let batch = vec![
            samples.readings(batch)?,
            samples.outcome(Class::Control, batch),
            samples.status(&format!("wee-{batch}"), EnvironmentState::Running)?,
        ];
        published.extend(batch.clone());
        events.publish(batch).await?;
    }
    let expected = marks(&slack.ordered(published));
    for subscriber in [&mut one, &mut other] {
        let came = slack.ordered(take(subscriber.as_mut(), expected.len()).await?);
        expect("events", &marks(&came), &expected)?;
    }
    // A duplicate would arrive before the marker.
    drop(other);
    only_the_marker_is_left(&events, &samples, one.as_mut()).await
}

async fn nothing_is_changed(Setup { events, slack, .. }: Setup) -> Result<(), Deviation> {
    let samples = samples()?;
    let mut subscriber = events.subscribe(Interest::ALL).await?;
    let published = vec![
        samples.readings(1)?,
        samples.outcome(Class::Observe, 2),
        samples.status("wee-1", EnvironmentState::Draining)?,
    ];
    events.publish(published.clone()).await?;
    let came = slack.ordered(take(subscriber.as_mut(), 3).await?);
    let published = slack.ordered(published);
    expect("events", &format!("{came:?}"), &format!("{published:?}"))
}

async fn only_what_is_of_interest(Setup { events, .. }: Setup) -> Result<(), Deviation> {
    let samples = samples()?;
    let mut readings = events.subscribe(READINGS).await?;
    let mut statuses = events.subscribe(STATUSES).await?;
    let published = vec![
        samples.status("wee-1", EnvironmentState::Running)?,
        samples.outcome(Class::Control, 1),
        samples.readings(2)?,
        samples.outcome(Class::Observe, 3),
        samples.readings(4)?,
        samples.status("wee-1", EnvironmentState::Gone)?,
    ];
    let all = marks(&published);
    let pick = |places: [usize; 2]| places.map(|at| all[at].clone()).to_vec();
    events.publish(published).await?;
    let came = take(readings.as_mut(), 2).await?;
    expect("readings", &marks(&came), &pick([2, 4]))?;
    let came = take(statuses.as_mut(), 2).await?;
    expect("statuses", &marks(&came), &pick([0, 5]))
}

async fn last_statuses_come_first(Setup { events, slack, .. }: Setup) -> Result<(), Deviation> {
    let samples = samples()?;
    let last = vec![
        samples.status("wee-2", EnvironmentState::Running)?,
        samples.status("wee-1", EnvironmentState::Draining)?,
    ];
    let first = samples.status("wee-1", EnvironmentState::Running)?;
    events.publish([vec![first], last.clone()].concat()).await?;
    let mut subscriber = events.subscribe(Interest::ALL).await?;
    if slack.forgets_statuses {
        events.publish(last).await?;
    }
    events.publish(vec![samples.readings(1)?]).await?;
    let mut came = marks(&take(subscriber.as_mut(), 3).await?);
    let last = came.pop();
    came.sort();
    let first = ["environment wee-1 Draining", "environment wee-2 Running"];
    expect("first", &came, &first.map(String::from).to_vec())?;
    expect("then", &last, &Some("reading 1".into()))?;
    only_the_marker_is_left(&events, &samples, subscriber.as_mut()).await
}

async fn the_past_does_not_come(Setup { events, .. }: Setup) -> Result<(), Deviation> {
    let samples = samples()?;
    let past = vec![samples.readings(1)?, samples.outcome(Class::Control, 2)];
    events.publish(past).await?;
    let mut subscriber = events.subscribe(Interest::ALL).await?;
    only_the_marker_is_left(&events, &samples, subscriber.as_mut()).await
}

async fn waiting_is_cancel_safe(Setup { events, .. }: Setup) -> Result<(), Deviation> {
    const EVENTS: usize = 50;
    let samples = samples()?;
    let mut subscriber = events.subscribe(Interest::ALL).await?;
    let mut came = Vec::new();
    for number in 0..EVENTS {
        let outcome = samples.outcome(Class::Control, number as u32);
        let mut publishing = events.publish(vec![outcome]);
        // Waiting begins first, and is cancelled as soon as publishing is done.
        tokio::select! {
            biased;
            some = subscriber.next() => {
                came.extend(some?);
                publishing.await?;
            }
            published = &mut publishing => published?,
        }
    }
    let rest = EVENTS.saturating_sub(came.len());
    came.extend(take(subscriber.as_mut(), rest).await?);
    let expected: Vec<_> = (0..EVENTS).map(|n| format!("outcome {n}")).collect();
    expect("events", &marks(&came), &expected)
}

async fn control_outcomes_are_never_dropped(setup: Setup) -> Result<(), Deviation> {
    let Setup {
        events,
        limit,
        slack,
    } = setup;
    let samples = samples()?;
    let count = limit.map_or(slack.many, |limit| 10 * limit);
    let mut subscriber = events.subscribe(Interest::ALL).await?;
    let publishing = async {
        for number in 0..count {
            let both = vec![
                samples.readings(number as u32)?,
                samples.outcome(Class::Control, number as u32),
            ];
            events.publish(both).await?;
        }
        Ok(())
    };
    let following = async {
        let mut came = Vec::new();
        while came.len() < count {
            let some = subscriber.next().await?;
            came.extend(
                marks(&some)
                    .into_iter()
                    .filter(|m| m.starts_with("outcome")),
            );
            tokio::task::yield_now().await;
        }
        Ok::<_, Deviation>(came)
    };
    let (published, came): (Result<(), Deviation>, _) = tokio::join!(publishing, following);
    published?;
    let expected: Vec<_> = (0..count).map(|n| format!("outcome {n}")).collect();
    expect("outcomes", &came?, &expected)
}

async fn the_oldest_readings_go(Setup { events, limit, .. }: Setup) -> Result<(), Deviation> {
    let Some(limit) = limit else {
        return Ok(());
    };
    let samples = samples()?;
    let mut subscriber = events.subscribe(Interest::ALL).await?;
    for number in 0..3 * limit {
        events
            .publish(vec![samples.readings(number as u32)?])
            .await?;
    }
    let came = take(subscriber.as_mut(), limit).await?;
    let expected: Vec<_> = (2 * limit..3 * limit)
        .map(|n| format!("reading {n}"))
        .collect();
    expect("readings", &marks(&came), &expected)?;
    expect("missed", &subscriber.missed(), &(2 * limit as u64))?;
    expect("missed since", &subscriber.missed(), &0)
}

async fn nobody_waits_for_readers(Setup { events, limit, .. }: Setup) -> Result<(), Deviation> {
    let samples = samples()?;
    let mut reader = events.subscribe(READINGS).await?;
    let last = 3 * limit.unwrap_or(1_000) as u32;
    for number in 0..=last {
        let both = vec![
            samples.readings(number)?,
            samples.outcome(Class::Control, number),
        ];
        events.publish(both).await?;
    }
    let mut came = Vec::new();
    while came.last() != Some(&format!("reading {last}")) {
        came.extend(marks(&reader.next().await?));
    }
    Ok(())
}

async fn who_leaves_holds_nobody_up(Setup { events, limit, .. }: Setup) -> Result<(), Deviation> {
    let samples = samples()?;
    let idle = events.subscribe(Interest::ALL).await?;
    let outcomes =
        (0..3 * limit.unwrap_or(1_000)).map(|n| samples.outcome(Class::Control, n as u32));
    let publishing = events.publish(outcomes.collect());
    let leaving = async { drop(idle) };
    // Joined, so that publishing begins first.
    let (published, ()) = tokio::join!(publishing, leaving);
    published?;
    let mut subscriber = events.subscribe(Interest::ALL).await?;
    only_the_marker_is_left(&events, &samples, subscriber.as_mut()).await
}

async fn asks_come_to_who_wants_them(Setup { events, .. }: Setup) -> Result<(), Deviation> {
    let samples = samples()?;
    let mut ledger = events.subscribe(STARTS).await?;
    let mut anybody = events.subscribe(Interest::ALL).await?;
    let mut environment = events.subscribe(answers_for("wee-1")?).await?;
    events
        .publish(vec![
            samples.start("wee-1", 1)?,
            samples.permits("wee-1", 2)?,
            samples.start("wee-2", 3)?,
            samples.outcome(Class::Control, 4),
        ])
        .await?;
    let came = marks(&take(ledger.as_mut(), 2).await?);
    expect("asks", &came, &words(["start wee-1 1", "start wee-2 3"]))?;
    let came = marks(&take(anybody.as_mut(), 1).await?);
    expect("for anybody", &came, &words(["outcome 4"]))?;
    let came = marks(&take(environment.as_mut(), 1).await?);
    expect("for who asked", &came, &words(["permit wee-1 2"]))
}

async fn answers_come_to_whom_they_are_for(Setup { events, .. }: Setup) -> Result<(), Deviation> {
    let samples = samples()?;
    let mut one = events.subscribe(answers_for("wee-1")?).await?;
    let mut other = events.subscribe(answers_for("wee-2")?).await?;
    let mut anybody = events.subscribe(Interest::ALL).await?;
    events
        .publish(vec![
            samples.permits("wee-1", 1)?,
            samples.recorded("wee-2", 2)?,
            samples.permits("wee-2", 3)?,
            samples.recorded("wee-1", 4)?,
            samples.readings(5)?,
        ])
        .await?;
    let came = marks(&take(one.as_mut(), 2).await?);
    expect("one", &came, &words(["permit wee-1 1", "recorded wee-1 4"]))?;
    let came = marks(&take(other.as_mut(), 2).await?);
    expect(
        "other",
        &came,
        &words(["recorded wee-2 2", "permit wee-2 3"]),
    )?;
    let came = marks(&take(anybody.as_mut(), 1).await?);
    expect("for anybody", &came, &words(["reading 5"]))
}

async fn the_permit_is_not_changed(Setup { events, .. }: Setup) -> Result<(), Deviation> {
    let samples = samples()?;
    let interest = Interest {
        starts: true,
        ..answers_for("wee-1")?
    };
    let mut subscriber = events.subscribe(interest).await?;
    let published = vec![
        samples.start("wee-1", 1)?,
        samples.permits("wee-1", 2)?,
        samples.recorded("wee-1", 3)?,
    ];
    events.publish(published.clone()).await?;
    let came = take(subscriber.as_mut(), 3).await?;
    expect("events", &format!("{came:?}"), &format!("{published:?}"))
}

async fn the_permit_is_never_dropped(Setup { events, limit, .. }: Setup) -> Result<(), Deviation> {
    let samples = samples()?;
    let count = 3 * limit.unwrap_or(500) as u32;
    let interest = Interest {
        starts: true,
        ..answers_for("wee-1")?
    };
    let mut subscriber = events.subscribe(interest).await?;
    let publishing = async {
        for number in 0..count {
            let permit = vec![
                samples.start("wee-1", number.into())?,
                samples.permits("wee-1", number.into())?,
                samples.recorded("wee-1", number)?,
            ];
            events.publish(permit).await?;
        }
        Ok::<_, Deviation>(())
    };
    let following = take(subscriber.as_mut(), 3 * count as usize);
    let (published, came) = tokio::join!(publishing, following);
    published?;
    let words = ["start", "permit", "recorded"];
    let expected = (0..count).flat_map(|n| words.map(|word| format!("{word} wee-1 {n}")));
    expect("events", &marks(&came?), &expected.collect())
}

/// Returns the interest of one environment.
fn answers_for(environment: &str) -> Result<Interest, Deviation> {
    let environment =
        EnvironmentId::new(environment).map_err(|error| Deviation(error.to_string()))?;
    Ok(Interest {
        answers: Some(environment),
        ..Interest::NONE
    })
}

fn words<const N: usize>(words: [&str; N]) -> Vec<String> {
    words.map(String::from).to_vec()
}

fn samples() -> Result<Queue, Deviation> {
    Queue::new("hall-1", "apc-pdu")
}

/// Takes that many events.
async fn take(subscriber: &mut dyn Subscription, count: usize) -> Result<Vec<Event>, Deviation> {
    let mut came = Vec::new();
    while came.len() < count {
        came.extend(subscriber.next().await?);
    }
    Ok(came)
}

/// Checks that nothing else waits: the next event is the one published now.
async fn only_the_marker_is_left(
    events: &Arc<dyn Events>,
    samples: &Queue,
    subscriber: &mut dyn Subscription,
) -> Result<(), Deviation> {
    const MARKER: u32 = 4_711;
    let marker = vec![samples.outcome(Class::Control, MARKER)];
    events.publish(marker).await?;
    let came = marks(&take(subscriber, 1).await?);
    let others: Vec<_> = came
        .iter()
        .filter(|m| **m != format!("outcome {MARKER}"))
        .collect();
    expect("what is left", &others, &Vec::new())
}

fn marks(events: &[Event]) -> Vec<String> {
    events.iter().map(mark).collect()
}
