//! Messages of SNMPv1 and v2c as bytes (RFC 1157, 3416; BER as in X.690), and the PDU of v3.
//!
//! The library decodes each answer into bindings that own an OID and a value of 170 bytes. Here an
//! answer stays as received, with the spans of its bindings, and the first bytes of an OID tell if
//! it belongs to a column.
//!
//! An answer is read binding by binding, as far as possible: a value that cannot be decoded is kept
//! with its name and the reason, and of an answer that breaks off, everything before counts.

use async_snmp::{CommunityVersion, ErrorStatus, Oid, RequestPdu, Value, VarBind};
use bytes::Bytes;
use utakata_worker_sdk::invariant;

mod ber;
mod flaw;
use super::Error;
pub use ber::put_arc;
use ber::{Reader, put, put_integer};
pub use flaw::Flaw;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const NULL: u8 = 0x05;
const OID: u8 = 0x06;
const GET: u8 = 0xa0;
const GET_NEXT: u8 = 0xa1;
const RESPONSE: u8 = 0xa2;
const GET_BULK: u8 = 0xa5;

/// The type of a request.
#[derive(Debug, Clone, PartialEq)]
pub enum PduKind {
    /// The values of the names.
    Get,
    /// The objects after each name.
    Next,
    /// Requests the objects after the first `singles` once, and the next `rows` of all others.
    Bulk {
        /// The number of non-repeaters.
        singles: usize,
        /// The number of max-repetitions.
        rows: usize,
    },
    /// Sets the only object to this value.
    Set(Value),
}

/// The answer of an agent.
#[derive(Debug)]
pub struct Answer {
    /// `noError`, or the reason of a refusal.
    pub status: ErrorStatus,
    /// The binding concerned, from 1; 0 for none.
    pub index: usize,
    pub bindings: Bindings,
}

/// The bindings of an answer.
#[derive(Debug)]
pub enum Bindings {
    /// As received.
    Raw(Raw),
    /// The bindings, decoded by the library.
    Decoded(Vec<VarBind>),
}

/// Bindings in a received message.
#[derive(Debug)]
pub struct Raw {
    bytes: Bytes,
    spans: Vec<Span>,
}

/// The location of a binding: its OID without tag and length, and the same for its value.
#[derive(Debug, Clone, Copy)]
struct Span {
    oid: (usize, usize),
    value: (usize, usize),
    tag: u8,
    flaw: Option<Flaw>,
}

/// A binding in a received message.
#[derive(Debug, Clone, Copy)]
pub struct Binding<'a> {
    raw: &'a Raw,
    span: Span,
}

/// The fields that identify an answer, before anything else of it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope<'a> {
    /// 0: SNMPv1, 1: v2c, 3: v3.
    pub version: i32,
    /// For v1 and v2c.
    pub community: &'a [u8],
    /// For v1 and v2c.
    pub pdu: u8,
    /// The request id; for v3, that of the message.
    pub id: i32,
}

/// The names of a request: OIDs as BER, each with a NULL.
#[derive(Debug, Default)]
pub struct Names {
    bytes: Vec<u8>,
    count: usize,
}

impl Names {
    /// Appends a name: the bytes of its OID, without tag and length.
    pub fn push(&mut self, oid: &[u8]) {
        let mut binding = Vec::with_capacity(oid.len() + 6);
        put(&mut binding, OID, oid);
        binding.extend([NULL, 0]);
        put(&mut self.bytes, SEQUENCE, &binding);
        self.count += 1;
    }

    /// Encodes these names. Errors: one that cannot be encoded.
    pub fn of<'a>(oids: impl IntoIterator<Item = &'a Oid>) -> Result<Self, Error> {
        let mut names = Self::default();
        for oid in oids {
            let bytes = oid.to_ber().map_err(|_| Error::Garbage {
                problem: format!("{oid} cannot be asked for"),
            })?;
            names.push(&bytes);
        }
        Ok(names)
    }

    /// Returns the number of names.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Returns the names, decoded.
    pub fn oids(&self) -> Vec<Oid> {
        let mut list = Reader::of(&self.bytes);
        let mut oids = Vec::with_capacity(self.count);
        while let Some(mut binding) = list.inside(SEQUENCE) {
            let oid = binding.take(OID).map(|span| span.of(&self.bytes));
            oids.extend(oid.and_then(|oid| Oid::from_ber(oid).ok()));
        }
        oids
    }
}

/// Encodes a request with a community. Errors: a value that cannot be encoded.
pub fn request(
    id: i32,
    version: CommunityVersion,
    community: &[u8],
    operation: &PduKind,
    names: &Names,
) -> Result<Vec<u8>, Error> {
    let (pdu, first, second) = match operation {
        PduKind::Get => (GET, 0, 0),
        PduKind::Next => (GET_NEXT, 0, 0),
        PduKind::Bulk { singles, rows } => (GET_BULK, *singles, *rows),
        PduKind::Set(value) => return set(id, version, community, names, value),
    };
    let number = |count: usize| i32::try_from(count).unwrap_or(i32::MAX);
    let mut fields = Vec::with_capacity(names.bytes.len() + 24);
    for field in [id, number(first), number(second)] {
        put_integer(&mut fields, INTEGER, field);
    }
    put(&mut fields, SEQUENCE, &names.bytes);
    let mut body = Vec::with_capacity(fields.len() + community.len() + 16);
    put_integer(&mut body, INTEGER, number_of(version));
    put(&mut body, OCTETS, community);
    put(&mut body, pdu, &fields);
    let mut message = Vec::with_capacity(body.len() + 4);
    put(&mut message, SEQUENCE, &body);
    Ok(message)
}

/// The version number on the wire.
pub fn number_of(version: CommunityVersion) -> i32 {
    match version {
        CommunityVersion::V1 => 0,
        CommunityVersion::V2c => 1,
    }
}

fn set(
    id: i32,
    version: CommunityVersion,
    community: &[u8],
    names: &Names,
    value: &Value,
) -> Result<Vec<u8>, Error> {
    use async_snmp::message::CommunityMessage;
    let bindings = names.oids().into_iter();
    let bindings = bindings
        .map(|oid| VarBind::new(oid, value.clone()))
        .collect();
    let message = RequestPdu::set(version.into(), id, bindings)
        .and_then(|pdu| CommunityMessage::new(version, community, pdu.into_raw()))
        .and_then(|message| message.encode());
    match message {
        Ok(bytes) => Ok(bytes.to_vec()),
        Err(source) => Err(Error::Client { source }),
    }
}

/// Returns the number of the version of a message. `None` if this is not an SNMP message.
pub fn version(bytes: &[u8]) -> Option<i32> {
    Reader::of(bytes).inside_cut(SEQUENCE)?.integer(INTEGER)
}

/// Returns the fields that identify an answer. `None` if this is not an SNMP message.
pub fn envelope(bytes: &[u8]) -> Option<Envelope<'_>> {
    let mut message = Reader::of(bytes).inside_cut(SEQUENCE)?;
    let version = message.integer(INTEGER)?;
    if version == 3 {
        let id = message.inside_cut(SEQUENCE)?.integer(INTEGER)?;
        return Some(Envelope {
            version,
            community: &[],
            pdu: 0,
            id,
        });
    }
    let community = message.take(OCTETS)?.of(bytes);
    let (pdu, mut fields) = message.any_inside_cut()?;
    let id = fields.integer(INTEGER)?;
    matches!(version, 0 | 1).then_some(Envelope {
        version,
        community,
        pdu,
        id,
    })
}

/// Parses the answer in a message with a community. `None` if there is none.
pub fn parse(bytes: Bytes) -> Option<Answer> {
    let mut message = Reader::of(&bytes).inside_cut(SEQUENCE)?;
    message.integer(INTEGER)?;
    message.take(OCTETS)?;
    let fields = message.inside_cut(RESPONSE)?;
    let (status, index, spans) = parse_fields(fields, &bytes)?;
    Some(Answer {
        status,
        index,
        bindings: Bindings::Raw(Raw { bytes, spans }),
    })
}

/// Parses the answer in a plain-text scoped PDU of v3. `None` if there is none.
pub fn parse_scoped(bytes: Bytes) -> Option<Answer> {
    let mut scoped = Reader::of(&bytes).inside_cut(SEQUENCE)?;
    scoped.take(OCTETS)?;
    scoped.take(OCTETS)?;
    let fields = scoped.inside_cut(RESPONSE)?;
    let (status, index, spans) = parse_fields(fields, &bytes)?;
    Some(Answer {
        status,
        index,
        bindings: Bindings::Raw(Raw { bytes, spans }),
    })
}

fn parse_fields(mut fields: Reader<'_>, bytes: &[u8]) -> Option<(ErrorStatus, usize, Vec<Span>)> {
    fields.integer(INTEGER)?;
    let status = ErrorStatus::from_i32(fields.integer(INTEGER)?);
    let index = usize::try_from(fields.integer(INTEGER)?).unwrap_or(0);
    let Some(mut list) = fields.inside_cut(SEQUENCE) else {
        return Some((status, index, Vec::new()));
    };
    let mut spans = Vec::with_capacity(list.left() / 14);
    // A truncated binding is ignored.
    while let Some(binding) = list.inside(SEQUENCE) {
        spans.extend(span(binding, bytes));
    }
    Some((status, index, spans))
}

/// Returns the location of a binding, and what prevents decoding it. `None` if it has no name.
fn span(mut binding: Reader<'_>, bytes: &[u8]) -> Option<Span> {
    let oid = binding.take(OID)?;
    let mut span = Span {
        oid: (oid.from, oid.to),
        value: (oid.to, oid.to),
        tag: NULL,
        flaw: None,
    };
    if !ber::is_oid(oid.of(bytes)) {
        return None;
    }
    let mut rest = binding;
    match binding.any() {
        Some((tag, value)) => {
            span.value = (value.from, value.to);
            span.tag = tag;
            span.flaw = match binding.is_empty() {
                true => flaw::of(tag, value.of(bytes)),
                false => Some(Flaw::Length),
            };
        }
        None => {
            span.tag = rest.any_inside_cut().map_or(NULL, |(tag, _)| tag);
            span.flaw = Some(Flaw::Length);
        }
    }
    Some(span)
}

impl Answer {
    /// Returns the bindings. Errors: the agent refused.
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

/// A binding, as far as it could be decoded.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedBinding {
    pub oid: Oid,
    /// Its value, or the reason why it has none.
    pub value: Result<Value, Flaw>,
}

impl Bindings {
    /// Returns the number of bindings.
    pub fn count(&self) -> usize {
        match self {
            Self::Decoded(bindings) => bindings.len(),
            Self::Raw(raw) => raw.spans.len(),
        }
    }

    /// The OID of the binding at a position.
    fn oid(&self, at: usize) -> Option<Oid> {
        match self {
            Self::Decoded(bindings) => bindings.get(at).map(|binding| binding.oid.clone()),
            Self::Raw(raw) => {
                let span = *raw.spans.get(at)?;
                Oid::from_ber(Binding { raw, span }.oid()).ok()
            }
        }
    }

    /// The bindings, each decoded on its own.
    pub fn into_found(self) -> Vec<DecodedBinding> {
        match self {
            Self::Decoded(bindings) => bindings
                .into_iter()
                .map(|VarBind { oid, value }| DecodedBinding {
                    oid,
                    value: Ok(value),
                })
                .collect(),
            Self::Raw(raw) => raw
                .iter()
                .filter_map(|binding| {
                    Some(DecodedBinding {
                        oid: Oid::from_ber(binding.oid()).ok()?,
                        value: binding.value(),
                    })
                })
                .collect(),
        }
    }
}

impl Raw {
    /// Returns the bindings, in order.
    pub fn iter(&self) -> impl Iterator<Item = Binding<'_>> {
        self.spans.iter().map(|span| Binding {
            raw: self,
            span: *span,
        })
    }
}

impl Binding<'_> {
    /// The bytes of its OID, without tag and length.
    pub fn oid(&self) -> &[u8] {
        let (from, to) = self.span.oid;
        let bytes = self.raw.bytes.get(from..to);
        let what = "a name is not in the message it was read from";
        invariant::present(bytes, what, &to).unwrap_or_default()
    }

    /// Appends the numbers of its OID after this prefix; `None` if it begins otherwise.
    pub fn index(&self, prefix: &[u8], arcs: &mut Vec<u32>) -> Option<()> {
        ber::put_arcs(self.oid().strip_prefix(prefix)?, arcs)
    }

    /// Decodes its value. Errors: the reason why it cannot be decoded.
    pub fn value(&self) -> Result<Value, Flaw> {
        if let Some(flaw) = self.span.flaw {
            return Err(flaw);
        }
        let (from, to) = self.span.value;
        Ok(ber::value(self.span.tag, from..to, &self.raw.bytes))
    }

    /// Returns the exception that the agent sent instead of a value.
    pub fn absence(&self) -> Option<Absence> {
        if self.span.flaw.is_some() {
            return None;
        }
        ber::absence(self.span.tag)
    }
}

/// The exceptions that an agent sends instead of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Absence {
    /// There is none here; there may be some after it.
    Hole,
    /// There is nothing after this.
    End,
}

#[cfg(test)]
mod tests;
