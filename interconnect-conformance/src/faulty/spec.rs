//! Faults as people write them: `lose=0.02,double=0.05,late=0.1,max-delay=200ms`.

use std::str::FromStr;

use thiserror::Error;
use utakata_model::duration;

use super::{Faults, Lose};

const KEYS: &str = "lose, double, late, delay, reorder, fail, max-delay, may-lose";

/// An error in a text that describes faults.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SpecError {
    /// A part is not `key=value`.
    #[error("\"{part}\" is not KEY=VALUE: write for example lose=0.02,double=0.05")]
    Form { part: String },
    /// There is no such fault.
    #[error("there is no fault \"{key}\": there are {KEYS}")]
    Key { key: String },
    /// A chance is not a number from 0 to 1.
    #[error("{key} is a chance from 0 to 1, and \"{value}\" is not one")]
    Chance { key: String, value: String },
    /// A duration cannot be parsed.
    #[error("max-delay is wrong")]
    Duration(#[from] duration::DurationError),
    /// There is no such limit.
    #[error("may-lose is expendable, protocol or anything, and not \"{value}\"")]
    Lose { value: String },
}

impl FromStr for Faults {
    type Err = SpecError;

    fn from_str(text: &str) -> Result<Self, SpecError> {
        let mut faults = Self {
            may_lose: Lose::Protocol,
            ..Self::NONE
        };
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (key, value) = part
                .split_once('=')
                .ok_or_else(|| SpecError::Form { part: part.into() })?;
            match key {
                "max-delay" => faults.max_delay = duration::parse(value)?,
                "may-lose" => faults.may_lose = lose(value)?,
                key => *faults.chance(key)? = chance(key, value)?,
            }
        }
        Ok(faults)
    }
}

impl Faults {
    fn chance(&mut self, key: &str) -> Result<&mut f64, SpecError> {
        Ok(match key {
            "lose" => &mut self.lose,
            "double" => &mut self.double,
            "late" => &mut self.late,
            "delay" => &mut self.delay,
            "reorder" => &mut self.reorder,
            "fail" => &mut self.fail,
            key => return Err(SpecError::Key { key: key.into() }),
        })
    }
}

fn chance(key: &str, value: &str) -> Result<f64, SpecError> {
    let chance = value.parse().ok();
    chance
        .filter(|chance| (0.0..=1.0).contains(chance))
        .ok_or_else(|| SpecError::Chance {
            key: key.into(),
            value: value.into(),
        })
}

fn lose(value: &str) -> Result<Lose, SpecError> {
    Ok(match value {
        "expendable" => Lose::Expendable,
        "protocol" => Lose::Protocol,
        "anything" => Lose::Anything,
        value => {
            return Err(SpecError::Lose {
                value: value.into(),
            });
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn faults_are_read_as_people_write_them() {
        let text = "lose=0.02, double=0.05,late=1,max-delay=200ms,may-lose=expendable";
        let expect = Faults {
            lose: 0.02,
            double: 0.05,
            late: 1.0,
            max_delay: Duration::from_millis(200),
            ..Faults::NONE
        };
        assert_eq!(text.parse(), Ok(expect));
        let none = Faults {
            may_lose: Lose::Protocol,
            ..Faults::NONE
        };
        assert_eq!("".parse(), Ok(none));
    }

    #[test]
    fn what_is_not_a_fault_is_reported_with_what_there_is() {
        for (text, expect) in [
            ("lose", "\"lose\" is not KEY=VALUE"),
            (
                "burn=1",
                "there is no fault \"burn\": there are lose, double",
            ),
            ("lose=1.1", "lose is a chance from 0 to 1"),
            ("lose=NaN", "lose is a chance from 0 to 1"),
            ("max-delay=soon", "max-delay is wrong"),
            ("may-lose=all", "not \"all\""),
        ] {
            let told = text.parse::<Faults>().unwrap_err().to_string();
            assert!(told.contains(expect), "{text}: {told}");
        }
    }
}
