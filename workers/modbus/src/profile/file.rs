//! The file format of a profile (TOML): the keys that Modbus adds to those common to all protocols.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use utakata_profile::{
    form::{self, Keyed},
    keys,
};

keys! {
    /// A profile: the meaning of a device's registers.
    pub struct File {
        /// The registers by which a device is recognised.
        pub r#match: Option<Spanned<Probe>>,
        pub talk: Talk,
        pub point: Vec<Spanned<Point>>,
        /// Controls, by the name of the action.
        pub control: BTreeMap<String, Control>,
    }
}

/// The way to talk to a device.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Talk {
    /// `"big"` or `"little"`: the order of words, unless a point says otherwise.
    pub words: Option<String>,
    /// The most registers between two points that are read along.
    pub gap: Option<u16>,
    /// The most registers of a request.
    pub max: Option<u16>,
    /// The time after an answer.
    pub pause: Option<String>,
}

/// Registers and the value that is expected there.
pub type Probe = Keyed<Registers, form::Condition>;

/// A value and its meaning.
pub type Point = Keyed<Registers, form::Value>;

keys! {
    /// The place of a value in the registers of a unit.
    pub struct Registers {
        /// `"holding"` unless said otherwise, `"input"`, `"coil"`, `"discrete"`.
        pub table: Option<String>,
        /// The address of the first register, from 0.
        pub at: Option<u16>,
        /// `"u16"` unless said otherwise.
        pub r#type: Option<String>,
        /// Of a text: the number of registers.
        pub count: Option<u16>,
        /// The order of words.
        pub words: Option<String>,
        /// The bits with their states, in order of preference.
        pub bits: Vec<Bit>,
        /// The state if none of the bits is set.
        pub r#else: Option<String>,
    }
}

/// A bit and the state that it means.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bit {
    /// The position, from 0.
    pub bit: u32,
    pub is: String,
}

/// A value to be written.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Control {
    #[serde(default)]
    pub table: Option<String>,
    pub at: u16,
    #[serde(default)]
    pub r#type: Option<String>,
    #[serde(default)]
    pub words: Option<String>,
    /// A number, or the text of one with `{parameters}`.
    pub value: toml::Value,
    #[serde(default)]
    pub factor: Option<f64>,
    #[serde(default)]
    pub offset: f64,
    /// 6 or 16: the function that writes a single register.
    #[serde(default)]
    pub function: Option<u8>,
}
