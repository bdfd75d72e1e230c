//! `/v1/events`: live events, as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

mod changes;

use std::{convert::Infallible, sync::Arc, time::Duration};

use axum::{
    body::{Body, Bytes},
    extract::Extension,
    http::{HeaderValue, header},
    response::Response,
};
use futures::stream;
use serde::Deserialize;
use tokio::sync::broadcast::{self, error::RecvError};
use utakata_interconnect::{Event, Interest};
use utakata_model::{Selector, TargetName, suggest};
use utoipa_axum::routes;

use self::changes::Changes;
use super::{
    Api, Refused,
    allowed::{Allowed, ToSee},
    connections::{ClientConnection, EventStream},
    query::{Query, invalid},
    route::{Answered::Anywhere, BodySize::NoBody, Route, TimeLimit::Prompt},
    standing::Standing,
};
use crate::dispatch::Item;

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(Anywhere, NoBody, Prompt, routes!(get))]
}

/// The interval at which a comment is sent while nothing happens, so that no proxy hangs up.
const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// The largest number of bytes that are sent together.
const MAX_TOGETHER: usize = 256 * 1024;

/// A query for events.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventQuery {
    /// The selector of targets; statuses of environments are sent in any case. Empty means all.
    #[serde(default)]
    #[param(max_length = 65536)]
    selector: Selector,
    /// The types, separated by commas: `readings`, `outcomes`, `environment`, `notifications`,
    /// `alarms`. Absent means all.
    #[param(
        max_length = 100,
        pattern = "^((readings|outcomes|environment|notifications|alarms)(,|$))*$"
    )]
    types: Option<String>,
    /// `true` to receive only values that changed: another state or quality, or a number that has
    /// left the dead band of its unit around the one that was sent last. Of totals, only those that
    /// begin again.
    #[serde(default)]
    changes: bool,
}

/// Streams events from now on, as server-sent events: `readings`, `outcomes` (many in one),
/// `environment` (beginning with the latest statuses), `notification`, `alarms` (changes, each with its number), and `missed` with the number of events that
/// were dropped because they were not fetched fast enough.
#[utoipa::path(get, path = "/v1/events", operation_id = "follow_events", tag = "observe",
    params(EventQuery),
    responses((status = 200, description = "Server-sent events; `data` is JSON of this form",
        body = utakata_api::event::Event, content_type = "text/event-stream")))]
pub(super) async fn get(
    allowed: Allowed<ToSee>,
    guest: Option<Extension<ClientConnection>>,
    Query(query): Query<EventQuery>,
) -> Result<Response, Refused> {
    let api = allowed.api.clone();
    let types = types(query.types.as_deref())?;
    let place = guest.map(|guest| guest.follow()).transpose()?;
    let items = api.handle.dispatch().follow();
    let mut first = b": connected\n\n".to_vec();
    if types.environments {
        for status in api.handle.kinds().environments() {
            first.extend_from_slice(&Item::environment(&status));
        }
    }
    let follower = Follower {
        api: api.clone(),
        standing: Standing::new(&api, allowed.caller, allowed.scope),
        types,
        selector: query.selector,
        items,
        changes: query.changes.then(Changes::default),
        first: Some(first.into()),
        _place: place,
    };
    let body = stream::unfold(follower, |mut follower| async move {
        let bytes = follower.next().await?;
        Some((Ok::<_, Infallible>(bytes), follower))
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

const TYPES: [&str; 5] = [
    "readings",
    "outcomes",
    "environment",
    "notifications",
    "alarms",
];

fn types(requested: Option<&str>) -> Result<Interest, Refused> {
    let Some(requested) = requested.filter(|requested| !requested.is_empty()) else {
        return Ok(Interest::ALL);
    };
    let mut interest = Interest::NONE;
    for word in requested.split(',').map(str::trim) {
        match word {
            "readings" => interest.readings = true,
            "outcomes" => interest.outcomes = true,
            "environment" => interest.environments = true,
            "notifications" => interest.notifications = true,
            "alarms" => interest.alarms = true,
            _ => {
                let hint = suggest::hint(word, TYPES);
                return Err(invalid(format!(
                    "unknown type of events \"{word}\": {hint}"
                )));
            }
        }
    }
    Ok(interest)
}

/// A client that follows events.
struct Follower {
    api: Api,
    standing: Standing,
    types: Interest,
    selector: Selector,
    items: broadcast::Receiver<Arc<Item>>,
    /// The values that were sent, if only changes are.
    changes: Option<Changes>,
    first: Option<Bytes>,
    /// It is counted separately from other connections.
    _place: Option<EventStream>,
}

impl Follower {
    /// Returns the next bytes to send; `None` at the end.
    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        let cancel = self.api.cancel.clone();
        loop {
            let received = tokio::select! {
                () = cancel.cancelled() => return None,
                changed = self.standing.changed(&self.api) => {
                    changed?;
                    continue;
                }
                received = tokio::time::timeout(KEEP_ALIVE, self.items.recv()) => received,
            };
            let found = match received {
                Err(_) => return Some(Bytes::from_static(b": keep-alive\n\n")),
                Ok(Err(RecvError::Closed)) => return None,
                Ok(Err(RecvError::Lagged(count))) => Some(Item::missed(count)),
                Ok(Ok(item)) => self.text(&item),
            };
            if let Some(found) = found {
                return Some(self.with_more(found));
            }
        }
    }

    /// Adds events that are there already, so that many of them cost one write.
    fn with_more(&mut self, first: Bytes) -> Bytes {
        if self.items.is_empty() {
            return first;
        }
        let mut together = first.to_vec();
        while together.len() < MAX_TOGETHER {
            match self.items.try_recv() {
                Ok(item) => together.extend(self.text(&item).unwrap_or_default()),
                Err(broadcast::error::TryRecvError::Lagged(count)) => {
                    together.extend(Item::missed(count));
                }
                Err(_) => break,
            }
        }
        together.into()
    }

    fn text(&mut self, item: &Item) -> Option<Bytes> {
        if !self.types.includes(item.event()) {
            return None;
        }
        let is_for_all = self.is_for_all();
        if let (Some(changes), Event::Readings(readings)) = (&mut self.changes, item.event()) {
            let inventory = self.api.handle.inventory();
            let is_meant = is_for_all
                || inventory.find(&readings.target).is_some_and(|known| {
                    self.selector.matches(&known.target)
                        && self.standing.scope.covers(&known.target)
                });
            let changed = is_meant.then(|| changes.of(readings)).flatten()?;
            return Some(Item::readings(&changed));
        }
        if is_for_all || matches!(item.event(), Event::Environment(_)) {
            return Some(item.text());
        }
        let inventory = self.api.handle.inventory();
        item.text_for(&|name: &TargetName| {
            let known = inventory.find(name);
            known.is_some_and(|known| {
                self.selector.matches(&known.target) && self.standing.scope.covers(&known.target)
            })
        })
    }

    fn is_for_all(&self) -> bool {
        self.selector.is_everything() && self.standing.scope.is_everything()
    }
}
