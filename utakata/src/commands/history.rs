//! `utakata history`: shows what was seen in the past.

mod chart;
mod csv;

use std::{collections::BTreeSet, time::Duration};

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;
use utakata_api::{
    Client,
    client::{HistoryQuery, ReadingQuery, server_now},
    history::{Aggregate, GapView, HistoryView, OverallView, SeriesView},
};
use utakata_model::{ReadingValue, Selector, duration, suggest};

use self::chart::Span;
use super::Context;
use crate::{
    exit::{Exit, Usage},
    moment,
    output::{Format, time, units, words},
    progress, select,
};

/// The largest number of charts.
const MAX_CHARTS: usize = 20;
/// The largest number of gaps, and of changes of a state, that are listed for a series.
const MAX_LISTED: usize = 8;
/// The width of a chart where there is no terminal, and the largest one.
const WIDTH: usize = 72;
const MAX_WIDTH: usize = 160;
/// The room beside a chart for its highest and lowest value.
const MARGIN: usize = 12;

#[derive(Debug, Args)]
#[command(after_help = "\
On a terminal it draws a chart of each series; times without values are shaded, and listed with the
reason. -o json prints the answer of the server, and -o csv a line for each value; both have every
value, unless --step or --aggregate is given.

Examples:
  utakata history pdu-a1-a --metric hw.power --since 6h
  utakata history rack=A1 --metric hw.temperature --where hw.id=inlet --since 30d
  utakata history kind=apc-pdu --metric hw.power --by rack --aggregate sum --since 7d
  utakata history switch-1 --metric hw.network.io --aggregate rate --since 1d
  utakata history pdu-a1-a --metric hw.power --since 1d -o csv > power.csv

Exit codes: 0 shown, 2 nothing matches, or the question is wrong or too large")]
pub struct Arguments {
    /// Targets: a selector (kind=apc-pdu,rack=A1), or a name
    selector: String,
    /// Only metrics that are this or begin with it
    #[arg(long, value_name = "PREFIX")]
    metric: Option<String>,
    /// Only series with these attributes: hw.id=inlet,phase=*
    #[arg(long = "where", value_name = "ATTRIBUTE=VALUE")]
    filter: Option<String>,
    /// Beginning: so long ago (6h, 30d), or a time: 18:00, 2026-11-29 or 2026-11-29T08:00, all in
    /// local time, or 2026-11-29T08:00:00+01:00
    #[arg(long, default_value = "1h", value_name = "TIME")]
    since: String,
    /// End: so long ago, or a time [default: now]
    #[arg(long, value_name = "TIME")]
    until: Option<String>,
    /// Length of a step: 1m, 1h [default: as the chart needs it]
    #[arg(long, value_parser = duration::parse)]
    step: Option<Duration>,
    /// Figure of each step
    #[arg(long, value_enum)]
    aggregate: Option<Figure>,
    /// Put series together by this label or attribute (rack); * for all
    #[arg(long, value_name = "LABEL")]
    by: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Figure {
    Avg,
    Min,
    Max,
    Sum,
    Last,
    Rate,
    P98,
}

impl From<Figure> for Aggregate {
    fn from(figure: Figure) -> Self {
        match figure {
            Figure::Avg => Self::Avg,
            Figure::Min => Self::Min,
            Figure::Max => Self::Max,
            Figure::Sum => Self::Sum,
            Figure::Last => Self::Last,
            Figure::Rate => Self::Rate,
            Figure::P98 => Self::P98,
        }
    }
}

pub async fn run(arguments: Arguments, context: &Context<'_>) -> Result<Exit> {
    let client = context.client()?;
    let selector = select::resolve(&client, &arguments.selector).await?;
    let to = match &arguments.until {
        Some(text) => moment::past(text, server_now()).map_err(Usage)?,
        None => server_now(),
    };
    let from = moment::past(&arguments.since, to).map_err(Usage)?;
    if from >= to {
        bail!(Usage("--since is not before --until".into()));
    }
    let width = width(context);
    let is_chart = context.output.format == Format::Table;
    let aggregate = arguments.aggregate.map(Aggregate::from);
    let is_stepped = is_chart || arguments.by.is_some();
    let step = match arguments.step {
        None if is_stepped => Some(step_of(from, to, width)),
        step => step,
    };
    let query = HistoryQuery {
        selector,
        metric: arguments.metric.clone(),
        filter: arguments.filter.clone(),
        from: Some(from),
        to: Some(to),
        step: step.map(duration::format),
        aggregate,
        by: arguments.by.clone(),
        limit: None,
    };
    let view = progress::during("looking back", client.history(&query)).await?;
    if view.series.is_empty() {
        bail!(Usage(nothing(&client, &query.selector, &arguments).await));
    }
    match context.output.format {
        Format::Csv => context.output.text(csv::lines(&view).trim_end())?,
        Format::Json | Format::Yaml => context.output.one(&view, String::new)?,
        Format::Table => {
            let states = states(&client, &query, &view).await?;
            context.output.text(&drawn(&view, &states, width))?;
        }
    }
    Ok(Exit::Done)
}

/// Returns why there is nothing, with the metrics that there are.
async fn nothing(client: &Client, selector: &Selector, arguments: &Arguments) -> String {
    let whose = &arguments.selector;
    let Some(metric) = &arguments.metric else {
        return format!("nothing was ever seen of \"{whose}\": see `utakata get readings`");
    };
    let known = metrics(client, selector).await.unwrap_or_default();
    let hint = match known.is_empty() {
        true => "see `utakata get readings`".into(),
        false => suggest::hint(metric, known.iter().map(String::as_str)),
    };
    format!(
        "nothing of a metric that begins with \"{metric}\" was ever seen of \"{whose}\": {hint}"
    )
}

/// Returns the metrics of one of the selected targets.
async fn metrics(client: &Client, selector: &Selector) -> Option<BTreeSet<String>> {
    let one = client.any_target(selector).await.ok()??;
    let query = ReadingQuery {
        selector: format!("name={}", one.target.name).parse().ok()?,
        metric: None,
    };
    let readings = client.readings(&query).await.ok()?;
    Some(
        readings
            .iter()
            .map(|one| one.reading.metric.to_string())
            .collect(),
    )
}

/// Returns the columns of a chart.
fn width(context: &Context<'_>) -> usize {
    let columns = match context.output.colours() {
        true => console::Term::stdout()
            .size_checked()
            .map(|(_, columns)| usize::from(columns)),
        false => None,
    };
    let room = columns.map_or(WIDTH, |columns| columns.saturating_sub(MARGIN + 3));
    room.clamp(20, MAX_WIDTH)
}

/// Returns steps of whole seconds, at most one for each dot.
fn step_of(from: Timestamp, to: Timestamp, width: usize) -> Duration {
    let seconds = to.duration_since(from).unsigned_abs().as_secs();
    let dots = (width * 2) as u64;
    let step = Duration::from_secs(seconds.div_ceil(dots).max(1));
    // Hours are answered from the tier of hours.
    const HOUR: Duration = Duration::from_secs(3600);
    match step > HOUR / 2 {
        true => HOUR * u32::try_from(step.as_secs().div_ceil(3600)).unwrap_or(u32::MAX),
        false => step,
    }
}

/// Returns the series that are no numbers, with every value.
async fn states(
    client: &Client,
    query: &HistoryQuery,
    view: &HistoryView,
) -> Result<Vec<SeriesView>> {
    let empty = |series: &&SeriesView| series.times.is_empty() && series.target.is_some();
    if query.by.is_some() || !view.series.iter().any(|series| empty(&series)) {
        return Ok(Vec::new());
    }
    let query = HistoryQuery {
        step: None,
        aggregate: None,
        ..query.clone()
    };
    let raw = client.history(&query).await?;
    let is_state = |series: &SeriesView| {
        let mut values = series.values.iter();
        values.any(|value| matches!(value, ReadingValue::Text(_)))
    };
    Ok(raw.series.into_iter().filter(is_state).collect())
}

fn drawn(view: &HistoryView, states: &[SeriesView], width: usize) -> String {
    let mut parts = Vec::new();
    for series in view.series.iter().take(MAX_CHARTS) {
        let mut lines = vec![title(series)];
        let same = |one: &&SeriesView| {
            one.target == series.target
                && one.action == series.action
                && one.metric == series.metric
                && one.attributes == series.attributes
        };
        match states.iter().find(same) {
            Some(state) => lines.extend(changes(state)),
            None => lines.extend(figure(series, view, width)),
        }
        lines.extend(gaps(&series.gaps));
        parts.push(lines.join("\n"));
    }
    if let Some(more) = view
        .series
        .len()
        .checked_sub(MAX_CHARTS)
        .filter(|more| *more > 0)
    {
        parts.push(format!(
            "and {more} more series: name a metric, or use --where or --by"
        ));
    }
    parts.join("\n\n")
}

fn title(series: &SeriesView) -> String {
    let whose = match (&series.target, &series.group) {
        (Some(target), _) => target.to_string(),
        (None, Some(group)) => group.clone(),
        (None, None) => "all".into(),
    };
    let attributes = words::attributes(&series.attributes);
    let members = series.members.map(|members| format!("({members} series)"));
    let parts = [
        whose,
        series.metric.to_string(),
        attributes,
        members.unwrap_or_default(),
    ];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

/// Returns the chart of numbers, with the times at its ends below.
fn figure(series: &SeriesView, view: &HistoryView, width: usize) -> Vec<String> {
    let numbers: Vec<(i64, f64)> = series
        .times
        .iter()
        .zip(&series.values)
        .filter_map(|(time, value)| match value {
            ReadingValue::Number(number) => Some((*time, *number)),
            ReadingValue::Text(_) => None,
        })
        .collect();
    let span = Span {
        from: view.from.as_millisecond(),
        to: view.to.as_millisecond(),
    };
    let holes = series.gaps.iter().map(|gap| Span {
        from: gap.from.as_millisecond(),
        to: gap.to.as_millisecond(),
    });
    let holes: Vec<Span> = holes.collect();
    let (lines, high, low) = chart::lines(&numbers, &holes, span, width);
    let unit = match view.aggregate {
        Some(Aggregate::Rate) if series.unit == "By" => "By/s".to_owned(),
        Some(Aggregate::Rate) => format!("{}/s", series.unit),
        _ => series.unit.clone(),
    };
    let number = |value: f64| units::number(Some(series.metric.as_str()), value, &unit);
    let last = lines.len() - 1;
    let labelled = lines.iter().enumerate().map(|(at, line)| {
        let label = match at {
            0 => number(high),
            at if at == last => number(low),
            _ => String::new(),
        };
        format!("{label:>MARGIN$} ┤{line}")
    });
    let mut shown: Vec<String> = labelled.collect();
    let (left, right) = (time::clock(view.from), time::clock(view.to));
    let space = width.saturating_sub(left.chars().count() + right.chars().count());
    shown.push(format!("{:MARGIN$}  {left}{:space$}{right}", "", ""));
    if let Some(line) = together(series, view, &numbers, number) {
        shown.push(format!("{:MARGIN$}  {line}", ""));
    }
    if series.turns > 0 {
        let turns = series.turns;
        shown.push(format!(
            "{:MARGIN$}  the counter began anew {turns} times",
            ""
        ));
    }
    shown
}

/// Returns the least, the greatest and the last value: of the values themselves where there are
/// any, for a step hides how high it went; otherwise of the figures of steps.
fn together(
    series: &SeriesView,
    view: &HistoryView,
    numbers: &[(i64, f64)],
    number: impl Fn(f64) -> String,
) -> Option<String> {
    let line = |all: &OverallView| {
        format!(
            "last {} at {}, least {}, mean {}, greatest {}",
            number(all.last),
            time::clock(all.last_seen),
            number(all.least),
            number(all.mean),
            number(all.greatest),
        )
    };
    if let Some(all) = &series.overall
        && view.aggregate != Some(Aggregate::Sum)
    {
        return Some(line(all));
    }
    let (last, value) = numbers.last()?;
    let figures = numbers.iter().map(|(_, value)| *value);
    let all = OverallView {
        least: figures.clone().fold(f64::INFINITY, f64::min),
        greatest: figures.clone().fold(f64::NEG_INFINITY, f64::max),
        mean: figures.sum::<f64>() / numbers.len() as f64,
        last: *value,
        last_seen: Timestamp::from_millisecond(*last).unwrap_or(view.to),
    };
    let steps = view
        .step
        .as_deref()
        .map(|step| format!("of steps of {step}: "));
    Some(steps.unwrap_or_default() + &line(&all))
}

/// Returns the changes of a state, the last ones.
fn changes(series: &SeriesView) -> Vec<String> {
    let mut changes: Vec<(i64, &ReadingValue)> = Vec::new();
    for (time, value) in series.times.iter().zip(&series.values) {
        if changes.last().is_none_or(|(_, last)| *last != value) {
            changes.push((*time, value));
        }
    }
    let skipped = changes.len().saturating_sub(MAX_LISTED);
    let line = |(at, value): &(i64, &ReadingValue)| {
        let at = Timestamp::from_millisecond(*at).unwrap_or_default();
        format!("  {} {value}", time::clock(at))
    };
    let more = (skipped > 0).then(|| format!("  {skipped} earlier changes"));
    more.into_iter()
        .chain(changes[skipped..].iter().map(line))
        .collect()
}

fn gaps(gaps: &[GapView]) -> Vec<String> {
    let skipped = gaps.len().saturating_sub(MAX_LISTED);
    let line = |gap: &GapView| {
        let (from, to) = (time::clock(gap.from), time::clock(gap.to));
        format!("  ░ {from} to {to}: {}", reason(&gap.reason))
    };
    let more = (skipped > 0).then(|| format!("  {skipped} earlier gaps"));
    more.into_iter()
        .chain(gaps[skipped..].iter().map(line))
        .collect()
}

/// Returns the reason of a gap in words, with its code.
fn reason(code: &str) -> String {
    let text = match code {
        "not-read" => "nobody tried to read it",
        "unreachable" => "it did not answer",
        "breaker-open" => "it was left alone after failures",
        "history-away" => "utakata did not run",
        "history-disk-full" => "there was no room to keep it",
        "history-too-fast" => "more arrived than could be written",
        "expired" => "no worker began in time",
        _ => return code.to_owned(),
    };
    format!("{text} ({code})")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_below_a_chart_are_those_of_the_values_and_not_of_its_columns() {
        let view = |metric: &str, aggregate: &str, overall: serde_json::Value| {
            let series = serde_json::json!({
                "target": "bmc-a1-01", "metric": metric, "unit": "W", "overall": overall,
                "times": [1_796_083_200_000_i64, 1_796_083_225_000_i64], "values": [395.2, 349.2],
            });
            let view = serde_json::json!({
                "from": "2026-12-01T00:00:00Z", "to": "2026-12-01T01:00:00Z",
                "step": "25s", "aggregate": aggregate, "series": [series],
            });
            let view: HistoryView = serde_json::from_value(view).unwrap();
            drawn(&view, &[], 72)
        };
        let overall = serde_json::json!({
            "least": 327.0, "greatest": 407.0, "mean": 363.5, "last": 351.0,
            "last_seen": "2026-12-01T00:00:41Z",
        });
        let shown = view("hw.power", "avg", overall.clone());
        let at = time::clock("2026-12-01T00:00:41Z".parse().unwrap());
        let expect = format!("last 351 W at {at}, least 327 W, mean 363.5 W, greatest 407 W");
        assert!(shown.contains(&expect), "{shown}");
        for (aggregate, overall) in [("sum", overall), ("avg", serde_json::Value::Null)] {
            let shown = view("hw.power", aggregate, overall);
            assert!(
                shown.contains("of steps of 25s: last 349.2 W at "),
                "{shown}"
            );
            assert!(shown.contains("greatest 395.2 W"), "{shown}");
        }
    }

    #[test]
    fn a_chart_has_at_most_a_step_for_each_dot() {
        let at = |hours: i64| Timestamp::from_second(hours * 3600).unwrap();
        for (hours, expect) in [(1, "25s"), (6, "2m30s"), (24, "10m"), (24 * 30, "5h")] {
            let found = step_of(at(0), at(hours), 72);
            assert_eq!(duration::format(found), expect, "{hours}");
        }
    }
}
