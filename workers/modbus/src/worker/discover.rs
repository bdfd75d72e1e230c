//! `discover`: devices that answer as unit 1, by what they say of themselves and by the registers
//! that profiles know.

use std::{collections::BTreeMap, time::Duration};

use tokio::time::Instant;
use utakata_worker_sdk::{
    Answer, Failure, Task,
    discovery::{self, Asked, Manners},
    model::Discovered,
};

use super::{Conversation, Learned, ModbusWorker};
use crate::{
    address::{Framing, PORT, Place, UNIT},
    frame::{self, Request},
    profile::Talk,
    session::{Error, Session},
};

const MANNERS: Manners = Manners {
    port: PORT,
    patience: Duration::from_secs(6),
};
/// The codes by which a gateway says that there is no such unit.
const NO_UNIT: [u8; 2] = [10, 11];
/// The numbers of objects of an identification: the maker, the model, the version.
const MAKER: u8 = 0;
const MODEL: u8 = 1;
const VERSION: u8 = 2;

impl ModbusWorker {
    /// Asks addresses for devices. Nothing is written; a device is asked who made it, and for the
    /// registers by which profiles recognise theirs.
    pub(super) async fn discover(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let ask = |asked| async move {
            let found = self.look(task, &asked).await;
            found.into_iter().collect()
        };
        discovery::discover(task, deadline, MANNERS, ask).await
    }

    async fn look(&self, task: &Task, asked: &Asked) -> Option<Discovered> {
        let place = Place {
            gateway: asked.address.clone(),
            framing: Framing::Tcp,
            unit: UNIT,
        };
        let _turn = self.gates.enter(&place.gateway.to_string()).await;
        let mut session = Session::open(&place, asked.deadline).await.ok()?;
        session.pause(Talk::default().pause);
        let told = identify(&mut session).await.ok()??;
        let mut conversation = Conversation {
            worker: self,
            task,
            place: &place,
            session,
        };
        let learned = conversation.recognise().await.ok();
        Some(described(asked, &told, learned.as_ref()))
    }
}

/// The objects by which a device identifies itself, perhaps none. `None`: there is no such unit.
///
/// # Errors
/// It is no Modbus, or nothing answers.
async fn identify(session: &mut Session) -> Result<Option<BTreeMap<u8, String>>, Error> {
    match session.ask(&Request::Identify).await? {
        frame::Answer::Identified(told) => Ok(Some(told)),
        frame::Answer::Exception(code) if NO_UNIT.contains(&code) => Ok(None),
        // It refuses the question, and so speaks Modbus.
        _ => Ok(Some(BTreeMap::new())),
    }
}

fn described(asked: &Asked, told: &BTreeMap<u8, String>, learned: Option<&Learned>) -> Discovered {
    let of = |object: u8| told.get(&object).filter(|text| !text.is_empty()).cloned();
    let recognised = learned.and_then(|learned| learned.profiles.first());
    let version = of(VERSION).map(|version| format!("version {version}"));
    let unit = |address: String| format!("{address}/{UNIT}");
    let with_unit = asked.also().into_iter().chain([asked.shown()]).map(unit);
    Discovered {
        address: asked.shown(),
        also: asked.also().into_iter().chain(with_unit).collect(),
        vendor: of(MAKER),
        model: of(MODEL),
        description: recognised
            .map(|profile| profile.description.clone())
            .or(version),
        profiles: learned
            .map(|learned| learned.names.clone())
            .unwrap_or_default(),
        ..Discovered::default()
    }
}
