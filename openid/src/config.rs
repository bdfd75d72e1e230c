//! The provider that is asked, and the parts of its answers that count.

use std::path::PathBuf;

/// A provider, and what of its answers counts.
#[derive(Debug, Clone)]
pub struct Config {
    /// The issuer, exactly as the provider writes it in its tokens.
    pub issuer: String,
    /// The identifier by which the provider knows us.
    pub client_id: String,
    /// The file with our secret at the provider; without one the client is public.
    pub client_secret_file: Option<PathBuf>,
    /// The scopes to ask for; `openid` is asked for always.
    pub scopes: Vec<String>,
    /// The claim with the name of a person.
    pub name_claim: String,
    /// The claim with the groups of a person.
    pub groups_claim: String,
    /// The file with the authorities of the provider's certificate; those of the system without one.
    pub ca: Option<PathBuf>,
    /// The address to which the provider sends browsers back.
    pub redirect: Option<String>,
}

impl Config {
    /// Returns the scopes to ask for.
    pub(crate) fn scope(&self) -> String {
        let mut scopes = vec!["openid"];
        let further = self.scopes.iter().map(String::as_str);
        scopes.extend(further.filter(|scope| *scope != "openid"));
        scopes.join(" ")
    }
}
