//! Trust in certificates.

use serde_json::json;
use tokio::{io::AsyncWriteExt as _, net::TcpListener};
use utakata_tests::servers::Openssl;

use crate::device::Device;

#[tokio::test]
async fn the_first_certificate_is_kept_and_another_one_is_told_nothing() {
    let mut server = Openssl::start(30).unwrap();
    let device = Device::new(
        server.address(),
        &[("user", "admin"), ("password", "secret")],
    );
    let code = async || {
        let failure = device.run("read", json!({})).await.unwrap_err();
        failure.problem.code.to_string()
    };
    // Trusted, and no Redfish service.
    assert_eq!(code().await, "device-garbage");
    server.renew().unwrap();
    assert_eq!(code().await, "another-certificate");
    assert_eq!(code().await, "another-certificate");
}

#[tokio::test]
async fn a_certificate_that_no_authority_has_signed_is_refused_where_one_is_wanted() {
    let server = Openssl::start(30).unwrap();
    let print = "00".repeat(32);
    for (credential, expect) in [
        (&[("tls", "ca")][..], "another-certificate"),
        (&[("fingerprint", &print)], "another-certificate"),
        (&[("tls", "unchecked")], "device-garbage"),
    ] {
        let device = Device::new(server.address(), credential);
        let failure = device.run("read", json!({})).await.unwrap_err();
        assert_eq!(
            &*failure.problem.code, expect,
            "{credential:?}: {failure:?}"
        );
    }
    let pem = std::fs::read_to_string(server.certificate()).unwrap();
    let device = Device::new(server.address(), &[("ca", &pem)]);
    let failure = device.run("read", json!({})).await.unwrap_err();
    assert_eq!(&*failure.problem.code, "device-garbage", "{failure:?}");
}

#[tokio::test]
async fn a_service_with_nothing_but_old_algorithms_is_told_with_the_remedy() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let device = Device::new(listener.local_addr().unwrap(), &[]);
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            // TLS 1.2, an alert: fatal, no handshake is possible (RFC 5246, 7.2).
            let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 40]).await;
        }
    });
    let failure = device.run("read", json!({})).await.unwrap_err();
    assert_eq!(&*failure.problem.code, "device-garbage", "{failure:?}");
    let message = &failure.problem.message;
    assert!(
        message.contains("renew its certificate and firmware"),
        "{message}"
    );
}
