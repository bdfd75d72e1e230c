//! The operations of a drill: a pure sequence that a seed determines.

use serde_json::{Map, Value};
use utakata_api::operation::Control;
use utakata_model::{ActionName, Pace, Priority, Selector};

use crate::dice::Dice;

/// The largest number of devices of one operation, and the number of operations among which one has
/// more than one.
const TOGETHER: (usize, usize) = (4, 5);

/// The command to a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// A command to be done once, and read back: the device shows whether it was done.
    Mark,
    /// A command that may be repeated.
    Put,
    /// A command to be done once, without any proof: an unknown outcome waits for a person.
    BlindMark,
}

/// An operation before it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    pub act: Act,
    /// A unique token, by which the devices distinguish operations; also its key.
    pub token: String,
    pub devices: Vec<String>,
}

/// All operations of a seed, without end.
#[derive(Debug, Clone)]
pub struct Orders {
    dice: Dice,
    devices: Vec<String>,
    seed: u64,
    count: u64,
}

impl Act {
    /// Returns its action, as in the manifest of `drill`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Mark => "mark",
            Self::Put => "put",
            Self::BlindMark => "blind-mark",
        }
    }

    /// Returns the command of an action's name.
    pub fn of(action: &str) -> Option<Self> {
        let all = [Self::Mark, Self::Put, Self::BlindMark];
        all.into_iter().find(|act| act.as_str() == action)
    }

    /// Returns true if it must not be done twice.
    pub fn is_once(self) -> bool {
        self != Self::Put
    }

    /// Returns true if a device can be asked afterwards whether it was done.
    pub fn is_read_back(self) -> bool {
        self != Self::BlindMark
    }
}

impl Order {
    /// Returns the request to the API.
    pub fn control(&self) -> anyhow::Result<Control> {
        let selector: Selector = format!("name in ({})", self.devices.join(",")).parse()?;
        let token = ("token".to_owned(), Value::from(self.token.clone()));
        Ok(Control {
            selector,
            action: ActionName::new(self.act.as_str())?,
            parameters: Map::from_iter([token]),
            dry_run: false,
            plan: None,
            expect: None,
            key: Some(self.token.clone()),
            pace: Pace::default(),
            priority: Priority::default(),
            within: None,
            why: None,
            break_glass: false,
            wait: std::time::Duration::ZERO,
        })
    }
}

impl Orders {
    /// Creates operations on some of these devices.
    pub fn new(seed: u64, devices: Vec<String>) -> Self {
        Self {
            dice: Dice::new(seed, 2),
            devices,
            seed,
            count: 0,
        }
    }

    fn devices(&mut self) -> Vec<String> {
        let (max, one_in) = TOGETHER;
        let count = match self.dice.below(one_in) {
            0 => 2 + self.dice.below(max - 1),
            _ => 1,
        };
        // Neighbours on a ring: none occurs twice.
        let from = self.dice.below(self.devices.len());
        let ring = self.devices.iter().cycle().skip(from);
        ring.take(count.min(self.devices.len())).cloned().collect()
    }
}

impl Iterator for Orders {
    type Item = Order;

    fn next(&mut self) -> Option<Order> {
        self.count += 1;
        let weights = [(Act::Mark, 2), (Act::Put, 1), (Act::BlindMark, 1)];
        Some(Order {
            act: self.dice.choose(&weights, Act::Mark),
            token: format!("{:x}-{}", self.seed, self.count),
            devices: self.devices(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn first(seed: u64, devices: usize) -> Vec<Order> {
        let devices = (1..=devices).map(|n| format!("drill-{n:04}")).collect();
        Orders::new(seed, devices).take(1000).collect()
    }

    #[test]
    fn the_same_seed_asks_for_the_same_and_every_token_is_unique() {
        assert_eq!(first(1, 20), first(1, 20));
        assert_ne!(first(1, 20), first(2, 20));
        let orders = first(u64::MAX, 20);
        let tokens: BTreeSet<&String> = orders.iter().map(|one| &one.token).collect();
        assert_eq!(tokens.len(), orders.len());
        assert!(tokens.iter().all(|token| token.len() <= 64));
    }

    #[test]
    fn no_operation_has_a_device_twice_however_few_there_are() {
        for count in [1, 2, 20] {
            for order in first(3, count) {
                let devices: BTreeSet<&String> = order.devices.iter().collect();
                assert_eq!(devices.len(), order.devices.len());
                let control = order.control().unwrap();
                assert_eq!(control.key.as_deref(), Some(order.token.as_str()));
            }
        }
        assert!(first(3, 20).iter().any(|order| order.devices.len() == 4));
    }
}
