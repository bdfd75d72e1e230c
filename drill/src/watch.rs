//! Looks at alarms and history while everything is killed, and at the end.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use anyhow::{Context, Result};
use jiff::{SignedDuration, Timestamp};
use parking_lot::Mutex;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;
use utakata_api::{
    Client,
    client::{AlarmQuery, HistoryQuery},
};
use utakata_model::{AlarmRule, Selector};

use crate::{
    observed::{EFFECTS, Observed, Times},
    server::Server,
    told::Told,
    truth,
};

/// The name of the rule by which devices with effects have an alarm.
pub const RULE: &str = "drill-effects";
/// The interval between looks at history.
const LOOK: Duration = Duration::from_secs(1);
/// The time that each look goes back.
const BACK: SignedDuration = SignedDuration::from_secs(12);
/// The age from which a reading that history shows must stay: kill -9 may cost the last second.
const SAFE: SignedDuration = SignedDuration::from_secs(2);
/// The time within which the last readings arrive, and alarms with them.
const AGREE: Duration = Duration::from_secs(60);

/// The watch over alarms and history.
#[derive(Debug)]
pub struct Watch {
    server: Arc<Server>,
    began: Timestamp,
    shown: Mutex<Times>,
    /// True if clocks are moved: then times say nothing.
    is_skewed: bool,
}

/// Returns the rule by which devices with effects have an alarm.
///
/// # Errors
/// It is no rule.
pub fn rule() -> Result<AlarmRule> {
    let rule = serde_json::json!({
        "name": RULE, "selector": "kind=drill",
        "on": {
            "metric": "utakata.drill.effects", "where": { "class": "mark" }, "unit": "{effect}",
        },
        "raise": format!("value >= {EFFECTS}.0"), "severity": "notice",
        "text": "{target} has shown {value} effects",
    });
    serde_json::from_value(rule).context("the rule of the drill")
}

impl Watch {
    pub fn new(server: Arc<Server>, is_skewed: bool) -> Self {
        Self {
            server,
            began: Timestamp::now(),
            shown: Mutex::default(),
            is_skewed,
        }
    }

    /// Looks at history until asked to stop.
    ///
    /// # Errors
    /// Never: a logic environment that was killed does not answer.
    pub async fn run(self: Arc<Self>, stop: CancellationToken) -> Result<()> {
        while !self.is_skewed && !stop.is_cancelled() {
            let now = Timestamp::now();
            let (from, to) = (now.checked_sub(BACK)?, now.checked_sub(SAFE)?);
            for (logic, client) in self.server.clients() {
                if let Ok(found) = times(&client, &logic, from, to).await {
                    let mut shown = self.shown.lock();
                    for (of, times) in found {
                        shown.entry(of).or_default().extend(times);
                    }
                }
            }
            sleep(LOOK).await;
        }
        Ok(())
    }

    /// Compares everything at the end.
    ///
    /// # Errors
    /// A logic environment, or the simulator, does not answer.
    pub async fn compare(&self, told: &Told, control: &str) -> Result<Observed> {
        let effects = truth::ask(control).await?.marks();
        let until = Instant::now() + AGREE;
        let mut observed = loop {
            let active = self.active().await.context("alarms cannot be listed")?;
            let mut observed = Observed::default();
            observed.alarms(&active, &effects);
            // The last reading of a device that is away now and then takes a while.
            if observed.wrong == 0 || Instant::now() >= until {
                break observed;
            }
            sleep(LOOK).await;
        };
        observed.told(&told.all());
        let mut found = Times::new();
        for (logic, client) in self.server.clients() {
            let all = times(&client, &logic, self.began, Timestamp::now());
            found.extend(all.await.context("history cannot be read")?);
        }
        observed.history(&self.shown.lock(), &found);
        Ok(observed)
    }

    async fn active(&self) -> Result<BTreeSet<String>> {
        let client = self.server.client().context("nobody answers")?;
        let alarms = client.alarms(&AlarmQuery::default()).await?;
        let of_rule = alarms.into_iter().filter(|one| one.rule.as_str() == RULE);
        Ok(of_rule.map(|one| one.target.to_string()).collect())
    }
}

/// Returns the times of the readings of all devices that a history shows.
async fn times(client: &Client, logic: &str, from: Timestamp, to: Timestamp) -> Result<Times> {
    let query = HistoryQuery {
        selector: "kind=drill".parse::<Selector>()?,
        metric: Some("utakata.drill.requests".into()),
        from: Some(from),
        to: Some(to),
        limit: Some(1_000),
        ..HistoryQuery::default()
    };
    let view = client.history(&query).await?;
    let mut times = BTreeMap::new();
    for series in view.series {
        if let Some(target) = series.target {
            let of = (logic.to_owned(), target.to_string());
            let of: &mut BTreeSet<i64> = times.entry(of).or_default();
            of.extend(series.times);
        }
    }
    Ok(times)
}
