//! `discover`: BMCs that answer without a session; with a credential their makers, too.

use std::time::Duration;

use tokio::time::{Instant, timeout_at};
use utakata_worker_sdk::{
    Answer, Failure, Task,
    discovery::{self, Asked, Manners, maker},
    gates,
    model::{Cure, Discovered, Problem},
};

use super::{IpmiWorker, Key, PORT, records::Device};
use crate::{
    credential::{self, Credential},
    lan::Request,
    session::{Session, presence},
};

/// The longest time for one address: without a session, and with one.
const PATIENCE: Duration = Duration::from_secs(4);
const PATIENCE_WITH_LOGIN: Duration = Duration::from_secs(15);

impl IpmiWorker {
    /// Asks addresses for BMCs. A session is opened only with the credential of the task, and where
    /// a BMC has answered without one.
    pub(super) async fn discover(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let credential = match task.credential.is_empty() {
            true => None,
            false => Some(credential::parse(&task.credential).map_err(|text| {
                let problem = Problem::new("bad-credential", Cure::Operator, text);
                Failure::failed(problem)
            })?),
        };
        let patience = match credential {
            Some(_) => PATIENCE_WITH_LOGIN,
            None => PATIENCE,
        };
        let manners = Manners {
            port: PORT,
            patience,
        };
        let credential = credential.as_ref();
        let ask = |asked| async move {
            let found = self.ask(task, &asked, credential).await;
            found.into_iter().collect()
        };
        discovery::discover(task, deadline, manners, ask).await
    }

    async fn ask(
        &self,
        task: &Task,
        asked: &Asked,
        credential: Option<&Credential>,
    ) -> Option<Discovered> {
        let until = asked.deadline.min(Instant::now() + PATIENCE);
        let found = presence::ask(&asked.address, until).await.ok()?;
        let mut identifiers = found.identifiers;
        let mut device = None;
        if let Some(credential) = credential.filter(|_| found.has_sessions) {
            let key = Key {
                bmc: asked.address.to_string(),
                credential: credential.clone(),
            };
            if let Some((_turn, mut session)) = self.enter(task, asked, &key).await {
                let request = Request::new(6, 1, []);
                let told = session.ask(&request).await;
                device = told.ok().as_deref().and_then(Device::read);
                if identifiers.is_empty() {
                    let told = session.ask(&Request::new(6, 0x37, [])).await;
                    identifiers.extend(told.ok().iter().flat_map(|b| presence::identifiers(b)));
                }
                session.close().await;
            }
        }
        let version = match found.has_sessions {
            true => "IPMI 2.0",
            false => "IPMI 1.5, which is not spoken here",
        };
        let made = device.map(|device| {
            let Device {
                manufacturer,
                product,
                ..
            } = device;
            format!(", manufacturer {manufacturer}, product {product:#06x}")
        });
        Some(Discovered {
            address: asked.shown(),
            also: asked.also(),
            identifiers,
            vendor: device
                .and_then(|device| maker(device.manufacturer))
                .map(str::to_owned),
            description: Some(format!("{version}{}", made.unwrap_or_default())),
            profiles: self.program.settings.profiles.clone(),
            wants_credential: device.is_none(),
            problem: None,
            ..Discovered::default()
        })
    }

    /// Opens a session, within the turn of its BMC and unless it refused the user lately.
    async fn enter(
        &self,
        task: &Task,
        asked: &Asked,
        key: &Key,
    ) -> Option<(gates::Conversation, Session)> {
        // The session must be closed in time.
        let until = asked.deadline.checked_sub(super::MARGIN)?;
        let turn = timeout_at(until, self.gates.enter(&key.bmc)).await.ok()?;
        let session = self.open(task, &asked.address, key, until).await.ok()?;
        Some((turn, session))
    }
}
