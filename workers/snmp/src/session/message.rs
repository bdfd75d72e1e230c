//! GETBULK of SNMPv2c as bytes (RFC 3416; BER as in X.690): the message that nearly all of a
//! poll is made of.
//!
//! The library decodes each answer into bindings that own an OID and a value of 170 bytes. Here
//! an answer stays the bytes that came, with the places of its bindings, and an OID is told by
//! its first bytes to belong to a column. It reads what is encoded as it should be, and nothing
//! else: of what it refuses, the library decides.

use async_snmp::{
    DecodeConfig, ErrorStatus, Oid, PduType, Value, VarBind, Version, message::Message, pdu::Pdu,
};
use bytes::Bytes;

mod ber;

use super::Error;
pub use ber::put_arc;
use ber::{Reader, put, put_integer};

const V2C: i32 = 1;
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const RESPONSE: u8 = 0xa2;
const GET_BULK: u8 = 0xa5;

/// What an agent answered.
#[derive(Debug)]
pub struct Answer {
    /// `noError`, or what it refuses.
    pub status: ErrorStatus,
    /// About which binding, from 1; 0 for none.
    pub index: usize,
    /// The bindings.
    pub bindings: Bindings,
}

/// The bindings of an answer.
#[derive(Debug)]
pub enum Bindings {
    /// Still in the bytes that came.
    Raw(Raw),
    /// Decoded by the library.
    Decoded(Vec<VarBind>),
}

/// Bindings in the bytes that came.
#[derive(Debug)]
pub struct Raw {
    bytes: Bytes,
    places: Vec<Place>,
}

/// Where a binding is: the OID without its tag and length, and the same of the value.
#[derive(Debug, Clone, Copy)]
struct Place {
    oid: (usize, usize),
    value: (usize, usize),
    tag: u8,
}

/// A binding in the bytes that came.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    raw: &'a Raw,
    place: Place,
}

/// The names of a request: OIDs as BER, each with a NULL.
#[derive(Debug, Default)]
pub struct Names(Vec<u8>);

impl Names {
    /// One more: the bytes of its OID, without tag and length.
    pub fn push(&mut self, oid: &[u8]) {
        let mut binding = Vec::with_capacity(oid.len() + 6);
        put(&mut binding, OID, oid);
        binding.extend([NULL, 0]);
        put(&mut self.0, SEQUENCE, &binding);
    }
}

/// A GETBULK for the next of the first `singles` names, and the next `rows` of all others.
pub fn get_bulk(id: i32, community: &[u8], names: &Names, singles: usize, rows: usize) -> Vec<u8> {
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let mut fields = Vec::with_capacity(names.0.len() + 24);
    for field in [id, number(singles), number(rows)] {
        put_integer(&mut fields, INTEGER, field);
    }
    put(&mut fields, SEQUENCE, &names.0);
    let mut body = Vec::with_capacity(fields.len() + community.len() + 16);
    put_integer(&mut body, INTEGER, V2C);
    put(&mut body, OCTETS, community);
    put(&mut body, GET_BULK, &fields);
    let mut message = Vec::with_capacity(body.len() + 4);
    put(&mut message, SEQUENCE, &body);
    message
}

/// The answer to the request `id`. `None` when it is none.
pub fn parse(bytes: Bytes, id: i32) -> Option<Answer> {
    match parse_raw(&bytes, id) {
        Some((status, index, places)) => Some(Answer {
            status,
            index,
            bindings: Bindings::Raw(Raw { bytes, places }),
        }),
        None => decode(bytes, id),
    }
}

fn parse_raw(bytes: &[u8], id: i32) -> Option<(ErrorStatus, usize, Vec<Place>)> {
    let mut whole = Reader::of(bytes);
    let mut message = whole.inside(SEQUENCE)?;
    let is_v2c = message.integer(INTEGER)? == V2C;
    message.take(OCTETS)?;
    let mut fields = message.inside(RESPONSE)?;
    let is_ours = fields.integer(INTEGER)? == id;
    let status = ErrorStatus::from_i32(fields.integer(INTEGER)?);
    let index = usize::try_from(fields.integer(INTEGER)?).ok()?;
    let mut list = fields.inside(SEQUENCE)?;
    let ends = whole.is_empty() && message.is_empty() && fields.is_empty();
    if !(is_v2c && is_ours && ends) {
        return None;
    }
    let mut places = Vec::with_capacity(list.left() / 14);
    while !list.is_empty() {
        let mut binding = list.inside(SEQUENCE)?;
        let oid = binding.take(OID)?;
        let (tag, value) = binding.any()?;
        if !(binding.is_empty() && ber::is_oid(oid.of(bytes)) && ber::fits(tag, value.of(bytes))) {
            return None;
        }
        places.push(Place {
            oid: (oid.from, oid.to),
            value: (value.from, value.to),
            tag,
        });
    }
    Some((status, index, places))
}

/// What the library makes of it: it bears with more.
fn decode(bytes: Bytes, id: i32) -> Option<Answer> {
    let message = Message::decode(bytes, DecodeConfig::DEFAULT).ok()?.value;
    let is_v2c = message.version() == Version::V2c;
    let pdu: Pdu = message.into_pdu()?;
    let is_ours = pdu.pdu_type() == PduType::Response && pdu.request_id() == id;
    (is_v2c && is_ours).then(|| Answer {
        status: ErrorStatus::from_i32(pdu.error_status()),
        index: usize::try_from(pdu.error_index()).unwrap_or(0),
        bindings: Bindings::Decoded(pdu.varbinds().to_vec()),
    })
}

impl Answer {
    /// The bindings. Errors: the agent refused.
    pub fn into_result(self) -> Result<Bindings, Error> {
        if self.status == ErrorStatus::NoError {
            return Ok(self.bindings);
        }
        let named = self.index.checked_sub(1);
        Err(Error::Refused {
            status: self.status,
            oid: named.and_then(|at| self.bindings.oid(at)),
            index: self.index,
        })
    }
}

impl Bindings {
    /// The OID of the binding of that position.
    fn oid(&self, at: usize) -> Option<Oid> {
        match self {
            Self::Decoded(bindings) => bindings.get(at).map(|binding| binding.oid.clone()),
            Self::Raw(raw) => {
                let place = *raw.places.get(at)?;
                Oid::from_ber(Binding { raw, place }.oid()).ok()
            }
        }
    }
}

impl Raw {
    /// The bindings, in their order.
    pub fn iter(&self) -> impl Iterator<Item = Binding<'_>> {
        self.places.iter().map(|place| Binding {
            raw: self,
            place: *place,
        })
    }
}

impl Binding<'_> {
    /// The bytes of its OID, without tag and length.
    pub fn oid(&self) -> &[u8] {
        let (from, to) = self.place.oid;
        self.raw.bytes.get(from..to).unwrap_or_default()
    }

    /// The numbers of its OID after these bytes; `None` when it begins otherwise.
    pub fn index(&self, prefix: &[u8], arcs: &mut Vec<u32>) -> Option<()> {
        ber::put_arcs(self.oid().strip_prefix(prefix)?, arcs)
    }

    /// Its value.
    pub fn value(&self) -> Value {
        let (from, to) = self.place.value;
        ber::value(self.place.tag, from..to, &self.raw.bytes)
    }

    /// Whether the agent says that there is none.
    pub fn is_absent(&self) -> bool {
        ber::is_absent(self.place.tag)
    }
}

#[cfg(test)]
mod tests;
