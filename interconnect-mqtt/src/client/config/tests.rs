use super::*;

fn url(text: &str) -> Result<Url, ConfigError> {
    text.parse()
}

#[test]
fn a_url_says_where_and_as_whom() {
    let check = |text: &str, shown: &str, login: Option<(&str, &str)>| {
        let url = url(text).unwrap();
        let expect = login.map(|(user, password)| (user.to_owned(), password.to_owned()));
        assert_eq!((url.to_string().as_str(), &url.login), (shown, &expect));
        assert_eq!(format!("{url:?}"), shown);
        assert_eq!(serde_json::to_value(&url).unwrap(), shown);
    };
    check("mqtt://broker", "mqtt://broker:1883", None);
    check("mqtts://broker/", "mqtts://broker:8883", None);
    check(
        "mqtt://a:b@10.0.0.1:99",
        "mqtt://10.0.0.1:99",
        Some(("a", "b")),
    );
    check(
        "mqtt://site%3Awee:p%40ss%25@h",
        "mqtt://h:1883",
        Some(("site:wee", "p@ss%")),
    );
    check("mqtt://a@h", "mqtt://h:1883", Some(("a", "")));
}

#[test]
fn what_is_not_a_url_of_a_broker_is_refused_in_words() {
    let check = |text: &str, word: &str| {
        let error = url(text).unwrap_err().to_string();
        assert!(error.contains(word), "{text}: {error}");
    };
    check("broker", "not one");
    check("http://broker", "mqtts://");
    check("mqtt://", "host");
    check("mqtt://broker/topic", "path");
    check("mqtt://a%zz@broker", "%");
}

#[test]
fn keys_have_defaults_and_unknown_ones_are_refused() {
    let read = |text: &str| serde_json::from_str::<Config>(text);
    assert_eq!(read("{}").unwrap(), Config::default());
    let config = read(r#"{"url":"mqtts://h","version":"3.1.1","ack_timeout":"2s"}"#).unwrap();
    assert_eq!(config.version, Version::V3);
    assert_eq!(config.ack_timeout, Duration::from_secs(2));
    assert!(read(r#"{"version":"4"}"#).is_err());
    assert!(read(r#"{"passwort":"x"}"#).is_err());
}

#[test]
fn a_name_or_certificates_that_are_of_no_use_are_found_at_once() {
    let mut config = Config {
        client: "utakata-le".into(),
        ..Config::default()
    };
    assert_eq!(config.check(), Ok(()));
    config.tls.ca = Some("ca.crt".into());
    assert_eq!(config.check(), Err(ConfigError::NoTls));
    config.url = url("mqtts://h").unwrap();
    assert_eq!(config.check(), Ok(()));
    for client in ["", "a/b", "a b", "#"] {
        config.client = client.into();
        assert!(config.check().is_err(), "{client}");
    }
}
