//! One world: virtual machines, and three ways in to them beside libvirt.

use std::thread;

use anyhow::{Result, anyhow};

use super::{Libvirtd, Server, Transport};

/// The virtual machines of a libvirtd with a rack PDU that feeds them (virtualpdu), a service of
/// Redfish for all of them (sushy-tools), and the BMC of the first (virtualbmc).
#[derive(Debug)]
pub struct World {
    // Ended in this order: those that talk to libvirtd first.
    pub pdu: Server,
    pub redfish: Server,
    pub bmc: Server,
    pub machines: Libvirtd,
}

impl World {
    /// The user of the BMC and of Redfish, who may do everything.
    pub const USER: &'static str = "admin";
    pub const PASSWORD: &'static str = "secret";
    /// The community of the PDU, which may write.
    pub const COMMUNITY: &'static str = "private";

    /// Starts one with this many virtual machines, `vm1` and so on, all of them on; outlet N feeds the
    /// machine N.
    ///
    /// # Errors
    /// One of the servers is not installed or does not start.
    pub fn start(machines: usize) -> Result<Self> {
        let libvirtd = Libvirtd::start(machines)?;
        let uri = libvirtd.uri();
        let start = |script, transport, more: Option<String>| {
            let arguments: Vec<String> = [uri.clone()].into_iter().chain(more).collect();
            Server::start(script, transport, &arguments)
        };
        let (pdu, redfish, bmc) = thread::scope(|scope| {
            let pdu = scope.spawn(|| {
                let more = Some(machines.to_string());
                start("virtualpdu.sh", Transport::Udp, more)
            });
            let bmc = scope.spawn(|| {
                let more = Some("vm1".to_owned());
                start("virtualbmc.sh", Transport::Udp, more)
            });
            let arguments = ["machines", &uri];
            let redfish = Server::start("sushy.sh", Transport::Tcp, &arguments);
            (pdu.join(), redfish, bmc.join())
        });
        let died = |_| anyhow!("the thread that starts a server died");
        Ok(Self {
            pdu: pdu.map_err(died)??,
            redfish: redfish?,
            bmc: bmc.map_err(died)??,
            machines: libvirtd,
        })
    }

    /// The identifier of a machine in Redfish, counted from 1.
    #[must_use]
    pub fn system(number: usize) -> String {
        format!("00000000-0000-4000-8000-{number:012}")
    }
}
