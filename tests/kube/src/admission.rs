//! Refusals of valid objects: accounts, policies, PodSecurity, quotas.

mod quota;
mod security;

use std::sync::Arc;

use serde_json::Value;

use crate::refusal::Refusal;
use crate::request::Call;
use crate::resource;
use crate::store::{Key, Store};

/// Says of an object why it is refused.
pub type Refuses = dyn Fn(&Value) -> Option<String> + Send + Sync;

/// A rule of one's own, like a ValidatingAdmissionPolicy.
#[derive(Clone)]
pub struct Rule {
    pub name: String,
    pub plural: String,
    /// Says why not.
    pub refuses: Arc<Refuses>,
}

/// Refuses a new object.
pub fn admit(call: &Call, object: &Value, store: &Store, rules: &[Rule]) -> Result<(), Refusal> {
    let name = object["metadata"]["name"].as_str().unwrap_or_default();
    let forbid = |why: &str| Err(Refusal::forbidden(call.resource, name, why));
    if call.resource.plural == "pods" {
        let account = object["spec"]["serviceAccountName"]
            .as_str()
            .unwrap_or_default();
        let key = Key::new(resource::named("serviceaccounts"), &call.namespace, account);
        if store.get(&key).is_none() {
            let namespace = &call.namespace;
            return forbid(&format!(
                "error looking up service account {namespace}/{account}: serviceaccount \
                 \"{account}\" not found"
            ));
        }
    }
    for rule in rules
        .iter()
        .filter(|rule| rule.plural == call.resource.plural)
    {
        if let Some(why) = (rule.refuses)(object) {
            let rule = &rule.name;
            return Err(Refusal::invalid_by_policy(call.resource, name, rule, &why));
        }
    }
    if call.resource.plural == "pods" {
        let key = Key::new(resource::named("namespaces"), "", &call.namespace);
        let labels = store.get(&key).map(|one| one["metadata"]["labels"].clone());
        let labels = labels.unwrap_or_default();
        if let Some(why) = security::violation(&labels, &object["spec"]) {
            return forbid(&why);
        }
        if let Some(why) = quota::excess(&call.namespace, object, store) {
            return forbid(&why);
        }
    }
    Ok(())
}
