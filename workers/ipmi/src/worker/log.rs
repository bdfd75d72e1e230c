//! `log`: the last entries of the event log, for people and programs.

use std::collections::VecDeque;

use serde_json::{Value as Json, json};
use utakata_worker_sdk::{Answer, Failure};

use super::Conversation;
use crate::{
    lan::Request,
    sel::{END, Entry, Info},
    session::Error,
};

/// The most entries that are walked through.
const ENTRIES_MAX: usize = 5_000;
/// The number of entries that are told, unless asked otherwise.
const LAST: usize = 50;

impl Conversation<'_> {
    pub async fn log(&mut self) -> Result<Answer, Failure> {
        let wanted = self.task.parameters.get("last").and_then(Json::as_u64);
        let wanted = wanted.and_then(|wanted| usize::try_from(wanted).ok());
        let wanted = wanted.unwrap_or(LAST);
        let records = self.records().await?;
        let entries = self.entries(wanted).await;
        let (info, entries) = entries.map_err(|error| self.failed(&error))?;
        let name = |owner: u8, number: u8| {
            let mut sensors = records.sensors.iter().map(|known| &known.sensor);
            let is_it =
                |sensor: &&crate::sdr::Sensor| sensor.owner == owner && sensor.number == number;
            sensors.find(is_it).map(|sensor| sensor.name.clone())
        };
        let shown: Vec<Json> = entries.iter().map(|entry| entry.show(name)).collect();
        Ok(Answer {
            result: Some(json!({
                "entries": info.entries,
                "overflowed": info.is_overflowed,
                "last": shown,
            })),
            ..Answer::default()
        })
    }

    /// Walks through the log, keeping the last entries.
    async fn entries(&mut self, wanted: usize) -> Result<(Info, VecDeque<Entry>), Error> {
        let garbage = || Error::Garbage("the event log");
        let data = self.session.ask(&Request::new(0x0a, 0x40, [])).await?;
        let info = Info::read(&data).ok_or_else(garbage)?;
        let mut entries = VecDeque::new();
        let mut number = 0_u16;
        for _ in 0..ENTRIES_MAX.min(usize::from(info.entries)) {
            let [low, high] = number.to_le_bytes();
            let request = Request::new(0x0a, 0x43, [0, 0, low, high, 0, 0xff]);
            let data = self.session.ask(&request).await?;
            let entry = Entry::read(&data).ok_or_else(garbage)?;
            let next = entry.next;
            if entries.len() >= wanted {
                entries.pop_front();
            }
            entries.push_back(entry);
            if next == END || next == number {
                break;
            }
            number = next;
        }
        Ok((info, entries))
    }
}
