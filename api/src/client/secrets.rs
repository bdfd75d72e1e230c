//! The key that seals secrets in the store.

use reqwest::Method;

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::secret::SecretsView;

impl Client {
    /// Returns the key that seals secrets in the store: its name, never the key.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn secrets(&self) -> Result<SecretsView, Error> {
        self.get("/v1/secrets", &()).await
    }

    /// Seals all secrets in the store with a new key.
    ///
    /// # Errors
    /// There is no newer key in the file of keys; and as every call: see [`Error`].
    pub async fn rotate_secrets(&self) -> Result<SecretsView, Error> {
        let path = "/v1/secrets/rotate";
        let request = self.request(Method::POST, path);
        self.json(path, request.timeout(ANSWER_TIMEOUT)).await
    }

    /// Has all keys that Vault holds wrapped by the latest version of its key.
    ///
    /// # Errors
    /// Vault does not hold the keys; and as every call: see [`Error`].
    pub async fn rewrap_secrets(&self) -> Result<SecretsView, Error> {
        let path = "/v1/secrets/rewrap";
        let request = self.request(Method::POST, path);
        self.json(path, request.timeout(ANSWER_TIMEOUT)).await
    }
}
