//! Faults that a share of the devices has from the start.

use std::str::FromStr;

use crate::chance::{self, Chance, draw};
use crate::fault::{self, Order};

/// A fault, and the share of devices that have it: `slow=300ms@0.1`. Without a share all have it.
#[derive(Debug, Clone)]
pub struct FaultShare {
    text: String,
    order: Order,
    share: Chance,
}

/// The error for a text that is not a fault with a share.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Fault(#[from] fault::Error),
    #[error("share of the devices: {0}")]
    Share(#[from] chance::Error),
}

impl FromStr for FaultShare {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (fault, share) = match text.split_once('@') {
            Some((fault, share)) => (fault, share.parse()?),
            None => (text, Chance::ALWAYS),
        };
        Ok(Self {
            text: fault.to_owned(),
            order: fault.parse()?,
            share,
        })
    }
}

impl FaultShare {
    /// Returns the order that causes the fault.
    pub fn order(&self) -> Order {
        self.order
    }

    /// Returns which of `count` devices have it: as many as the share says, in random order.
    pub fn chosen(&self, seed: u64, count: usize) -> Vec<usize> {
        let mut drawn: Vec<usize> = (0..count).collect();
        drawn.sort_by_key(|index| draw(seed, &self.text, *index as u64));
        drawn.truncate(self.share.share_of(count));
        drawn
    }
}
