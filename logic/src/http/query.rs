//! Queries of requests, with errors for people.

use axum::{
    extract::{FromRequestParts, rejection::QueryRejection},
    http::request::Parts,
};
use serde::de::DeserializeOwned;
use utakata_api::page::MAX_LIMIT;
use utakata_model::reword;

use super::{Refused, gate::Gate};
use crate::code::Code;

/// The length of the longest cursor, in characters.
const MAX_CURSOR: usize = 512;

/// A query, of a type that refuses unknown fields.
pub(super) struct Query<T>(pub T);

impl<T: DeserializeOwned + Send> FromRequestParts<Gate> for Query<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Refused> {
        match axum::extract::Query::<T>::from_request_parts(parts, gate).await {
            Ok(axum::extract::Query(query)) => Ok(Self(query)),
            Err(rejection) => Err(wrong(&rejection)),
        }
    }
}

fn wrong(rejection: &QueryRejection) -> Refused {
    let innermost = {
        let mut error: &dyn std::error::Error = rejection;
        while let Some(source) = error.source() {
            error = source;
        }
        error.to_string()
    };
    // "limit: invalid digit found in string" has the field first.
    let message = match innermost.split_once(": ") {
        Some((field, rest)) if !field.contains(' ') => {
            format!("{field}: {}", reword::message(rest))
        }
        _ => reword::message(&innermost),
    };
    invalid(format!("the query is wrong: {message}"))
}

/// Refuses an invalid query.
pub(super) fn invalid(detail: impl Into<String>) -> Refused {
    let cure = "the parameters of each path are in /v1/openapi.json";
    Refused::new(Code::QueryInvalid, detail, cure)
}

/// Returns the number of items in a page: 100 by default.
pub(super) fn limit(requested: Option<u32>) -> Result<usize, Refused> {
    match requested.unwrap_or(100) {
        limit @ 1..=MAX_LIMIT => Ok(limit as usize),
        limit => Err(invalid(format!(
            "the limit {limit} is not between 1 and {MAX_LIMIT}"
        ))),
    }
}

/// Parses the cursor of a previous page.
pub(super) fn cursor<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, Refused> {
    let Some(text) = text else { return Ok(None) };
    let wrong = || invalid(format!("\"{text:.80}\" is not a cursor of this list"));
    if text.is_empty() || text.chars().count() > MAX_CURSOR {
        return Err(wrong());
    }
    text.parse().map(Some).map_err(|_| wrong())
}
