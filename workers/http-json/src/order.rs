//! The request that an action becomes. Pure.

use std::borrow::Cow;

use serde_json::Value as Json;
use utakata_profile::{Template, json::body};
use utakata_worker_http::Method;

use crate::profile::Control;

/// A request that changes something.
#[derive(Debug, Clone, PartialEq)]
pub struct Order {
    pub method: Method,
    pub path: String,
    pub body: Option<Json>,
}

/// Makes the request of a control. A parameter is one step of the path, whatever it contains.
///
/// # Errors
/// A sentence about a parameter.
pub fn order(control: &Control, parameters: &Json) -> Result<Order, String> {
    let fill = |form: &Json| body::fill(form, parameters, &|_| None);
    Ok(Order {
        method: control.method.clone(),
        path: path(&control.path, parameters)?,
        body: control.body.as_ref().map(fill).transpose()?,
    })
}

/// Fills a path.
///
/// # Errors
/// A sentence about a parameter.
pub fn path(template: &Template, parameters: &Json) -> Result<String, String> {
    let value = |name: &str| match parameters.get(name)? {
        Json::String(text) => Some(Cow::Owned(encoded(text))),
        Json::Number(number) => Some(Cow::Owned(encoded(&number.to_string()))),
        _ => None,
    };
    let filled = template.fill(value);
    filled.ok_or_else(|| "a parameter of its path is neither a text nor a number".into())
}

/// A text as one step of a path (RFC 3986): everything else than unreserved characters is encoded,
/// and so are dots, of which two would lead upwards.
fn encoded(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'~' => {
                encoded.push(char::from(byte));
            }
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_parameter_stays_one_step_of_the_path() {
        let template = Template::parse("/control/outlets/{outlet}");
        for (outlet, expect) in [
            (json!("AA1"), "/control/outlets/AA1"),
            (json!(3), "/control/outlets/3"),
            (json!("../users"), "/control/outlets/%2E%2E%2Fusers"),
            (json!("a?b#c d"), "/control/outlets/a%3Fb%23c%20d"),
        ] {
            let filled = path(&template, &json!({ "outlet": outlet }));
            assert_eq!(filled.as_deref(), Ok(expect));
        }
        assert!(path(&template, &json!({})).is_err());
    }
}
