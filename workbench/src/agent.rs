//! An agent that answers with the contents of a walk: real SNMP, v1 and v2c, on the loopback.

use std::{
    net::{Ipv4Addr, SocketAddr},
    ops::Bound,
    sync::Arc,
};

use async_snmp::{
    Oid, VarBind,
    agent::Agent,
    handler::{BoxFuture, GetNextResult, GetResult, HandlerResult, MibHandler, RequestContext},
};
use tokio::task::JoinHandle;

use crate::walk::Walk;

/// The community for reading.
pub const COMMUNITY: &str = "public";

/// A running agent; it ends when it is dropped.
#[derive(Debug)]
pub struct Replay {
    address: SocketAddr,
    running: JoinHandle<()>,
}

impl Replay {
    /// Starts an agent that answers with the contents of a walk.
    ///
    /// # Errors
    /// No port is available on the loopback.
    pub async fn start(walk: Arc<Walk>) -> Result<Self, Box<async_snmp::Error>> {
        let agent = Agent::builder()
            .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).to_string())
            .recv_buffer_size(None)
            .community(COMMUNITY)
            // Engine objects in the walk are those of the device, not of this agent.
            .without_builtin_handlers()
            .handler(Oid::from_slice(&[1]), Arc::new(Handler(walk)))
            .allow_all_access()
            .build()
            .await?;
        let address = agent.local_addr();
        let running = tokio::spawn(async move {
            // It ends with this task; a failing socket looks like a silent device.
            drop(agent.run().await);
        });
        Ok(Self { address, running })
    }

    /// Returns the address on which it answers.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Replay {
    fn drop(&mut self) {
        self.running.abort();
    }
}

struct Handler(Arc<Walk>);

impl MibHandler for Handler {
    fn get<'a>(
        &'a self,
        _context: &'a RequestContext,
        oid: &'a Oid,
    ) -> BoxFuture<'a, HandlerResult<GetResult>> {
        Box::pin(async move {
            let found = self.0.get(oid).cloned();
            Ok(found.map_or(GetResult::NoSuchInstance, GetResult::Value))
        })
    }

    fn get_next<'a>(
        &'a self,
        _context: &'a RequestContext,
        oid: &'a Oid,
    ) -> BoxFuture<'a, HandlerResult<GetNextResult>> {
        Box::pin(async move {
            let after = (Bound::Excluded(oid.clone()), Bound::Unbounded);
            let next = self.0.objects.range(after).next();
            Ok(next.map_or(GetNextResult::EndOfMibView, |(oid, value)| {
                GetNextResult::Value(VarBind::new(oid.clone(), value.clone()))
            }))
        })
    }
}
