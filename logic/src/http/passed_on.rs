//! What a request carries that admin made by the local socket, when it is passed on to another logic
//! environment: a proof, for this request and a short time, in place of the token.

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};
use hyper::Method;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::secrets::Secrets;

/// The scheme of its header `Authorization`.
const SCHEME: &str = "Utakata-Local ";
/// The purpose of the proof, so that it counts for no other.
const PURPOSE: &str = "request of admin by the local socket";
/// The time for which it counts, before and after: the clocks of two hosts differ.
const COUNTS: SignedDuration = SignedDuration::from_mins(2);

#[derive(Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Statement<'a> {
    method: &'a str,
    path: &'a str,
    at: Timestamp,
}

/// Returns the header of a request to this path. `None` if the key of the site is not here.
pub(super) fn prove(
    secrets: &Secrets,
    (method, path): (&Method, &str),
    at: Timestamp,
) -> Option<String> {
    let method = method.as_str();
    let statement = serde_json::to_vec(&Statement { method, path, at }).ok()?;
    let signed = secrets.state(PURPOSE, statement, at)?;
    Some(format!("{SCHEME}{}", BASE64.encode(signed)))
}

/// Returns true if a logic environment of this site says, by this header, that the request is admin's.
pub(super) fn is_admin_s(
    secrets: &Secrets,
    header: &str,
    (method, path): (&Method, &str),
    now: Timestamp,
) -> bool {
    let signed = header.strip_prefix(SCHEME);
    let signed = signed.and_then(|signed| BASE64.decode(signed).ok());
    let Some(stated) = signed.and_then(|signed| secrets.stated(PURPOSE, &signed)) else {
        return false;
    };
    let statement: Result<Statement<'_>, _> = serde_json::from_slice(&stated);
    statement.is_ok_and(|it| {
        it.method == method.as_str() && it.path == path && now.duration_since(it.at).abs() <= COUNTS
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secrets::site;

    #[tokio::test]
    async fn a_request_is_admin_s_if_the_site_says_so_for_it_and_for_now() {
        let (ours, _ours) = site().await;
        let (theirs, _theirs) = site().await;
        let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000);
        let path = "/v1/operations?limit=3";
        let header = prove(&ours, (&Method::POST, path), now).unwrap();
        let later = |minutes| now + SignedDuration::from_mins(minutes);
        for (secrets, header, method, path, now, expect) in [
            (&ours, header.as_str(), Method::POST, path, later(2), true),
            (&ours, &header, Method::POST, path, later(-2), true),
            (&ours, &header, Method::POST, path, later(3), false),
            (&ours, &header, Method::DELETE, path, now, false),
            (&ours, &header, Method::POST, "/v1/operations", now, false),
            (&theirs, &header, Method::POST, path, now, false),
            (&ours, "Utakata-Local e30", Method::POST, path, now, false),
            (&ours, "Bearer x", Method::POST, path, now, false),
        ] {
            let found = is_admin_s(secrets, header, (&method, path), now);
            assert_eq!(found, expect, "{method} {path} {now}");
        }
    }
}
