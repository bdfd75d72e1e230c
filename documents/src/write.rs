//! Documents as text that `apply` accepts.

use anyhow::{Context, Result};
use serde::Serialize;
use utakata_api::inventory::CredentialView;
use utakata_model::CredentialName;

/// A credential printed with its keys only, because its values are never given out.
#[derive(Debug, Serialize)]
pub struct Credential<'a> {
    #[serde(rename = "type")]
    what: &'static str,
    name: &'a CredentialName,
    keys: &'a [String],
}

impl<'a> From<&'a CredentialView> for Credential<'a> {
    fn from(view: &'a CredentialView) -> Self {
        Self {
            what: "credential",
            name: &view.name,
            keys: &view.keys,
        }
    }
}

/// Writes documents as YAML, separated by ---.
///
/// # Errors
/// A document cannot be written as YAML.
pub fn yaml<T: Serialize>(documents: impl IntoIterator<Item = T>) -> Result<String> {
    let mut text = String::new();
    for document in documents {
        if !text.is_empty() {
            text.push_str("---\n");
        }
        let one = serde_saphyr::to_string(&document);
        text.push_str(&one.context("a document cannot be printed as YAML")?);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    Ok(text)
}
