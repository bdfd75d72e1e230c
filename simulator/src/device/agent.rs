//! The SNMP agent of a device: async-snmp answers, a relay in front of it misbehaves.
//!
//! ```text
//! manager ──UDP──► relay (port of the device: counts, delays, swallows, garbles)
//!                    └──UDP──► agent (its own port on loopback: v1, v2c, v3) ──► Device
//! ```

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_snmp::agent::Agent;
use async_snmp::handler::{
    BoxFuture, GetNextResult, GetResult, HandlerResult, MibHandler, PreparedSet, RequestContext,
    SecurityName, SetCommitResult, SetTestError, SetTestResult, SetUndoResult,
};
use async_snmp::v3::{AuthoritativeEngine, PersistedAuthoritativeEngine};
use async_snmp::{AuthProtocol, Oid, PrivProtocol, SecurityLevel, Value, oid};
use tokio::net::UdpSocket;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::Device;
use crate::fault::{GARBAGE, Reply};
use crate::mib::{Change, Refusal};

pub const READ_COMMUNITY: &str = "public";
/// The community with write access.
pub const WRITE_COMMUNITY: &str = "private";

const USER: &str = "demo";
const AUTH_PASSWORD: &str = "demo-auth-pass";
const PRIVACY_PASSWORD: &str = "demo-priv-pass";

/// The most requests of one device in progress; further ones are dropped, as by a full socket.
const MAX_UNDER_WAY: usize = 512;
/// The agent answers from memory: if it has not by then, it will not.
const PATIENCE: Duration = Duration::from_secs(2);
const LARGEST_DATAGRAM: usize = 65_535;

/// The reason why a device is not reachable.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address is not free.
    #[error(
        "cannot listen on {address} for `{name}`: choose another --base-port, or 0 for free ones"
    )]
    Bind {
        name: String,
        address: SocketAddr,
        source: io::Error,
    },
    /// Its SNMP engine cannot be created.
    #[error("cannot create the SNMP engine of `{name}`")]
    Engine {
        name: String,
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Starts the agent and the relay of `device` in `tasks`; returns the address of the device. Port 0
/// picks a free one.
pub async fn spawn(
    device: Arc<Device>,
    address: SocketAddr,
    began: Instant,
    tasks: &mut JoinSet<()>,
) -> Result<SocketAddr, Error> {
    let bind = |source| Error::Bind {
        name: device.name.clone(),
        address,
        source,
    };
    let socket = Arc::new(UdpSocket::bind(address).await.map_err(bind)?);
    let address = socket.local_addr().map_err(bind)?;
    let agent = build(&device).await.map_err(|source| Error::Engine {
        name: device.name.clone(),
        source,
    })?;
    let inner = agent.local_addr();
    tasks.spawn(async move {
        if let Err(error) = agent.run().await {
            tracing::error!(%error, "an agent ended");
        }
    });
    tasks.spawn(relay(device, socket, inner, began));
    Ok(address)
}

async fn build(device: &Arc<Device>) -> Result<Agent, Box<dyn std::error::Error + Send + Sync>> {
    let agent = Agent::builder()
        .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).to_string())
        .recv_buffer_size(None)
        .communities([READ_COMMUNITY, WRITE_COMMUNITY])
        .authoritative_engine(engine(&device.name)?)
        .usm_user(USER, |user| {
            user.auth_priv(
                AuthProtocol::Sha256,
                AUTH_PASSWORD.as_bytes(),
                PrivProtocol::Aes128,
                PRIVACY_PASSWORD.as_bytes(),
            )
        })?
        .handler(oid!(1, 3, 6, 1), Arc::new(Handler(device.clone())))
        .allow_all_access()
        .build()
        .await?;
    Ok(agent)
}

/// Creates an engine with a permanent id. Its boot counter is the time of day, so that it grows
/// from one start to the next without a file: a manager that knew the previous engine must not take
/// the new one's clock for a replay (RFC 3414, section 2.2).
fn engine(name: &str) -> Result<AuthoritativeEngine, Box<async_snmp::Error>> {
    let id = [&[0x80, 0x00, 0x1f, 0x88, 0x04], name.as_bytes()].concat();
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let boots = u32::try_from(seconds).unwrap_or(1).min(i32::MAX as u32 - 1);
    let previous = PersistedAuthoritativeEngine::new(id[..id.len().min(32)].to_vec(), boots)?;
    AuthoritativeEngine::restart(previous, |_| Ok::<(), Infallible>(()))
}

/// Passes requests to the agent and answers back, as far as the current faults allow.
async fn relay(device: Arc<Device>, socket: Arc<UdpSocket>, agent: SocketAddr, began: Instant) {
    let mut buffer = vec![0; LARGEST_DATAGRAM];
    let mut under_way = JoinSet::new();
    loop {
        let (length, manager) = match socket.recv_from(&mut buffer).await {
            Ok(received) => received,
            Err(error) => {
                // An ICMP error of an earlier answer; the socket itself is sound.
                tracing::debug!(%error, device = device.name, "no datagram");
                continue;
            }
        };
        while under_way.try_join_next().is_some() {}
        let reply = device.receive(began.elapsed());
        if reply == Reply::Never || under_way.len() >= MAX_UNDER_WAY {
            continue;
        }
        let request = buffer[..length].to_vec();
        let (device, socket) = (device.clone(), socket.clone());
        under_way.spawn(async move {
            if let Some(answer) = answer(&request, agent, reply).await
                && socket.send_to(&answer, manager).await.is_ok()
            {
                device.answered();
            }
        });
    }
}

async fn answer(request: &[u8], agent: SocketAddr, reply: Reply) -> Option<Vec<u8>> {
    match reply {
        Reply::Never => None,
        Reply::Garbage => Some(GARBAGE.to_vec()),
        Reply::After(delay) => {
            // Acts at once and answers late: the behaviour of a slow device on a SET.
            let answer = ask(request, agent).await.ok()?;
            sleep(delay).await;
            Some(answer)
        }
    }
}

async fn ask(request: &[u8], agent: SocketAddr) -> io::Result<Vec<u8>> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    socket.connect(agent).await?;
    socket.send(request).await?;
    let mut buffer = vec![0; LARGEST_DATAGRAM];
    let length = timeout(PATIENCE, socket.recv(&mut buffer)).await??;
    buffer.truncate(length);
    Ok(buffer)
}

struct Handler(Arc<Device>);

impl MibHandler for Handler {
    fn get<'a>(
        &'a self,
        _context: &'a RequestContext,
        oid: &'a Oid,
    ) -> BoxFuture<'a, HandlerResult<GetResult>> {
        Box::pin(async move {
            Ok(match self.0.get(oid) {
                Value::NoSuchObject => GetResult::NoSuchObject,
                Value::NoSuchInstance => GetResult::NoSuchInstance,
                value => GetResult::Value(value),
            })
        })
    }

    fn get_next<'a>(
        &'a self,
        _context: &'a RequestContext,
        oid: &'a Oid,
    ) -> BoxFuture<'a, HandlerResult<GetNextResult>> {
        Box::pin(async move {
            Ok(self
                .0
                .next(oid)
                .map_or(GetNextResult::EndOfMibView, GetNextResult::Value))
        })
    }

    fn test_set<'a>(
        &'a self,
        context: &'a RequestContext,
        oid: &'a Oid,
        value: &'a Value,
    ) -> BoxFuture<'a, SetTestResult> {
        Box::pin(async move {
            if !may_write(context) {
                return Err(SetTestError::NoAccess);
            }
            let change = self.0.test(oid, value).map_err(refusal)?;
            Ok(Box::new(Prepared {
                device: self.0.clone(),
                change,
            }) as Box<dyn PreparedSet>)
        })
    }
}

fn may_write(context: &RequestContext) -> bool {
    match context.security_name() {
        SecurityName::Community(community) => community.matches(WRITE_COMMUNITY.as_bytes()),
        SecurityName::Usm(_) => context.security_level() == SecurityLevel::AuthPriv,
    }
}

fn refusal(refusal: Refusal) -> SetTestError {
    match refusal {
        Refusal::NotWritable => SetTestError::NotWritable,
        Refusal::NoCreation => SetTestError::NoCreation,
        Refusal::WrongType => SetTestError::WrongType,
        Refusal::WrongLength => SetTestError::WrongLength,
        Refusal::WrongValue => SetTestError::WrongValue,
    }
}

/// A validated SET. Carrying it out cannot fail, so there is never anything to undo.
struct Prepared {
    device: Arc<Device>,
    change: Change,
}

impl PreparedSet for Prepared {
    fn commit<'a>(
        &'a mut self,
        _context: &'a RequestContext,
        _oid: &'a Oid,
        _value: &'a Value,
    ) -> BoxFuture<'a, SetCommitResult> {
        self.device.change(&self.change);
        Box::pin(async { Ok(()) })
    }

    fn undo<'a>(
        &'a mut self,
        _context: &'a RequestContext,
        _oid: &'a Oid,
        _value: &'a Value,
    ) -> BoxFuture<'a, SetUndoResult> {
        Box::pin(async { Ok(()) })
    }
}
