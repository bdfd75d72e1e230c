//! A broker that hangs up at once is not called again at once, for ever.

use std::time::{Duration, Instant};

use tokio::net::TcpListener;
use utakata_interconnect_amqp::{Amqp, Config, Url};

use super::within;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_hung_up_on_waits_longer_each_time() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Config {
        url: Url::new(&format!("amqp://admin:secret@127.0.0.1:{port}/%2F")).unwrap(),
        ..Config::default()
    };
    let amqp = Amqp::connect(config);
    let mut came = Vec::new();
    while came.len() < 6 {
        drop(within(listener.accept()).await.unwrap());
        came.push(Instant::now());
    }
    // At least the intended waits: a slow machine only adds to them. A call may be noticed late, so
    // half of it is enough.
    let least = [100, 200, 400, 800, 1600].map(Duration::from_millis);
    for (pair, least) in came.windows(2).zip(least) {
        let waited = pair[1] - pair[0];
        assert!(waited >= least / 2, "{waited:?} in place of {least:?}");
    }
    let problem = amqp.health().problem().unwrap();
    assert!(problem.contains(&port.to_string()), "{problem}");
    amqp.close().await;
}
