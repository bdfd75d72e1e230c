//! `discover`: agents, by what SNMPv3 tells everybody; with a credential what they are, too.

use std::time::Duration;

use async_snmp::{DecodeConfig, Oid, message::RawV3Message, v3::parse_discovery_response};
use bytes::Bytes;
use tokio::time::Instant;
use utakata_worker_sdk::{
    Answer, Failure, Task,
    discovery::{self, Asked, Manners, maker},
    model::{Cure, Discovered, Identifier, Problem},
};

use super::{SnmpWorker, TaskContext};
use crate::{
    address::PORT,
    credential::{self, Credential},
    session::diagnose,
    value,
};

const MANNERS: Manners = Manners {
    port: PORT,
    patience: Duration::from_secs(6),
};
/// The longest time for the question that needs no credential.
const INTRODUCTION: Duration = Duration::from_millis(2_500);
/// sysDescr and sysName of SNMPv2-MIB, snmpEngineID of SNMP-FRAMEWORK-MIB.
const DESCRIPTION: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 1, 0];
const NAME: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 5, 0];
const ENGINE: [u32; 11] = [1, 3, 6, 1, 6, 3, 10, 2, 1, 1, 0];

/// The things that an agent says to somebody with a credential.
#[derive(Debug, Default)]
struct Known {
    profiles: Vec<String>,
    /// Its sysObjectID.
    system: Option<Oid>,
    description: Option<String>,
    name: Option<String>,
    engine: Option<Vec<u8>>,
}

impl SnmpWorker {
    /// Asks addresses for agents. No community and no user is tried but that of the task.
    pub(super) async fn discover(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let credential = match task.credential.is_empty() {
            true => None,
            false => Some(credential::parse(&task.credential).map_err(|error| {
                let problem = Problem::new("bad-credential", Cure::Operator, error.to_string());
                Failure::failed(problem)
            })?),
        };
        let credential = credential.as_ref();
        let ask = |asked| async move {
            let found = self.look(task, &asked, credential).await;
            found.into_iter().collect()
        };
        discovery::discover(task, deadline, MANNERS, ask).await
    }

    async fn look(
        &self,
        task: &Task,
        asked: &Asked,
        credential: Option<&Credential>,
    ) -> Option<Discovered> {
        let known = match credential {
            Some(credential) => self.known(task, asked, credential).await,
            None => None,
        };
        // Agents without SNMPv3 answer only who has a credential.
        let introduced = match known.as_ref().and_then(|known| known.engine.clone()) {
            Some(engine) => Some(engine),
            None => introduction(asked).await,
        };
        if known.is_none() && introduced.is_none() {
            return None;
        }
        let is_known = known.is_some();
        let known = known.unwrap_or_default();
        let engine = introduced.unwrap_or_default();
        let vendor = known.system.as_ref().and_then(|oid| enterprise(oid.arcs()));
        let vendor = vendor
            .or_else(|| enterprise_of_engine(&engine))
            .and_then(maker);
        Some(Discovered {
            address: asked.shown(),
            also: asked.also(),
            identifiers: Identifier::engine(&engine).into_iter().collect(),
            name: known.name,
            vendor: vendor.map(str::to_owned),
            description: known.description,
            profiles: known.profiles,
            wants_credential: !is_known,
            problem: None,
            ..Discovered::default()
        })
    }

    async fn known(&self, task: &Task, asked: &Asked, credential: &Credential) -> Option<Known> {
        let deadline = asked.deadline;
        let session = self.pool.session(&asked.address, credential, deadline);
        let session = session.await.ok()?;
        let on = TaskContext {
            worker: self,
            task,
            session: &session,
            deadline,
        };
        let recognised = on.recognise().await.ok()?;
        let asked = [&DESCRIPTION[..], &NAME, &ENGINE].map(Oid::from_slice);
        let told = session.get(deadline, &asked).await;
        let mut told = told.map(|told| told.values).unwrap_or_default();
        told.resize(asked.len(), None);
        let text = |at: usize| {
            let value = told.get(at)?.as_ref()?;
            value::as_text(value).map(|text| text.into_owned())
        };
        let engine = told.get(2).and_then(Option::as_ref);
        Some(Known {
            profiles: recognised.profiles,
            system: recognised.system,
            description: text(0),
            name: text(1),
            engine: engine.and_then(|value| value.as_bytes().map(<[u8]>::to_vec)),
        })
    }
}

/// The engine of an agent, which it names to everybody (RFC 3414, section 4).
async fn introduction(asked: &Asked) -> Option<Vec<u8>> {
    let target = asked.address.resolve().await.ok()?;
    let target = target.into_iter().next()?;
    let until = asked.deadline.min(Instant::now() + INTRODUCTION);
    let asking = tokio::time::timeout_at(until, diagnose::ask(target));
    engine(asking.await.ok()?.ok()?)
}

fn engine(answer: Vec<u8>) -> Option<Vec<u8>> {
    let message = RawV3Message::decode(Bytes::from(answer), DecodeConfig::DEFAULT).ok()?;
    let engine = parse_discovery_response(message.value.security_params()).ok()?;
    Some(engine.engine_id().to_vec())
}

/// The enterprise number in a sysObjectID: 1.3.6.1.4.1.N.
fn enterprise(system: &[u32]) -> Option<u32> {
    system.strip_prefix(&[1, 3, 6, 1, 4, 1])?.first().copied()
}

/// The enterprise number in an engine id of the form of RFC 3411.
fn enterprise_of_engine(id: &[u8]) -> Option<u32> {
    let (number, _) = id.split_first_chunk()?;
    let number = u32::from_be_bytes(*number);
    (number & 0x8000_0000 != 0).then_some(number & 0x7fff_ffff)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_maker_is_known_by_the_number_in_what_a_device_is_or_in_its_engine() {
        assert_eq!(enterprise(&[1, 3, 6, 1, 4, 1, 318, 1, 3]), Some(318));
        assert_eq!(enterprise(&[1, 3, 6, 1, 2, 1]), None);
        assert_eq!(enterprise_of_engine(&[0x80, 0, 0x1f, 0x88, 4]), Some(8072));
        assert_eq!(enterprise_of_engine(&[0, 0, 0x1f, 0x88, 4]), None);
        assert_eq!(enterprise_of_engine(&[0x80, 0]), None);
    }

    #[test]
    fn what_is_no_report_names_no_engine() {
        for bytes in [&b""[..], b"garbage", &[0x30, 3, 2, 1, 3]] {
            assert_eq!(engine(bytes.to_vec()), None);
        }
    }
}
