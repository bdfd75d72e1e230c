//! The misbehaving agent for a user of SNMPv3 (RFC 3412, 3414): it can be discovered, keeps time,
//! and signs its messages. Their content is faulty, their envelope is not.

use std::time::Instant;

use async_snmp::{
    AuthProtocol,
    message::{RawMsgData, RawV3Message},
    v3::{
        LocalizedKey, UsmSecurityParams,
        auth::{authenticate_message, verify_message},
    },
};
use bytes::Bytes;

use super::answer::COMMUNITY;
use crate::swarm::ber;

/// The user who may read, with SHA-1 and without privacy.
pub const NAME: &str = "bent";
/// The user's password.
pub const PASSWORD: &str = "bent-and-still-true";

const PLAIN: u8 = 0;
const SIGNED: u8 = 1;
const REPORT: u8 = 0xa8;
const BOOTS: u32 = 1;
/// A request may be late or early by this many seconds at most (RFC 3414, section 3.2, step 7).
const TIME_WINDOW: u64 = 150;
const LARGEST: u64 = 65_507;
/// usmStatsNotInTimeWindows, usmStatsUnknownUserNames, usmStatsUnknownEngineIDs and
/// usmStatsWrongDigests, each below 1.3.6.1.6.3.15.1.1.
const NOT_IN_TIME: u8 = 2;
const UNKNOWN_USER: u8 = 3;
const UNKNOWN_ENGINE: u8 = 4;
const WRONG_DIGEST: u8 = 5;

/// Converts requests of a user to requests with a community, and the answers back.
pub struct Users {
    engine: Vec<u8>,
    key: LocalizedKey,
    since: Instant,
}

/// A request from a user.
pub struct Asked {
    /// The same request in v2c.
    pub request: Vec<u8>,
    message: u64,
}

/// The result of receiving a message.
pub enum Heard {
    /// The message is not v3.
    Other,
    /// Settled with this answer, or none, without consulting the objects.
    Settled(Option<Vec<u8>>),
    /// The message asks for objects.
    Asked(Asked),
}

impl Users {
    /// Creates the user of an agent with this seed. `None` if the key cannot be derived.
    pub fn new(seed: u64) -> Option<Self> {
        let mut engine = vec![0x80, 0, 0x1f, 0x88, 5];
        engine.extend_from_slice(&seed.to_be_bytes());
        let key = LocalizedKey::from_str_password(AuthProtocol::Sha1, PASSWORD, &engine);
        Some(Self {
            key: key.ok()?,
            engine,
            since: Instant::now(),
        })
    }

    /// Receives a message.
    pub fn hear(&self, message: &[u8]) -> Heard {
        let mut rest = message;
        let version = ber::expect(&mut rest, ber::SEQUENCE)
            .and_then(|mut inside| ber::expect(&mut inside, ber::INTEGER))
            .and_then(ber::number);
        match version {
            Some(3) => self.open(message).unwrap_or(Heard::Settled(None)),
            _ => Heard::Other,
        }
    }

    fn open(&self, message: &[u8]) -> Option<Heard> {
        let decode = async_snmp::DecodeConfig::DEFAULT;
        let bytes = Bytes::copy_from_slice(message);
        let raw = RawV3Message::decode(bytes.clone(), decode).ok()?.value;
        let usm = UsmSecurityParams::decode(raw.security_params().clone(), decode);
        let usm = usm.ok()?.value;
        let id = u64::try_from(raw.msg_id()).ok()?;
        let report = |what, flags| Some(Heard::Settled(Some(self.report(id, what, flags)?)));
        if usm.engine_id()[..] != self.engine[..] {
            return report(UNKNOWN_ENGINE, PLAIN);
        }
        if usm.username()[..] != *NAME.as_bytes() {
            return report(UNKNOWN_USER, PLAIN);
        }
        let signature = UsmSecurityParams::find_auth_params_offset(&bytes);
        let is_signed = signature.is_some_and(|(offset, length)| {
            verify_message(&self.key, &bytes, offset, length).unwrap_or(false)
        });
        if !is_signed {
            return report(WRONG_DIGEST, PLAIN);
        }
        let is_in_time = u64::from(usm.engine_time()).abs_diff(self.time()) <= TIME_WINDOW;
        if usm.engine_boots() != BOOTS || !is_in_time {
            return report(NOT_IN_TIME, SIGNED);
        }
        let RawMsgData::Plaintext { data, .. } = raw.msg_data() else {
            return None;
        };
        let mut scoped = &data[..];
        let mut scoped = ber::expect(&mut scoped, ber::SEQUENCE)?;
        ber::expect(&mut scoped, ber::OCTET_STRING)?;
        ber::expect(&mut scoped, ber::OCTET_STRING)?;
        let mut request = Vec::new();
        let whole = ber::open(&mut request, ber::SEQUENCE);
        ber::put_unsigned(&mut request, ber::INTEGER, 1);
        ber::put(&mut request, ber::OCTET_STRING, COMMUNITY.as_bytes());
        request.extend_from_slice(scoped);
        ber::close(&mut request, whole);
        let message = id;
        Some(Heard::Asked(Asked { request, message }))
    }

    /// Wraps a v2c answer for the user, even one that is truncated.
    pub fn wrap(&self, asked: &Asked, answer: &[u8]) -> Option<Vec<u8>> {
        // The length of a truncated one is wrong.
        let mut inside = answer.get(4..)?;
        ber::take(&mut inside)?;
        ber::take(&mut inside)?;
        self.message(asked.message, inside, SIGNED)
    }

    fn report(&self, message: u64, what: u8, flags: u8) -> Option<Vec<u8>> {
        let mut pdu = Vec::new();
        let whole = ber::open(&mut pdu, REPORT);
        for _ in 0..3 {
            ber::put_unsigned(&mut pdu, ber::INTEGER, 0);
        }
        let list = ber::open(&mut pdu, ber::SEQUENCE);
        let binding = ber::open(&mut pdu, ber::SEQUENCE);
        let name = [0x2b, 6, 1, 6, 3, 15, 1, 1, what, 0];
        ber::put(&mut pdu, ber::OBJECT_IDENTIFIER, &name);
        ber::put_unsigned(&mut pdu, ber::COUNTER32, 1);
        for mark in [binding, list, whole] {
            ber::close(&mut pdu, mark);
        }
        self.message(message, &pdu, flags)
    }

    fn message(&self, id: u64, pdu: &[u8], flags: u8) -> Option<Vec<u8>> {
        let time = u32::try_from(self.time()).ok()?;
        let mut usm = UsmSecurityParams::new(self.engine.clone(), BOOTS, time, NAME).ok()?;
        if flags == SIGNED {
            usm = usm.with_auth_placeholder(self.key.mac_len()).ok()?;
        }
        let mut out = Vec::new();
        let whole = ber::open(&mut out, ber::SEQUENCE);
        ber::put_unsigned(&mut out, ber::INTEGER, 3);
        let head = ber::open(&mut out, ber::SEQUENCE);
        ber::put_unsigned(&mut out, ber::INTEGER, id);
        ber::put_unsigned(&mut out, ber::INTEGER, LARGEST);
        ber::put(&mut out, ber::OCTET_STRING, &[flags]);
        ber::put_unsigned(&mut out, ber::INTEGER, 3);
        ber::close(&mut out, head);
        ber::put(&mut out, ber::OCTET_STRING, &usm.encode().ok()?);
        let scoped = ber::open(&mut out, ber::SEQUENCE);
        ber::put(&mut out, ber::OCTET_STRING, &self.engine);
        ber::put(&mut out, ber::OCTET_STRING, b"");
        out.extend_from_slice(pdu);
        ber::close(&mut out, scoped);
        ber::close(&mut out, whole);
        if flags == SIGNED {
            let (offset, length) = UsmSecurityParams::find_auth_params_offset(&out)?;
            authenticate_message(&self.key, &mut out, offset, length).ok()?;
        }
        Some(out)
    }

    fn time(&self) -> u64 {
        self.since.elapsed().as_secs()
    }
}
