//! The reasons why the inventory refuses something.

use std::{borrow::Borrow, fmt};

use utakata_api::problem::Detail;
use utakata_model::{CredentialName, OperationId, TargetName, suggest};

use crate::{secrets, store};

/// A reason why the inventory refused. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Documents have mistakes.
    #[error("{}", wrong(problems))]
    Documents {
        /// Each document with its mistake.
        problems: Vec<Detail>,
    },
    /// There is nothing of that name.
    #[error("there is no {what} \"{name}\"")]
    None {
        /// The type of thing: `target`, `schedule`, ...
        what: &'static str,
        name: String,
        /// The nearest name, or all existing ones.
        hint: String,
    },
    /// A credential cannot be deleted while it is used.
    #[error("the credential \"{name}\" is used by {}", Users(users))]
    InUse {
        name: CredentialName,
        users: Vec<TargetName>,
    },
    /// A credential cannot be rotated twice at once.
    #[error("the password of the credential \"{name}\" is changed already, by {operation}")]
    Rotating {
        name: CredentialName,
        operation: OperationId,
    },
    #[error("the inventory could not be written")]
    Store(#[from] store::Error),
    /// Secrets could not be sealed or opened.
    #[error("its secrets cannot be sealed or opened")]
    Secrets(#[from] secrets::Error),
}

impl Error {
    pub(crate) fn none<'a, K: Borrow<str> + 'a>(
        what: &'static str,
        name: &str,
        mut known: impl ExactSizeIterator<Item = &'a K>,
    ) -> Self {
        let all = match what {
            "policy" => "policies".to_owned(),
            _ => format!("{what}s"),
        };
        let list = format!("see `utakata get {all}` (GET /v1/{all})");
        let hint = if known.len() > 10_000 {
            // Comparing with so many takes longer than looking them up.
            list
        } else if let Some(nearest) = suggest::nearest(name, known.by_ref().map(Borrow::borrow)) {
            format!("did you mean \"{nearest}\"?")
        } else {
            list
        };
        Self::None {
            what,
            name: name.to_owned(),
            hint,
        }
    }
}

/// The first few targets that use it.
struct Users<'a>(&'a [TargetName]);

impl fmt::Display for Users<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 5;
        for (at, user) in self.0.iter().take(SHOWN).enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}\"{user}\"")?;
        }
        match self.0.len().checked_sub(SHOWN) {
            None | Some(0) => Ok(()),
            Some(more) => write!(f, " and {more} more"),
        }
    }
}

fn wrong(problems: &[Detail]) -> String {
    match problems {
        [one] => format!("{}: {}", one.subject, one.message),
        [first, rest @ ..] => format!(
            "{} things are wrong, the first: {}: {}",
            rest.len() + 1,
            first.subject,
            first.message
        ),
        [] => "nothing is wrong".into(),
    }
}
