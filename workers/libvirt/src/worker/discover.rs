//! `discover`: hosts that ask for nobody's name, and what they say of themselves.

use std::time::Duration;

use tokio::time::Instant;
use utakata_worker_sdk::{
    Answer, Failure, Task,
    discovery::{self, Asked, Manners},
    model::{Discovered, Identifier},
};

use super::LibvirtWorker;
use crate::{
    address::{Host, PORT, Place},
    call::{self, Procedure},
    host::{self, Machine},
    session::{Entered, Error, Session},
    xdr::Writer,
};

const MANNERS: Manners = Manners {
    port: PORT,
    patience: Duration::from_secs(5),
};
/// The drivers that are looked for, the most frequent first. The first is that of an address without one.
const DRIVERS: [&str; 4] = ["qemu", "xen", "lxc", "bhyve"];

/// The things that a host says of itself.
#[derive(Debug, Default)]
struct Told {
    name: Option<String>,
    uuid: Option<String>,
    machine: Machine,
}

impl LibvirtWorker {
    /// Asks addresses for hosts. Nobody logs in, and nothing can be changed by such a connection.
    pub(super) async fn discover(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let ask = |asked| async move { self.ask(&asked).await.into_iter().collect() };
        discovery::discover(task, deadline, MANNERS, ask).await
    }

    async fn ask(&self, asked: &Asked) -> Option<Discovered> {
        let server = Host::Tcp(asked.address.clone());
        let _turn = self.gates.enter(&asked.address.to_string()).await;
        let mut session = match Session::enter(&server, asked.deadline).await {
            Ok(Entered::In(session)) => session,
            // It speaks libvirt's protocol, and lets nobody in who has no name.
            Ok(Entered::Refused(error)) => {
                let told = Told::default();
                return Some(described(asked, DRIVERS[0], &told, Some(error.to_string())));
            }
            Err(_) => return None,
        };
        let mut refused = None;
        let mut driver = None;
        for one in DRIVERS {
            let path = format!("{one}:///system");
            match session.call(Procedure::Open, call::look(&path)).await {
                Ok(_) => {
                    driver = Some(one);
                    break;
                }
                Err(error @ Error::Refused(_)) => {
                    refused.get_or_insert(error.to_string());
                }
                Err(_) => return None,
            }
        }
        let Some(driver) = driver else {
            return Some(described(asked, DRIVERS[0], &Told::default(), refused));
        };
        let told = tell(&mut session).await;
        session.close().await;
        Some(described(asked, driver, &told, None))
    }
}

/// Asks a host about itself. What it does not say is left out.
async fn tell(session: &mut Session) -> Told {
    let mut text = async |procedure, arguments| {
        let answer = session.call(procedure, arguments).await.ok()?;
        call::text(&answer).ok()
    };
    let name = text(Procedure::HostName, Writer::default()).await;
    let capabilities = text(Procedure::Capabilities, Writer::default()).await;
    let smbios = text(Procedure::Smbios, Writer::default().number(0)).await;
    Told {
        name,
        uuid: capabilities.as_deref().and_then(host::uuid),
        machine: smbios.as_deref().map(host::machine).unwrap_or_default(),
    }
}

fn described(asked: &Asked, driver: &str, told: &Told, problem: Option<String>) -> Discovered {
    let Told {
        name,
        uuid,
        machine,
    } = told;
    let place = Place {
        host: Host::Tcp(asked.address.clone()),
        driver: format!("{driver}:///system"),
    };
    let written = |server: String| format!("{driver}+tcp://{server}/system");
    let is_usual = driver == DRIVERS[0];
    let address = match is_usual {
        true => asked.shown(),
        false => written(asked.shown()),
    };
    let mut also: Vec<String> = asked.also();
    also.extend(asked.also().into_iter().map(written));
    also.push(written(asked.shown()));
    also.retain(|other| *other != address);
    let uuids = [uuid, &machine.uuid].into_iter().flatten();
    let mut identifiers: Vec<Identifier> = Vec::new();
    for one in uuids.filter_map(|text| Identifier::uuid(text)) {
        if !identifiers.contains(&one) {
            identifiers.push(one);
        }
    }
    let serial = machine.serial.as_deref();
    identifiers.extend(serial.and_then(|text| Identifier::serial(machine.vendor.as_deref(), text)));
    Discovered {
        address,
        also,
        identifiers,
        name: name.clone(),
        vendor: machine.vendor.clone(),
        model: machine.model.clone(),
        serial: machine.serial.clone(),
        description: Some(format!("virtual machines by libvirt, {}", place.driver)),
        problem: problem.map(|problem| format!("its virtual machines cannot be read: {problem}")),
        ..Discovered::default()
    }
}
