//! The readings in an answer. Pure.

use std::time::Duration;

use serde_json::Value as Json;
use utakata_profile::json::Wanted;
use utakata_worker_http::{Response, StatusCode, header};
use utakata_worker_sdk::address::{Address, Host};

use super::Error;

/// A resource, and the tag of its state.
#[derive(Debug, Clone)]
pub struct Fetched {
    pub document: Json,
    pub etag: Option<String>,
}

/// Reads the document of an answer.
pub fn json(path: &str, response: &Response) -> Result<Json, Error> {
    parts(path, response, None)
}

/// Reads the wanted parts of the document of an answer; all of it if nothing is said.
pub fn parts(path: &str, response: &Response, wanted: Option<&Wanted>) -> Result<Json, Error> {
    let garbage = |problem: String| Error::Garbage {
        path: path.into(),
        problem,
    };
    let document = match wanted {
        Some(wanted) => wanted.parse(&response.body),
        None => serde_json::from_slice(&response.body),
    };
    let document = document.map_err(|error| garbage(error.to_string()))?;
    match document.is_object() {
        true => Ok(document),
        false => Err(garbage("it is no object".into())),
    }
}

/// The error of an answer.
pub fn refused(status: StatusCode, response: &Response) -> Error {
    let said = message(&response.body);
    let said = if said.is_empty() {
        said
    } else {
        format!(": {said}")
    };
    Error::Refused { status, said }
}

/// The message in the body of an error (DSP0266, error responses), in one line and bounded.
pub fn message(body: &[u8]) -> String {
    const LENGTH: usize = 200;
    let Ok(document) = serde_json::from_slice::<Json>(body) else {
        return String::new();
    };
    let error = document.get("error").unwrap_or(&document);
    let extended = match error.get("@Message.ExtendedInfo") {
        Some(Json::Array(list)) => list.first(),
        one => one,
    };
    let of = |value: Option<&Json>, key: &str| -> Option<String> {
        Some(value?.get(key)?.as_str()?.to_owned())
    };
    let text = of(extended, "Message")
        .or_else(|| of(extended, "MessageId"))
        .or_else(|| of(Some(error), "message"));
    let text = text.unwrap_or_default();
    let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(LENGTH).collect()
}

/// The time after which to ask again. A date is not followed: no clock of a BMC is right.
pub fn retry_after(response: &Response) -> Option<Duration> {
    let seconds = response.header(&header::RETRY_AFTER)?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}

/// Returns true if a URL leads to this host, by whatever scheme but no other port.
pub fn is_host(url: &str, address: &Address) -> bool {
    let Some((scheme, rest)) = url.split_once("://") else {
        return false;
    };
    let host = rest.split('/').next().unwrap_or_default();
    let usual = if scheme == "https" { 443 } else { 80 };
    let found = utakata_worker_sdk::address::parse(host, usual);
    let is_same = |found: &Address| match (&found.host, &address.host) {
        // A name of its own, where it was asked by its address.
        (Host::Name(_), Host::Ip(_) | Host::Zoned(..)) => found.port == address.port,
        _ => found == address,
    };
    found.is_ok_and(|found| is_same(&found))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_message_of_an_error_is_found_in_every_form() {
        let info = json!([{ "Message": "no\nsession is free", "MessageId": "RAC0218" }]);
        for (body, expect) in [
            (
                json!({ "error": { "@Message.ExtendedInfo": info } }),
                "no session is free",
            ),
            (
                json!({ "error": { "code": "x", "message": "general error" } }),
                "general error",
            ),
            (
                json!({ "error": { "@Message.ExtendedInfo": { "MessageId": "A.B" } } }),
                "A.B",
            ),
            (json!("hello"), ""),
        ] {
            assert_eq!(message(body.to_string().as_bytes()), expect, "{body}");
        }
        assert_eq!(message(b"<html>"), "");
    }

    #[test]
    fn a_redirection_to_another_port_leads_elsewhere() {
        let address = utakata_worker_sdk::address::parse("10.0.3.7", 443).unwrap();
        for (url, expect) in [
            ("https://10.0.3.7/redfish/v1/Sessions/", true),
            ("https://bmc.example/redfish/v1/Sessions/", true),
            ("https://10.0.3.7:8080/redfish", false),
            ("http://10.0.3.7/redfish", false),
            ("https://10.0.3.8/redfish", false),
            ("/redfish", false),
        ] {
            assert_eq!(is_host(url, &address), expect, "{url}");
        }
    }
}
