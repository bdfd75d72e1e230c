//! Values that were requested and did not arrive, and the reasons.

use std::fmt;

use async_snmp::{ErrorStatus, Oid};
use utakata_worker_sdk::model::{Missing, missing};

use super::message::Flaw;

/// A part of the request that is missing.
#[derive(Debug, Clone, PartialEq)]
pub struct Missed {
    /// The object or column.
    pub oid: Oid,
    pub part: Part,
    pub why: Why,
}

/// The missing part of an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// The object itself, a single value.
    Value,
    /// A row of the column.
    Row(Vec<u32>),
    /// The rows after the last one received.
    Rest,
}

/// The reason why something is missing.
#[derive(Debug, Clone, PartialEq)]
pub enum Why {
    /// The device refused it.
    Refused(ErrorStatus),
    /// It arrived, but could not be decoded.
    Undecodable(Flaw),
    /// The column broke off.
    BrokenOff(String),
    /// It was requested on its own, without an answer.
    NoAnswer,
    /// The time was over before it was requested.
    NoTime,
}

impl Missed {
    /// The name of the value, or of the column.
    pub fn name(&self) -> Oid {
        let row = match &self.part {
            Part::Row(row) => row.as_slice(),
            Part::Value | Part::Rest => &[],
        };
        Oid::new(self.oid.arcs().iter().chain(row).copied())
    }

    /// Converts it for the answer of the task.
    pub fn told(&self) -> Missing {
        let (oid, word, why) = (self.oid.to_string(), self.why.word(), self.why.to_string());
        match &self.part {
            Part::Value => Missing::value(&oid, None, word, &why),
            Part::Row(row) => {
                let row: Vec<String> = row.iter().map(u32::to_string).collect();
                Missing::value(&oid, Some(&row.join(".")), word, &why)
            }
            Part::Rest => Missing::rest(&oid, word, &why),
        }
    }
}

impl Why {
    /// Returns the code for programs.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Refused(_) => missing::REFUSED,
            Self::Undecodable(_) => missing::UNDECODABLE,
            Self::BrokenOff(_) => missing::BROKEN_OFF,
            Self::NoAnswer => missing::NO_ANSWER,
            Self::NoTime => missing::NO_TIME,
        }
    }
}

impl fmt::Display for Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(status) => write!(f, "the device answers {status}"),
            Self::Undecodable(flaw) => write!(f, "it cannot be decoded: {flaw}"),
            Self::BrokenOff(how) => f.write_str(how),
            Self::NoAnswer => f.write_str("the device did not answer when it was asked for it"),
            Self::NoTime => f.write_str("the time was over before it was asked for"),
        }
    }
}

impl fmt::Display for Missed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.why)
    }
}
