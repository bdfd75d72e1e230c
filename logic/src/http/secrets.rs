//! `/v1/secrets`: the key that seals secrets in the store.

use axum::Json;
use utakata_api::secret::SecretsView;
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToWriteSecrets},
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::NoBody,
        Route,
        TimeLimit::{Patient, Prompt},
    },
};
use crate::inventory::Inventory;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(get)),
        Route::new(ByKeeper, NoBody, Patient, routes!(rotate)),
        Route::new(ByKeeper, NoBody, Patient, routes!(rewrap)),
    ]
}

/// Returns the key that seals secrets in the store: its name, never the key.
#[utoipa::path(get, path = "/v1/secrets", operation_id = "get_secrets", tag = "inventory",
    responses((status = 200, description = "The key", body = SecretsView)))]
pub(super) async fn get(
    Allowed { api, .. }: Allowed<ToWriteSecrets>,
) -> Result<Json<SecretsView>, Refused> {
    Ok(Json(view(api.handle.inventory())))
}

/// Seals all secrets in the store with a new key.
///
/// It is the newest in the file of keys, or made anew where the file is the logic environment's own.
/// Older keys stay in the file, because they open older backups.
#[utoipa::path(post, path = "/v1/secrets/rotate", operation_id = "rotate_secrets",
    tag = "inventory",
    responses((status = 200, description = "The new key", body = SecretsView),
        (status = 409, description = "There is no newer key in the file",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn rotate(
    Allowed { api, .. }: Allowed<ToWriteSecrets>,
) -> Result<Json<SecretsView>, Refused> {
    let inventory = api.handle.inventory();
    inventory.reseal().await?;
    Ok(Json(view(inventory)))
}

/// Has all keys that Vault holds wrapped by the latest version of its key.
///
/// The secrets stay sealed as they are. Afterwards Vault needs no earlier version of its key.
#[utoipa::path(post, path = "/v1/secrets/rewrap", operation_id = "rewrap_secrets",
    tag = "inventory",
    responses((status = 200, description = "The key", body = SecretsView),
        (status = 409, description = "Vault does not hold the keys",
            body = utakata_api::Problem, content_type = "application/problem+json"),
        (status = 503, description = "Vault has not answered as wanted",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn rewrap(
    Allowed { api, .. }: Allowed<ToWriteSecrets>,
) -> Result<Json<SecretsView>, Refused> {
    let inventory = api.handle.inventory();
    inventory.rewrap().await?;
    Ok(Json(view(inventory)))
}

fn view(inventory: &Inventory) -> SecretsView {
    let secrets = inventory.secrets();
    let seal = secrets.seal();
    let wrapped = seal.wrapped.iter().find(|one| one.key == seal.key);
    SecretsView {
        key: seal.key.to_string(),
        since: seal.since,
        file: secrets.told_place(),
        wrapped: wrapped.map(|one| one.ciphertext.clone()),
        credentials: inventory.credentials().len() as u64,
        trail_key: secrets.head_signer().map(|signer| signer.to_string()),
        message_key: secrets.message_signer().map(|signer| signer.to_string()),
        is_scrubbed: seal.is_scrubbed,
    }
}
