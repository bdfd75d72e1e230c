//! Discovery: what answers at addresses that nobody has declared.

mod identifier;

use serde::{Deserialize, Serialize};

use crate::invisible::hidden;

pub use identifier::{Identifier, NotAnIdentifier};

/// The largest number of addresses of one task.
pub const ADDRESSES_MAX: usize = 60;
/// The largest number of addresses of one kind that are asked within a second.
pub const PER_SECOND_MAX: u32 = 10;
/// The largest number of things that one address may show, as the UPSs of one server.
pub const FOUND_MAX: usize = 32;

/// The length of the longest text of a thing that is kept, in bytes.
const TEXT_MAX: usize = 256;
/// The largest number of identifiers, profiles and other addresses of a thing.
const LIST_MAX: usize = 16;

/// The answer of a worker that was asked to discover.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscoveryAnswer {
    /// The number of addresses that were asked, whether or not anything answered.
    pub asked: u32,
    /// The things that answered.
    pub found: Vec<Discovered>,
}

/// Something that answered, as far as it says what it is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Discovered {
    /// The address of a target for it, in the form that the kind requires.
    pub address: String,
    /// Other forms of the same address, in which it may be declared already.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub also: Vec<String>,
    /// The texts by which the same thing is known again, however it is reached.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identifiers: Vec<Identifier>,
    /// The name that it has, or that people gave it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Its maker.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vendor: Option<String>,
    /// Its model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Its serial number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// A description of it, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The profiles with which it would be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub profiles: Vec<String>,
    /// True if it says more, or can be read at all, only with a credential.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub wants_credential: bool,
    /// The reason why it says less than it was asked for, for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Discovered {
    /// Returns it cut down to what is kept, without anything that is no text for people. Absent if
    /// its address is none.
    pub fn bounded(self) -> Option<Self> {
        let is_address =
            |text: &String| !text.is_empty() && text.len() <= TEXT_MAX && hidden(text).is_none();
        if !is_address(&self.address) {
            return None;
        }
        let few = |list: Vec<String>| list.into_iter().filter(is_address).take(LIST_MAX).collect();
        Some(Self {
            address: self.address,
            also: few(self.also),
            identifiers: self.identifiers.into_iter().take(LIST_MAX).collect(),
            name: self.name.as_deref().and_then(clean),
            vendor: self.vendor.as_deref().and_then(clean),
            model: self.model.as_deref().and_then(clean),
            serial: self.serial.as_deref().and_then(clean),
            description: self.description.as_deref().and_then(clean),
            profiles: few(self.profiles),
            wants_credential: self.wants_credential,
            problem: self.problem.as_deref().and_then(clean),
        })
    }
}

/// Returns a text in one line of limited length, or nothing if nothing is left.
fn clean(text: &str) -> Option<String> {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let words: Vec<&str> = words.filter(|word| !word.is_empty()).collect();
    let mut text = words.join(" ");
    text.truncate(text.floor_char_boundary(TEXT_MAX));
    (!text.is_empty()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_device_says_of_itself_is_cut_down_to_what_is_kept() {
        let found = Discovered {
            address: "10.0.3.7".into(),
            also: vec!["10.0.3.7:443".into(), String::new()],
            name: Some("a\u{1b}[2J\n b".into()),
            vendor: Some(" \u{0} ".into()),
            description: Some("ö".repeat(1000)),
            problem: Some("it answered 403:\n\u{1b}[31m".into()),
            profiles: vec!["p".into(); 100],
            ..Discovered::default()
        };
        let kept = found.bounded().unwrap();
        assert_eq!(kept.also, ["10.0.3.7:443"]);
        assert_eq!(kept.name.as_deref(), Some("a [2J b"));
        assert_eq!(kept.vendor, None);
        assert_eq!(kept.problem.as_deref(), Some("it answered 403: [31m"));
        assert_eq!(kept.description.unwrap().len(), TEXT_MAX);
        assert_eq!(kept.profiles.len(), LIST_MAX);
        let nowhere = Discovered {
            address: "a\nb".into(),
            ..Discovered::default()
        };
        assert_eq!(nowhere.bounded(), None);
    }
}
