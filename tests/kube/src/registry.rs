//! The registry: folders of this machine under the names of images.

use std::collections::HashMap;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use parking_lot::Mutex;
use serde_json::Value;

use crate::resource;
use crate::store::{Key, Store};

/// An image: a folder that stands for `/`, and what is run of it.
#[derive(Debug, Clone, Default)]
pub struct Image {
    pub(crate) root: PathBuf,
    pub(crate) entrypoint: Vec<String>,
    pub(crate) variables: Vec<(String, String)>,
    pub(crate) credentials: Option<Credentials>,
    pub(crate) is_foreign: bool,
    pub(crate) pull: Duration,
}

/// User and password of a registry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    pub user: String,
    pub password: String,
}

impl Image {
    /// An image whose files are those of a folder: `/a` is `<folder>/a`.
    #[must_use]
    pub fn folder(root: impl Into<PathBuf>) -> Self {
        Self {
            root: root.into(),
            ..Self::default()
        }
    }

    /// An image that runs a program of this machine.
    #[must_use]
    pub fn program(program: impl Into<String>) -> Self {
        Self::folder("/").entrypoint([program.into()])
    }

    /// Sets the command that runs when the pod names none.
    #[must_use]
    pub fn entrypoint(mut self, words: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.entrypoint = words.into_iter().map(Into::into).collect();
        self
    }

    /// A variable of each of its processes.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Only who has these may pull it.
    #[must_use]
    pub fn private(mut self, credentials: Credentials) -> Self {
        self.credentials = Some(credentials);
        self
    }

    /// It is for processors of another kind.
    #[must_use]
    pub fn foreign(mut self) -> Self {
        self.is_foreign = true;
        self
    }

    /// Sets the duration of pulling it.
    #[must_use]
    pub fn pull_takes(mut self, pull: Duration) -> Self {
        self.pull = pull;
        self
    }
}

/// The images that nodes can pull, by reference.
#[derive(Debug, Default)]
pub struct Registry(Mutex<HashMap<String, Image>>);

impl Registry {
    pub fn register(&self, reference: &str, image: Image) {
        self.0.lock().insert(reference.to_owned(), image);
    }

    pub fn forget(&self, reference: &str) {
        self.0.lock().remove(reference);
    }

    /// Gets an image for a pod, or says why not as containerd does.
    pub fn pull(&self, reference: &str, pod: &Value, store: &Store) -> Result<Image, String> {
        let failed = format!(
            "failed to pull and unpack image \"{reference}\": failed to resolve reference \
             \"{reference}\": "
        );
        let image = self.0.lock().get(reference).cloned();
        let Some(image) = image else {
            return Err(format!(
                "rpc error: code = NotFound desc = {failed}{reference}: not found"
            ));
        };
        let is_allowed = image.credentials.as_ref().is_none_or(|wanted| {
            let secrets = pod["spec"]["imagePullSecrets"]
                .as_array()
                .into_iter()
                .flatten();
            let mut names = secrets.filter_map(|one| one["name"].as_str());
            let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
            names.any(|name| {
                let key = Key::new(resource::named("secrets"), namespace, name);
                let secret = store.get(&key);
                secret.is_some_and(|secret| opens(&secret, reference, wanted))
            })
        });
        if is_allowed {
            return Ok(image);
        }
        Err(format!(
            "rpc error: code = Unknown desc = {failed}pull access denied, repository does not \
             exist or may require authorization: server message: insufficient_scope: \
             authorization failed"
        ))
    }
}

/// Returns true if a pull secret has the credentials for an image's registry.
fn opens(secret: &Value, reference: &str, wanted: &Credentials) -> bool {
    let host = reference.split('/').next().unwrap_or_default();
    let read = || {
        let text = secret["data"][".dockerconfigjson"].as_str()?;
        let config: Value = serde_json::from_slice(&STANDARD.decode(text).ok()?).ok()?;
        let entry = &config["auths"][host];
        let auth = match entry["auth"].as_str() {
            Some(auth) => String::from_utf8(STANDARD.decode(auth).ok()?).ok()?,
            None => format!(
                "{}:{}",
                entry["username"].as_str()?,
                entry["password"].as_str()?
            ),
        };
        Some(auth)
    };
    read().is_some_and(|auth| auth == format!("{}:{}", wanted.user, wanted.password))
}
