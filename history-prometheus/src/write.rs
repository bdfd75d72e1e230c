//! Remote write: snappy over protobuf, <https://prometheus.io/docs/specs/prw/remote_write_spec/>.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use prost::Message as _;
use tokio::{
    sync::{mpsc, oneshot},
    time::Instant,
};
use utakata_history::Record;
use utakata_model::{Quality, Reading, ReadingValue, Readings};

use crate::label::{HOLE, escaped};

/// The interval at which samples are sent.
const INTERVAL: Duration = Duration::from_millis(500);
/// The number of samples that are sent at once.
const MAX_SAMPLES: usize = 10_000;
/// The time that the engine may take.
const TIMEOUT: Duration = Duration::from_secs(20);
/// The attempts to send, and the wait before the second one, which doubles.
const ATTEMPTS: u32 = 5;
const RETRY_AFTER: Duration = Duration::from_millis(250);

pub enum Message {
    Record(Record),
    Settle(oneshot::Sender<()>),
}

#[derive(Clone, PartialEq, prost::Message)]
struct WriteRequest {
    #[prost(message, repeated, tag = "1")]
    timeseries: Vec<TimeSeries>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct TimeSeries {
    #[prost(message, repeated, tag = "1")]
    labels: Vec<Label>,
    #[prost(message, repeated, tag = "2")]
    samples: Vec<Sample>,
}

#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, prost::Message)]
struct Label {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    value: String,
}

#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Sample {
    #[prost(double, tag = "1")]
    value: f64,
    #[prost(int64, tag = "2")]
    timestamp: i64,
}

/// The sender of what was appended.
pub struct Writer {
    client: reqwest::Client,
    url: String,
    lost: Arc<AtomicU64>,
    series: HashMap<Vec<Label>, Vec<Sample>>,
    samples: usize,
    rows: u64,
}

impl Writer {
    pub fn new(client: reqwest::Client, base: &str, lost: Arc<AtomicU64>) -> Self {
        Self {
            client,
            url: format!("{base}/api/v1/write"),
            lost,
            series: HashMap::new(),
            samples: 0,
            rows: 0,
        }
    }

    pub async fn run(mut self, mut records: mpsc::Receiver<Message>) {
        let mut due = Instant::now() + INTERVAL;
        loop {
            let message = tokio::time::timeout_at(due, records.recv()).await;
            match message {
                Ok(Some(Message::Record(record))) => self.add(&record),
                Ok(Some(Message::Settle(done))) => {
                    self.send().await;
                    let _ = done.send(());
                }
                Ok(None) => break,
                Err(_) => {}
            }
            if Instant::now() >= due || self.samples >= MAX_SAMPLES {
                self.send().await;
                due = Instant::now() + INTERVAL;
            }
        }
        self.send().await;
    }

    fn add(&mut self, record: &Record) {
        self.rows += 1;
        match record {
            Record::Readings { readings, .. } => {
                for reading in &readings.readings {
                    let value = match &reading.value {
                        ReadingValue::Number(number) => *number,
                        ReadingValue::Text(_) => 1.0,
                    };
                    let labels = labels(readings, reading);
                    self.sample(labels, readings.time.as_millisecond(), value);
                }
            }
            Record::Missed {
                target,
                action,
                seen,
                code,
                ..
            } => {
                let labels = vec![
                    label("__name__", HOLE),
                    label("action", action.as_str()),
                    label("code", code),
                    label("target", target.as_str()),
                ];
                self.sample(labels, seen.as_millisecond(), 1.0);
            }
        }
    }

    fn sample(&mut self, labels: Vec<Label>, timestamp: i64, value: f64) {
        self.samples += 1;
        let samples = self.series.entry(labels).or_default();
        samples.push(Sample { value, timestamp });
    }

    async fn send(&mut self) {
        if self.samples == 0 {
            return;
        }
        let series = std::mem::take(&mut self.series).into_iter();
        let series = series.map(|(labels, mut samples)| {
            samples.sort_by_key(|sample| sample.timestamp);
            TimeSeries { labels, samples }
        });
        let request = WriteRequest {
            timeseries: series.collect(),
        };
        let rows = std::mem::take(&mut self.rows);
        self.samples = 0;
        let bytes = request.encode_to_vec();
        let Ok(body) = snap::raw::Encoder::new().compress_vec(&bytes) else {
            self.lost.fetch_add(rows, Ordering::Relaxed);
            return;
        };
        let mut wait = RETRY_AFTER;
        for attempt in 1..=ATTEMPTS {
            match self.post(body.clone()).await {
                Ok(()) => return,
                Err((may_pass, error)) => {
                    tracing::warn!(
                        url = self.url,
                        error,
                        attempt,
                        "an engine takes no readings"
                    );
                    if !may_pass || attempt == ATTEMPTS {
                        break;
                    }
                }
            }
            tokio::time::sleep(wait).await;
            wait *= 2;
        }
        self.lost.fetch_add(rows, Ordering::Relaxed);
    }

    /// Sends a body. An error says whether it may pass.
    async fn post(&self, body: Vec<u8>) -> Result<(), (bool, String)> {
        let request = self
            .client
            .post(&self.url)
            .header("content-type", "application/x-protobuf")
            .header("content-encoding", "snappy")
            .header("x-prometheus-remote-write-version", "0.1.0")
            .timeout(TIMEOUT)
            .body(body);
        let answer = request
            .send()
            .await
            .map_err(|error| (true, error.to_string()))?;
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        let text = answer.text().await.unwrap_or_default();
        let may_pass = status.is_server_error() || status.as_u16() == 429;
        Err((may_pass, format!("{status}: {:.200}", text.trim())))
    }
}

fn label(name: &str, value: &str) -> Label {
    Label {
        name: name.into(),
        value: value.into(),
    }
}

/// Returns the labels of a reading, sorted by name as engines want them.
fn labels(readings: &Readings, reading: &Reading) -> Vec<Label> {
    let metric = reading.metric.as_str();
    let mut labels = vec![
        label("__name__", &escaped(metric)),
        label("metric", metric),
        label("target", readings.target.as_str()),
        label("action", readings.action.as_str()),
    ];
    if !reading.unit.is_empty() {
        labels.push(label("unit", &reading.unit));
    }
    if let ReadingValue::Text(text) = &reading.value {
        labels.push(label("text", text));
    }
    if reading.quality == Quality::Suspect {
        labels.push(label("quality", "suspect"));
    }
    let attributes = reading.attributes.iter();
    labels.extend(attributes.map(|(key, value)| label(&escaped(key), value)));
    labels.sort();
    labels.dedup_by(|a, b| a.name == b.name);
    labels
}
