//! The connection is cut around a commit: its fate is determined, and it takes effect once.

use std::net::SocketAddr;

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinSet,
};
use utakata_logic::store::{Error, Ledger};
use utakata_tests::servers::Postgres;

use super::{
    open,
    outage::{is_there, page},
};

/// The fate of the next commit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cut {
    /// Not cut.
    Nowhere,
    /// The commit never reaches the database.
    Before,
    /// The answer to the commit is lost.
    After,
}

/// As the library sends it: a simple query.
const COMMIT: &[u8] = b"COMMIT\0";

/// Forwards everything except what is cut.
async fn link(to: SocketAddr) -> (SocketAddr, watch::Sender<Cut>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = listener.local_addr().unwrap();
    let cut = watch::Sender::new(Cut::Nowhere);
    let next = cut.clone();
    let mut background = JoinSet::new();
    background.spawn(async move {
        let mut connections = JoinSet::new();
        while let Ok((ours, _)) = listener.accept().await {
            let theirs = TcpStream::connect(to).await.unwrap();
            connections.spawn(pass(ours, theirs, next.clone()));
        }
    });
    (at, cut, background)
}

async fn pass(mut ours: TcpStream, mut theirs: TcpStream, cut: watch::Sender<Cut>) {
    let (mut requested, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = ours.read(&mut requested) => {
                let Ok(1..) = read else { return };
                let requested = &requested[..read.unwrap()];
                let is_commit = requested.windows(COMMIT.len()).any(|part| part == COMMIT);
                let fate = match is_commit {
                    true => cut.send_replace(Cut::Nowhere),
                    false => Cut::Nowhere,
                };
                if fate == Cut::Before || theirs.write_all(requested).await.is_err() {
                    return;
                }
                if fate == Cut::After {
                    // The commit is done once there is an answer, which is not forwarded.
                    let done = theirs.read(&mut answered).await;
                    assert!(done.unwrap() > 0);
                    return;
                }
            }
            read = theirs.read(&mut answered) => {
                let Ok(1..) = read else { return };
                if ours.write_all(&answered[..read.unwrap()]).await.is_err() {
                    return;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_commit_whose_answer_is_cut_off_is_in_doubt_and_done_once() {
    let server = Postgres::start().unwrap();
    let direct = server.database().unwrap();
    let (at, cut, _background) = link(server.address()).await;
    let through = direct.replace(&server.address().to_string(), &at.to_string());
    let (store, other) = (open(&through).await.unwrap(), open(&direct).await.unwrap());
    let mut number = 0;
    for (fate, expect) in [
        (Cut::After, true),
        (Cut::Before, false),
        (Cut::After, true),
        (Cut::Before, false),
    ] {
        number += 1;
        let quiet = page(number);
        store.write(&quiet).await.unwrap();
        assert!(is_there(&other, &quiet).await);
        number += 1;
        let doubtful = page(number);
        cut.send_replace(fate);
        let error = store.write(&doubtful).await.unwrap_err();
        assert!(matches!(error, Error::InDoubt { .. }), "{fate:?}: {error}");
        assert_eq!(error.code().as_str(), "store-in-doubt");
        assert_eq!(is_there(&other, &doubtful).await, expect, "{fate:?}");
        // The same again, as the ledger does: it is stored once.
        store.write(&doubtful).await.unwrap();
        assert!(is_there(&other, &doubtful).await);
    }
    let count = server.sql("test_0", "SELECT COUNT(*), MAX(page) FROM audit");
    assert_eq!(count.unwrap(), format!("{number}|{number}"));
}
