//! The file format of a profile (TOML): the keys that IPMI adds to those common to all protocols.

use std::collections::BTreeMap;

use serde::Deserialize;
use toml::Spanned;
use utakata_profile::{
    form::{self, Keyed},
    keys,
};

keys! {
    /// A profile: what a BMC does not say right.
    pub struct File {
        /// The device by which a BMC is recognised.
        pub r#match: Option<Match>,
        pub sensor: Vec<Spanned<Sensor>>,
        /// Controls, by the name of the action.
        pub control: BTreeMap<String, Control>,
    }
}

/// The device, as Get Device ID tells it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Match {
    /// The number of the manufacturer, as IANA has it.
    pub manufacturer: u32,
    /// The numbers of the products. None: all of the manufacturer.
    #[serde(default)]
    pub product: Vec<u16>,
}

/// The meaning of some sensors.
pub type Sensor = Keyed<SensorKeys, form::Value>;

keys! {
    /// The sensors that are meant.
    pub struct SensorKeys {
        /// A pattern for their names.
        pub name: Option<String>,
        /// Their type (IPMI 2.0, table 42-3).
        pub kind: Option<u8>,
        /// `true` if they mean nothing.
        pub skip: bool,
    }
}

/// Something to be done: one of these.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Control {
    /// An order of Chassis Control.
    pub chassis: Option<String>,
    /// The state of the power in which there is nothing to do.
    pub done: Option<String>,
    /// `true`: Chassis Identify.
    pub identify: bool,
    /// `true`: Set System Boot Options.
    pub boot: bool,
}
