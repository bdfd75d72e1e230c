//! A small ledger: gives each attempt one permit, reports what is recorded, and can misbehave.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use parking_lot::Mutex;
use utakata_interconnect::{Error, Event, Events, Interest, OutcomeBatch, Sender};
use utakata_model::{Class, Outcome, TaskKey};
use utakata_permit::message::{
    Answer, Ask, PermitBatch, Recorded, RecordedBatch, Refused, StartBatch, Verdict,
};

use crate::player::pass;

/// The window of a permit.
pub const WINDOW: Duration = Duration::from_secs(2);

/// The behaviour of the ledger.
#[derive(Debug, Clone)]
pub struct Rules {
    /// The number of asks that are lost.
    pub lose_asks: usize,
    /// The number of permits that are given and lost.
    pub lose_permits: usize,
    /// The number of times that every answer arrives.
    pub times: usize,
    /// The delay of every answer.
    pub delay: Duration,
    /// The reason for refusing everything.
    pub refuse: Option<Refused>,
    /// Outcomes are recorded from this one on, counting repeats.
    pub record_from: usize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            lose_asks: 0,
            lose_permits: 0,
            times: 1,
            delay: Duration::ZERO,
            refuse: None,
            record_from: 0,
        }
    }
}

/// The messages that the ledger has received.
#[derive(Debug, Default)]
pub struct Book {
    pub asks: Vec<(Instant, Ask)>,
    pub permitted: HashMap<TaskKey, (Sender, u64)>,
    pub outcomes: Vec<Outcome>,
}

impl Book {
    /// Returns the outcomes of an attempt, including repeats.
    pub fn outcomes_of(&self, key: TaskKey) -> Vec<&Outcome> {
        self.outcomes.iter().filter(|o| o.key() == key).collect()
    }

    fn verdict(&mut self, sender: &Sender, ask: Ask, rules: &Rules) -> Verdict {
        if let Some(why) = rules.refuse {
            return Verdict::Refused(why);
        }
        let holder = (sender.clone(), ask.ask);
        let has = self.permitted.entry(ask.key).or_insert(holder.clone());
        if *has == holder {
            Verdict::Permitted(WINDOW)
        } else {
            Verdict::Refused(Refused::Taken)
        }
    }
}

/// A ledger. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    pub rules: Arc<Mutex<Rules>>,
    pub book: Arc<Mutex<Book>>,
    events: Arc<dyn Events>,
}

impl Ledger {
    /// Answers until the events are closed.
    pub async fn start(events: Arc<dyn Events>, rules: Rules) -> Self {
        let interest = Interest {
            starts: true,
            outcomes: true,
            ..Interest::NONE
        };
        let mut heard = events.subscribe(interest).await.unwrap();
        let ledger = Self {
            rules: Arc::new(Mutex::new(rules)),
            book: Arc::default(),
            events,
        };
        let serving = ledger.clone();
        tokio::spawn(async move {
            loop {
                let events = match heard.next().await {
                    Ok(events) => events,
                    Err(Error::Closed) => return,
                    Err(Error::Away { .. }) => continue,
                };
                for event in events {
                    match event {
                        Event::Start(batch) => serving.on_start(&batch),
                        Event::Outcomes(batch) => serving.on_outcomes(&batch),
                        _ => {}
                    }
                }
            }
        });
        ledger
    }

    fn on_start(&self, batch: &StartBatch) {
        let sender = Sender {
            environment: batch.environment.clone(),
            incarnation: batch.incarnation,
        };
        let (mut book, mut rules) = (self.book.lock(), self.rules.lock());
        let mut answers = Vec::new();
        for &ask in &batch.asks {
            if rules.lose_asks > 0 {
                rules.lose_asks -= 1;
                continue;
            }
            book.asks.push((Instant::now(), ask));
            let verdict = book.verdict(&sender, ask, &rules);
            if rules.lose_permits > 0 {
                rules.lose_permits -= 1;
                continue;
            }
            answers.extend(vec![Answer { ask, verdict }; rules.times]);
        }
        let answer = Event::Permits(Arc::new(PermitBatch {
            environment: sender.environment,
            incarnation: sender.incarnation,
            kind: batch.kind.clone(),
            answers,
        }));
        self.say(answer, rules.delay);
    }

    fn on_outcomes(&self, batch: &OutcomeBatch) {
        let control = batch.outcomes.iter().filter(|o| o.class == Class::Control);
        let Some(from) = &batch.from else {
            assert_eq!(control.count(), 0, "control has a sender");
            return;
        };
        let mut book = self.book.lock();
        let mut attempts = Vec::new();
        for outcome in control {
            if book.outcomes.len() >= self.rules.lock().record_from {
                attempts.push(Recorded {
                    key: outcome.key(),
                    ask: outcome.permit,
                });
            }
            book.outcomes.push(outcome.clone());
        }
        let recorded = Event::Recorded(Arc::new(RecordedBatch {
            environment: from.environment.clone(),
            incarnation: from.incarnation,
            kind: batch.kind.clone(),
            attempts,
        }));
        self.say(recorded, Duration::ZERO);
    }

    /// Recipients may publish in turn, so this never waits.
    fn say(&self, event: Event, delay: Duration) {
        let events = self.events.clone();
        tokio::spawn(async move {
            pass(delay).await;
            while let Err(error) = events.publish(vec![event.clone()]).await {
                if error == Error::Closed {
                    return;
                }
            }
        });
    }
}
