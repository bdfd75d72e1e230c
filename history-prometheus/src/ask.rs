//! Questions to the HTTP API, <https://prometheus.io/docs/prometheus/latest/querying/api/>.

use serde::Deserialize;
use utakata_history::{Error, Range};

use crate::label::Named;

/// The earliest and latest time that engines understand: 0 means "not given" to some.
const FIRST: i64 = 1000;
const LAST: i64 = 4_102_444_800_000;

#[derive(Debug, Deserialize)]
struct Answer<T> {
    data: Option<T>,
    error: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Matrix {
    result: Vec<Row>,
}

#[derive(Debug, Deserialize)]
struct Row {
    metric: Named,
    values: Vec<(f64, String)>,
}

/// The samples of a series.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub labels: Named,
    /// Times in milliseconds, ascending.
    pub samples: Vec<(i64, f64)>,
}

/// Returns the samples of the series of a selector, as they are.
pub async fn range(
    client: &reqwest::Client,
    base: &str,
    selector: &str,
    range: Range,
) -> Result<Vec<Found>, Error> {
    let to = range.to.clamp(FIRST, LAST);
    let from = range.from.clamp(FIRST, to);
    // Engines differ in whether the beginning belongs to the range: a little more is asked for.
    let query = format!("{selector}[{}ms]", (to - from + 1).max(1));
    let time = format!("{}.{:03}", to / 1000, to % 1000);
    let parameters = [("query", query.as_str()), ("time", &time)];
    let matrix: Matrix = get(client, base, "/api/v1/query", &parameters).await?;
    let found = |row: Row| {
        let samples = row.values.into_iter().filter_map(|(time, text)| {
            #[allow(clippy::cast_possible_truncation, reason = "times are small enough")]
            let millis = (time * 1000.0).round() as i64;
            let number = text.parse().ok()?;
            range.holds(millis).then_some((millis, number))
        });
        Found {
            labels: row.metric,
            samples: samples.collect(),
        }
    };
    Ok(matrix.result.into_iter().map(found).collect())
}

/// Returns the labels of the series of a selector.
pub async fn series(
    client: &reqwest::Client,
    base: &str,
    selector: &str,
) -> Result<Vec<Named>, Error> {
    let parameters = [("match[]", selector), ("start", "1"), ("end", "4102444800")];
    get(client, base, "/api/v1/series", &parameters).await
}

async fn get<T: serde::de::DeserializeOwned>(
    client: &reqwest::Client,
    base: &str,
    path: &str,
    parameters: &[(&str, &str)],
) -> Result<T, Error> {
    let url = format!("{base}{path}");
    let failed = |what: String| Error::Engine(format!("{url}: {what}"));
    let request = client.get(&url).query(parameters);
    let answer = request
        .send()
        .await
        .map_err(|error| failed(error.to_string()))?;
    let status = answer.status();
    let text = answer
        .text()
        .await
        .map_err(|error| failed(error.to_string()))?;
    let answer: Answer<T> =
        serde_json::from_str(&text).map_err(|_| failed(format!("{status}: {text:.200}")))?;
    answer
        .data
        .ok_or_else(|| failed(answer.error.unwrap_or_else(|| status.to_string())))
}
