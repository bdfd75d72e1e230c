//! The faults of a bent agent, drawn from a seed. Pure.

use std::str::FromStr;

use serde::Serialize;

use crate::chance::{draw, unit};

/// The faults of a bent agent.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct Faults {
    /// True if it knows only SNMPv1.
    pub is_v1_only: bool,
    /// The percentage of requests that it loses.
    pub loses: u64,
    /// The maximum delay of an answer, in milliseconds.
    pub delay: u64,
    /// The percentage of answers that it sends twice.
    pub doubles: u64,
    /// The size of the largest answer, in bytes.
    pub largest: Option<usize>,
    /// The treatment of an answer that is too large.
    pub too_large: TooLarge,
    /// The most names that it answers in one request.
    pub names: Option<usize>,
    /// The treatment of GETBULK.
    pub bulk: Bulk,
    /// True if the bindings of its answers are shuffled.
    pub shuffles: bool,
    /// True if the rows of its tables are out of order.
    pub disorders: bool,
    /// After the first of these rows, the second one follows again.
    pub loops: Option<(u32, u32)>,
    /// The percentage of cells that are refused.
    pub refuses: u64,
    /// The binding that it names in a refusal.
    pub names_as_refused: Named,
    /// The percentage of cells that cannot be decoded.
    pub undecodable: u64,
    /// The percentage of cells that are holes.
    pub holes: u64,
    /// The oddity of every answer.
    pub oddity: Oddity,
}

/// The treatment of an answer that is too large.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TooLarge {
    /// It is refused as too big.
    #[default]
    TooBig,
    /// No answer is sent.
    Silent,
    /// The answer has fewer bindings.
    Shorter,
    /// The answer is cut off at its largest size.
    Cut,
}

/// The treatment of GETBULK.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Bulk {
    #[default]
    Answered,
    /// It is not answered.
    Silent,
    Refused,
    /// It is answered without bindings.
    Empty,
}

/// The binding that a refusal names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Named {
    /// The index of the right binding.
    #[default]
    Right,
    None,
    First,
    /// An index beyond the last binding.
    Beyond,
}

/// The oddity of every answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Oddity {
    /// Nothing is odd.
    #[default]
    None,
    /// The community is a different one.
    Community,
    /// Its request id is wrong.
    Id,
    /// The version is a different one.
    Version,
}

/// A sort of faults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Only {
    /// Messages are lost, delayed or duplicated.
    Network,
    /// Messages are too large.
    Size,
    /// Cells are refused, undecodable, or holes.
    Cells,
    /// Bindings and rows are out of order, or loop.
    Order,
    /// Communities, ids and versions are wrong.
    Identity,
}

impl FromStr for Only {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "network" => Self::Network,
            "size" => Self::Size,
            "cells" => Self::Cells,
            "order" => Self::Order,
            "identity" => Self::Identity,
            other => {
                return Err(format!(
                    "there is no sort `{other}`: network, size, cells, order, identity"
                ));
            }
        })
    }
}

/// A sequence of random choices.
struct Draws(u64);

impl Draws {
    fn bits(&self, name: &str) -> u64 {
        draw(self.0, name, 0)
    }

    /// Returns true if an event with this probability in percent happens.
    fn falls(&self, name: &str, percent: u64) -> bool {
        self.bits(name) % 100 < percent
    }

    fn pick<T: Copy>(&self, name: &str, of: &[T]) -> T {
        let at = unit(self.bits(name)) * of.len() as f64;
        of[(at as usize).min(of.len() - 1)]
    }
}

impl Faults {
    /// Draws the faults of a seed.
    pub fn compose(seed: u64, only: &[Only]) -> Self {
        let draws = Draws(seed);
        let has = |sort: Only| only.is_empty() || only.contains(&sort);
        let mut faults = Self {
            is_v1_only: draws.falls("v1", 20),
            ..Self::default()
        };
        if has(Only::Network) {
            faults.loses = draws.pick("loses", &[0, 0, 5, 15]);
            faults.delay = draws.pick("delay", &[0, 0, 40, 400]);
            faults.doubles = draws.pick("doubles", &[0, 20]);
        }
        if has(Only::Size) {
            faults.largest = draws.pick("largest", &[None, None, Some(484), Some(1_400)]);
            faults.too_large = draws.pick(
                "too-large",
                &[
                    TooLarge::TooBig,
                    TooLarge::Silent,
                    TooLarge::Shorter,
                    TooLarge::Cut,
                ],
            );
            faults.names = draws.pick("names", &[None, None, None, Some(5), Some(1)]);
            faults.bulk = draws.pick(
                "bulk",
                &[
                    Bulk::Answered,
                    Bulk::Answered,
                    Bulk::Answered,
                    Bulk::Silent,
                    Bulk::Refused,
                    Bulk::Empty,
                ],
            );
        }
        if has(Only::Cells) {
            faults.refuses = draws.pick("refuses", &[0, 0, 3]);
            faults.names_as_refused = draws.pick(
                "named",
                &[Named::Right, Named::None, Named::First, Named::Beyond],
            );
            faults.undecodable = draws.pick("undecodable", &[0, 0, 5]);
            faults.holes = draws.pick("holes", &[0, 0, 10]);
        }
        if has(Only::Order) {
            faults.shuffles = draws.falls("shuffles", 20);
            faults.disorders = draws.falls("disorders", 20);
            let loops = draws.falls("loops", 15) && !faults.disorders;
            faults.loops = loops.then_some((7, 3));
        }
        if has(Only::Identity) {
            faults.oddity = draws.pick(
                "oddity",
                &[
                    Oddity::None,
                    Oddity::None,
                    Oddity::None,
                    Oddity::None,
                    Oddity::None,
                    Oddity::Community,
                    Oddity::Id,
                    Oddity::Version,
                ],
            );
        }
        faults
    }
}
