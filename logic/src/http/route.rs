//! Routes: each is a handler with the needs of its requests, which nobody can leave out.

#[cfg(test)]
mod tests;

use std::panic::AssertUnwindSafe;

use axum::{
    extract::{Request, State},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use futures::FutureExt;
use utoipa_axum::router::{OpenApiRouter, UtoipaMethodRouter};

use super::{Api, Refused, body, gate::Gate, relay, trail};
use crate::code::Code;

pub(super) use super::needs::{Answered, BodySize, Needs, TimeLimit};

/// A handler, its documentation, and the needs of its requests.
pub(super) struct Route {
    needs: Needs,
    handler: UtoipaMethodRouter<Gate>,
}

impl Route {
    pub(super) fn new(
        answered: Answered,
        body: BodySize,
        time: TimeLimit,
        handler: UtoipaMethodRouter<Gate>,
    ) -> Self {
        let needs = Needs {
            answered,
            body,
            time,
        };
        Self { needs, handler }
    }

    /// Returns the path, as described.
    pub(super) fn paths(self) -> impl Iterator<Item = String> {
        let (_, paths, _) = self.handler;
        paths.paths.into_keys()
    }

    /// Adds the handler to a router of which only the description is used.
    pub(super) fn describe(self, router: OpenApiRouter<Gate>) -> OpenApiRouter<Gate> {
        router.routes(self.handler)
    }

    /// Adds the handler to a router, within the needs of its requests.
    pub(super) fn serve(self, router: OpenApiRouter<Gate>, api: &Api) -> OpenApiRouter<Gate> {
        let (schemas, paths, handler) = self.handler;
        let scope = (api.clone(), self.needs);
        let handler = handler.route_layer(middleware::from_fn_with_state(scope, answer));
        router.routes((schemas, paths, handler))
    }
}

/// Answers a request here, or relays it to the keeper of the ledger.
async fn answer(
    State((api, needs)): State<(Api, Needs)>,
    mut request: Request,
    next: Next,
) -> Response {
    request.extensions_mut().insert(needs);
    let mut request = match relay::relay(&api, needs, request).await {
        relay::Relayed::Here(request) => request,
        relay::Relayed::Answered(response) => return response,
    };
    let may_change = !request.method().is_safe();
    let asked = trail::Asked::begin(&mut request);
    let response = bounded(&api, needs, request, next).await;
    if may_change {
        // Before the answer: whoever has it and asks for the overview is shown the change.
        api.handle.is_changed();
    }
    asked.end(&api, response).await
}

/// Makes sure that every request ends in time, and that its faults affect nobody else.
async fn bounded(api: &Api, needs: Needs, mut request: Request, next: Next) -> Response {
    let held = body::LargeBody::default();
    request.extensions_mut().insert(held.clone());
    let limit = needs.time_limit(&api.handle.config().http);
    let subject = format!("{} {}", request.method(), request.uri().path());
    let answer = AssertUnwindSafe(next.run(request)).catch_unwind();
    let response = match tokio::time::timeout(limit, answer).await {
        Ok(Ok(response)) => response,
        Ok(Err(_)) => {
            utakata_invariant::record("a request has panicked", &subject);
            let detail = format!("{subject} failed by a mistake in utakata");
            let cure = "report it, with the log of that moment";
            Refused::new(Code::Internal, detail, cure).into_response()
        }
        Err(_) => {
            let detail = format!("{subject} took longer than {} seconds", limit.as_secs());
            let cure = "try again, or request less at once";
            Refused::new(Code::TimedOut, detail, cure).into_response()
        }
    };
    held.give_back();
    response
}
