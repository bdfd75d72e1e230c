//! Names and identifiers in paths.

use std::str::FromStr;

use axum::{extract::FromRequestParts, http::request::Parts};
use utakata_model::NameError;

use super::{Api, Refused};

/// The one variable part of a path.
pub(super) struct Path<T>(pub T);

impl<T: FromStr<Err = NameError> + Send> FromRequestParts<Api> for Path<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refused> {
        let wrong = |detail: String| {
            Refused::new(
                "name-invalid",
                detail,
                "write the name as the lists show it",
            )
        };
        let axum::extract::Path(text) =
            axum::extract::Path::<String>::from_request_parts(parts, api)
                .await
                .map_err(|rejection| wrong(rejection.to_string()))?;
        text.parse()
            .map(Self)
            .map_err(|error: NameError| wrong(error.to_string()))
    }
}
