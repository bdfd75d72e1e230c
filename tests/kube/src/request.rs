//! From a path and a query to what is asked for.

use std::collections::HashMap;

use crate::resource::{self, Resource};

/// A request for a resource.
#[derive(Debug, Clone)]
pub struct Call {
    pub resource: &'static Resource,
    /// Empty: all of them, or one that has none.
    pub namespace: String,
    pub name: Option<String>,
    pub subresource: Option<String>,
    pub query: Query,
}

/// The parameters of a query.
#[derive(Debug, Clone, Default)]
pub struct Query(HashMap<String, String>);

impl Query {
    pub fn parse(text: &str) -> Self {
        Self(
            url::form_urlencoded::parse(text.as_bytes())
                .into_owned()
                .collect(),
        )
    }

    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map(String::as_str).unwrap_or_default()
    }

    pub fn is_true(&self, name: &str) -> bool {
        matches!(self.get(name), "true" | "1")
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.get(name).parse().ok()
    }
}

impl Call {
    /// Returns nothing where the path is none of a resource.
    pub fn parse(path: &str, query: Query) -> Option<Self> {
        let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] => ("", *version, rest),
            ["apis", group, version, rest @ ..] => (*group, *version, rest),
            _ => return None,
        };
        let (namespace, rest) = match rest {
            // The namespaces themselves, and their subresources.
            ["namespaces"] | ["namespaces", _] | ["namespaces", _, "status" | "finalize"] => {
                ("", rest)
            }
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            rest => ("", rest),
        };
        let (plural, rest) = rest.split_first()?;
        let resource = resource::find(group, version, plural)?;
        if !namespace.is_empty() && !resource.is_namespaced {
            return None;
        }
        let (name, subresource) = match rest {
            [] => (None, None),
            [name] => (Some(*name), None),
            [name, subresource] => (Some(*name), Some(*subresource)),
            _ => return None,
        };
        Some(Self {
            resource,
            namespace: namespace.to_owned(),
            name: name.map(str::to_owned),
            subresource: subresource.map(str::to_owned),
            query,
        })
    }

    /// `pods` or `pods/eviction`, as roles and counters call it.
    pub fn subject(&self) -> String {
        match &self.subresource {
            Some(subresource) => format!("{}/{subresource}", self.resource.plural),
            None => self.resource.plural.to_owned(),
        }
    }

    /// The verb that roles know.
    pub fn verb(&self, method: &str) -> &'static str {
        match (method, &self.name) {
            ("POST", _) => "create",
            ("PUT", _) => "update",
            ("PATCH", _) => "patch",
            ("DELETE", Some(_)) => "delete",
            ("DELETE", None) => "deletecollection",
            (_, None) if self.query.is_true("watch") => "watch",
            (_, None) => "list",
            (_, Some(_)) => "get",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_say_which_resource_is_meant() {
        for (path, expect) in [
            ("/api/v1/pods", Some(("pods", "", None, None))),
            ("/api/v1/namespaces", Some(("namespaces", "", None, None))),
            (
                "/api/v1/namespaces/a",
                Some(("namespaces", "", Some("a"), None)),
            ),
            ("/api/v1/namespaces/a/pods", Some(("pods", "a", None, None))),
            (
                "/api/v1/namespaces/a/pods/b/log",
                Some(("pods", "a", Some("b"), Some("log"))),
            ),
            (
                "/apis/coordination.k8s.io/v1/namespaces/a/leases/b",
                Some(("leases", "a", Some("b"), None)),
            ),
            ("/apis/coordination.k8s.io/v1beta1/leases", None),
            ("/api/v1/namespaces/a/nodes", None),
            ("/version", None),
        ] {
            let call = Call::parse(path, Query::default());
            let found = call.as_ref().map(|call| {
                let Call {
                    resource,
                    namespace,
                    name,
                    subresource,
                    ..
                } = call;
                (
                    resource.plural,
                    namespace.as_str(),
                    name.as_deref(),
                    subresource.as_deref(),
                )
            });
            assert_eq!(found, expect, "{path}");
        }
    }
}
