//! Turns a request into the answers of a misbehaving agent: none, one, or two.

use std::time::Duration;

use async_snmp::Oid;

use super::{
    Faults,
    faults::{Bulk, Named, Oddity, TooLarge},
    objects::{Object, Objects, State},
};
use crate::{chance::draw, swarm::ber};

/// The community for reading.
pub const COMMUNITY: &str = "public";

const GET: u8 = 0xa0;
const GET_NEXT: u8 = 0xa1;
const RESPONSE: u8 = 0xa2;
const SET: u8 = 0xa3;
const GET_BULK: u8 = 0xa5;
const NULL: [u8; 2] = [0x05, 0];
const NO_SUCH_INSTANCE: [u8; 2] = [0x81, 0];
const END_OF_MIB_VIEW: [u8; 2] = [0x82, 0];

const TOO_BIG: u8 = 1;
const NO_SUCH_NAME: u8 = 2;
const GEN_ERR: u8 = 5;
const NOT_WRITABLE: u8 = 17;
/// The length of the longest answer, in bytes.
const LONGEST: usize = 60_000;

/// An answer.
pub struct Reply {
    /// The delay before it is sent.
    pub after: Duration,
    /// The bytes of the message.
    pub message: Vec<u8>,
}

/// A misbehaving agent.
pub struct Agent {
    seed: u64,
    turn: u64,
    faults: Faults,
    objects: Objects,
}

struct Request {
    version: i64,
    kind: u8,
    id: i64,
    first: i64,
    second: i64,
    names: Vec<Oid>,
}

/// An OID and a value as BER.
type Binding = (Oid, Vec<u8>);

/// The answer: bindings, or an error status and the position it refers to, from 1.
type Reaction = Result<Vec<Binding>, (u8, usize)>;

impl Agent {
    /// Creates an agent with these objects.
    pub fn new(seed: u64, faults: Faults, objects: Objects) -> Self {
        Self {
            seed,
            turn: 0,
            faults,
            objects,
        }
    }

    fn falls(&self, name: &str, percent: u64) -> bool {
        draw(self.seed, name, self.turn) % 100 < percent
    }

    /// Returns the answers sent to a request.
    pub fn answer(&mut self, request: &[u8]) -> Vec<Reply> {
        self.turn += 1;
        let Some(request) = parse(request) else {
            return Vec::new();
        };
        let is_known = request.version == 0 || (request.version == 1 && !self.faults.is_v1_only);
        let is_crowded = self
            .faults
            .names
            .is_some_and(|max| request.names.len() > max);
        if !is_known || is_crowded || self.falls("lost", self.faults.loses) {
            return Vec::new();
        }
        let Some(message) = self.message(&request) else {
            return Vec::new();
        };
        let late = draw(self.seed, "delay", self.turn) % (self.faults.delay + 1);
        let after = Duration::from_millis(late);
        let mut replies = vec![Reply {
            after,
            message: message.clone(),
        }];
        if self.falls("doubled", self.faults.doubles) {
            replies.push(Reply {
                after: after + Duration::from_millis(5),
                message,
            });
        }
        replies
    }

    fn message(&self, request: &Request) -> Option<Vec<u8>> {
        let said = match (request.kind, self.faults.bulk) {
            (GET, _) => self.get(request),
            (GET_NEXT, _) => self.next(request),
            (GET_BULK, Bulk::Silent) => return None,
            (GET_BULK, Bulk::Refused) => Err((GEN_ERR, 0)),
            (GET_BULK, Bulk::Empty) => Ok(Vec::new()),
            (GET_BULK, Bulk::Answered) if request.version == 1 => self.bulk(request),
            (SET, _) => Err((NOT_WRITABLE, 1)),
            _ => return None,
        };
        let said = said.map(|bindings| self.in_disorder(bindings));
        let message = self.write(request, &said);
        let Some(largest) = self.faults.largest.filter(|max| message.len() > *max) else {
            return Some(message);
        };
        match (self.faults.too_large, said) {
            (TooLarge::Silent, _) => None,
            (TooLarge::Cut, _) => Some(message[..largest].to_vec()),
            (TooLarge::Shorter, Ok(mut bindings)) if request.kind == GET_BULK => {
                let mut message = message;
                while message.len() > largest && bindings.pop().is_some() {
                    message = self.write(request, &Ok(bindings.clone()));
                }
                Some(message)
            }
            _ => Some(self.write(request, &Err((TOO_BIG, 0)))),
        }
    }

    fn get(&self, request: &Request) -> Reaction {
        let each =
            request
                .names
                .iter()
                .enumerate()
                .map(|(at, name)| match self.objects.get(name) {
                    Some(object) if object.state == State::Hole && request.version == 0 => {
                        Err((NO_SUCH_NAME, at + 1))
                    }
                    Some(object) => self.show(object, at),
                    None if request.version == 0 => Err((NO_SUCH_NAME, at + 1)),
                    None => Ok((name.clone(), NO_SUCH_INSTANCE.to_vec())),
                });
        each.collect()
    }

    fn next(&self, request: &Request) -> Reaction {
        let each = request.names.iter().enumerate();
        let each = each.map(|(at, name)| match self.objects.next(name, &self.faults) {
            Some(object) => self.show(object, at),
            None if request.version == 0 => Err((NO_SUCH_NAME, at + 1)),
            None => Ok((name.clone(), END_OF_MIB_VIEW.to_vec())),
        });
        each.collect()
    }

    fn bulk(&self, request: &Request) -> Reaction {
        let once = usize::try_from(request.first).unwrap_or(0);
        let mut bindings = Vec::new();
        let mut heads = request.names.clone();
        let mut length = 0;
        for row in 0..usize::try_from(request.second).unwrap_or(0).max(1) {
            for (at, head) in heads.iter_mut().enumerate() {
                if row > 0 && at < once {
                    continue;
                }
                let found = match self.objects.next(head, &self.faults) {
                    Some(object) => self.show(object, at)?,
                    None => (head.clone(), END_OF_MIB_VIEW.to_vec()),
                };
                *head = found.0.clone();
                length += found.1.len() + 20;
                bindings.push(found);
                if length > LONGEST {
                    return Ok(bindings);
                }
            }
        }
        Ok(bindings)
    }

    fn show(&self, object: &Object, at: usize) -> Result<Binding, (u8, usize)> {
        match object.state {
            State::Refused => Err((GEN_ERR, at + 1)),
            _ => Ok((object.oid.clone(), object.value.clone())),
        }
    }

    fn in_disorder(&self, mut bindings: Vec<Binding>) -> Vec<Binding> {
        if self.faults.shuffles {
            for at in (1..bindings.len()).rev() {
                let other = draw(self.seed, "shuffle", self.turn + at as u64);
                bindings.swap(at, (other % (at as u64 + 1)) as usize);
            }
        }
        bindings
    }

    fn write(&self, request: &Request, said: &Reaction) -> Vec<u8> {
        let oddity = self.faults.oddity;
        let version = match oddity {
            Oddity::Version => 1 - request.version,
            _ => request.version,
        };
        let id = match oddity {
            Oddity::Id => (request.id + 1) & 0x7fff_ffff,
            _ => request.id,
        };
        let community: &[u8] = match oddity {
            Oddity::Community => b"",
            _ => COMMUNITY.as_bytes(),
        };
        let (status, index) = match said {
            Ok(_) => (0, 0),
            Err((status @ TOO_BIG, _)) => (*status, 0),
            Err((status, at)) => (*status, self.named(*at)),
        };
        let mut out = Vec::new();
        let whole = ber::open(&mut out, ber::SEQUENCE);
        ber::put_unsigned(&mut out, ber::INTEGER, version as u64);
        ber::put(&mut out, ber::OCTET_STRING, community);
        let response = ber::open(&mut out, RESPONSE);
        ber::put_unsigned(&mut out, ber::INTEGER, id as u64);
        ber::put(&mut out, ber::INTEGER, &[status]);
        ber::put(&mut out, ber::INTEGER, &[index]);
        let list = ber::open(&mut out, ber::SEQUENCE);
        let echo = request.names.iter().map(|name| (name, &NULL[..]));
        match said {
            Ok(bindings) => bindings
                .iter()
                .for_each(|(name, value)| put(&mut out, name, value)),
            Err(_) => echo.for_each(|(name, value)| put(&mut out, name, value)),
        }
        for mark in [list, response, whole] {
            ber::close(&mut out, mark);
        }
        out
    }

    fn named(&self, at: usize) -> u8 {
        let at = match self.faults.names_as_refused {
            Named::Right => at,
            Named::None => 0,
            Named::First => 1,
            Named::Beyond => 77,
        };
        u8::try_from(at).unwrap_or(0)
    }
}

fn put(out: &mut Vec<u8>, name: &Oid, value: &[u8]) {
    let mark = ber::open(out, ber::SEQUENCE);
    ber::put(
        out,
        ber::OBJECT_IDENTIFIER,
        &name.to_ber().unwrap_or_default(),
    );
    out.extend_from_slice(value);
    ber::close(out, mark);
}

fn parse(mut request: &[u8]) -> Option<Request> {
    let mut message = ber::expect(&mut request, ber::SEQUENCE)?;
    let version = ber::number(ber::expect(&mut message, ber::INTEGER)?)?;
    let community = ber::expect(&mut message, ber::OCTET_STRING)?;
    if community != COMMUNITY.as_bytes() {
        return None;
    }
    let (kind, mut pdu) = ber::take(&mut message)?;
    let id = ber::number(ber::expect(&mut pdu, ber::INTEGER)?)?;
    let first = ber::number(ber::expect(&mut pdu, ber::INTEGER)?)?;
    let second = ber::number(ber::expect(&mut pdu, ber::INTEGER)?)?;
    let mut list = ber::expect(&mut pdu, ber::SEQUENCE)?;
    let mut names = Vec::new();
    while !list.is_empty() {
        let mut binding = ber::expect(&mut list, ber::SEQUENCE)?;
        let name = ber::expect(&mut binding, ber::OBJECT_IDENTIFIER)?;
        names.push(Oid::from_ber(name).ok()?);
    }
    Some(Request {
        version,
        kind,
        id,
        first,
        second,
        names,
    })
}
