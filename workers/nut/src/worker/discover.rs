//! `discover`: the UPSs of servers, which `upsd` tells to everybody.

use std::time::Duration;

use tokio::time::Instant;
use utakata_worker_sdk::{
    Answer, Failure, Task,
    discovery::{self, Asked, Manners},
    model::{Discovered, Identifier},
};

use super::NutWorker;
use crate::{
    address::PORT,
    decode::{self, Variables},
    profile::Profile,
    session::{Error, Session},
};

const MANNERS: Manners = Manners {
    port: PORT,
    patience: Duration::from_secs(6),
};
/// The number of UPSs of one server that are looked at.
const UPSS: usize = 32;

impl NutWorker {
    /// Asks addresses for servers, and those for their UPSs. Nobody logs in.
    pub(super) async fn discover(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let ask = |asked| async move { self.ask(&asked).await.unwrap_or_default() };
        discovery::discover(task, deadline, MANNERS, ask).await
    }

    async fn ask(&self, asked: &Asked) -> Result<Vec<Discovered>, Error> {
        let _turn = self.gates.enter(&asked.address.to_string()).await;
        let mut session = Session::open(&asked.address, asked.deadline).await?;
        let known = session.list("UPS").await?;
        let mut found = Vec::new();
        for words in known.iter().take(UPSS) {
            let Some(ups) = words.first() else { continue };
            // One whose driver is away is told by its name alone.
            let variables = match session.list(&format!("VAR {ups}")).await {
                Ok(lines) => decode::variables(lines),
                Err(Error::Refused(_)) => Variables::default(),
                Err(error) => return Err(error),
            };
            let fits = |profile: &Profile| decode::recognises(profile, &variables);
            let names = self.program.recognise(fits).map(|found| found.names);
            found.push(Discovered {
                profiles: names.unwrap_or_default(),
                ..described(asked, ups, words.get(1), &variables)
            });
        }
        session.close().await;
        Ok(found)
    }
}

fn described(
    asked: &Asked,
    ups: &str,
    description: Option<&String>,
    variables: &Variables,
) -> Discovered {
    let told = |keys: [&str; 2]| {
        let mut values = keys.iter().filter_map(|key| variables.get(*key));
        let value = values.find(|text| !text.trim().is_empty());
        value.map(|text| text.trim().to_owned())
    };
    let vendor = told(["device.mfr", "ups.mfr"]);
    let serial = told(["device.serial", "ups.serial"]);
    let identifier = serial
        .as_ref()
        .and_then(|serial| Identifier::serial(vendor.as_deref(), serial));
    let at = |server: String| format!("{ups}@{server}");
    Discovered {
        address: at(asked.shown()),
        also: asked.also().into_iter().map(at).collect(),
        identifiers: identifier.into_iter().collect(),
        name: Some(ups.to_owned()),
        vendor,
        model: told(["device.model", "ups.model"]),
        serial,
        // What upsd says where nobody has described it.
        description: description
            .filter(|text| *text != "Description unavailable")
            .cloned(),
        profiles: Vec::new(),
        wants_credential: false,
        problem: None,
    }
}
