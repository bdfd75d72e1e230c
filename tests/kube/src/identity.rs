//! The identity of a client, and what roles allow it.

use serde_json::Value;

use crate::refusal::Refusal;
use crate::request::Call;
use crate::resource;
use crate::store::{Key, Store};
use crate::tokens::Tokens;

/// The identity of a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Identity {
    /// May do all: `system:masters`.
    Admin,
    /// A service account.
    Account { namespace: String, name: String },
}

impl Identity {
    /// Reads the header `Authorization`.
    pub fn of(header: &str, admin: &str, tokens: &Tokens, store: &Store) -> Result<Self, Refusal> {
        let token = header.strip_prefix("Bearer ").unwrap_or_default();
        if token == admin {
            return Ok(Self::Admin);
        }
        let claims = tokens.claims(token).ok_or_else(Refusal::unauthorized)?;
        let audiences = claims["aud"].as_array().into_iter().flatten();
        let is_for_us = audiences
            .filter_map(Value::as_str)
            .any(|one| one == tokens.own_audience());
        let bound = &claims["kubernetes.io"];
        if !is_for_us || !still_there(bound, store) {
            return Err(Refusal::unauthorized());
        }
        Ok(Self::Account {
            namespace: text(&bound["namespace"]),
            name: text(&bound["serviceaccount"]["name"]),
        })
    }

    pub fn user(&self) -> String {
        match self {
            Self::Admin => "kubernetes-admin".into(),
            Self::Account { namespace, name } => {
                format!("system:serviceaccount:{namespace}:{name}")
            }
        }
    }

    /// Refuses what no role allows.
    pub fn may(&self, verb: &str, call: &Call, store: &Store) -> Result<(), Refusal> {
        let Self::Account { namespace, name } = self else {
            return Ok(());
        };
        let own = store.list("rolebindings", &call.namespace);
        let own =
            own.filter(|(key, _)| !key.namespace.is_empty() && key.namespace == call.namespace);
        let bindings = own.chain(store.list("clusterrolebindings", ""));
        let bindings = bindings.filter(|(_, binding)| binds(binding, namespace, name));
        let roles = bindings.filter_map(|(_, binding)| {
            let role = binding["roleRef"]["name"].as_str()?;
            let is_everywhere = binding["roleRef"]["kind"] == "ClusterRole";
            let (plural, namespace) = match is_everywhere {
                true => ("clusterroles", ""),
                false => ("roles", call.namespace.as_str()),
            };
            store.get(&Key::new(resource::named(plural), namespace, role))
        });
        for role in roles {
            let mut rules = role["rules"].as_array().into_iter().flatten();
            if rules.any(|rule| allows(rule, verb, call)) {
                return Ok(());
            }
        }
        Err(refused(&self.user(), verb, call))
    }
}

/// Returns true if the object to which a token is bound still exists.
fn still_there(bound: &Value, store: &Store) -> bool {
    let namespace = text(&bound["namespace"]);
    let is_there = |plural: &str, one: &Value| {
        let key = Key::new(resource::named(plural), &namespace, &text(&one["name"]));
        store
            .get(&key)
            .is_some_and(|found| found["metadata"]["uid"] == one["uid"])
    };
    is_there("serviceaccounts", &bound["serviceaccount"])
        && (bound["pod"].is_null() || is_there("pods", &bound["pod"]))
}

fn binds(binding: &Value, namespace: &str, name: &str) -> bool {
    let mut subjects = binding["subjects"].as_array().into_iter().flatten();
    subjects.any(|subject| match subject["kind"].as_str() {
        Some("ServiceAccount") => subject["namespace"] == namespace && subject["name"] == name,
        Some("Group") => {
            let groups = [
                "system:serviceaccounts".to_owned(),
                format!("system:serviceaccounts:{namespace}"),
                "system:authenticated".to_owned(),
            ];
            groups.iter().any(|group| subject["name"] == group.as_str())
        }
        Some("User") => {
            subject["name"] == format!("system:serviceaccount:{namespace}:{name}").as_str()
        }
        _ => false,
    })
}

fn allows(rule: &Value, verb: &str, call: &Call) -> bool {
    let has = |list: &str, wanted: &str| {
        let mut list = rule[list].as_array().into_iter().flatten();
        list.any(|one| one == "*" || one == wanted)
    };
    let names = rule["resourceNames"].as_array();
    let is_named = names.is_none_or(|names| {
        names.is_empty() || names.iter().any(|one| one.as_str() == call.name.as_deref())
    });
    has("apiGroups", call.resource.group)
        && has("resources", &call.subject())
        && has("verbs", verb)
        && is_named
}

fn refused(user: &str, verb: &str, call: &Call) -> Refusal {
    let group = call.resource.group;
    let subject = call.subject();
    let scope = match call.namespace.as_str() {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace \"{namespace}\""),
    };
    let why = format!(
        "User \"{user}\" cannot {verb} resource \"{subject}\" in API group \"{group}\" {scope}"
    );
    Refusal::forbidden(
        call.resource,
        call.name.as_deref().unwrap_or_default(),
        &why,
    )
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
