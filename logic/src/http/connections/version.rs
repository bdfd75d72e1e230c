//! HTTP/1.1 and HTTP/2: which of them a connection speaks, within which limits, and what a request
//! of the one lacks that one of the other has.

use std::{
    mem,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use axum::{
    extract::Request,
    http::{HeaderValue, Uri, header, uri::Parts},
};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};

/// The largest size of a request's head, and of a part of a body that is read at a time, in bytes.
const BUFFER: usize = 64 * 1024;
/// The requests of one connection of HTTP/2 that are answered at a time: a browser has one stream
/// of events and the few requests of a view.
const MAX_REQUESTS: u32 = 32;
/// The bytes of all bodies of one connection of HTTP/2 that may arrive before they are read.
const WINDOW: u32 = 256 * 1024;
/// The interval at which a client with HTTP/2 is asked whether it is there, and the time it has to
/// answer.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// The version of HTTP that a connection speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::http) enum Version {
    /// HTTP/1.1.
    One,
    /// HTTP/2, only over TLS.
    Two,
}

/// The requests of one connection.
#[derive(Debug, Default)]
pub(super) struct Requests {
    begun: AtomicU64,
    ended: AtomicU64,
}

/// A guard: a request is under way as long as it exists.
#[derive(Debug)]
pub(super) struct UnderWay(Arc<Requests>);

impl Version {
    /// All of them, the preferred one first.
    pub const ALL: [Self; 2] = [Self::Two, Self::One];

    /// Returns the name in the handshake of TLS (RFC 7301).
    pub fn alpn(self) -> &'static [u8] {
        match self {
            Self::One => b"http/1.1",
            Self::Two => b"h2",
        }
    }

    /// Returns the version that was agreed on; a client that did not say speaks HTTP/1.1.
    pub(super) fn agreed(alpn: Option<&[u8]>) -> Self {
        let is_agreed = |version: &Self| Some(version.alpn()) == alpn;
        Self::ALL.into_iter().find(is_agreed).unwrap_or(Self::One)
    }

    /// Returns what answers its connections, and no other version on them.
    pub(super) fn builder(self, idle_timeout: Duration) -> Builder<TokioExecutor> {
        let mut builder = Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(idle_timeout)
            .max_buf_size(BUFFER);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_concurrent_streams(MAX_REQUESTS)
            .max_header_list_size(BUFFER as u32)
            .max_send_buf_size(BUFFER)
            .initial_stream_window_size(BUFFER as u32)
            .initial_connection_window_size(WINDOW)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_INTERVAL);
        match self {
            Self::One => builder.http1_only(),
            Self::Two => builder.http2_only(),
        }
    }
}

impl Requests {
    pub(super) fn begin(requests: &Arc<Self>) -> UnderWay {
        requests.begun.fetch_add(1, Ordering::Relaxed);
        UnderWay(Arc::clone(requests))
    }

    /// Returns once there was none for a time, or for less than twice as long.
    pub(super) async fn idle(&self, timeout: Duration) {
        let mut before = 0;
        loop {
            tokio::time::sleep(timeout).await;
            let ended = self.ended.load(Ordering::Relaxed);
            let begun = self.begun.load(Ordering::Relaxed);
            if begun == ended && mem::replace(&mut before, begun) == begun {
                return;
            }
        }
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.ended.fetch_add(1, Ordering::Relaxed);
    }
}

/// Gives a request of HTTP/2 the form of one of HTTP/1.1: its authority is the header `host`, by
/// which requests of other sites are recognised, and its target the path alone.
pub(super) fn as_of_one(request: &mut Request) {
    let mut parts = mem::take(request.uri_mut()).into_parts();
    parts.scheme = None;
    if let Some(authority) = parts.authority.take()
        && let Ok(host) = HeaderValue::from_str(authority.as_str())
    {
        request.headers_mut().insert(header::HOST, host);
    }
    *request.uri_mut() = target(parts);
}

/// Returns the path and the query; `/` for a request that has none, as `OPTIONS *`.
fn target(parts: Parts) -> Uri {
    parts.path_and_query.map_or_else(Uri::default, Uri::from)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_client_that_agreed_on_nothing_speaks_the_older_version() {
        for (alpn, expected) in [
            (None, Version::One),
            (Some(&b"http/1.1"[..]), Version::One),
            (Some(b"h2"), Version::Two),
            (Some(b"h3"), Version::One),
        ] {
            assert_eq!(Version::agreed(alpn), expected);
        }
    }

    #[test]
    fn the_authority_of_http_2_is_the_host_and_the_target_is_the_path() {
        let mut two = Request::get("https://le-1.example:7700/v1/targets?limit=2")
            .body(Body::empty())
            .unwrap();
        as_of_one(&mut two);
        assert_eq!(two.headers()[header::HOST], "le-1.example:7700");
        assert_eq!(two.uri(), "/v1/targets?limit=2");

        let mut one = Request::get("/v1/targets")
            .header(header::HOST, "le-1.example")
            .body(Body::empty())
            .unwrap();
        as_of_one(&mut one);
        assert_eq!(one.headers()[header::HOST], "le-1.example");
        assert_eq!(one.uri(), "/v1/targets");
    }

    #[tokio::test(start_paused = true)]
    async fn a_connection_is_idle_once_it_had_no_request_for_the_time() {
        let requests = Arc::new(Requests::default());
        let timeout = Duration::from_secs(60);
        let under_way = Requests::begin(&requests);
        let waits = tokio::time::timeout(timeout * 10, requests.idle(timeout));
        assert!(waits.await.is_err(), "a request is under way");
        drop(under_way);
        let waits = tokio::time::timeout(timeout * 3, requests.idle(timeout));
        assert!(waits.await.is_ok());
    }
}
