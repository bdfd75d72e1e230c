use super::*;

#[test]
fn topics_read_back_as_what_they_were_made_of() {
    let name = |text: &str| text.parse().unwrap();
    for (text, topic, retained) in [
        (
            "utakata/v1/reading/pdu-a1/read",
            Topic::Reading {
                target: "pdu-a1".parse().unwrap(),
                action: "read".parse().unwrap(),
            },
            true,
        ),
        (
            "utakata/v1/outcome/hall-1/apc-pdu",
            Topic::Outcome {
                zone: "hall-1".parse().unwrap(),
                kind: "apc-pdu".parse().unwrap(),
            },
            false,
        ),
        ("utakata/v1/start/wee-1", Topic::Start(name("wee-1")), false),
        (
            "utakata/v1/permit/wee-1",
            Topic::Permit(name("wee-1")),
            false,
        ),
        (
            "utakata/v1/recorded/wee-1",
            Topic::Recorded(name("wee-1")),
            false,
        ),
        ("utakata/v1/fetch/wee-1", Topic::Fetch(name("wee-1")), false),
        (
            "utakata/v1/datagram/wee-1",
            Topic::Datagram(name("wee-1")),
            false,
        ),
        ("utakata/v1/reply/wee-1", Topic::Reply(name("wee-1")), false),
        (
            "utakata/v1/notification/hall-1/2001:db8::1",
            Topic::Notification {
                zone: "hall-1".parse().unwrap(),
                subject: "2001:db8::1".into(),
            },
            false,
        ),
        (
            "utakata/v1/content/wee-1",
            Topic::Content(name("wee-1")),
            false,
        ),
        (
            "utakata/v1/environment/wee-1",
            Topic::Environment(name("wee-1")),
            true,
        ),
        (
            "utakata/v1/deleted/pdu-a1",
            Topic::Deleted("pdu-a1".parse().unwrap()),
            false,
        ),
        (
            "utakata/v1/desired/hall-1",
            Topic::Desired("hall-1".parse().unwrap()),
            true,
        ),
    ] {
        assert_eq!(topic.to_string(), text);
        assert_eq!(text.parse::<Topic>(), Ok(topic.clone()));
        assert_eq!(topic.is_retained(), retained, "{text}");
    }
}

#[test]
fn a_topic_that_is_not_ours_is_refused_with_the_reason() {
    for (text, expect) in [
        ("homeassistant/sensor/x", "does not begin with utakata/v1/"),
        (
            "utakata/v2/reading/a/read",
            "does not begin with utakata/v1/",
        ),
        (
            "utakata/v1/reading/pdu-a1",
            "has no meaning in this version",
        ),
        ("utakata/v1/reading/a/b/c", "has no meaning in this version"),
        ("utakata/v1/", "has no meaning in this version"),
        (
            "utakata/v1/reading/+/read",
            "has a level that is not a name",
        ),
        ("utakata/v1/environment/", "has a level that is not a name"),
    ] {
        let error = text.parse::<Topic>().unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
    }
}
