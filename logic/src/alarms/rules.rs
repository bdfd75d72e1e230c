//! All rules, compiled and indexed: a reading costs a look-up.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use utakata_alarm::{Compiled, Watch, shipped};
use utakata_invariant as invariant;
use utakata_model::{AlarmName, AlarmRule, MetricName};

/// All rules in force, and which of them a metric or a silence concerns.
#[derive(Debug, Default)]
pub struct Rules {
    by_name: BTreeMap<AlarmName, Numbered>,
    by_metric: HashMap<MetricName, Vec<Numbered>>,
    silence: Vec<Numbered>,
    absence: Vec<Numbered>,
}

/// A rule, and its number among all.
#[derive(Debug, Clone)]
pub struct Numbered {
    pub number: usize,
    pub rule: Arc<Compiled>,
}

impl Rules {
    /// Compiles the shipped rules and those of the site, which take the place of shipped ones of
    /// their name. Rules that are switched off are left out.
    pub fn new(of_site: &[Arc<AlarmRule>]) -> Self {
        let mut all: BTreeMap<AlarmName, AlarmRule> = shipped()
            .into_iter()
            .map(|rule| (rule.name.clone(), rule))
            .collect();
        all.extend(
            of_site
                .iter()
                .map(|rule| (rule.name.clone(), AlarmRule::clone(rule))),
        );
        let mut rules = Self::default();
        let on = all.into_values().filter(|rule| !rule.off);
        for rule in on {
            let name = rule.name.clone();
            match Compiled::new(rule) {
                Ok(rule) => rules.add(Arc::new(rule)),
                // It was checked when it was applied; an earlier version may have allowed more.
                Err(wrong) => {
                    tracing::error!(rule = %name, ?wrong, "an alarm rule is left out");
                }
            }
        }
        rules
    }

    fn add(&mut self, rule: Arc<Compiled>) {
        let number = self.by_name.len();
        let numbered = Numbered { number, rule };
        match numbered.rule.watch() {
            Watch::Silence { .. } => self.silence.push(numbered.clone()),
            Watch::Metric { metric, .. } => {
                let of_metric = self.by_metric.entry(metric.clone()).or_default();
                of_metric.push(numbered.clone());
            }
            Watch::Absence { metric } => {
                let of_metric = self.by_metric.entry(metric.clone()).or_default();
                of_metric.push(numbered.clone());
                self.absence.push(numbered.clone());
            }
        }
        let name = numbered.rule.rule().name.clone();
        if self.by_name.insert(name, numbered).is_some() {
            invariant::broken("two alarm rules of one name", &number);
        }
    }

    pub fn get(&self, name: &AlarmName) -> Option<&Numbered> {
        self.by_name.get(name)
    }

    pub fn len(&self) -> usize {
        self.by_name.len()
    }

    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// Returns the rules that watch a metric.
    pub fn on(&self, metric: &MetricName) -> &[Numbered] {
        self.by_metric.get(metric).map_or(&[], Vec::as_slice)
    }

    pub fn silence(&self) -> &[Numbered] {
        &self.silence
    }

    pub fn absence(&self) -> &[Numbered] {
        &self.absence
    }
}
