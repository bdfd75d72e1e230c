//! The profiles available to a release.

use utakata_profile::library;

use super::{Error, Profile, compile::compile};

/// All available profiles, by name.
pub type Library = utakata_profile::Library<Profile>;

/// The profiles shipped with the program.
const SHIPPED: &[(&str, &str)] = &[
    ("system", include_str!("../../profiles/system.toml")),
    ("if-mib", include_str!("../../profiles/if-mib.toml")),
    (
        "entity-sensor",
        include_str!("../../profiles/entity-sensor.toml"),
    ),
    (
        "host-resources",
        include_str!("../../profiles/host-resources.toml"),
    ),
    ("ups-mib", include_str!("../../profiles/ups-mib.toml")),
    ("apc-pdu", include_str!("../../profiles/apc-pdu.toml")),
    (
        "raritan-pdu",
        include_str!("../../profiles/raritan-pdu.toml"),
    ),
    ("cisco-env", include_str!("../../profiles/cisco-env.toml")),
    ("ucd", include_str!("../../profiles/ucd.toml")),
];

impl library::Profile for Profile {
    const SHIPPED: &'static [(&'static str, &'static str)] = SHIPPED;

    fn compile(name: &str, file: &str, text: &str) -> Result<Self, Error> {
        compile(name, file, text)
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn include(&self) -> &[String] {
        &self.include
    }

    fn is_recognisable(&self) -> bool {
        self.recognise.is_some()
    }
}
