//! Requests that are refused, as the `Status` objects of a real API server.

use serde_json::{Value, json};

use crate::resource::Resource;

/// A refused request.
#[derive(Debug, Clone)]
pub struct Refusal {
    pub code: u16,
    pub reason: &'static str,
    pub message: String,
    pub details: Value,
    /// Seconds, for the header `Retry-After`.
    pub retry_after: Option<u64>,
}

impl Refusal {
    pub fn new(code: u16, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            details: Value::Null,
            retry_after: None,
        }
    }

    fn about(mut self, resource: &Resource, name: &str) -> Self {
        self.details = json!({"name": name, "group": resource.group, "kind": resource.plural});
        self
    }

    pub fn bad(message: impl Into<String>) -> Self {
        Self::new(400, "BadRequest", message)
    }

    pub fn unauthorized() -> Self {
        Self::new(401, "Unauthorized", "Unauthorized")
    }

    pub fn no_path() -> Self {
        Self::new(
            404,
            "NotFound",
            "the server could not find the requested resource",
        )
    }

    pub fn not_allowed() -> Self {
        let message = "the server does not allow this method on the requested resource";
        Self::new(405, "MethodNotAllowed", message)
    }

    pub fn not_found(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" not found", resource.full());
        Self::new(404, "NotFound", message).about(resource, name)
    }

    pub fn exists(resource: &Resource, name: &str) -> Self {
        let message = format!("{} \"{name}\" already exists", resource.full());
        Self::new(409, "AlreadyExists", message).about(resource, name)
    }

    pub fn conflict(resource: &Resource, name: &str, why: &str) -> Self {
        let message = format!(
            "Operation cannot be fulfilled on {} \"{name}\": {why}",
            resource.full()
        );
        Self::new(409, "Conflict", message).about(resource, name)
    }

    pub fn forbidden(resource: &Resource, name: &str, why: &str) -> Self {
        let message = match name {
            "" => format!("{} is forbidden: {why}", resource.full()),
            name => format!("{} \"{name}\" is forbidden: {why}", resource.full()),
        };
        Self::new(403, "Forbidden", message).about(resource, name)
    }

    /// Causes are (field, what is wrong with it).
    pub fn invalid(resource: &Resource, name: &str, causes: &[(String, String)]) -> Self {
        let told: Vec<String> = causes
            .iter()
            .map(|(at, why)| format!("{at}: {why}"))
            .collect();
        let told = match told.as_slice() {
            [one] => one.clone(),
            many => format!("[{}]", many.join(", ")),
        };
        let kind = match resource.group {
            "" => resource.kind.to_owned(),
            group => format!("{}.{group}", resource.kind),
        };
        let message = format!("{kind} \"{name}\" is invalid: {told}");
        let mut refusal = Self::new(422, "Invalid", message);
        let causes: Vec<Value> = causes
            .iter()
            .map(|(at, why)| json!({"reason": "FieldValueInvalid", "message": why, "field": at}))
            .collect();
        refusal.details = json!({
            "name": name, "group": resource.group, "kind": resource.kind, "causes": causes,
        });
        refusal
    }

    /// As a ValidatingAdmissionPolicy refuses.
    pub fn invalid_by_policy(resource: &Resource, name: &str, policy: &str, why: &str) -> Self {
        let message = format!(
            "{} \"{name}\" is forbidden: ValidatingAdmissionPolicy '{policy}' with binding \
             '{policy}' denied request: {why}",
            resource.full()
        );
        Self::new(422, "Invalid", message).about(resource, name)
    }

    pub fn expired(asked: u64, oldest: u64) -> Self {
        let message = format!("too old resource version: {asked} ({oldest})");
        Self::new(410, "Expired", message)
    }

    pub fn too_many(message: &str, retry_after: u64) -> Self {
        let mut refusal = Self::new(429, "TooManyRequests", message);
        refusal.retry_after = Some(retry_after);
        refusal.details = json!({"retryAfterSeconds": retry_after});
        refusal
    }

    pub fn unsupported(kind: &str) -> Self {
        let message = format!(
            "the body of the request was in an unknown format - accepted media types include: \
             application/json, application/json-patch+json, application/merge-patch+json, \
             application/strategic-merge-patch+json, application/apply-patch+yaml ({kind})"
        );
        Self::new(415, "UnsupportedMediaType", message)
    }

    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(500, "InternalError", message)
    }

    /// The `Status` object.
    pub fn status(&self) -> Value {
        let mut status = json!({
            "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
            "message": self.message, "reason": self.reason, "code": self.code,
        });
        if !self.details.is_null() {
            status["details"] = self.details.clone();
        }
        status
    }
}
