//! `/v1/errors`: the meaning and cure of each code, one page each.

use axum::{
    Json,
    http::header,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use utakata_api::page::Page as ListPage;
use utakata_model::{TargetName, suggest};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::{
    Refused,
    allowed::{Allowed, Anybody},
    page::{self, PageQuery},
    path::Path,
    query::Query,
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
};
use crate::code::{self, Code};

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(list)),
        Route::new(Anywhere, NoBody, Prompt, routes!(get)),
    ]
}

/// A code and its title.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ErrorView {
    code: &'static str,
    /// The meaning of the code, in a line.
    title: &'static str,
    /// The HTTP status; absent if the code occurs only in outcomes and in the status.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<u16>,
}

/// Lists all codes of problems.
#[utoipa::path(get, path = "/v1/errors", operation_id = "list_errors", tag = "system",
    params(PageQuery),
    responses((status = 200, description = "Codes, by name", body = ListPage<ErrorView>)))]
pub(super) async fn list(
    _: Allowed<Anybody>,
    Query(query): Query<PageQuery>,
) -> Result<Json<ListPage<ErrorView>>, Refused> {
    let view = |page: &code::CodePage| ErrorView {
        code: page.code,
        title: page.title(),
        status: page.status,
    };
    page::of(code::pages().iter().map(view), &query, |one| one.code).map(Json)
}

/// Explains a code and its remedy: a page in Markdown.
#[utoipa::path(get, path = "/v1/errors/{code}", operation_id = "get_error", tag = "system",
    params(("code" = TargetName, Path, description = "The code")),
    responses((status = 200, description = "The page", body = String,
        content_type = "text/markdown")))]
pub(super) async fn get(
    _: Allowed<Anybody>,
    Path(name): Path<TargetName>,
) -> Result<Response, Refused> {
    let Some(page) = code::page(name.as_str()) else {
        let hint = suggest::nearest(name.as_str(), code::pages().iter().map(|page| page.code));
        let cure = match hint {
            Some(near) => format!("did you mean \"{near}\"? All are listed by `utakata error` (GET /v1/errors)"),
            None => "all are listed by `utakata error` (GET /v1/errors); workers may have codes of their own".into(),
        };
        let detail = format!("there is no page for the code \"{name}\"");
        return Err(Refused::new(Code::NotFound, detail, cure));
    };
    let markdown = [(header::CONTENT_TYPE, "text/markdown; charset=utf-8")];
    Ok((markdown, page.text).into_response())
}
