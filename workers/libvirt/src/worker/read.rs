//! `read`: the virtual machines, and the host.

use utakata_profile::{Collection, Filter};
use utakata_worker_sdk::{
    Answer, Failure,
    model::{
        Cure, Measurand, MetricName, Missing, Problem, Quality, Reading, ReadingValue, Recognition,
        missing, reading::Attributes,
    },
};

use super::Conversation;
use crate::{
    call::{self, Domain, Info, Procedure, Refusal},
    session::Error,
    xdr::Writer,
};

/// Bytes in a KiB.
const KIB: f64 = 1024.0;

impl Conversation<'_> {
    pub async fn read(&mut self) -> Result<Answer, Failure> {
        let filter = Filter::of(&self.task.parameters);
        let mut all = Collection::new(filter.clone());
        let domains = self.domains().await?;
        let mut missing = Vec::new();
        for domain in &domains {
            let argument = domain.argument();
            let info = self.session.call(Procedure::DomainInfo, argument).await;
            match info.and_then(|data| Ok(call::info(&data)?)) {
                Ok(info) => add(domain, &info, &mut all),
                // It was removed meanwhile.
                Err(Error::Refused(refusal)) if refusal.code == Refusal::NO_DOMAIN => {}
                Err(error @ Error::Refused(_)) => {
                    let message = error.to_string();
                    missing.push(Missing::rest(&domain.name, missing::REFUSED, &message));
                }
                Err(error) => return Err(self.failed(&error)),
            }
        }
        let name = self.host(&filter, &mut all).await?;
        if all.readings.is_empty() && !filter.is_open() {
            let message = format!("{} has nothing of what was asked for", self.task.target);
            let problem = Problem::new("device-refused", Cure::Operator, message);
            return Err(Failure::failed(problem));
        }
        Ok(Answer {
            readings: all.readings,
            missing: missing.into_iter().chain(all.unread).collect(),
            recognition: Some(Recognition {
                is_understood: true,
                profiles: Vec::new(),
                identity: None,
                description: Some(format!("{name}, {}", self.place.driver).into()),
            }),
            ..Answer::default()
        })
    }

    /// The virtual machines that are meant: all of them, or the one that is named.
    async fn domains(&mut self) -> Result<Vec<Domain>, Failure> {
        let named = self
            .task
            .parameters
            .get("vm")
            .and_then(|name| name.as_str());
        let found = match named {
            Some(name) => self.find(name).await.map(|domain| vec![domain]),
            None => {
                let all = Writer::default().number(1).number(0);
                let data = self.session.call(Procedure::Domains, all).await;
                data.and_then(|data| Ok(call::domains(&data)?))
            }
        };
        found.map_err(|error| self.failed(&error))
    }

    /// The virtual machine of this name.
    pub async fn find(&mut self, name: &str) -> Result<Domain, Error> {
        let argument = Writer::default().text(name);
        let data = self.session.call(Procedure::LookUp, argument).await?;
        Ok(call::domain(&data)?)
    }

    async fn host(&mut self, filter: &Filter, all: &mut Collection) -> Result<String, Failure> {
        let name = self.session.call(Procedure::HostName, Writer::default());
        let name = name.await.and_then(|data| Ok(call::text(&data)?));
        let name = name.map_err(|error| self.failed(&error))?;
        text("system.name", &name, Attributes::new(), all);
        if filter.has("system.memory.limit") || filter.has("system.cpu.count") {
            let node = self.session.call(Procedure::NodeInfo, Writer::default());
            let node = node.await.and_then(|data| Ok(call::node(&data)?));
            let node = node.map_err(|error| self.failed(&error))?;
            let memory = kibibytes(node.memory);
            number("system.memory.limit", memory, "By", Attributes::new(), all);
            let processors = f64::from(node.processors);
            number(
                "system.cpu.count",
                processors,
                "{cpu}",
                Attributes::new(),
                all,
            );
        }
        Ok(name)
    }
}

fn add(domain: &Domain, info: &Info, all: &mut Collection) {
    let attributes = || {
        Attributes::from([
            ("vm".into(), domain.name.as_str().into()),
            ("hw.id".into(), domain.identity().into()),
        ])
    };
    text("utakata.vm.state", info.state.word(), attributes(), all);
    // Exact for many years.
    let seconds = info.time as f64 / 1e9;
    number("system.cpu.time", seconds, "s", attributes(), all);
    let processors = f64::from(info.processors);
    number("system.cpu.count", processors, "{cpu}", attributes(), all);
    let (limit, usage) = (kibibytes(info.memory_max), kibibytes(info.memory));
    number("system.memory.limit", limit, "By", attributes(), all);
    number("system.memory.usage", usage, "By", attributes(), all);
}

fn kibibytes(number: u64) -> f64 {
    // Exact up to eight exbibytes.
    number as f64 * KIB
}

fn text(metric: &str, value: &str, attributes: Attributes, all: &mut Collection) {
    push(
        metric,
        ReadingValue::Text(value.into()),
        "",
        attributes,
        all,
    );
}

fn number(metric: &str, value: f64, unit: &str, attributes: Attributes, all: &mut Collection) {
    push(metric, ReadingValue::Number(value), unit, attributes, all);
}

fn push(
    metric: &str,
    value: ReadingValue,
    unit: &str,
    attributes: Attributes,
    all: &mut Collection,
) {
    let Ok(metric) = MetricName::new(metric) else {
        return;
    };
    all.push(Reading {
        of: Measurand {
            metric,
            attributes,
            unit: unit.into(),
        }
        .into(),
        value,
        quality: Quality::Good,
    });
}
