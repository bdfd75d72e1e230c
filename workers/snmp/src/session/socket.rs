//! The sockets that all targets share: one for IPv4, one for IPv6.

use std::net::SocketAddr;

use async_snmp::{UdpHandle, UdpTransport};
use tokio::sync::OnceCell;

/// What is asked of the kernel for answers that wait to be read: with a thousand targets in
/// flight the usual 200 KiB lose some.
const RECEIVE_BUFFER: usize = 8 << 20;
/// The largest answer that we say we take (SNMPv3); the largest that UDP has.
const MESSAGE_MAX: usize = 65_507;

/// The sockets, opened when first needed.
#[derive(Default)]
pub struct Sockets {
    v4: OnceCell<UdpTransport>,
    v6: OnceCell<UdpTransport>,
}

impl Sockets {
    /// A handle to talk to a target. Errors: no socket can be opened, or not for its family.
    pub async fn handle(&self, target: SocketAddr) -> async_snmp::Result<UdpHandle> {
        let (cell, bind) = match target {
            SocketAddr::V4(_) => (&self.v4, "0.0.0.0:0"),
            SocketAddr::V6(_) => (&self.v6, "[::]:0"),
        };
        cell.get_or_try_init(|| open(bind)).await?.handle(target)
    }
}

async fn open(bind: &str) -> async_snmp::Result<UdpTransport> {
    let builder = || {
        UdpTransport::builder()
            .bind(bind)
            .receive_capacity(MESSAGE_MAX)
            .warn_on_source_mismatch(false)
    };
    match builder().recv_buffer_size(RECEIVE_BUFFER).build().await {
        Ok(socket) => Ok(socket),
        Err(error) => {
            tracing::info!(
                bytes = RECEIVE_BUFFER,
                %error,
                "receive buffer refused, using the system's; raise net.core.rmem_max for many targets"
            );
            builder().build().await
        }
    }
}
