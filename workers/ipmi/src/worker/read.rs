//! `read`: sensors, the chassis, the power by DCMI, the size of the event log.

use utakata_profile::{Collection, Filter};
use utakata_worker_sdk::{
    Answer, Failure,
    model::{Missing, Recognition, missing, reading::Attributes},
};

use super::Conversation;
use crate::{
    decode::{self, Known, Told},
    lan::Request,
    sdr::{Factors, Linearisation},
    sel,
    session::Error,
};

/// The controller whose sensors are asked for: those behind it would need a bridge.
const BMC: u8 = 0x20;
/// The sensor is not there (IPMI 2.0, table 5-2).
const ABSENT: u8 = 0xcb;
/// The metrics that do not come from sensors.
const OTHERS: [&str; 5] = [
    "utakata.power.state",
    "utakata.intrusion",
    "utakata.boot.target",
    "utakata.log.entries",
    "hw.firmware_version",
];
/// The devices of boot options (IPMI 2.0, table 28-14), in the words of Redfish.
pub const DEVICES: [(u8, &str); 5] = [
    (0, "None"),
    (1, "Pxe"),
    (2, "Hdd"),
    (5, "Cd"),
    (6, "BiosSetup"),
];

impl Conversation<'_> {
    /// Reads what is asked for. A part that does not arrive is named; the rest is told.
    pub async fn read(&mut self) -> Result<Answer, Failure> {
        let filter = Filter::of(&self.task.parameters);
        let names = self.task.parameters.get("metrics");
        let names = names.and_then(|names| names.as_array());
        let is_of_sensors =
            |name: &serde_json::Value| name.as_str().is_none_or(|name| !OTHERS.contains(&name));
        let asks_sensors =
            names.is_none_or(|names| names.is_empty() || names.iter().any(is_of_sensors));
        let mut all = Collection::new(filter.clone());
        let mut missing = Vec::new();
        self.chassis(&filter, &mut all).await?;
        let mut recognition = None;
        if asks_sensors || filter.has("hw.firmware_version") {
            let records = self.records().await?;
            let (major, minor) = records.device.firmware;
            let version = format!("{major}.{:x}{:x}", minor >> 4, minor & 0x0f);
            let manager = Attributes::from([("hw.type".into(), "manager".into())]);
            decode::text("hw.firmware_version", &version, manager, &mut all);
            let wanted = records.sensors.iter();
            let wanted = wanted.filter(|one| one.sensor.owner == BMC);
            let wanted: Vec<&Known> = wanted
                .filter(|one| one.tells(|metric| filter.has(metric)))
                .collect();
            self.sensors(&wanted, &mut all, &mut missing).await;
            let (manufacturer, product) = (records.device.manufacturer, records.device.product);
            recognition = Some(Recognition {
                is_understood: true,
                profiles: records
                    .names
                    .iter()
                    .map(|name| name.as_str().into())
                    .collect(),
                identity: Some(format!("{manufacturer}:{product:#06x}").into()),
                description: None,
            });
        }
        if missing.is_empty() {
            self.others(&filter, &mut all).await;
        }
        if all.readings.is_empty() {
            let why = missing.first().map(|one| format!(": {one}"));
            let why = why.unwrap_or_default();
            return Err(self.refused(&format!("it has nothing of what was asked for{why}")));
        }
        Ok(Answer {
            readings: all.readings,
            missing: missing.into_iter().chain(all.unread).collect(),
            recognition,
            ..Answer::default()
        })
    }

    async fn chassis(&mut self, filter: &Filter, all: &mut Collection) -> Result<(), Failure> {
        let wanted = ["utakata.power.state", "utakata.intrusion", "hw.status"];
        if !wanted.iter().any(|metric| filter.has(metric)) {
            return Ok(());
        }
        match self.session.ask(&Request::new(0, 1, [])).await {
            Ok(data) => {
                decode::chassis(&data, all);
                Ok(())
            }
            Err(Error::Code { .. }) => Ok(()),
            Err(error) => Err(self.failed(&error)),
        }
    }

    /// Reads sensors. One that is silent ends it: each further one would cost as long.
    async fn sensors(
        &mut self,
        wanted: &[&Known],
        all: &mut Collection,
        missing: &mut Vec<Missing>,
    ) {
        for known in wanted {
            let name = known.sensor.name.as_str();
            match self.sensor(known, all).await {
                Ok(()) | Err(Error::Code { code: ABSENT }) => {}
                Err(error @ Error::Code { .. }) => {
                    let message = error.to_string();
                    missing.push(Missing::rest(name, missing::REFUSED, &message));
                }
                Err(error) => {
                    let message = format!("{error}: the sensors after it were not asked for");
                    missing.push(Missing::rest(name, missing::NO_ANSWER, &message));
                    break;
                }
            }
        }
    }

    async fn sensor(&mut self, known: &Known, all: &mut Collection) -> Result<(), Error> {
        let sensor = &known.sensor;
        let mut request = Request::new(4, 0x2d, [sensor.number]);
        request.unit = sensor.unit;
        let data = self.session.ask(&request).await?;
        let Some(told) = Told::read(&data) else {
            return Ok(());
        };
        let is_asked = sensor
            .conversion
            .as_ref()
            .is_some_and(|conversion| conversion.linearisation == Linearisation::Asked);
        let factors = match is_asked {
            false => None,
            true => {
                // Get Sensor Reading Factors: those of this raw number alone.
                let mut request = Request::new(4, 0x23, [sensor.number, told.raw()]);
                request.unit = sensor.unit;
                let data = self.session.ask(&request).await?;
                let factors = data.get(1..7).and_then(Factors::read);
                Some(factors.ok_or(Error::Garbage("the factors of a sensor"))?)
            }
        };
        known.add(told, factors, all);
        Ok(())
    }

    /// Reads what not every BMC has: without it, nothing is missing.
    async fn others(&mut self, filter: &Filter, all: &mut Collection) {
        if filter.has("hw.power") {
            // DCMI: Get Power Reading.
            let request = Request::new(0x2c, 2, [0xdc, 1, 0, 0]);
            if let Ok(data) = self.session.ask(&request).await {
                decode::dcmi(&data, all);
            }
        }
        if filter.has("utakata.log.entries") {
            let info = self.session.ask(&Request::new(0x0a, 0x40, [])).await;
            if let Some(info) = info.ok().and_then(|data| sel::Info::read(&data)) {
                let entries = f64::from(info.entries);
                let none = Attributes::new();
                decode::number("utakata.log.entries", entries, "{entry}", none, all);
            }
        }
        if filter.has("utakata.boot.target") {
            // Get System Boot Options: the flags.
            let data = self.session.ask(&Request::new(0, 9, [5, 0, 0])).await;
            let word = data.ok().and_then(|data| boot_target(&data));
            if let Some(word) = word {
                let none = Attributes::new();
                decode::text("utakata.boot.target", word, none, all);
            }
        }
    }
}

/// The device in boot flags. Flags that are not valid mean none.
fn boot_target(data: &[u8]) -> Option<&'static str> {
    let [_, _, flags, device, ..] = data else {
        return None;
    };
    let number = match flags & 0x80 {
        0 => 0,
        _ => device >> 2 & 0x0f,
    };
    let found = DEVICES.iter().find(|(known, _)| *known == number);
    Some(found.map_or("Other", |(_, word)| word))
}
