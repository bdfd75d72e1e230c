use std::sync::LazyLock;

use proptest::{collection::vec, prelude::*, sample::select};
use serde_json::{Value as Json, json};
use utakata_profile::{
    Collection,
    json::{Resource, decode},
};
use utakata_worker_sdk::model::reading::Attributes;

use super::*;
use crate::{document, profile::Library};

/// All of the profiles that are shipped, as for a service that each of them recognises.
static SHIPPED: LazyLock<Vec<Arc<Profile>>> = LazyLock::new(|| {
    let library = Library::shipped().unwrap();
    library.resolve(["hpe-ilo", "redfish"]).unwrap()
});

/// Everything that a walk and the reads see of a resource, and of the resources in it: links by name, members,
/// pages, readings, and what cannot be read.
fn seen(profiles: &[Arc<Profile>], resource: &Json) -> Vec<String> {
    let contents = || profiles.iter().map(|profile| &profile.content);
    let mut all = Vec::new();
    for segment in contents().flat_map(|content| content.find.values().flatten().flatten()) {
        if let Segment::Name(name) = segment {
            all.push(format!("{name} {:?}", document::property(resource, name)));
        }
    }
    all.push(format!(
        "has members: {}",
        resource.get("Members").is_some()
    ));
    let members = document::members(resource);
    all.push(format!("next: {:?}", members.next));
    for (path, whole) in members.all {
        all.push(format!("member {path}, whole: {}", whole.is_some()));
        all.extend(whole.into_iter().flat_map(|whole| seen(profiles, whole)));
    }
    let of = Attributes::default();
    let reads = || contents().flat_map(|content| &content.reads);
    for place in reads().flat_map(|read| &read.places) {
        let resource = Resource {
            place,
            path: "/x",
            of: &of,
            document: resource,
        };
        let mut collected = Collection::default();
        decode(reads(), &[resource], &mut collected);
        all.push(format!("{:?} {:?}", collected.readings, collected.unread));
    }
    all
}

fn check(profiles: &[Arc<Profile>], resource: &Json) {
    let parts = wanted(profiles).parse(resource.to_string().as_bytes());
    assert_eq!(seen(profiles, &parts.unwrap()), seen(profiles, resource));
}

/// Names that services have for what profiles look at, and one that nobody looks at.
const NAMES: [&str; 34] = [
    "@odata.id",
    "@odata.nextLink",
    "Members",
    "Members@odata.nextLink",
    "Links",
    "Systems",
    "Chassis",
    "Sensors",
    "Thermal",
    "Power",
    "PowerSubsystem",
    "PowerSupplies",
    "Metrics",
    "ThermalSubsystem",
    "Fans",
    "Outlets",
    "Id",
    "MemberId",
    "Name",
    "Status",
    "State",
    "Health",
    "Reading",
    "ReadingCelsius",
    "ReadingUnits",
    "ReadingType",
    "PowerState",
    "Temperatures",
    "PowerControl",
    "PowerConsumedWatts",
    "PowerLimit",
    "LimitInWatts",
    "Boot",
    "Oem",
];

fn value() -> impl Strategy<Value = Json> {
    let scalar = select(vec![
        json!(null),
        json!(0),
        json!(23.5),
        json!("57.0"),
        json!("nan"),
        json!("Enabled"),
        json!("Absent"),
        json!("On"),
        json!("OK"),
        json!("Cel"),
        json!("kW"),
        json!("Fan 1"),
        json!("/redfish/v1/Chassis/1"),
        json!("https://other/redfish/v1/Chassis/2/#x"),
        json!({ "@odata.id": "/redfish/v1/Chassis/1/Sensors" }),
        json!({ "@odata.id": "/redfish/v1/Chassis/1/Sensors/a", "Id": "a" }),
    ]);
    scalar.prop_recursive(4, 60, 8, |inner| {
        prop_oneof![
            1 => vec(inner.clone(), 0..4).prop_map(Json::from),
            3 => object(inner),
        ]
    })
}

fn object(inner: impl Strategy<Value = Json>) -> impl Strategy<Value = Json> {
    vec((select(&NAMES), inner), 0..9).prop_map(|all| {
        all.into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    })
}

#[test]
fn members_of_members_are_found() {
    let inner = json!({ "@odata.id": "/a/b", "Id": "b", "Reading": 1, "ReadingUnits": "Cel" });
    let list = json!({ "@odata.id": "/a", "Id": "a", "Members": [inner] });
    check(&SHIPPED, &json!({ "Members": [list] }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]
    #[test]
    fn the_parts_of_a_resource_lead_and_tell_as_far_as_the_whole(resource in object(value())) {
        check(&SHIPPED, &resource);
    }
}
