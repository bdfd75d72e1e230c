//! The actions of the echo worker.

use std::{
    error::Error,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::Deserialize;
use serde_json::Value;
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    model::{
        Cure, Measurand, MetricName, NameError, Problem, Quality, Reading, ReadingValue, duration,
        reading::Attributes,
    },
};

use crate::faults::{CRASHED, Faults};

/// A worker that answers what it is given.
#[derive(Debug)]
pub struct Echo {
    count: AtomicU64,
    metric: MetricName,
    text: MetricName,
    power: MetricName,
    temperature: MetricName,
    faults: Faults,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Parameters {
    payload: String,
    bytes: Option<usize>,
    delay: Option<String>,
    fail: Option<String>,
    panic: bool,
}

impl Worker for Echo {
    fn build(release: &Release) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let faults = Faults::read(&release.manifest.settings)?;
        Ok(Self::new(faults)?)
    }

    async fn run(&self, task: Task, _: Context) -> Result<Answer, Failure> {
        self.faults.strike().await?;
        match task.action.as_str() {
            "echo" => self.echo(task.parameters).await,
            "read" => Ok(self.read()),
            "set" => self.set(task.parameters).await,
            "write" => self.write(&task.address, task.parameters),
            "look" => self.look(&task.address),
            "meter" => self.meter(&task.address),
            "crash" => std::process::exit(CRASHED),
            "hang" => freeze(),
            other => Err(undone(other)),
        }
    }

    fn capacity(&self) -> u32 {
        4096
    }
}

impl Echo {
    fn new(faults: Faults) -> Result<Self, NameError> {
        Ok(Self {
            count: AtomicU64::new(0),
            metric: MetricName::new("utakata.echo.count")?,
            text: MetricName::new("utakata.echo.text")?,
            power: MetricName::new("hw.power")?,
            temperature: MetricName::new("hw.temperature")?,
            faults,
        })
    }

    #[allow(clippy::panic, reason = "a panic is what this action is asked for")]
    async fn echo(&self, parameters: Value) -> Result<Answer, Failure> {
        let asked = Parameters::read(parameters)?;
        asked.wait().await?;
        if asked.panic {
            panic!("asked to panic");
        }
        if let Some(code) = asked.fail {
            let problem = Problem::new(&code, Cure::Operator, "asked to fail");
            return Err(Failure::failed(problem));
        }
        let text = match asked.bytes {
            Some(bytes) => "e".repeat(bytes),
            None => asked.payload,
        };
        Ok(Answer {
            result: Some(Value::String(text)),
            ..Answer::default()
        })
    }

    fn read(&self) -> Answer {
        let count = self.count.load(Ordering::Relaxed);
        let reading = Reading {
            of: measurand(&self.metric, "1"),
            // Exact up to 2^53, which no count reaches.
            value: ReadingValue::Number(count as f64 + self.faults.wrong()),
            quality: Quality::Good,
        };
        Answer {
            readings: vec![reading],
            ..Answer::default()
        }
    }

    /// Writes the payload into the file that is the address of the target.
    fn write(&self, address: &str, parameters: Value) -> Result<Answer, Failure> {
        let asked = Parameters::read(parameters)?;
        if !self.faults.is_lazy() {
            std::fs::write(address, asked.payload).map_err(|error| no_file(address, &error))?;
        }
        Ok(Answer::default())
    }

    /// Returns the content of the file that is the address of the target.
    fn look(&self, address: &str) -> Result<Answer, Failure> {
        let text = std::fs::read_to_string(address).map_err(|error| no_file(address, &error))?;
        let reading = Reading {
            of: measurand(&self.text, ""),
            value: ReadingValue::Text(text.into()),
            quality: Quality::Good,
        };
        Ok(Answer {
            readings: vec![reading],
            ..Answer::default()
        })
    }

    /// Returns the power that the file at the address of the target has; where the address is no
    /// path, a power and a temperature that are others each time.
    fn meter(&self, address: &str) -> Result<Answer, Failure> {
        let reading = |metric: &MetricName, value, unit: &str| Reading {
            of: measurand(metric, unit),
            value: ReadingValue::Number(value),
            quality: Quality::Good,
        };
        let readings = if address.starts_with('/') {
            let text =
                std::fs::read_to_string(address).map_err(|error| no_file(address, &error))?;
            let watts = text.trim().parse::<f64>().map_err(|error| bad(&error))?;
            vec![reading(&self.power, watts, "W")]
        } else {
            let count = self.count.fetch_add(1, Ordering::Relaxed);
            // Steps that have no common divisor with their range, so that neighbours differ.
            let (watts, tenths) = (count * 37 % 400, count * 7 % 90);
            vec![
                reading(&self.power, 200.0 + watts as f64, "W"),
                reading(&self.temperature, 18.0 + tenths as f64 / 10.0, "Cel"),
            ]
        };
        Ok(Answer {
            readings,
            ..Answer::default()
        })
    }

    async fn set(&self, parameters: Value) -> Result<Answer, Failure> {
        Parameters::read(parameters)?.wait().await?;
        let count = self.count.fetch_add(1, Ordering::Relaxed) + 1;
        Ok(Answer {
            result: Some(serde_json::json!({ "count": count })),
            ..Answer::default()
        })
    }
}

impl Parameters {
    fn read(parameters: Value) -> Result<Self, Failure> {
        serde_json::from_value(parameters).map_err(|error| bad(&error))
    }

    async fn wait(&self) -> Result<(), Failure> {
        if let Some(text) = &self.delay {
            let delay: Duration = duration::parse(text).map_err(|error| bad(&error))?;
            tokio::time::sleep(delay).await;
        }
        Ok(())
    }
}

fn bad(error: &dyn Error) -> Failure {
    let problem = Problem::new("bad-parameters", Cure::Operator, error.to_string());
    Failure::failed(problem)
}

/// Returns what a reading is of: a metric of the whole target.
fn measurand(metric: &MetricName, unit: &str) -> Arc<Measurand> {
    let of = Measurand {
        metric: metric.clone(),
        attributes: Attributes::new(),
        unit: unit.into(),
    };
    of.into()
}

fn no_file(address: &str, error: &std::io::Error) -> Failure {
    let message = format!("{address}: {error}");
    Failure::failed(Problem::new("unreachable", Cure::Retry, message))
}

fn undone(action: &str) -> Failure {
    let message = format!("the manifest declares \"{action}\", and this program cannot do it");
    Failure::failed(Problem::new("no-such-action", Cure::Bug, message))
}

/// Blocks the only thread of this worker.
fn freeze() -> ! {
    loop {
        std::thread::park();
    }
}
