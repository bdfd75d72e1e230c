//! A channel out: tells other systems what people are told, in the order of its numbers.
//!
//! The last number that was told is stored: after a restart it goes on there.

use std::{sync::Arc, time::Duration};

use indexmap::IndexMap;
use parking_lot::RwLock;
use tokio::sync::watch;
use utakata_api::{
    alarm::{AlarmChange, AlarmView},
    client::Webhook,
};
use utakata_model::{Labels, TargetName};

use super::{
    alertmanager::alert, parts::Parts, shown::Shown, told, trouble::Trouble, view::Filter,
};
use crate::clock;

/// The number of changes that are looked at, and of alerts that are sent, at once.
const AT_ONCE: u32 = 500;
/// The interval at which everything that is so is sent again: otherwise it ends by itself.
const REPEAT: Duration = Duration::from_secs(120);
/// The pause after a failure, doubling from the first value up to the second.
const RETRY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(60));

/// A webhook in the form of Alertmanager.
pub(super) struct Channel {
    pub url: String,
    pub parts: Parts,
    pub shown: Arc<RwLock<Shown>>,
    /// The number of the last change that is stored.
    pub number: watch::Receiver<u64>,
}

impl Channel {
    /// Tells until it is dropped.
    pub async fn run(mut self) {
        let webhook = match Webhook::new(&self.url) {
            Ok(webhook) => webhook,
            Err(error) => {
                tracing::error!(url = self.url, %error, "alarms cannot be sent");
                return;
            }
        };
        let trouble = Trouble::new(&self.parts.failing, &self.url);
        let mut pause = RETRY.0;
        let mut told = None;
        loop {
            match self.tell(&webhook, &mut told).await {
                Ok(()) => {
                    pause = RETRY.0;
                    trouble.set(None);
                    let changed = self.number.changed();
                    match tokio::time::timeout(REPEAT, changed).await {
                        Ok(Err(_)) => return,
                        Ok(Ok(())) => {}
                        Err(_) => self.repeat(&webhook).await,
                    }
                }
                Err(problem) => {
                    tracing::warn!(url = self.url, problem, "alarms are not sent now");
                    trouble.set(Some(&problem));
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(RETRY.1);
                }
            }
        }
    }

    /// Tells everything that was not told.
    async fn tell(&self, webhook: &Webhook, told: &mut Option<u64>) -> Result<(), String> {
        let mut after = match *told {
            Some(after) => after,
            None => {
                let begun = told::begin(&self.parts, &self.url).await;
                begun.map_err(|error| error.to_string())?
            }
        };
        *told = Some(after);
        loop {
            let rows = self.parts.store.alarm_changes(after, AT_ONCE).await;
            let rows = rows.map_err(|error| error.to_string())?;
            let Some(last) = rows.last().map(|row| row.number) else {
                return Ok(());
            };
            let changes = rows.iter();
            let changes = changes.filter_map(|row| serde_json::from_str(&row.body).ok());
            let noticed = changes.filter(|change: &AlarmChange| change.notice.is_some());
            // Of several for one alarm the last counts.
            let alarms: IndexMap<_, AlarmView> = noticed
                .map(|change| (change.alarm.id, change.alarm))
                .collect();
            let is_any = !alarms.is_empty();
            self.send(webhook, alarms.into_values().collect()).await?;
            after = last;
            *told = Some(after);
            if is_any {
                // If it is not stored, it may be told again after a restart, under its number.
                let _ = told::remember(&self.parts, &self.url, after).await;
            }
        }
    }

    /// Sends everything again that people were told and that is still so.
    async fn repeat(&self, webhook: &Webhook) {
        let filter = Filter {
            causes: true,
            ..Filter::default()
        };
        let views = self.shown.read().list(&filter, &self.parts.inventory);
        let views = views.iter().filter(|view| view.held.is_none());
        let views = views.map(|view| AlarmView::clone(view)).collect();
        if let Err(problem) = self.send(webhook, views).await {
            tracing::debug!(url = self.url, problem, "alarms are not repeated now");
        }
    }

    async fn send(&self, webhook: &Webhook, alarms: Vec<AlarmView>) -> Result<(), String> {
        let now = clock::now();
        for some in alarms.chunks(AT_ONCE as usize) {
            let alerts = some
                .iter()
                .map(|view| alert(view, &self.labels(&view.target), now));
            let alerts: Vec<_> = alerts.collect();
            let sent = webhook.post(&alerts).await;
            sent.map_err(|error| utakata_model::chain(&error))?;
        }
        Ok(())
    }

    fn labels(&self, target: &TargetName) -> Labels {
        let entry = self.parts.inventory.find(target);
        entry
            .map(|entry| entry.target.labels.clone())
            .unwrap_or_default()
    }
}
