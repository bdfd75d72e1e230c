//! The keeper of alarms: feeds the engine where the ledger is kept, records what follows, then tells
//! it.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jiff::Timestamp;
use parking_lot::RwLock;
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinSet,
};
use tokio_util::sync::CancellationToken;
use utakata_api::{
    alarm::{AlarmChange, AlarmView},
    operation::Read,
};
use utakata_interconnect::{Event, message::alarm::AlarmNews};
use utakata_model::{AlarmName, AlarmRule, Selector, TargetName};

use super::{
    Error, Input,
    channel::Channel,
    engine::{Engine, Output},
    mail::Mail,
    own::{OwnFigure, OwnFigures, free_share},
    parts::Parts,
    record::{Key, Record},
    rules::Rules,
    shown::Shown,
    view,
};
use crate::{clock, duties::Term, ledger, store};

/// The number of inputs that are taken at once.
const AT_ONCE: usize = 1024;
/// The longest time between looks at the clock and at the site.
const TICK: Duration = Duration::from_millis(200);
/// The interval between looks at utakata's own figures.
const OWN_INTERVAL: Duration = Duration::from_secs(5);
/// The pause after an error of the store.
const RETRY_AFTER: Duration = Duration::from_millis(500);
/// The number of changes that are kept, and the number after which older ones are forgotten.
const KEPT: u64 = 200_000;
const FORGET_EVERY: u64 = 10_000;
/// The number of changes that are looked at when alarms are taken over, to tell what was not told.
const LOOK_BACK: u64 = 1_000;
/// The number of messages that are published at once.
const PUBLISHED_AT_ONCE: usize = 500;

/// The keeper of alarms.
pub struct AlarmKeeper {
    parts: Parts,
    inputs: mpsc::Receiver<Input>,
    shown: Arc<RwLock<Shown>>,
    figures: Arc<OwnFigures>,
}

/// The site as the engine last saw it.
#[derive(Default)]
struct SiteSeen {
    generation: Option<(u64, usize)>,
    rules: Vec<Arc<AlarmRule>>,
    own_at: Option<Timestamp>,
}

/// People who wait until their act is recorded.
type Waiting = Vec<(AlarmView, oneshot::Sender<Result<AlarmView, Error>>)>;

impl AlarmKeeper {
    pub(super) fn new(
        parts: Parts,
        inputs: mpsc::Receiver<Input>,
        shown: Arc<RwLock<Shown>>,
        figures: Arc<OwnFigures>,
    ) -> Self {
        Self {
            parts,
            inputs,
            shown,
            figures,
        }
    }

    /// Keeps the alarms whenever the ledger is kept here, until it is cancelled.
    pub async fn run(mut self, cancel: CancellationToken) {
        while let Some(term) = self.appointed(&cancel).await {
            match self.load().await {
                Ok(engine) => self.keep(engine, &term, &cancel).await,
                Err(error) => {
                    tracing::error!(%error, cure = error.cure(), "alarms cannot be taken over");
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
            self.shown.write().clear();
        }
    }

    /// Waits until the ledger is kept here; what is heard meanwhile, its keeper hears.
    async fn appointed(&mut self, cancel: &CancellationToken) -> Option<Term> {
        loop {
            let term = self.parts.duties.borrow().ledger.clone();
            if let Some(term) = term.filter(|_| self.parts.ledger.is_here()) {
                return Some(term);
            }
            tokio::select! {
                () = cancel.cancelled() => return None,
                input = self.inputs.recv() => if let Input::Act(_, to) = input? {
                    let _ = to.send(Err(ledger::Error::Elsewhere.into()));
                },
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }

    async fn load(&self) -> Result<Engine, store::Error> {
        let store = &self.parts.store;
        let rows = store.alarms().await?;
        let mut records = Vec::with_capacity(rows.len());
        for row in rows {
            match serde_json::from_str::<Record>(&row.body) {
                Ok(record) => records.push(record),
                Err(error) => {
                    tracing::error!(alarm = row.key, %error, "a stored alarm is left out");
                }
            }
        }
        let number = store.last_alarm_change().await?;
        let rules = Arc::new(Rules::new(&self.parts.inventory.alarm_rules()));
        let mut engine = Engine::new(rules, records, number, clock::now());
        for (target, lock) in store.locks().await? {
            engine.locked(&target, Some(lock.until), clock::now());
        }
        // Locks that were there before change nothing.
        engine.take_output();
        Ok(engine)
    }

    async fn keep(&mut self, mut engine: Engine, term: &Term, cancel: &CancellationToken) {
        let mut seen = SiteSeen::default();
        self.look_around(&mut engine, &mut seen);
        self.show_all(&engine);
        self.tell_again(&engine).await;
        let (number, _channels) = self.channels();
        let mut inputs = Vec::with_capacity(AT_ONCE);
        let mut steps = clock::Steps::begin();
        while !cancel.is_cancelled() && self.parts.duties.borrow().ledger.as_ref() == Some(term) {
            let wait = wait(&engine);
            tokio::select! {
                () = cancel.cancelled() => return,
                taken = self.inputs.recv_many(&mut inputs, AT_ONCE) => if taken == 0 { return },
                () = tokio::time::sleep(wait) => {}
            }
            if let Some(step) = steps.look() {
                engine.shift(step);
                seen.own_at = None;
            }
            self.look_around(&mut engine, &mut seen);
            let waiting = self.take_in(&mut engine, &mut inputs);
            let now = clock::now();
            engine.tick(now);
            engine.explain(now);
            let output = engine.take_output();
            self.read(&output);
            match self.record(&engine, &output).await {
                Ok(()) => {
                    self.show(&engine, &output);
                    number.send_replace(self.shown.read().number);
                    answer(waiting);
                    self.tell(&engine, &output).await;
                }
                Err(error) => {
                    refuse(waiting);
                    // Nobody was told: it goes into the next one.
                    engine.give_back(output);
                    if matches!(error, ledger::Error::Elsewhere | ledger::Error::Ending) {
                        return;
                    }
                    tokio::time::sleep(RETRY_AFTER).await;
                }
            }
        }
    }

    /// Starts the channels out, which end when they are dropped.
    fn channels(&self) -> (watch::Sender<u64>, JoinSet<()>) {
        let (sender, number) = watch::channel(self.shown.read().number);
        let mut channels = JoinSet::new();
        let out = &self.parts.channels;
        for url in &out.webhooks {
            let channel = Channel {
                url: url.clone(),
                parts: self.parts.clone(),
                shown: Arc::clone(&self.shown),
                number: number.clone(),
            };
            channels.spawn(channel.run());
        }
        if out.mail.server.is_some() {
            let config = Arc::new(out.mail.clone());
            channels.spawn(Mail::new(config, self.parts.clone(), number).run());
        }
        (sender, channels)
    }

    fn take_in(&self, engine: &mut Engine, inputs: &mut Vec<Input>) -> Waiting {
        let mut waiting = Vec::new();
        let mut oldest: Option<Duration> = None;
        for input in inputs.drain(..) {
            let now = clock::now();
            match input {
                Input::Readings(entry, readings, heard) => {
                    let age = Duration::try_from(now.duration_since(heard)).ok();
                    oldest = oldest.max(age);
                    engine.saw(&entry, &readings, now);
                }
                Input::Ended(entry, contact) => engine.ended(&entry, contact, now),
                Input::Locked(target, until) => engine.locked(&target, until, now),
                Input::Act(act, to) => match engine.act(&act, now) {
                    Ok(view) => waiting.push((view, to)),
                    Err(error) => drop(to.send(Err(error))),
                },
            }
        }
        if let Some(oldest) = oldest {
            self.figures
                .decided(u64::try_from(oldest.as_millis()).unwrap_or(u64::MAX));
        }
        waiting
    }

    /// Takes over what has changed at the site, and utakata's own figures.
    fn look_around(&self, engine: &mut Engine, seen: &mut SiteSeen) {
        let now = clock::now();
        let coverage = self.parts.observe.coverage();
        let inventory = &self.parts.inventory;
        let generation = (*inventory.follow().borrow(), Arc::as_ptr(&coverage).addr());
        if seen.generation != Some(generation) {
            let rules = inventory.alarm_rules();
            if seen.rules != rules {
                engine.rule(Arc::new(Rules::new(&rules)), now);
                seen.rules = rules;
            }
            self.shown.write().rules = Arc::clone(&engine.rules);
            let targets = inventory.select(&Selector::default());
            let graph = Arc::new(inventory.graph());
            engine.surround(coverage, graph, &targets, now);
            seen.generation = Some(generation);
        }
        let is_due = seen.own_at.is_none_or(|at| at + OWN_INTERVAL <= now);
        if is_due {
            seen.own_at = Some(now);
            for figure in self.own(now) {
                engine.measured(&figure, now);
            }
        }
    }

    fn own(&self, now: Timestamp) -> Vec<OwnFigure> {
        let oldest = self.parts.dispatch.oldest();
        let age = oldest.map_or(0.0, |made| now.duration_since(made).as_secs_f64().max(0.0));
        let mut figures = vec![
            OwnFigure::new("utakata.self.queue.age", age, "s"),
            OwnFigure::new("utakata.self.lag", self.figures.lag(), "s"),
        ];
        let folder = self.parts.folder.as_deref();
        if let Some(free) = folder.and_then(free_share) {
            figures.push(OwnFigure::new("utakata.self.disk.free", free, "1"));
        }
        figures
    }

    /// Reads what may explain something, at once.
    fn read(&self, output: &Output) {
        if output.ask.is_empty() {
            return;
        }
        let selector = Selector::of_names(&output.ask);
        let observe = Arc::clone(&self.parts.observe);
        // It ends by itself: nobody waits for it, and its outcomes come as any.
        tokio::spawn(async move {
            let read = Read {
                max_age: None,
                selector,
                action: None,
                parameters: serde_json::Map::new(),
                wait: Duration::ZERO,
            };
            if let Err(error) = observe.read(read, None).await {
                tracing::debug!(%error, "what may explain alarms cannot be read");
            }
        });
    }

    /// Records what follows.
    async fn record(&self, engine: &Engine, output: &Output) -> Result<(), ledger::Error> {
        let mut writes = engine.writes(output);
        if let Some(last) = output.changes.last().map(|change| change.number)
            && last / FORGET_EVERY != output.changes[0].number.saturating_sub(1) / FORGET_EVERY
        {
            writes.forget = last.checked_sub(KEPT);
        }
        if writes.is_empty() && output.acts.is_empty() {
            return Ok(());
        }
        let ledger = &self.parts.ledger;
        ledger.put_alarms(writes, output.acts.clone()).await
    }

    fn show_all(&self, engine: &Engine) {
        let now = clock::now();
        let mut shown = self.shown.write();
        shown.clear();
        shown.rules = Arc::clone(&engine.rules);
        for key in engine.by_id.values() {
            if let Some(view) = engine
                .record(key)
                .and_then(|record| view::view(record, now))
            {
                shown.put(view);
            }
        }
    }

    fn show(&self, engine: &Engine, output: &Output) {
        if output.changes.is_empty() {
            return;
        }
        let mut shown = self.shown.write();
        shown.rules = Arc::clone(&engine.rules);
        for change in &output.changes {
            let id = change.alarm.id;
            match change.done || !engine.by_id.contains_key(&id) {
                true => shown.remove(id, change.number),
                false => shown.put(change.alarm.clone()),
            }
        }
    }

    /// Tells what has changed.
    async fn tell(&self, engine: &Engine, output: &Output) {
        let mut news: BTreeMap<(TargetName, AlarmName), Vec<&AlarmChange>> = BTreeMap::new();
        for change in &output.changes {
            let key = (change.alarm.target.clone(), change.alarm.rule.clone());
            news.entry(key).or_default().push(change);
        }
        let news: Vec<Event> = news
            .into_iter()
            .map(|((target, rule), changes)| news_of(engine, target, rule, &changes))
            .collect();
        self.publish(news).await;
    }

    /// Tells the alarms that there are, for brokers that have forgotten them, and what was recorded
    /// and perhaps not told. Numbers say that it is nothing new.
    async fn tell_again(&self, engine: &Engine) {
        let mut topics: BTreeMap<(TargetName, AlarmName), Vec<&AlarmChange>> = BTreeMap::new();
        for Key { target, rule, .. } in engine.by_id.values() {
            topics.insert((target.clone(), rule.clone()), Vec::new());
        }
        let from = self.shown.read().number.saturating_sub(LOOK_BACK);
        let rows = self.parts.store.alarm_changes(from, u32::MAX >> 1).await;
        for row in rows.unwrap_or_default() {
            if let Ok(change) = serde_json::from_str::<AlarmChange>(&row.body) {
                let topic = (change.alarm.target, change.alarm.rule);
                topics.entry(topic).or_default();
            }
        }
        let news = topics.into_iter();
        let news = news.map(|((target, rule), changes)| news_of(engine, target, rule, &changes));
        self.publish(news.collect()).await;
    }

    async fn publish(&self, news: Vec<Event>) {
        for news in news.chunks(PUBLISHED_AT_ONCE) {
            if let Err(error) = self.parts.events.publish(news.to_vec()).await {
                tracing::warn!(%error, "changes of alarms are recorded, and not published");
            }
        }
    }
}

/// Returns the message about the alarms of a rule on a target.
fn news_of(
    engine: &Engine,
    target: TargetName,
    rule: AlarmName,
    changes: &[&AlarmChange],
) -> Event {
    let now = clock::now();
    let records = engine
        .targets
        .get(&target)
        .into_iter()
        .flat_map(|one| one.records.values());
    let of_rule = records.filter(|record| record.rule == rule);
    let views: Vec<AlarmView> = of_rule
        .filter_map(|record| view::view(record, now))
        .collect();
    let last = changes.iter().map(|change| change.number);
    let number = last.chain(views.iter().map(|view| view.number)).max();
    Event::Alarms(Arc::new(AlarmNews {
        target,
        rule,
        number: number.unwrap_or_default(),
        alarms: views
            .iter()
            .filter_map(|view| serde_json::to_value(view).ok())
            .collect(),
        changes: changes
            .iter()
            .filter_map(|change| serde_json::to_value(change).ok())
            .collect(),
    }))
}

/// Returns the time until the next moment at which time alone may change something.
fn wait(engine: &Engine) -> Duration {
    let next = engine.deadline().map(|at| at.duration_since(clock::now()));
    let next = next.map(|left| Duration::try_from(left).unwrap_or_default());
    next.unwrap_or(TICK).clamp(Duration::from_millis(5), TICK)
}

fn answer(waiting: Waiting) {
    for (view, to) in waiting {
        // Whoever asked may have lost interest.
        let _ = to.send(Ok(view));
    }
}

fn refuse(waiting: Waiting) {
    for (_, to) in waiting {
        let _ = to.send(Err(ledger::Error::Waits.into()));
    }
}
