//! The trait of every history: append, and query.

use std::sync::Arc;

use async_trait::async_trait;
use utakata_model::{Quality, ReadingValue, TargetName};

use crate::{
    aggregate::{Aggregate, Overall},
    gap::Gap,
    row::{Point, Record, Series},
    time::{Millis, Range},
};

/// Something that keeps readings and finds them again.
#[async_trait]
pub trait History: Send + Sync {
    /// Takes a record to keep it; never waits. What cannot be kept is counted.
    fn append(&self, record: Record);

    /// Waits until everything that was appended before can be found.
    async fn settle(&self);

    /// Returns the series of targets whose metrics begin like this.
    ///
    /// # Errors
    /// History cannot be read.
    async fn series(&self, targets: &[TargetName], metric: &str) -> Result<Vec<Series>, Error>;

    /// Returns the moments of one series in a range, by the time seen: values, and failed attempts
    /// of its target and action.
    ///
    /// # Errors
    /// History cannot be read, or there are too many.
    async fn points(&self, series: &Series, range: Range) -> Result<Vec<Point>, Error>;

    /// Returns the attempts to read a target in a range, by the time heard.
    ///
    /// # Errors
    /// History cannot be read, or there are too many.
    async fn attempts(&self, target: &TargetName, range: Range) -> Result<Vec<Attempt>, Error>;

    /// Returns the times of a range in which history itself was away.
    ///
    /// # Errors
    /// History cannot be read.
    async fn away(&self, range: Range) -> Result<Vec<Gap>, Error>;

    /// Returns the tracks of many series, in their order.
    ///
    /// # Errors
    /// History cannot be read, or the answer would be too large.
    async fn query(&self, query: Query) -> Result<Vec<Track>, Error>;
}

/// The end of an attempt to read a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Attempt {
    pub heard: Millis,
    pub is_answer: bool,
}

/// A question about many series.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    pub series: Vec<Series>,
    pub range: Range,
    /// The steps, and the figure that each has. Without them the values themselves are returned.
    pub step: Option<(Millis, Aggregate)>,
    /// The largest number of values that are read, so that no question stops others.
    pub max_values: usize,
    /// The largest number of ticks in the answer.
    pub max_ticks: usize,
}

/// One series in a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Track {
    pub series: Series,
    pub ticks: Vec<Tick>,
    pub gaps: Vec<Gap>,
    /// What its trusted numbers in the range are together; hours count whole.
    pub overall: Option<Overall>,
    /// The resets and wraps of a counter, if its rate was wanted.
    pub turns: u64,
}

/// A value, or the figure of the step that begins then.
#[derive(Debug, Clone, PartialEq)]
pub struct Tick {
    pub time: Millis,
    pub value: ReadingValue,
    pub quality: Quality,
}

/// The reason why history cannot answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The question would take too long or fill too much memory.
    #[error("more than {max} {what} would be read")]
    TooMuch { what: &'static str, max: usize },
    #[error("the dictionary of history cannot be read")]
    Dictionary(#[source] Arc<crate::dictionary::Error>),
    /// Another engine did not answer.
    #[error("{0}")]
    Engine(String),
    #[error("history is ending")]
    Ending,
}
