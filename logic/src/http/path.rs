//! Names and identifiers in paths.

use std::{fmt::Display, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};

use super::{Api, Refused};
use crate::code::Code;

/// The one variable part of a path.
pub(super) struct Path<T>(pub T);

/// The two variable parts of a path.
pub(super) struct Two<T>(pub T, pub T);

impl<T: FromStr<Err: Display> + Send> FromRequestParts<Api> for Path<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refused> {
        let axum::extract::Path(text) =
            axum::extract::Path::<String>::from_request_parts(parts, api)
                .await
                .map_err(|rejection| wrong(rejection.to_string()))?;
        parse(&text).map(Self)
    }
}

impl<T: FromStr<Err: Display> + Send> FromRequestParts<Api> for Two<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, api: &Api) -> Result<Self, Refused> {
        let axum::extract::Path((one, other)) =
            axum::extract::Path::<(String, String)>::from_request_parts(parts, api)
                .await
                .map_err(|rejection| wrong(rejection.to_string()))?;
        Ok(Self(parse(&one)?, parse(&other)?))
    }
}

fn parse<T: FromStr<Err: Display>>(text: &str) -> Result<T, Refused> {
    text.parse()
        .map_err(|error: T::Err| wrong(error.to_string()))
}

fn wrong(detail: String) -> Refused {
    let cure = "write the name as the lists show it";
    Refused::new(Code::NameInvalid, detail, cure)
}
