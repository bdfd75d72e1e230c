//! A page of the trail, as the API shows it.

use serde_json::value::RawValue;
use utakata_api::audit::AuditPageView;

use crate::store::AuditPage;

impl From<AuditPage> for AuditPageView {
    fn from(page: AuditPage) -> Self {
        Self {
            lines: page.body.lines().filter_map(raw).collect(),
            page: page.page,
            hash: page.hash,
        }
    }
}

/// Returns a line unchanged; one that is not JSON becomes a text.
fn raw(line: &str) -> Option<Box<RawValue>> {
    let as_it_is = RawValue::from_string(line.to_owned());
    as_it_is
        .or_else(|_| serde_json::value::to_raw_value(line))
        .ok()
}
