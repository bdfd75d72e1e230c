//! A chart of braille dots, two for each column and four for each line. Pure.

/// The lines of a chart.
const HEIGHT: usize = 6;
/// The dots in a character, by column and row from the top, as bits of U+2800.
const DOTS: [[u32; 4]; 2] = [[0x01, 0x02, 0x04, 0x40], [0x08, 0x10, 0x20, 0x80]];
const BLANK: u32 = 0x2800;
/// A column without values.
const HOLE: char = '░';

/// A range of times, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    pub from: i64,
    pub to: i64,
}

/// Returns the lines of a chart, from the top, and the values at the top and at the bottom. A value
/// holds until the next one; where there is a gap, the columns are shaded.
pub fn lines(
    values: &[(i64, f64)],
    gaps: &[Span],
    span: Span,
    width: usize,
) -> (Vec<String>, f64, f64) {
    let (low, high) = bounds(values);
    let (columns, rows) = (width * 2, HEIGHT * 4);
    let length = (span.to - span.from).max(1);
    let time_of = |column: usize| {
        let part = i128::from(length) * column as i128 / columns as i128;
        span.from + i64::try_from(part).unwrap_or(0)
    };
    let mut cells = vec![vec![BLANK; width]; HEIGHT];
    let mut before: Option<usize> = None;
    for column in 0..columns {
        let (start, end) = (time_of(column), time_of(column + 1));
        let value = value_before(values, end);
        let is_gap = gaps.iter().any(|gap| gap.from < end && gap.to > start);
        let Some(value) = value.filter(|_| !is_gap || has_value(values, start, end)) else {
            before = None;
            continue;
        };
        let row = row_of(value, low, high, rows);
        // The line is joined, so that a jump is seen as one.
        let from = before.map_or(row, |before| before.min(row));
        let to = before.map_or(row, |before| before.max(row));
        for row in from..=to {
            cells[row / 4][column / 2] |= DOTS[column % 2][row % 4];
        }
        before = Some(row);
    }
    let shaded: Vec<bool> = (0..width)
        .map(|column| {
            let (start, end) = (time_of(column * 2), time_of(column * 2 + 2));
            gaps.iter().any(|gap| gap.from < end && gap.to > start)
        })
        .collect();
    let line = |cells: &Vec<u32>| -> String {
        let cells = cells.iter().zip(&shaded);
        cells
            .map(|(cell, is_gap)| match *cell == BLANK && *is_gap {
                true => HOLE,
                false => char::from_u32(*cell).unwrap_or(' '),
            })
            .collect()
    };
    (cells.iter().map(line).collect(), high, low)
}

/// Returns the least and the greatest value; a little more room for a line that is level.
fn bounds(values: &[(i64, f64)]) -> (f64, f64) {
    let finite = values
        .iter()
        .map(|(_, value)| *value)
        .filter(|one| one.is_finite());
    let low = finite.clone().fold(f64::INFINITY, f64::min);
    let high = finite.fold(f64::NEG_INFINITY, f64::max);
    match low < high {
        true => (low, high),
        false if low.is_finite() => (low - 1.0, low + 1.0),
        false => (0.0, 1.0),
    }
}

/// Returns the last value before `end`.
fn value_before(values: &[(i64, f64)], end: i64) -> Option<f64> {
    let next = values.partition_point(|(time, _)| *time < end);
    let (_, value) = values.get(next.checked_sub(1)?)?;
    value.is_finite().then_some(*value)
}

fn has_value(values: &[(i64, f64)], start: i64, end: i64) -> bool {
    let next = values.partition_point(|(time, _)| *time < start);
    values.get(next).is_some_and(|(time, _)| *time < end)
}

#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it is between 0 and the number of rows"
)]
fn row_of(value: f64, low: f64, high: f64, rows: usize) -> usize {
    let part = ((high - value) / (high - low)).clamp(0.0, 1.0);
    ((part * (rows - 1) as f64).round() as usize).min(rows - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_rises_and_a_gap_is_shaded() {
        let values: Vec<(i64, f64)> = (0..20).map(|at| (at, at as f64)).collect();
        let gap = Span { from: 10, to: 14 };
        let values: Vec<(i64, f64)> = values
            .into_iter()
            .filter(|(at, _)| !(10..14).contains(at))
            .collect();
        let (lines, high, low) = lines(&values, &[gap], Span { from: 0, to: 20 }, 10);
        assert_eq!((high, low), (19.0, 0.0));
        assert_eq!(lines.len(), 6);
        for line in &lines {
            let line: Vec<char> = line.chars().collect();
            assert_eq!((line.len(), line[5], line[6]), (10, HOLE, HOLE), "{line:?}");
            assert!(line[0] != HOLE && line[9] != HOLE);
        }
        let is_drawn = |line: &str, at: usize| line.chars().nth(at) != char::from_u32(BLANK);
        assert!(is_drawn(&lines[0], 9) && !is_drawn(&lines[0], 0));
        assert!(is_drawn(&lines[5], 0) && !is_drawn(&lines[5], 9));
    }

    #[test]
    fn a_level_line_is_in_the_middle() {
        let (lines, high, low) = lines(&[(0, 5.0)], &[], Span { from: 0, to: 10 }, 4);
        assert_eq!((high, low), (6.0, 4.0));
        let drawn = lines
            .iter()
            .filter(|line| line.chars().all(|c| c != '\u{2800}'));
        assert_eq!(drawn.count(), 1);
    }

    #[test]
    fn without_values_nothing_is_drawn() {
        let gap = Span { from: 0, to: 10 };
        let (lines, _, _) = lines(&[], &[gap], gap, 3);
        assert!(lines.iter().all(|line| line == "░░░"));
    }
}
