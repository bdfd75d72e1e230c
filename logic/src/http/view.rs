//! `/v1/view`: a cell for each target, as server-sent events; and those of a time of the past.

use std::{convert::Infallible, sync::Arc};

use axum::{
    Json,
    body::{Body, Bytes},
    extract::Extension,
    http::{HeaderValue, header},
    response::Response,
};
use futures::stream;
use jiff::Timestamp;
use parking_lot::Mutex;
use utakata_api::view::{ViewEvent, ViewPast};
use utakata_model::Selector;
use utoipa_axum::routes;

use super::{
    Api, Refused,
    allowed::{Allowed, ToSee},
    connections::{ClientConnection, EventStream},
    history,
    query::{Query, invalid},
    route::{
        Answered::Anywhere,
        BodySize::NoBody,
        Route,
        TimeLimit::{Patient, Prompt},
    },
    standing::Standing,
};
use crate::{
    clock,
    code::Code,
    rights::Scope,
    view::{self, Position, Sources, TICK, View},
};

/// The largest number of targets of a question about the past.
const MAX_TARGETS: usize = 20_000;

pub(super) fn routes() -> Vec<Route> {
    vec![
        Route::new(Anywhere, NoBody, Prompt, routes!(follow)),
        Route::new(Anywhere, NoBody, Patient, routes!(past)),
    ]
}

/// A query for the view, which has no parameters.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ViewQuery {}

/// Streams a cell for each target, as server-sent events: `targets`, with all of them, and `cells`,
/// with those that have changed, at most four times a second, and once a second if none has.
///
/// It is made for screens that show a whole site: the readings themselves are in `/v1/events`.
#[utoipa::path(get, path = "/v1/view", operation_id = "follow_view", tag = "observe",
    responses((status = 200, description = "Server-sent events; `data` is JSON of this form",
        body = ViewEvent, content_type = "text/event-stream")))]
pub(super) async fn follow(
    allowed: Allowed<ToSee>,
    guest: Option<Extension<ClientConnection>>,
    Query(ViewQuery {}): Query<ViewQuery>,
) -> Result<Response, Refused> {
    let place = guest.map(|guest| guest.follow()).transpose()?;
    let api = allowed.api.clone();
    let watcher = Watcher {
        view: shared(&api, &allowed.scope),
        standing: Standing::new(&api, allowed.caller, allowed.scope),
        api,
        position: Position::default(),
        _place: place,
    };
    let body = stream::unfold(watcher, |mut watcher| async move {
        let bytes = watcher.next().await?;
        Some((Ok::<_, Infallible>(bytes), watcher))
    });
    let mut response = Response::new(Body::from_stream(body));
    let headers = response.headers_mut();
    let content = HeaderValue::from_static("text/event-stream");
    headers.insert(header::CONTENT_TYPE, content);
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The connection counts as a stream, and ends with it.
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    Ok(response)
}

/// A query for the view of the past.
#[derive(Debug, serde::Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct PastQuery {
    /// The time, which is not to come.
    #[param(value_type = String, format = "date-time")]
    at: Timestamp,
    /// The selector of the targets: `room=north`. Empty means all.
    #[serde(default)]
    #[param(max_length = 65536)]
    selector: Selector,
}

/// Returns a cell for each target, as it was at a time of the past: from history, with the targets
/// and schedules of now. Their health is `answering`, `failing`, `stale` or, where nothing is known,
/// `unseen`.
#[utoipa::path(get, path = "/v1/view/past", operation_id = "get_past_view", tag = "observe",
    params(PastQuery),
    responses((status = 200, description = "The cells of that time", body = ViewPast)))]
pub(super) async fn past(
    allowed: Allowed<ToSee>,
    Query(query): Query<PastQuery>,
) -> Result<Json<ViewPast>, Refused> {
    if query.at > clock::now() {
        return Err(invalid("at: this time is still to come"));
    }
    let handle = &allowed.api.handle;
    let known = handle.history().ok_or_else(history::away)?;
    let targets = allowed.select(&query.selector);
    if targets.len() > MAX_TARGETS {
        let detail = format!("more than {MAX_TARGETS} targets are selected");
        let cure = "give a selector: `room=north`";
        return Err(Refused::new(Code::HistoryTooLarge, detail, cure));
    }
    let coverage = handle.observe().coverage();
    let seen = view::past(known, &targets, &coverage, query.at).await;
    seen.map(Json).map_err(|error| history::refused(&error))
}

/// Returns the view that all share who see everything, or one for somebody who sees a part.
fn shared(api: &Api, scope: &Scope) -> Arc<Mutex<View>> {
    match scope.is_everything() {
        true => Arc::clone(&api.view),
        false => Arc::default(),
    }
}

/// A client that watches the view.
struct Watcher {
    api: Api,
    standing: Standing,
    view: Arc<Mutex<View>>,
    position: Position,
    /// It is counted separately from other connections.
    _place: Option<EventStream>,
}

impl Watcher {
    /// Returns the next bytes to send; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let (api, view) = (self.api.clone(), Arc::clone(&self.view));
            let (scope, mut position) = (self.standing.scope.clone(), self.position);
            // Not on the threads that permits run on: a large site takes some milliseconds.
            let look = tokio::task::spawn_blocking(move || {
                let news = look(&api, &view, &scope, &mut position);
                (news, position)
            });
            let (news, position) = tokio::select! {
                () = self.api.cancel.cancelled() => return None,
                looked = look => looked.ok()?,
            };
            self.position = position;
            if !news.is_empty() {
                return Some(news.concat().into());
            }
            tokio::select! {
                () = self.api.cancel.cancelled() => return None,
                changed = self.standing.changed(&self.api) => {
                    changed?;
                    self.view = shared(&self.api, &self.standing.scope);
                    self.position = Position::default();
                }
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }
}

fn look(api: &Api, view: &Mutex<View>, scope: &Scope, position: &mut Position) -> Vec<Arc<[u8]>> {
    let sources = Sources {
        scope,
        inventory: api.handle.inventory(),
        observed: api.handle.observed(),
        observe: api.handle.observe(),
        dispatch: api.handle.dispatch(),
        started: api.handle.started(),
    };
    view.lock().next(sources, position)
}
