//! A rule that was checked, as it is used for every value.

use std::{sync::Arc, time::Duration};

use utakata_expression::Program;
use utakata_model::{AlarmRule, MetricName, ReadingValue, Target, reading::Attributes};

use crate::{
    inputs::Subject,
    text::{Template, Words},
};

/// The value of an attribute that stands for any.
const ANY: &str = "*";

/// A rule that was checked.
#[derive(Debug, Clone)]
pub struct Compiled {
    rule: Arc<AlarmRule>,
    watch: Watch,
    text: Template,
}

/// The values that a rule watches.
#[derive(Debug, Clone)]
pub enum Watch {
    /// The values of a metric.
    Metric {
        /// The metric whose values are watched.
        metric: MetricName,
        /// The condition that raises the alarm.
        raise: Program,
        /// The condition that clears it; absent if the first no longer holding is enough.
        clear: Option<Program>,
        /// The longest window that they look back over; zero if none.
        window: Duration,
    },
    /// Intervals without an answer.
    Silence {
        /// The number of them.
        intervals: u32,
    },
    /// A metric that a target does not have though it answers.
    Absence {
        /// The metric that each target should have.
        metric: MetricName,
    },
}

impl Compiled {
    pub(crate) fn of(rule: AlarmRule, watch: Watch, text: Template) -> Self {
        let rule = Arc::new(rule);
        Self { rule, watch, text }
    }

    /// Returns the rule as declared.
    pub fn rule(&self) -> &Arc<AlarmRule> {
        &self.rule
    }

    /// Returns the values that it watches.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Returns the metric of the readings that it watches.
    pub fn metric(&self) -> Option<&MetricName> {
        match &self.watch {
            Watch::Metric { metric, .. } | Watch::Absence { metric } => Some(metric),
            Watch::Silence { .. } => None,
        }
    }

    /// Returns the longest window over which its conditions look back; zero if none.
    pub fn window(&self) -> Duration {
        match &self.watch {
            Watch::Metric { window, .. } => *window,
            Watch::Silence { .. } | Watch::Absence { .. } => Duration::ZERO,
        }
    }

    /// Returns true if it is about a target.
    pub fn is_about(&self, target: &Target) -> bool {
        !self.rule.off && self.rule.selector.matches(target)
    }

    /// Returns true if it is about a series with these attributes.
    pub fn has(&self, attributes: &Attributes) -> bool {
        self.rule.on.attributes.iter().all(|(key, wanted)| {
            let found = attributes.get(key.as_str());
            found.is_some_and(|found| wanted == ANY || **found == **wanted)
        })
    }

    /// Returns the sentence about an alarm, for people.
    pub fn sentence(
        &self,
        name: &str,
        subject: Subject<'_>,
        value: Option<&ReadingValue>,
        unit: &str,
    ) -> String {
        self.text.render(Words {
            rule: self.rule.name.as_str(),
            name,
            target: subject.target,
            attributes: subject.attributes,
            value,
            unit,
        })
    }
}
