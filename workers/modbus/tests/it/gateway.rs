//! Gateways that do what pymodbus cannot be made to do: units that are silent, answers that are
//! late, wrong, or of somebody else.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use serde_json::json;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use utakata_worker_sdk::model::OutcomeStatus;

use crate::device::Device;

/// The habit of a gateway: the answer to a request, if any.
type Habit = fn(request: &[u8], number: usize) -> Vec<u8>;

/// Serves a habit. Returns the address, and the number of connections so far.
async fn serve(habit: Habit) -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    tokio::spawn(async move {
        let mut number = 0;
        while let Ok((mut stream, _)) = listener.accept().await {
            count.fetch_add(1, Ordering::SeqCst);
            let mut request = [0; 260];
            while let Ok(read @ 1..) = stream.read(&mut request).await {
                let answer = habit(&request[..read], number);
                number += 1;
                if stream.write_all(&answer).await.is_err() {
                    break;
                }
            }
        }
    });
    (address, connections)
}

/// A frame of Modbus/TCP with the number and unit of a request.
fn framed(request: &[u8], data: &[u8]) -> Vec<u8> {
    let length = u8::try_from(data.len() + 1).unwrap();
    let mut frame = request[..2].to_vec();
    frame.extend([0, 0, 0, length, request[6]]);
    frame.extend(data);
    frame
}

/// An answer with zeros, or the confirmation of a write.
fn good(request: &[u8]) -> Vec<u8> {
    match request[7] {
        3 => {
            let count = request[11] * 2;
            let zeros = vec![0; usize::from(count)];
            framed(request, &[&[3, count][..], &zeros].concat())
        }
        _ => framed(request, &request[7..12]),
    }
}

#[tokio::test]
async fn the_outcome_of_a_write_is_what_the_answer_proves() {
    use OutcomeStatus::{Failed, Succeeded, Unknown};
    /// The habit of a gateway whose answer to a write is made by hand.
    macro_rules! writes {
        ($request:ident, $answer:expr) => {{
            fn habit($request: &[u8], _: usize) -> Vec<u8> {
                if $request[7] == 3 {
                    good($request)
                } else {
                    $answer
                }
            }
            habit as Habit
        }};
    }
    let cases: [(&str, Habit, OutcomeStatus); 9] = [
        ("confirmed", writes!(request, good(request)), Succeeded),
        (
            "no such register",
            writes!(request, framed(request, &[0x86, 2])),
            Failed,
        ),
        (
            "no such value",
            writes!(request, framed(request, &[0x86, 3])),
            Failed,
        ),
        (
            "it failed",
            writes!(request, framed(request, &[0x86, 4])),
            Unknown,
        ),
        (
            "unit silent",
            writes!(request, framed(request, &[0x86, 11])),
            Unknown,
        ),
        (
            "another value",
            writes!(request, framed(request, &[6, 0, 11, 0, 9])),
            Unknown,
        ),
        (
            "silent",
            writes!(request, {
                let _ = request;
                Vec::new()
            }),
            Unknown,
        ),
        (
            "garbage",
            writes!(request, {
                let _ = request;
                vec![0xff; 40]
            }),
            Unknown,
        ),
        (
            "another number",
            writes!(request, {
                let mut answer = good(request);
                answer[1] ^= 1;
                answer
            }),
            Unknown,
        ),
    ];
    for (name, habit, expect) in cases {
        let (address, _) = serve(habit).await;
        let device = Device::new(address);
        let done = device.run("set", json!({ "at": 11, "value": 80 })).await;
        let status = done.map_or_else(|failure| failure.status, |_| Succeeded);
        assert_eq!(status, expect, "{name}");
    }
}

#[tokio::test]
async fn a_late_answer_is_never_taken_for_the_next_one() {
    // The first request has no answer; to the second, both come at once.
    fn habit(request: &[u8], number: usize) -> Vec<u8> {
        match number {
            0 => Vec::new(),
            _ => {
                let mut late = request.to_vec();
                late[1] = late[1].wrapping_sub(1);
                [framed(&late, &[3, 2, 0xde, 0xad]), good(request)].concat()
            }
        }
    }
    let (address, connections) = serve(habit).await;
    let device = Device::new(address);
    let failure = device.run("get", json!({ "at": 1 })).await.unwrap_err();
    assert_eq!(&*failure.problem.code, "unreachable");
    // Another connection; and even there, an answer with another number counts for nothing.
    let failure = device.run("get", json!({ "at": 1 })).await.unwrap_err();
    assert_eq!(&*failure.problem.code, "device-garbage");
    assert_eq!(connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_unit_that_is_away_is_told_from_its_gateway() {
    fn habit(request: &[u8], _: usize) -> Vec<u8> {
        framed(request, &[request[7] | 0x80, 11])
    }
    let (address, _) = serve(habit).await;
    let device = Device::new(format!("{address}/9"));
    let problem = device.run("read", json!({})).await.unwrap_err().problem;
    assert_eq!(&*problem.code, "unreachable");
    assert!(problem.message.contains("unit 9 at"), "{problem}");
}
