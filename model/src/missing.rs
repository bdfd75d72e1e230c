//! The missing parts of an answer, and the result of recognising a target.
//!
//! A read with a part missing has succeeded: the values that arrived are true. It has not succeeded
//! completely: anybody who looks only at the values would mistake a gap for health.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use crate::{Cure, Problem};

/// The device refused the value.
pub const REFUSED: &str = "refused";
/// The value arrived and could not be decoded.
pub const UNDECODABLE: &str = "undecodable";
/// The table broke off: its end was not seen.
pub const BROKEN_OFF: &str = "broken-off";
/// The value was requested and no answer arrived.
pub const NO_ANSWER: &str = "no-answer";
/// The task ran out of time before the value was requested.
pub const NO_TIME: &str = "no-time";

/// The largest number of entries in an outcome.
pub const ENTRIES_MAX: usize = 64;
/// The largest number of rows of an object that are listed individually; the rest are counted
/// together.
const ROWS_MAX: usize = 8;
/// The largest length of each text, in bytes.
pub const TEXT_MAX: usize = 256;

/// Values that were requested and did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Missing {
    /// The object, column or table, by the name that the target or its profile gives it. Absent:
    /// any others.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1.3.6.1.2.1.2.2.1.14")]
    pub object: Option<Arc<str>>,
    /// The row of the table. Absent: the whole table, or any other rows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "7")]
    pub row: Option<Arc<str>>,
    /// A code for programs: `refused`, `undecodable`, `broken-off`, `no-answer`, `no-time`.
    #[schema(value_type = String, example = "refused")]
    pub reason: Arc<str>,
    /// An explanation in a sentence; may be empty.
    #[serde(default, skip_serializing_if = "str::is_empty")]
    #[schema(value_type = String)]
    pub message: Arc<str>,
    /// The number of values. Absent if unknown, as for a table that broke off.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u32>,
}

impl Missing {
    /// Returns an entry for one value of a scalar or of a table's row.
    pub fn value(object: &str, row: Option<&str>, reason: &str, message: &str) -> Self {
        Self {
            object: Some(object.into()),
            row: row.map(Into::into),
            reason: reason.into(),
            message: message.into(),
            count: Some(1),
        }
    }

    /// Returns an entry for a table or column whose end was not seen, so that the number of missing
    /// values is unknown.
    pub fn rest(object: &str, reason: &str, message: &str) -> Self {
        Self {
            count: None,
            ..Self::value(object, None, reason, message)
        }
    }
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.object, &self.row) {
            (Some(object), Some(row)) => write!(f, "{object} row {row}")?,
            (Some(object), None) => f.write_str(object)?,
            (None, _) => f.write_str("others")?,
        }
        match self.count {
            Some(1) => write!(f, ": {}", self.reason)?,
            Some(count) => write!(f, " ({count} values): {}", self.reason)?,
            None => write!(f, " (the rest of it): {}", self.reason)?,
        }
        match self.message.is_empty() {
            true => Ok(()),
            false => write!(f, ", {}", self.message),
        }
    }
}

/// Collects missing values, up to what an outcome may hold. Pure. The count stays complete,
/// whatever a device does.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Gaps {
    named: Vec<Missing>,
    /// The entries for which there was no more room.
    others: Option<Missing>,
}

impl Gaps {
    /// Returns true if nothing is missing.
    pub fn is_empty(&self) -> bool {
        self.named.is_empty()
    }

    /// Adds an entry. Many rows of one object are counted together.
    pub fn push(&mut self, missing: Missing) {
        let missing = shortened(missing);
        let is_same = |one: &&mut Missing| {
            one.object == missing.object && one.row == missing.row && one.reason == missing.reason
        };
        if let Some(same) = self.named.iter_mut().find(is_same) {
            same.count = sum(same.count, missing.count);
            return;
        }
        let of_object =
            |one: &&Missing| one.object == missing.object && one.reason == missing.reason;
        let is_crowded = self.named.iter().filter(of_object).count() >= ROWS_MAX;
        if is_crowded && missing.row.is_some() {
            return self.push(Missing {
                row: None,
                ..missing
            });
        }
        if self.named.len() < ENTRIES_MAX - 1 {
            self.named.push(missing);
            return;
        }
        let others = match self.others.take() {
            None => Missing {
                object: None,
                row: None,
                message: "".into(),
                ..missing
            },
            Some(others) => Missing {
                count: sum(others.count, missing.count),
                ..others
            },
        };
        self.others = Some(others);
    }

    /// Adds the reason to entries that have none.
    pub fn explain(&mut self, why: &str) {
        let why = short(why.into());
        let silent = self.named.iter_mut().filter(|one| one.message.is_empty());
        silent.for_each(|one| one.message = Arc::clone(&why));
    }

    /// Returns everything that is missing, in at most [`ENTRIES_MAX`] entries.
    pub fn into_entries(self) -> Vec<Missing> {
        let mut entries = self.named;
        entries.extend(self.others);
        entries
    }
}

impl Extend<Missing> for Gaps {
    fn extend<I: IntoIterator<Item = Missing>>(&mut self, entries: I) {
        entries.into_iter().for_each(|missing| self.push(missing));
    }
}

impl FromIterator<Missing> for Gaps {
    fn from_iter<I: IntoIterator<Item = Missing>>(entries: I) -> Self {
        let mut gaps = Self::default();
        gaps.extend(entries);
        gaps
    }
}

/// Returns the problem to show for an answer with these parts missing, or `None` if nothing is.
pub fn problem(missing: &[Missing]) -> Option<Problem> {
    /// The number of entries that the sentence lists.
    const NAMED: usize = 3;
    if missing.is_empty() {
        return None;
    }
    let named = missing.iter().take(NAMED).map(|one| {
        let message = "".into();
        Missing {
            message,
            ..one.clone()
        }
        .to_string()
    });
    let mut sentence = format!(
        "read only in part; missing: {}",
        named.collect::<Vec<_>>().join(", ")
    );
    if let Some(more) = missing.len().checked_sub(NAMED).filter(|more| *more > 0) {
        sentence.push_str(&format!(" and {more} more"));
    }
    if let Some(why) = missing.iter().find(|one| !one.message.is_empty()) {
        sentence.push_str(&format!(": {}", why.message));
    }
    let passes = |one: &Missing| [BROKEN_OFF, NO_ANSWER, NO_TIME].contains(&&*one.reason);
    let cure = match missing.iter().all(passes) {
        true => Cure::Retry,
        false => Cure::Operator,
    };
    Some(Problem::new("incomplete", cure, sentence))
}

/// Returns the number of missing values, of the entries whose count is known.
pub fn count(missing: &[Missing]) -> u64 {
    let counts = missing.iter().filter_map(|one| one.count);
    counts.map(u64::from).sum()
}

fn sum(one: Option<u32>, other: Option<u32>) -> Option<u32> {
    Some(one?.saturating_add(other?))
}

fn shortened(missing: Missing) -> Missing {
    Missing {
        object: missing.object.map(short),
        row: missing.row.map(short),
        reason: short(missing.reason),
        message: short(missing.message),
        count: missing.count,
    }
}

fn short(text: Arc<str>) -> Arc<str> {
    if text.len() <= TEXT_MAX {
        return text;
    }
    let end = text.floor_char_boundary(TEXT_MAX - '…'.len_utf8());
    format!("{}…", text.get(..end).unwrap_or_default()).into()
}

/// The result of recognising a target.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Recognition {
    /// `true` if anything was understood beyond what every target of its protocol has.
    pub is_understood: bool,
    /// The profiles with which it was read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<String>)]
    pub profiles: Vec<Arc<str>>,
    /// The identity that the target claims, for programs: over SNMP its sysObjectID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "1.3.6.1.4.1.318.1.3.27")]
    pub identity: Option<Arc<str>>,
    /// The description that the target gives of itself, for people: over SNMP its sysDescr.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub description: Option<Arc<str>>,
}

impl Recognition {
    /// The largest number of profiles that are listed.
    pub const PROFILES_MAX: usize = 64;

    /// Returns the problem to show for a target of which nothing was understood, or `None` for any
    /// other.
    pub fn problem(&self) -> Option<Problem> {
        if self.is_understood {
            return None;
        }
        let said: Vec<String> = [
            self.identity
                .as_ref()
                .map(|oid| format!("sysObjectID {oid}")),
            self.description.as_ref().map(|text| format!("\"{text}\"")),
        ]
        .into_iter()
        .flatten()
        .collect();
        let said = match said.is_empty() {
            true => "it does not identify itself".to_owned(),
            false => said.join(", "),
        };
        let sentence = format!(
            "no profile understands it ({said}): only what every device has was read; another \
             kind may fit (`utakata kind list`), or draft a profile from its MIB (`utakata profile \
             draft`)"
        );
        Some(Problem::new("not-understood", Cure::Operator, sentence))
    }

    /// Returns it cut down to what an outcome may hold.
    pub fn bounded(mut self) -> Self {
        self.profiles.truncate(Self::PROFILES_MAX);
        Self {
            is_understood: self.is_understood,
            profiles: self.profiles.into_iter().map(short).collect(),
            identity: self.identity.map(short),
            description: self.description.map(short),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_of_one_object_are_named_up_to_a_few_and_counted_beyond() {
        let row = |at: u32| Missing::value("1.2.3", Some(&at.to_string()), REFUSED, "genErr");
        let entries = (1..=12).map(row).collect::<Gaps>().into_entries();
        assert_eq!(entries.len(), ROWS_MAX + 1);
        assert_eq!(count(&entries), 12);
        assert_eq!(entries[0].to_string(), "1.2.3 row 1: refused, genErr");
        let last = entries[ROWS_MAX].to_string();
        assert_eq!(last, "1.2.3 (4 values): refused, genErr");
    }

    #[test]
    fn whatever_is_missing_is_counted_in_a_bounded_list_of_bounded_texts() {
        let object = |at: u32| format!("{}ü{at}", "x".repeat(usize::try_from(at).unwrap()));
        let all = (0..1000).map(|at| Missing::value(&object(at), None, UNDECODABLE, &object(at)));
        let entries = all.collect::<Gaps>().into_entries();
        assert_eq!(entries.len(), ENTRIES_MAX);
        assert_eq!(count(&entries), 1000);
        let texts = entries
            .iter()
            .flat_map(|one| [one.object.as_deref(), Some(&*one.message)]);
        assert!(texts.flatten().all(|text| text.len() <= TEXT_MAX));
        let last = entries.last().unwrap();
        assert_eq!((last.object.as_ref(), last.count), (None, Some(937)));
    }

    #[test]
    fn the_rest_of_a_table_has_no_number() {
        let mut gaps = Gaps::default();
        gaps.push(Missing::value("t", None, BROKEN_OFF, ""));
        gaps.push(Missing::rest("t", BROKEN_OFF, "it stopped"));
        let entries = gaps.into_entries();
        assert_eq!(entries.len(), 1);
        assert_eq!(entries[0].count, None);
        assert_eq!(entries[0].to_string(), "t (the rest of it): broken-off");
        let told = problem(&entries).unwrap();
        assert_eq!(
            told.to_string(),
            "read only in part; missing: t (the rest of it): broken-off (incomplete)"
        );
        assert_eq!(told.cure, Cure::Retry);
    }
}
