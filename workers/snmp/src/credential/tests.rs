use async_snmp::{AuthProtocol, CommunityVersion, PrivProtocol};
use utakata_worker_sdk::model::target::Secret;

use super::*;

fn parse_pairs(pairs: &[(&str, &str)]) -> Result<Credential, Error> {
    parse(
        &pairs
            .iter()
            .map(|(key, text)| ((*key).into(), Secret::new(*text)))
            .collect(),
    )
}

fn community(version: CommunityVersion, read: &str, write: Option<&str>) -> Credential {
    Credential::Community {
        version,
        read: read.into(),
        write: write.map(String::from),
    }
}

#[test]
fn communities_are_read_with_their_version() {
    let (v1, v2c) = (CommunityVersion::V1, CommunityVersion::V2c);
    for (pairs, expect) in [
        (&[][..], community(v2c, "public", None)),
        (
            &[("community", "x"), ("community_write", "y")],
            community(v2c, "x", Some("y")),
        ),
        (
            &[("version", "1"), ("community", "x")],
            community(v1, "x", None),
        ),
        (&[("version", "v2c")], community(v2c, "public", None)),
    ] {
        assert!(parse_pairs(pairs) == Ok(expect), "{pairs:?}");
    }
}

#[test]
fn users_are_read_with_their_protocols() {
    let all = [
        ("user", "u"),
        ("auth", "sha512"),
        ("auth_password", "12345678"),
        ("priv", "AES-256"),
        ("priv_password", "87654321"),
        ("context", "c"),
    ];
    let Ok(Credential::User(user)) = parse_pairs(&all) else {
        panic!("not a user")
    };
    assert_eq!((user.name.as_str(), user.context.as_str()), ("u", "c"));
    assert_eq!(user.auth, Some((AuthProtocol::Sha512, "12345678".into())));
    assert_eq!(
        user.privacy,
        Some((PrivProtocol::Aes256Blumenthal, "87654321".into()))
    );
    let defaults = [
        ("user", "u"),
        ("auth_password", "12345678"),
        ("priv_password", "12345678"),
    ];
    let Ok(Credential::User(user)) = parse_pairs(&defaults) else {
        panic!("not a user")
    };
    assert_eq!(
        user.auth.map(|(protocol, _)| protocol),
        Some(AuthProtocol::Sha256)
    );
    assert_eq!(
        user.privacy.map(|(protocol, _)| protocol),
        Some(PrivProtocol::Aes128)
    );
}

#[test]
fn what_is_wrong_is_reported_without_showing_a_secret() {
    for (pairs, expect) in [
        (
            &[("comunity", "s3cret-one")][..],
            "did you mean \"community\"?",
        ),
        (&[("version", "4")], "known are: 1, 2c, 3"),
        (&[("version", "3")], "no user"),
        (
            &[
                ("user", "u"),
                ("auth", "SHA-265"),
                ("auth_password", "s3cret-one"),
            ],
            "\"SHA-256\"?",
        ),
        (&[("user", "u"), ("auth", "SHA-256")], "no auth_password"),
        (
            &[("user", "u"), ("priv_password", "s3cret-one")],
            "no auth_password",
        ),
        (
            &[("user", "u"), ("auth_password", "s3cret")],
            "shorter than 8",
        ),
    ] {
        let error = parse_pairs(pairs).unwrap_err().to_string();
        assert!(error.contains(expect), "{error}");
        assert!(!error.contains("s3cret"), "{error}");
    }
    assert_eq!(
        format!("{:?}", community(CommunityVersion::V1, "s3cret", None)),
        "community ***"
    );
}
