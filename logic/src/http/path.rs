//! Names and identifiers in paths.

use std::{fmt::Display, str::FromStr};

use axum::{extract::FromRequestParts, http::request::Parts};
use utakata_model::PersonName;

use super::{Refused, gate::Gate};
use crate::code::Code;

/// The one variable part of a path.
pub(super) struct Path<T>(pub T);

/// The two variable parts of a path.
pub(super) struct Two<T>(pub T, pub T);

/// The name of a person, and the variable part of the path after it.
pub(super) struct OwnerAnd<T>(pub PersonName, pub T);

impl<T: FromStr<Err: Display> + Send> FromRequestParts<Gate> for OwnerAnd<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Refused> {
        let Two(owner, text) = Two::<String>::from_request_parts(parts, gate).await?;
        Ok(Self(parse(&owner)?, parse(&text)?))
    }
}

impl<T: FromStr<Err: Display> + Send> FromRequestParts<Gate> for Path<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Refused> {
        let axum::extract::Path(text) =
            axum::extract::Path::<String>::from_request_parts(parts, gate)
                .await
                .map_err(|rejection| wrong(rejection.to_string()))?;
        parse(&text).map(Self)
    }
}

impl<T: FromStr<Err: Display> + Send> FromRequestParts<Gate> for Two<T> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Refused> {
        let axum::extract::Path((one, other)) =
            axum::extract::Path::<(String, String)>::from_request_parts(parts, gate)
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
