//! History as CSV.

use jiff::Timestamp;
use utakata_api::history::HistoryView;
use utakata_model::{Quality, ReadingValue};

use crate::output::time;

/// Returns a line for each value.
pub fn lines(view: &HistoryView) -> String {
    let quoted = |text: &str| match text.contains(['"', ',', '\n', '\r']) {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text.to_owned(),
    };
    let mut lines = String::from("time,target,metric,attributes,unit,value,quality\n");
    for series in &view.series {
        let whose = match &series.target {
            Some(target) => target.to_string(),
            None => series.group.clone().unwrap_or_default(),
        };
        let attributes = series
            .attributes
            .iter()
            .map(|(key, value)| format!("{key}={value}"));
        let attributes = attributes.collect::<Vec<_>>().join(" ");
        for (at, (millis, value)) in series.times.iter().zip(&series.values).enumerate() {
            let when = Timestamp::from_millisecond(*millis).unwrap_or_default();
            let value = match value {
                // With every digit, as in JSON.
                ReadingValue::Number(number) => format!("{number}"),
                ReadingValue::Text(text) => text.to_string(),
            };
            let quality = match series.quality.get(at) {
                None | Some(Quality::Good) => "good",
                Some(_) => "suspect",
            };
            let cells = [
                &time::stamp(when),
                &whose,
                series.metric.as_str(),
                &attributes,
                &series.unit,
                &value,
                quality,
            ];
            let cells: Vec<String> = cells.iter().map(|cell| quoted(cell)).collect();
            lines.push_str(&format!("{}\n", cells.join(",")));
        }
    }
    lines
}
