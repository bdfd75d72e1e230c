//! Resources as JSON, and the links between them. Pure.

use serde_json::Value as Json;

/// The key of a link.
const LINK: &str = "@odata.id";

/// The members of a collection.
#[derive(Debug, Default, PartialEq)]
pub struct Members<'a> {
    /// The members: their links, and their content where it is included.
    pub all: Vec<(String, Option<&'a Json>)>,
    /// The link to more of them.
    pub next: Option<String>,
}

/// Returns the path of a link: of another host there is none.
pub fn path(link: &str) -> Option<String> {
    let path = match link.split_once("://") {
        Some((_, rest)) => rest.get(rest.find('/')?..)?,
        None => link,
    };
    let path = path.split('#').next().unwrap_or_default();
    path.starts_with('/').then(|| path.to_owned())
}

/// The form in which two paths of one resource are equal: without a slash at the end, and in lower
/// case, because some services link to `/systems/1` and mean `/Systems/1`.
pub fn same(path: &str) -> String {
    path.trim_end_matches('/').to_ascii_lowercase()
}

/// The identifier of a resource: the last part of its path.
pub fn identifier(path: &str) -> &str {
    let path = path.split('?').next().unwrap_or_default();
    path.trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or_default()
}

/// The link in a value: an object with one, or the text of one.
pub fn link(value: &Json) -> Option<String> {
    match value {
        Json::String(text) => path(text),
        Json::Object(object) => path(object.get(LINK)?.as_str()?),
        _ => None,
    }
}

/// The link that a resource has under a name, perhaps among its `Links`.
pub fn property(document: &Json, name: &str) -> Option<String> {
    let direct = document.get(name).and_then(link);
    direct.or_else(|| {
        document
            .get("Links")
            .and_then(|links| link(links.get(name)?))
    })
}

/// The members of a collection, in the forms that services have for them: a list, one object, null;
/// links, or resources in their place.
pub fn members(collection: &Json) -> Members<'_> {
    let list = match collection.get("Members") {
        Some(Json::Array(list)) => list.as_slice(),
        Some(one @ Json::Object(_)) => std::slice::from_ref(one),
        _ => &[],
    };
    let all = list.iter().filter_map(|member| {
        let path = link(member)?;
        // One that is expanded has its identifier; some services leave that out.
        let is_whole = member.get("Id").is_some_and(Json::is_string);
        Some((path, is_whole.then_some(member)))
    });
    let next = collection
        .get("Members@odata.nextLink")
        .or(collection.get("@odata.nextLink"));
    Members {
        all: all.collect(),
        next: next.and_then(link),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn links_are_paths_of_this_service() {
        for (link, expect) in [
            ("/redfish/v1/Systems/1", Some("/redfish/v1/Systems/1")),
            ("https://bmc/redfish/v1/", Some("/redfish/v1/")),
            (
                "/redfish/v1/Chassis/1/Power#/PowerControl/0",
                Some("/redfish/v1/Chassis/1/Power"),
            ),
            ("Systems", None),
            ("https://bmc", None),
        ] {
            assert_eq!(path(link).as_deref(), expect, "{link}");
        }
        assert_eq!(
            same("/redfish/v1/systems/1/"),
            same("/redfish/v1/Systems/1")
        );
        assert_eq!(identifier("/redfish/v1/Systems/A:1/"), "A:1");
    }

    #[test]
    fn members_are_read_in_every_form() {
        let plain = json!({ "Members": [{ "@odata.id": "/a" }, { "@odata.id": "/b/", "Id": "b" }],
            "Members@odata.nextLink": "/more?skip=2" });
        let read = members(&plain);
        assert_eq!(read.all.len(), 2);
        assert_eq!((read.all[0].1, read.all[1].1.is_some()), (None, true));
        assert_eq!(read.next.as_deref(), Some("/more?skip=2"));
        let one = json!({ "Members": { "@odata.id": "/a" } });
        assert_eq!(members(&one).all.len(), 1);
        for none in [json!({ "Members": null }), json!({}), json!([])] {
            assert_eq!(members(&none), Members::default());
        }
    }
}
