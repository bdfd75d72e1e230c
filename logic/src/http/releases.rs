//! `/v1/releases` and `/v1/release-files`: the catalogue.

use axum::{
    Json,
    body::to_bytes,
    extract::Request,
    http::{StatusCode, header},
};
use serde::Deserialize;
use utakata_api::{
    page::Page,
    release::{NewRelease, ReleaseDiff, ReleaseReference, ReleaseSummary, ReleaseView},
};
use utakata_model::{FileDigest, Kind};
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, ToPush, ToSee},
    body,
    caller::Person,
    needs::Needs,
    page::{self, PageQuery},
    path::{Path, Two},
    query::Query,
    route::{
        Answered::{Anywhere, ByKeeper},
        BodySize::{File, NoBody, OneThing},
        Route,
        TimeLimit::{Patient, Prompt, Upload},
    },
};
use crate::code::Code;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(ByKeeper, OneThing, Patient, routes!(post)),
        Route::new(Anywhere, NoBody, Prompt, routes!(get)),
        Route::new(ByKeeper, NoBody, Prompt, routes!(delete)),
        Route::new(Anywhere, NoBody, Prompt, routes!(diff)),
        Route::new(Anywhere, File, Upload, routes!(put_file)),
    ]
}

/// A query for releases.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ReleaseQuery {
    /// The kind. Absent means all.
    #[param(value_type = Option<String>)]
    kind: Option<Kind>,
    /// The largest number of items in the answer.
    #[param(minimum = 1, maximum = 1000, default = 100)]
    limit: Option<u32>,
    /// The `next` of the previous page.
    #[param(min_length = 1, max_length = 512)]
    cursor: Option<String>,
}

/// Lists the releases of the catalogue: pushed, shipped, and in folders.
#[utoipa::path(get, path = "/v1/releases", operation_id = "list_releases", tag = "releases",
    params(ReleaseQuery),
    responses((status = 200, description = "Releases, by digest", body = Page<ReleaseSummary>)))]
pub(super) async fn list(
    Allowed { api, .. }: Allowed<ToSee>,
    Query(query): Query<ReleaseQuery>,
) -> Result<Json<Page<ReleaseSummary>>, Refused> {
    let ReleaseQuery {
        kind,
        limit,
        cursor,
    } = query;
    let catalogue = api.handle.catalogue();
    let releases = catalogue.list(kind.as_ref()).await?;
    let mut views: Vec<ReleaseSummary> =
        releases.iter().map(|row| catalogue.summary(row)).collect();
    views.sort_by(|one, other| one.digest.cmp(&other.digest));
    let query = PageQuery { limit, cursor };
    page::of(views, &query, |one| &one.digest.0).map(Json)
}

/// Adds a release to the catalogue.
///
/// The content of its files is uploaded to `/v1/release-files` beforehand: the answer lists those
/// that are missing. Pushing the same release again is fine; another one with the same kind and
/// version is refused. Pushing does not make the release serve: `breaks` lists what would stop
/// working if it did.
#[utoipa::path(post, path = "/v1/releases", operation_id = "push_release", tag = "releases",
    request_body = NewRelease,
    responses((status = 200, description = "It already existed", body = ReleaseView),
        (status = 201, description = "Added to the catalogue", body = ReleaseView),
        (status = 409, description = "Files are missing (`release-files-missing`: `problems` has \
            the SHA-256 of each as `subject`), or another release has its kind and version",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn post(
    Allowed { api, .. }: Allowed<ToPush>,
    Person(by): Person,
    body::Json(new): body::Json<NewRelease>,
) -> Result<(StatusCode, Json<ReleaseView>), Refused> {
    let catalogue = api.handle.catalogue();
    let pushed = catalogue.push(new, by.clone()).await?;
    let status = if pushed.is_new {
        StatusCode::CREATED
    } else {
        StatusCode::OK
    };
    tracing::info!(release = %pushed.row.id, %by, new = pushed.is_new, "a release was pushed");
    if api.handle.rollouts().adopt(&pushed.row.id).await? {
        tracing::info!(release = %pushed.row.id, "a new kind is served by it");
    }
    Ok((
        status,
        Json(api.handle.release_view(pushed.row.into()).await?),
    ))
}

/// Uploads the content of a file, for a release that is pushed next.
#[utoipa::path(put, path = "/v1/release-files/{sha256}", operation_id = "put_release_file",
    tag = "releases",
    params(("sha256" = FileDigest, Path, description = "The SHA-256 of the body")),
    request_body(content = String, content_type = "application/octet-stream",
        description = "The content of the file, at most 256 MiB"),
    responses((status = 204, description = "Stored")))]
pub(super) async fn put_file(
    Allowed { api, .. }: Allowed<ToPush>,
    Path(digest): Path<FileDigest>,
    request: Request,
) -> Result<StatusCode, Refused> {
    let declared = request
        .headers()
        .get(header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let limit = Needs::of(&request).body_limit(&api.handle.config().http);
    let size = declared.unwrap_or(limit as u64);
    if size > limit as u64 {
        return Err(too_large(limit));
    }
    let catalogue = api.handle.catalogue();
    // The memory of all uploads at a time is limited.
    let _room = catalogue.receive(size).await;
    let bytes = to_bytes(request.into_body(), limit)
        .await
        .map_err(|error| {
            let source = std::error::Error::source(&error);
            if source.is_some_and(|source| source.to_string().contains("length limit")) {
                return too_large(limit);
            }
            let detail = format!("the file did not arrive: {error}");
            Refused::new(Code::ReleaseFileWrong, detail, "send it again")
        })?;
    catalogue.put_file(&digest, &bytes).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn too_large(limit: usize) -> Refused {
    let detail = format!("the file is larger than {} MiB", limit >> 20);
    let cure = "a larger program goes into a registry, as an image: see image.toml in the guide";
    Refused::new(Code::BodyTooLarge, detail, cure)
}

/// Returns a release in full.
#[utoipa::path(get, path = "/v1/releases/{release}", operation_id = "get_release",
    tag = "releases",
    params(("release" = String, Path,
        description = "Its digest, or the first digits of it, or `KIND@VERSION`")),
    responses((status = 200, description = "The release", body = ReleaseView)))]
pub(super) async fn get(
    Allowed { api, .. }: Allowed<ToSee>,
    Path(reference): Path<ReleaseReference>,
) -> Result<Json<ReleaseView>, Refused> {
    Ok(Json(api.handle.release(&reference).await?))
}

/// Returns the differences between two releases, breaking ones first.
#[utoipa::path(get, path = "/v1/releases/{from}/diff/{to}", operation_id = "diff_releases",
    tag = "releases",
    params(
        ("from" = String, Path, description = "The first release: its digest, the first digits of it, or `KIND@VERSION`"),
        ("to" = String, Path, description = "The second release, in the same form")),
    responses((status = 200, description = "The differences", body = ReleaseDiff)))]
pub(super) async fn diff(
    Allowed { api, .. }: Allowed<ToSee>,
    Two(from, to): Two<ReleaseReference>,
) -> Result<Json<ReleaseDiff>, Refused> {
    let diff = api.handle.catalogue().diff(&from, &to).await?;
    Ok(Json(diff))
}

/// Deletes a release from the catalogue, and the files that no other release has.
#[utoipa::path(delete, path = "/v1/releases/{release}", operation_id = "delete_release",
    tag = "releases",
    params(("release" = String, Path,
        description = "Its digest, or the first digits of it, or `KIND@VERSION`")),
    responses((status = 204, description = "Deleted"),
        (status = 409, description = "Something still needs it",
            body = utakata_api::Problem, content_type = "application/problem+json")))]
pub(super) async fn delete(
    Allowed { api, .. }: Allowed<ToPush>,
    Person(by): Person,
    Path(reference): Path<ReleaseReference>,
) -> Result<StatusCode, Refused> {
    let id = api.handle.delete_release(&reference).await?;
    tracing::info!(release = %id, %by, "a release was deleted");
    Ok(StatusCode::NO_CONTENT)
}
