//! The records of a BMC's sensors: read once, and again when the BMC says that they have changed.

use std::sync::Arc;

use super::Conversation;
use crate::{
    decode::{self, Known},
    lan::Request,
    sdr::{self, HEAD, Sensor},
    session::Error,
};
use utakata_worker_sdk::Failure;

/// Functions: of the application, of storage, of sensors.
const APPLICATION: u8 = 0x06;
const STORAGE: u8 = 0x0a;
const SENSORS: u8 = 0x04;
/// The most records of a repository.
const RECORDS_MAX: usize = 2_000;
/// The most bytes that are asked for at once; some BMCs tell fewer.
const CHUNKS: [u8; 3] = [32, 16, 8];
/// The number of the first record, and that after the last.
const FIRST: u16 = 0;
const LAST: u16 = 0xffff;
/// The number of times that a walk is begun anew, because the repository was changed.
const WALKS_MAX: usize = 3;
/// Completion codes: the command is not known, the reservation is gone, that many bytes cannot be told.
const UNKNOWN: u8 = 0xc1;
const GONE: u8 = 0xc5;
const TOO_MANY: [u8; 3] = [0xca, 0xc8, 0xff];

/// The records of a BMC.
#[derive(Debug)]
pub struct Records {
    /// The stamp of their last change, as the BMC tells it.
    stamp: Vec<u8>,
    pub sensors: Vec<Known>,
    /// The profiles by which it is read.
    pub names: Vec<String>,
    pub device: Device,
}

/// The make of a BMC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Device {
    pub manufacturer: u32,
    pub product: u16,
    pub firmware: (u8, u8),
    /// True if it has a repository for all sensors; else its own ones are asked for.
    has_repository: bool,
}

/// The requests of a repository.
#[derive(Debug, Clone, Copy)]
struct Repository {
    function: u8,
    get: u8,
}

impl Device {
    /// Reads the answer to Get Device ID (IPMI 2.0, 20.1).
    pub fn read(data: &[u8]) -> Option<Self> {
        let [_, _, major, minor, _, has, m0, m1, m2, p0, p1, ..] = *data else {
            return None;
        };
        Some(Self {
            manufacturer: u32::from_le_bytes([m0, m1, m2 & 0x0f, 0]),
            product: u16::from_le_bytes([p0, p1]),
            firmware: (major & 0x7f, minor),
            has_repository: has & 2 != 0,
        })
    }
}

impl Conversation<'_> {
    /// The records of the BMC, as they are now.
    pub async fn records(&mut self) -> Result<Arc<Records>, Failure> {
        let records = self.find_records().await;
        records.map_err(|error| self.failed(&error))
    }

    async fn find_records(&mut self) -> Result<Arc<Records>, Error> {
        let data = self.session.ask(&Request::new(APPLICATION, 1, [])).await?;
        let device = Device::read(&data).ok_or(Error::Garbage("what it is"))?;
        let repository = match device.has_repository {
            true => Repository {
                function: STORAGE,
                get: 0x23,
            },
            false => Repository {
                function: SENSORS,
                get: 0x21,
            },
        };
        let info = Request::new(repository.function, 0x20, []);
        // One that does not know the question has no sensors to tell of.
        let (mut stamp, has_sensors) = match self.session.ask(&info).await {
            Ok(stamp) => (stamp, true),
            Err(Error::Code { code: UNKNOWN }) => (Vec::new(), false),
            Err(error) => return Err(error),
        };
        // Free space, and what it can do, are no part of it.
        if device.has_repository && stamp.len() >= 13 {
            stamp.truncate(13);
            stamp.drain(3..5);
        }
        let known = self.worker.recall(&self.key).records;
        if let Some(known) = known.filter(|known| known.stamp == stamp && known.device == device) {
            return Ok(known);
        }
        let sensors = match has_sensors {
            true => self.walk(repository).await?,
            false => Vec::new(),
        };
        let fits = |profile: &crate::profile::Profile| {
            let of = profile.content.recognise.as_ref();
            of.is_some_and(|(manufacturer, products)| {
                *manufacturer == device.manufacturer
                    && (products.is_empty() || products.contains(&device.product))
            })
        };
        let found = self.worker.program.recognise(fits);
        let found = found.map_err(|_| Error::Garbage("a profile that includes none"))?;
        let records = Arc::new(Records {
            stamp,
            sensors: decode::known(sensors, &found.profiles),
            names: found.names,
            device,
        });
        let kept = Arc::clone(&records);
        self.worker
            .learn(&self.key, |learned| learned.records = Some(kept));
        Ok(records)
    }

    /// Walks through the records, from the beginning again if they are changed meanwhile.
    async fn walk(&mut self, repository: Repository) -> Result<Vec<Sensor>, Error> {
        let mut walks = 0;
        loop {
            walks += 1;
            match self.walk_once(repository).await {
                Err(Error::Code { code: GONE }) if walks < WALKS_MAX => {}
                result => return result,
            }
        }
    }

    async fn walk_once(&mut self, repository: Repository) -> Result<Vec<Sensor>, Error> {
        let reserve = Request::new(repository.function, 0x22, []);
        // Not all repositories need a reservation: those that do not refuse to give one.
        let reservation = match self.session.ask(&reserve).await {
            Ok(data) => [0, 1].map(|at| data.get(at).copied().unwrap_or(0)),
            Err(Error::Code { .. }) => [0, 0],
            Err(error) => return Err(error),
        };
        let mut sensors = Vec::new();
        let mut number = FIRST;
        for _ in 0..RECORDS_MAX {
            let (record, next) = self.record(repository, reservation, number).await?;
            sensors.extend(sdr::sensors(&record));
            if next == LAST || next == number {
                break;
            }
            number = next;
        }
        Ok(sensors)
    }

    /// Reads a record in parts, and the number of the next one.
    async fn record(
        &mut self,
        repository: Repository,
        reservation: [u8; 2],
        number: u16,
    ) -> Result<(Vec<u8>, u16), Error> {
        let garbage = || Error::Garbage("a record of a sensor");
        let head = u8::try_from(HEAD).map_err(|_| garbage())?;
        let mut of = (repository, reservation, number);
        let (mut record, next) = self.part(of, 0, head).await?;
        let length = sdr::length(&record).ok_or_else(garbage)?;
        // Within a record it is asked for by its own number: the first one has another then.
        if number == FIRST
            && let [low, high, ..] = record.as_slice()
        {
            of.2 = u16::from_le_bytes([*low, *high]);
        }
        let mut chunks = CHUNKS.into_iter();
        let mut chunk = chunks.next().unwrap_or(head);
        while record.len() < length {
            let left = u8::try_from(length - record.len()).unwrap_or(u8::MAX);
            let offset = u8::try_from(record.len()).map_err(|_| garbage())?;
            match self.part(of, offset, left.min(chunk)).await {
                Ok((part, _)) if part.is_empty() => return Err(garbage()),
                Ok((part, _)) => record.extend(part),
                Err(Error::Code { code }) if TOO_MANY.contains(&code) => match chunks.next() {
                    Some(fewer) => chunk = fewer,
                    None => return Err(Error::Code { code }),
                },
                Err(error) => return Err(error),
            }
        }
        Ok((record, next))
    }

    async fn part(
        &mut self,
        (repository, reservation, number): (Repository, [u8; 2], u16),
        offset: u8,
        count: u8,
    ) -> Result<(Vec<u8>, u16), Error> {
        let [n0, n1] = number.to_le_bytes();
        let [r0, r1] = reservation;
        let data = [r0, r1, n0, n1, offset, count];
        let request = Request::new(repository.function, repository.get, data);
        let answer = self.session.ask(&request).await?;
        match answer.as_slice() {
            [low, high, part @ ..] => Ok((part.to_vec(), u16::from_le_bytes([*low, *high]))),
            _ => Err(Error::Garbage("a record of a sensor")),
        }
    }
}
