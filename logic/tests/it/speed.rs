//! How much a read on demand costs the logic environment: printed, and bounded loosely.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::room::Room;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_reads_in_one_request_are_one_batch() {
    let room = Room::served().await;
    room.furnish(1000).await;
    let started = Instant::now();
    for _ in 0..20 {
        let (_, answer) = room
            .post(
                "/v1/reads",
                json!({ "selector": "kind=pdu", "wait": "30s" }),
            )
            .await;
        assert_eq!(answer["counts"]["succeeded"], 1000, "{}", answer["counts"]);
    }
    let each = started.elapsed() / 20_000;
    println!("{each:?} a read, with answers of 1000 tasks and an unoptimised build");
    assert!(each < Duration::from_millis(2));
    room.end().await;
}
