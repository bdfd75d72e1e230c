//! The parameters of a task, some of which may be secret.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value, value::RawValue};
use zeroize::{Zeroize as _, Zeroizing};

use crate::{Credential, loan::CredentialRef};

/// The key of an object that stands in a published task for a secret parameter: its value names
/// what an environment has to ask for.
const LENT: &str = "$lent";

/// Parameters as JSON text, always of an object. Kept as text because most components only pass it
/// on. Cheap to clone.
///
/// The values of secret parameters are not in the text. They are added where the task is carried
/// out, and are never written.
#[derive(Clone)]
pub struct Parameters {
    text: Arc<RawValue>,
    secrets: Option<Arc<Credential>>,
}

/// The reference of secret parameters that a task carries in their place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Lent {
    /// The reference by which they are asked for.
    Reference(Arc<CredentialRef>),
    /// Whoever published the task did not have them, or somebody has altered it.
    Nothing,
}

impl Parameters {
    /// Returns the parameters of a JSON value.
    pub fn new(parameters: &Value) -> Self {
        let text = serde_json::value::to_raw_value(parameters);
        debug_assert!(text.is_ok(), "a JSON value can be written as JSON");
        text.map_or_else(|_| Self::default(), Self::from)
    }

    /// Returns the JSON text, without the values of secret parameters.
    pub fn as_str(&self) -> &str {
        self.text.get()
    }

    /// Returns true if there are no parameters.
    pub fn is_empty(&self) -> bool {
        matches!(self.text.get().trim(), "{}" | "null")
    }

    /// Returns the parsed JSON, or `null` if the text is not JSON. It has no secret values.
    pub fn to_json(&self) -> Value {
        serde_json::from_str(self.text.get()).unwrap_or_default()
    }

    /// Returns the parameters as they are published: a reference stands for each secret one. Without
    /// a reference nobody can carry out the task.
    #[must_use]
    pub fn refer<'a>(
        &self,
        names: impl IntoIterator<Item = &'a str>,
        reference: Option<&CredentialRef>,
    ) -> Self {
        let mut parameters = self.to_json();
        let reference = reference.map(ToString::to_string).unwrap_or_default();
        for name in names {
            if let Some(value) = parameters.get_mut(name) {
                *value = serde_json::json!({ LENT: reference });
            }
        }
        Self::new(&parameters)
    }

    /// Returns what stands in a published task for its secret parameters; absent if it has none.
    pub fn lent(&self) -> Option<Lent> {
        // Most tasks have none, and are not parsed.
        if !self.as_str().contains(LENT) {
            return None;
        }
        let parameters = self.to_json();
        let fields = parameters.as_object()?;
        let text = fields.values().find_map(lent_text)?;
        Some(match text.parse() {
            Ok(reference) => Lent::Reference(Arc::new(reference)),
            Err(_) => Lent::Nothing,
        })
    }

    /// Adds the values of secret parameters.
    pub fn put_secrets(&mut self, secrets: Arc<Credential>) {
        self.secrets = Some(secrets);
    }

    /// Returns the JSON text with the values of secret parameters, as a worker gets it.
    pub fn reveal(&self) -> Zeroizing<Vec<u8>> {
        let Some(secrets) = &self.secrets else {
            return Zeroizing::new(self.as_str().as_bytes().to_vec());
        };
        let mut parameters = self.to_json();
        for (name, value) in parameters.as_object_mut().into_iter().flatten() {
            if let (Some(_), Some(secret)) = (lent_text(value), secrets.values.get(name)) {
                *value = secret.reveal().into();
            }
        }
        let text = serde_json::to_vec(&parameters);
        overwrite(&mut parameters);
        debug_assert!(text.is_ok(), "a JSON value can be written as JSON");
        Zeroizing::new(text.unwrap_or_default())
    }

    /// Returns true if it has the values of secret parameters.
    pub fn has_secrets(&self) -> bool {
        self.secrets.is_some()
    }

    /// Returns a text without the values of secret parameters that occur in it, as they are or in
    /// JSON: a device may repeat what it refuses. `None` if there are none in it.
    pub fn hide_in(&self, text: &str) -> Option<String> {
        let mut hidden: Option<String> = None;
        for secret in self.secrets.as_ref()?.values.values() {
            let value = secret.reveal();
            let quoted = Zeroizing::new(serde_json::to_string(value).unwrap_or_default());
            let in_json = quoted
                .get(1..quoted.len().saturating_sub(1))
                .unwrap_or(value);
            for form in [in_json, value] {
                let text = hidden.as_deref().unwrap_or(text);
                if !form.is_empty() && text.contains(form) {
                    hidden = Some(text.replace(form, crate::secret::MASK));
                }
            }
        }
        hidden
    }
}

/// Returns the reference in a value that stands for a secret parameter.
fn lent_text(value: &Value) -> Option<&str> {
    let fields: &Map<String, Value> = value.as_object()?;
    (fields.len() == 1).then(|| fields.get(LENT)?.as_str())?
}

/// Overwrites the texts of an object.
fn overwrite(parameters: &mut Value) {
    for value in parameters
        .as_object_mut()
        .into_iter()
        .flat_map(Map::values_mut)
    {
        if let Value::String(text) = value {
            text.zeroize();
        }
    }
}

impl Serialize for Parameters {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.text.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Parameters {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Box::<RawValue>::deserialize(deserializer).map(Self::from)
    }
}

impl From<Box<RawValue>> for Parameters {
    fn from(text: Box<RawValue>) -> Self {
        Self {
            text: text.into(),
            secrets: None,
        }
    }
}

impl Default for Parameters {
    /// Returns `{}`.
    fn default() -> Self {
        let text = RawValue::from_string("{}".into());
        Self::from(text.unwrap_or_default())
    }
}

impl PartialEq for Parameters {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::target::Secret;

    fn published(reference: Option<&CredentialRef>) -> Parameters {
        let recorded = json!({ "user": "root", "password": "***", "note": "***" });
        Parameters::new(&recorded).refer(["password", "absent"], reference)
    }

    fn secrets(password: &str) -> Arc<Credential> {
        Arc::new(Credential {
            name: "operation.1".parse().unwrap(),
            values: [("password".to_owned(), Secret::new(password))].into(),
        })
    }

    #[test]
    fn a_secret_travels_as_a_reference_and_reaches_the_worker_alone() {
        let reference: CredentialRef = "operation.1.v.p".parse().unwrap();
        let mut parameters = published(Some(&reference));
        assert_eq!(
            parameters.lent(),
            Some(Lent::Reference(Arc::new(reference)))
        );
        parameters.put_secrets(secrets("hidden \"quoted\""));
        let worker: Value = serde_json::from_slice(&parameters.reveal()).unwrap();
        let expect = json!({ "user": "root", "password": "hidden \"quoted\"", "note": "***" });
        assert_eq!(worker, expect);
        for shown in [
            format!("{parameters:?}"),
            serde_json::to_string(&parameters).unwrap(),
            parameters.to_json().to_string(),
        ] {
            assert!(!shown.contains("hidden"), "{shown}");
        }
    }

    #[test]
    fn without_its_secret_a_task_does_not_look_complete() {
        let parameters = published(None);
        assert_eq!(parameters.lent(), Some(Lent::Nothing));
        let worker: Value = serde_json::from_slice(&parameters.reveal()).unwrap();
        assert!(!worker["password"].is_string(), "{worker}");
        let plain = Parameters::new(&json!({ "text": "$lent", "list": [{ "$lent": "x" }] }));
        assert_eq!(plain.lent(), None);
        assert_eq!(*plain.reveal(), plain.as_str().as_bytes());
    }

    #[test]
    fn what_a_device_repeats_is_hidden() {
        let mut parameters = published(None);
        assert_eq!(parameters.hide_in("no secret is known"), None);
        parameters.put_secrets(secrets("hunter2"));
        assert_eq!(parameters.hide_in("the length is wrong"), None);
        let hidden = parameters.hide_in("\"hunter2\" is too short: hunter2");
        assert_eq!(hidden.as_deref(), Some("\"***\" is too short: ***"));
    }
}
