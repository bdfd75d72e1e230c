//! `/v1/view`: a cell for each target, as server-sent events.

use std::convert::Infallible;

use axum::{
    body::{Body, Bytes},
    extract::{Extension, State},
    http::{HeaderValue, header},
    response::Response,
};
use futures::stream;
use utakata_api::view::ViewEvent;
use utoipa_axum::routes;

use super::{
    Api, Refused,
    connections::{ClientConnection, EventStream},
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
};
use crate::view::{Position, Sources, TICK};

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, NoBody, Prompt, routes!(follow))]
}

/// Streams a cell for each target, as server-sent events: `targets`, with all of them, and `cells`,
/// with those that have changed, at most four times a second, and once a second if none has.
///
/// It is made for screens that show a whole site: the readings themselves are in `/v1/events`.
#[utoipa::path(get, path = "/v1/view", operation_id = "follow_view", tag = "observe",
    responses((status = 200, description = "Server-sent events; `data` is JSON of this form",
        body = ViewEvent, content_type = "text/event-stream")))]
pub(super) async fn follow(
    State(api): State<Api>,
    guest: Option<Extension<ClientConnection>>,
) -> Result<Response, Refused> {
    let place = guest.map(|guest| guest.follow()).transpose()?;
    let watcher = Watcher {
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

/// A client that watches the view.
struct Watcher {
    api: Api,
    position: Position,
    /// It is counted separately from other connections.
    _place: Option<EventStream>,
}

impl Watcher {
    /// Returns the next bytes to send; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            let (api, mut position) = (self.api.clone(), self.position);
            // Not on the threads that permits run on: a large site takes some milliseconds.
            let look = tokio::task::spawn_blocking(move || {
                let news = look(&api, &mut position);
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
                () = tokio::time::sleep(TICK) => {}
            }
        }
    }
}

fn look(api: &Api, position: &mut Position) -> Vec<std::sync::Arc<[u8]>> {
    let sources = Sources {
        inventory: api.handle.inventory(),
        observed: api.handle.observed(),
        observe: api.handle.observe(),
        dispatch: api.handle.dispatch(),
        started: api.handle.started(),
    };
    api.view.lock().next(sources, position)
}
