//! A single misbehaving agent: it answers real SNMPv1, v2c and v3, and combines everything that
//! devices do to their answers, at random from a seed.
//!
//! It prints its faults and the truth about each object, so that a reader can be checked: no wrong
//! value, nothing silently left out.

mod answer;
mod faults;
mod objects;
mod user;

#[cfg(test)]
mod tests;

use std::{
    io,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use serde::Serialize;
use tokio::{net::UdpSocket, task::JoinSet, time::sleep};

use crate::service::{self, print};
use answer::{Agent, Reply};
pub use faults::{Faults, Only};
use objects::Objects;
use user::{Heard, Users};

/// The settings of the agent.
#[derive(Debug, Clone)]
pub struct Config {
    /// The seed of all randomness.
    pub seed: u64,
    /// Only faults of these sorts; all if empty.
    pub only: Vec<Only>,
    /// The address at which it listens.
    pub bind: IpAddr,
    /// Its port; 0 picks a free one.
    pub port: u16,
    /// Ends when standard input closes.
    pub exit_with_stdin: bool,
}

/// The reason why the agent cannot run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not free.
    #[error("cannot listen on {address}: choose another --port, or 0 for a free one")]
    Bind {
        address: SocketAddr,
        source: io::Error,
    },
    /// Signals or standard output do not work.
    #[error(transparent)]
    Service(#[from] service::Error),
}

#[derive(Serialize)]
struct Ready<'a> {
    ready: bool,
    address: SocketAddr,
    version: &'static str,
    community_read: &'static str,
    /// The user who reads by v3. Absent if the agent speaks only SNMPv1.
    user: Option<User>,
    faults: &'a Faults,
    objects: Vec<objects::Truth>,
}

#[derive(Serialize)]
struct User {
    name: &'static str,
    auth: &'static str,
    auth_password: &'static str,
}

/// Runs the agent until SIGTERM, SIGINT, or the end of standard input.
pub async fn run(config: &Config) -> Result<(), Error> {
    let end = service::wait_for_end(config.exit_with_stdin)?;
    let address = SocketAddr::new(config.bind, config.port);
    let refused = |source| Error::Bind { address, source };
    let socket = UdpSocket::bind(address).await.map_err(refused)?;
    let address = socket.local_addr().map_err(refused)?;
    let faults = Faults::compose(config.seed, &config.only);
    let objects = Objects::build(config.seed, &faults);
    print(&[service::line(&Ready {
        ready: true,
        address,
        version: if faults.is_v1_only { "1" } else { "2c" },
        community_read: answer::COMMUNITY,
        user: (!faults.is_v1_only).then_some(User {
            name: user::NAME,
            auth: "SHA",
            auth_password: user::PASSWORD,
        }),
        faults: &faults,
        objects: objects.truth(&faults),
    })?])?;
    let users = Users::new(config.seed).filter(|_| !faults.is_v1_only);
    let agent = Agent::new(config.seed, faults, objects);
    let mut tasks = JoinSet::new();
    tasks.spawn(serve(Arc::new(socket), agent, users));
    end.await;
    tasks.shutdown().await;
    Ok(())
}

async fn serve(socket: Arc<UdpSocket>, mut agent: Agent, users: Option<Users>) {
    let mut request = vec![0; 65_535];
    let mut under_way = JoinSet::new();
    loop {
        // An error is an ICMP message about an earlier answer; the socket itself is sound.
        let Ok((length, manager)) = socket.recv_from(&mut request).await else {
            continue;
        };
        while under_way.try_join_next().is_some() {}
        for Reply { after, message } in replies(&mut agent, users.as_ref(), &request[..length]) {
            let socket = Arc::clone(&socket);
            under_way.spawn(async move {
                if after > Duration::ZERO {
                    sleep(after).await;
                }
                // A manager that has gone needs no answer.
                let _ = socket.send_to(&message, manager).await;
            });
        }
    }
}

fn replies(agent: &mut Agent, users: Option<&Users>, message: &[u8]) -> Vec<Reply> {
    let heard = users.map_or(Heard::Other, |users| users.hear(message));
    let (users, asked) = match (users, heard) {
        (Some(users), Heard::Asked(asked)) => (users, asked),
        (_, Heard::Settled(report)) => {
            let at_once = |message| Reply {
                after: Duration::ZERO,
                message,
            };
            return report.map(at_once).into_iter().collect();
        }
        _ => return agent.answer(message),
    };
    let replies = agent.answer(&asked.request).into_iter();
    let wrapped = replies.filter_map(|reply| {
        Some(Reply {
            message: users.wrap(&asked, &reply.message)?,
            ..reply
        })
    });
    wrapped.collect()
}
