//! TLS, with certificates on both sides.

use std::{fmt::Write as _, path::Path, process::Command};

use tempfile::TempDir;
use utakata_interconnect::{Tasks, connection::Tls};
use utakata_interconnect_amqp::{Amqp, Config, Url};
use utakata_model::Class;
use utakata_tests::servers::{Port, Rabbitmq, Transport};

use super::{
    connect,
    sample::{Hall, fetch, numbers},
    until,
};

/// Makes `name.pem` and `name.key`, signed by `by`, or by itself.
fn certificate(folder: &Path, name: &str, by: Option<&str>) {
    let mut command = Command::new("openssl");
    command
        .current_dir(folder)
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
        ])
        .args(["-nodes", "-days", "2", "-subj", &format!("/CN={name}")])
        .args([
            "-keyout",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.pem"),
        ]);
    if let Some(by) = by {
        command
            .args(["-CA", &format!("{by}.pem"), "-CAkey", &format!("{by}.key")])
            .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"])
            .args(["-addext", "basicConstraints=critical,CA:FALSE"]);
    }
    let output = command.output().expect("openssl is there");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_sides_show_certificates_and_wrong_ones_are_reported() {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    for (name, by) in [
        ("ca", None),
        ("other-ca", None),
        ("broker", Some("ca")),
        ("environment", Some("ca")),
    ] {
        certificate(folder.path(), name, by);
    }
    let claim = Port::claim(Transport::Tcp).unwrap();
    let port = claim.number();
    let mut lines = format!("listeners.ssl.1 = 127.0.0.1:{port}\n");
    for (key, file) in [
        ("cacertfile", "ca.pem"),
        ("certfile", "broker.pem"),
        ("keyfile", "broker.key"),
    ] {
        writeln!(lines, "ssl_options.{key} = {}", path(file).display()).unwrap();
    }
    lines += "ssl_options.verify = verify_peer\nssl_options.fail_if_no_peer_cert = true\n";
    let _broker = Rabbitmq::start_with(&lines).unwrap();

    let config = |ca: &str, certificate: Option<&str>| Config {
        url: Url::new(&format!("amqps://admin:secret@localhost:{port}/%2F")).unwrap(),
        tls: Tls {
            ca: Some(path(ca)),
            certificate: certificate.map(|name| path(&format!("{name}.pem"))),
            key: certificate.map(|name| path(&format!("{name}.key"))),
        },
        ..Config::default()
    };
    let amqp = connect(&config("ca.pem", Some("environment"))).await;
    let hall = Hall::new("hall-1");
    let mut consumer = amqp.consume(&hall.zone, &hall.kind).await.unwrap();
    amqp.publish(hall.tasks(Class::Control, 0..3))
        .await
        .unwrap();
    assert_eq!(numbers(&fetch(consumer.as_mut(), 3).await), [0, 1, 2]);

    for (ca, certificate, expect) in [
        ("other-ca.pem", Some("environment"), "certificate"),
        ("ca.pem", None, "ertificate"),
        ("none.pem", None, "none.pem cannot be read"),
    ] {
        let amqp = Amqp::connect(config(ca, certificate));
        until(
            &format!("{ca} is told: {:?}", amqp.health().problem()),
            async || {
                amqp.health()
                    .problem()
                    .is_some_and(|problem| problem.contains(expect))
            },
        )
        .await;
    }
}
