//! The one who makes a request.

use std::sync::Arc;

use axum::{
    extract::FromRequestParts,
    http::{Extensions, request::Parts},
};
use utakata_model::PersonName;

use super::{Refused, gate::Gate};
use crate::{code::Code, people::Identity};

/// The one who makes a request. Every admitted request carries it.
#[derive(Debug, Clone)]
pub(super) struct Caller(pub Arc<Identity>);

/// The name of the one who makes a request, for handlers to use.
#[derive(Debug, Clone)]
pub(super) struct Person(pub PersonName);

impl Caller {
    /// Returns the one who makes a request.
    ///
    /// # Errors
    /// The request was accepted without a token, which is a mistake.
    pub(super) fn of(extensions: &Extensions) -> Result<Self, Refused> {
        extensions.get::<Self>().cloned().ok_or_else(|| {
            let detail = "the request was accepted without a token";
            let cure = "report it, with the log of that moment";
            Refused::new(Code::Internal, detail, cure)
        })
    }
}

impl FromRequestParts<Gate> for Person {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, _: &Gate) -> Result<Self, Refused> {
        let Caller(caller) = Caller::of(&parts.extensions)?;
        Ok(Self(caller.name.clone()))
    }
}
