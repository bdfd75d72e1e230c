//! Values of credentials, which need not be in the file itself: `{ env: NAME }`, `{ file: PATH }`,
//! `{ vault: PATH#FIELD }`.

use std::{env, fs, path::Path};

use serde_json::Value;
use utakata_model::{SecretPath, suggest, target::Secret};

use super::tree::{Field, Node, Position, Tree};

const SOURCES: [&str; 3] = ["env", "file", "vault"];

/// Returns the secret that a value stands for. A path is relative to `folder`, and the line ending
/// at the end of that file is not part of the secret.
pub fn resolve(tree: &Tree, folder: &Path) -> Result<Secret, (Position, String)> {
    match &tree.node {
        Node::Scalar(Value::String(text)) => match SecretPath::of(text) {
            Some(Err(error)) => Err((tree.place, error.to_string())),
            _ => Ok(Secret::new(text.as_str())),
        },
        Node::Scalar(Value::Number(number)) if !number.is_f64() => {
            Ok(Secret::new(number.to_string()))
        }
        Node::Fields(fields) => match fields.as_slice() {
            [field] => from(field, folder),
            _ => Err((tree.place, wanted())),
        },
        _ => Err((tree.place, wanted())),
    }
}

fn wanted() -> String {
    "a text in quotes, { env: NAME }, { file: PATH } or { vault: PATH#FIELD } is expected".into()
}

fn from(field: &Field, folder: &Path) -> Result<Secret, (Position, String)> {
    let Some(name) = field.tree.text() else {
        return Err((field.tree.place, wanted()));
    };
    match field.key.as_str() {
        "env" => env::var(name).map(Secret::new).map_err(|_| {
            let message = format!("the environment variable {name} is not set");
            (field.tree.place, message)
        }),
        "file" => {
            let path = folder.join(name);
            let text = fs::read_to_string(&path).map_err(|error| {
                let message = format!("the file {} cannot be read: {error}", path.display());
                (field.tree.place, message)
            })?;
            Ok(Secret::new(text.trim_end_matches(['\n', '\r'])))
        }
        // The server reads it, each time that it is lent.
        "vault" => match name.parse::<SecretPath>() {
            Ok(place) => Ok(Secret::new(place.to_string())),
            Err(error) => Err((field.tree.place, error.to_string())),
        },
        other => {
            let hint = suggest::hint(other, SOURCES);
            Err((
                field.place,
                format!("there is no source \"{other}\": {hint}"),
            ))
        }
    }
}
