//! Settings that describe and check themselves: see the derive of `utakata-settings`.

use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf, time::Duration};

use crate::{
    PerSecond, duration,
    manifest::limits::{Cpus, Memory, Network},
    place::Place,
};

/// The longest duration accepted: beyond it, times would be out of the range of clocks.
const MAX_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// The largest count accepted where a field sets no lower limit: more than that is a slip.
const MAX_COUNT: u64 = 4_000_000_000;

/// One key of the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Key {
    /// The full name: `logic.http.listen`.
    pub name: String,
    /// The type of the value, for people.
    pub form: &'static str,
    /// The effect of the value.
    pub meaning: &'static str,
    /// The type that the field itself declares.
    pub named_form: Option<&'static str>,
}

/// A value that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{key} {problem}")]
pub struct Wrong {
    /// The full name of the key.
    pub key: String,
    /// The objection: `must be more than 0`.
    pub problem: String,
}

/// A value of the configuration, or a table of them.
pub trait Setting {
    /// Adds the keys that it consists of: one for a value, those of all fields for a table.
    fn describe(about: Key, keys: &mut Vec<Key>);

    /// Checks each value.
    ///
    /// # Errors
    /// The first objection.
    fn check(&self, _key: &str) -> Result<(), Wrong> {
        Ok(())
    }

    /// Returns true if the value is 0 or empty, which is only accepted where it has a meaning.
    fn is_zero(&self) -> bool {
        false
    }

    /// Returns the value as a count, if it is one.
    fn count(&self) -> Option<u64> {
        None
    }
}

impl Key {
    /// Returns a key below this one.
    #[must_use]
    pub fn below(
        &self,
        name: &str,
        meaning: &'static str,
        named_form: Option<&'static str>,
    ) -> Self {
        Self {
            name: join(&self.name, name),
            form: "",
            meaning,
            named_form,
        }
    }

    /// Adds the key as a value of a type.
    pub fn add(self, form: &'static str, keys: &mut Vec<Self>) {
        let form = self.named_form.unwrap_or(form);
        keys.push(Self { form, ..self });
    }
}

impl Wrong {
    /// Creates an objection to the value of a key.
    pub fn new(key: impl Into<String>, problem: impl Into<String>) -> Self {
        Self {
            key: key.into(),
            problem: problem.into(),
        }
    }
}

/// Returns the full name of a key within a table.
#[must_use]
pub fn join(table: &str, key: &str) -> String {
    match table {
        "" => key.to_owned(),
        table => format!("{table}.{key}"),
    }
}

/// Refuses a value that is 0 or empty.
///
/// # Errors
/// It is 0 or empty.
pub fn not_zero(value: &impl Setting, key: &str) -> Result<(), Wrong> {
    match value.is_zero() {
        true => Err(Wrong::new(key, "must be more than 0")),
        false => Ok(()),
    }
}

/// Refuses a count above a limit.
///
/// # Errors
/// It is above the limit.
pub fn at_most(value: &impl Setting, max: u64, key: &str) -> Result<(), Wrong> {
    match value.count() {
        Some(count) if count > max => Err(Wrong::new(key, format!("must be {max} or less"))),
        _ => Ok(()),
    }
}

/// Makes types values of the configuration: `setting!(Approval: "never, high or always")`.
#[macro_export]
macro_rules! setting {
    ($($type:ty: $form:literal),* $(,)?) => {$(
        impl $crate::settings::Setting for $type {
            fn describe(
                about: $crate::settings::Key,
                keys: &mut ::std::vec::Vec<$crate::settings::Key>,
            ) {
                about.add($form, keys);
            }
        }
    )*};
}

setting! {
    bool: "true or false",
    String: "text",
    SocketAddr: "address",
    PerSecond: "number",
    Cpus: "number",
    Memory: "size",
    crate::EnvironmentId: "name",
    crate::LogicId: "name",
    crate::Severity: "critical, major, minor or notice",
    crate::Zone: "name",
    Vec<String>: "list of texts",
    Vec<SocketAddr>: "list of addresses",
    Vec<crate::Kind>: "list of kinds",
    Vec<Network>: "list of none, bridge, host",
}

macro_rules! counts {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            fn describe(about: Key, keys: &mut Vec<Key>) {
                about.add("count", keys);
            }

            fn check(&self, key: &str) -> Result<(), Wrong> {
                at_most(self, MAX_COUNT, key)
            }

            fn is_zero(&self) -> bool {
                *self == 0
            }

            fn count(&self) -> Option<u64> {
                u64::try_from(*self).ok()
            }
        }
    )*};
}

counts!(u16, u32, u64, usize);

impl Setting for PathBuf {
    fn describe(about: Key, keys: &mut Vec<Key>) {
        about.add("path", keys);
    }

    fn check(&self, key: &str) -> Result<(), Wrong> {
        match self.as_os_str().is_empty() {
            true => Err(Wrong::new(key, "must be a path")),
            false => Ok(()),
        }
    }
}

impl Setting for Vec<PathBuf> {
    fn describe(about: Key, keys: &mut Vec<Key>) {
        about.add("list of paths", keys);
    }

    fn check(&self, key: &str) -> Result<(), Wrong> {
        self.iter().try_for_each(|path| path.check(key))
    }
}

impl Setting for Vec<Place> {
    fn describe(about: Key, keys: &mut Vec<Key>) {
        about.add("list of process, image", keys);
    }

    fn check(&self, key: &str) -> Result<(), Wrong> {
        match self.is_empty() {
            true => Err(Wrong::new(key, "must name process, image or both")),
            false => Ok(()),
        }
    }
}

impl Setting for Duration {
    fn describe(about: Key, keys: &mut Vec<Key>) {
        about.add("duration", keys);
    }

    fn check(&self, key: &str) -> Result<(), Wrong> {
        match *self > MAX_DURATION {
            true => {
                let max = duration::format(MAX_DURATION);
                Err(Wrong::new(key, format!("must be {max} or less")))
            }
            false => Ok(()),
        }
    }

    fn is_zero(&self) -> bool {
        Self::is_zero(self)
    }
}

impl<T: Setting> Setting for Option<T> {
    fn describe(about: Key, keys: &mut Vec<Key>) {
        T::describe(about, keys);
    }

    fn check(&self, key: &str) -> Result<(), Wrong> {
        self.as_ref().map_or(Ok(()), |value| value.check(key))
    }

    fn is_zero(&self) -> bool {
        self.as_ref().is_some_and(Setting::is_zero)
    }

    fn count(&self) -> Option<u64> {
        self.as_ref().and_then(Setting::count)
    }
}

/// A table whose keys are chosen by the user.
impl<K, T> Setting for BTreeMap<K, T> {
    fn describe(about: Key, keys: &mut Vec<Key>) {
        about.add("table", keys);
    }
}
