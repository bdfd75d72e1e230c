//! Turns a request into its answer: SNMPv2c (RFC 3416), read-only.

use async_snmp::Oid;

use super::interfaces::{Interfaces, Moment};
use super::{COMMUNITY, ber};

const VERSION_2C: &[u8] = &[1];
const GET: u8 = 0xa0;
const GET_NEXT: u8 = 0xa1;
const RESPONSE: u8 = 0xa2;
const SET: u8 = 0xa3;
const GET_BULK: u8 = 0xa5;

const NO_SUCH_OBJECT: [u8; 2] = [0x80, 0];
const END_OF_MIB_VIEW: [u8; 2] = [0x82, 0];
const NOT_WRITABLE: u8 = 17;

/// A GETBULK answer stops growing here, well within a datagram (RFC 3416, section 4.2.3 allows it).
const LONGEST: usize = 16_000;

/// Writes the answer to `request` into `out`; `None` if none is due.
pub fn answer(
    mut request: &[u8],
    objects: &Interfaces,
    moment: Moment,
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut message = ber::expect(&mut request, ber::SEQUENCE)?;
    let version = ber::expect(&mut message, ber::INTEGER)?;
    let community = ber::expect(&mut message, ber::OCTET_STRING)?;
    if version != VERSION_2C || community != COMMUNITY.as_bytes() {
        return None;
    }
    let (kind, mut pdu) = ber::take(&mut message)?;
    let id = ber::expect(&mut pdu, ber::INTEGER)?;
    let first = ber::number(ber::expect(&mut pdu, ber::INTEGER)?)?;
    let second = ber::number(ber::expect(&mut pdu, ber::INTEGER)?)?;
    let bindings = ber::expect(&mut pdu, ber::SEQUENCE)?;

    out.clear();
    let whole = ber::open(out, ber::SEQUENCE);
    ber::put(out, ber::INTEGER, version);
    ber::put(out, ber::OCTET_STRING, community);
    let response = ber::open(out, RESPONSE);
    ber::put(out, ber::INTEGER, id);
    let (status, index) = if kind == SET {
        (NOT_WRITABLE, 1)
    } else {
        (0, 0)
    };
    ber::put(out, ber::INTEGER, &[status]);
    ber::put(out, ber::INTEGER, &[index]);
    let list = ber::open(out, ber::SEQUENCE);
    match kind {
        GET => each(bindings, |oid, name| get(objects, oid, name, moment, out))?,
        GET_NEXT => each(bindings, |oid, _| {
            next(objects, objects.after(oid), moment, out);
        })?,
        GET_BULK => bulk(bindings, (first, second), objects, moment, out)?,
        SET => out.extend_from_slice(bindings),
        _ => return None,
    }
    for mark in [list, response, whole] {
        ber::close(out, mark);
    }
    Some(())
}

/// Calls `with` for each requested variable: its identifier, decoded and as received.
fn each(mut bindings: &[u8], mut with: impl FnMut(&Oid, &[u8])) -> Option<()> {
    while !bindings.is_empty() {
        let mut binding = ber::expect(&mut bindings, ber::SEQUENCE)?;
        let name = ber::expect(&mut binding, ber::OBJECT_IDENTIFIER)?;
        with(&Oid::from_ber(name).ok()?, name);
    }
    Some(())
}

fn get(objects: &Interfaces, oid: &Oid, name: &[u8], moment: Moment, out: &mut Vec<u8>) {
    if !objects.get(oid, moment, out) {
        let mark = ber::open(out, ber::SEQUENCE);
        ber::put(out, ber::OBJECT_IDENTIFIER, name);
        out.extend_from_slice(&NO_SUCH_OBJECT);
        ber::close(out, mark);
    }
}

/// Appends the object at `place`, or the end of the view past the last one.
fn next(objects: &Interfaces, place: usize, moment: Moment, out: &mut Vec<u8>) {
    if !objects.put(place, moment, out) {
        let mark = ber::open(out, ber::SEQUENCE);
        out.extend_from_slice(objects.last_name());
        out.extend_from_slice(&END_OF_MIB_VIEW);
        ber::close(out, mark);
    }
}

fn bulk(
    bindings: &[u8],
    (non_repeaters, repetitions): (i64, i64),
    objects: &Interfaces,
    moment: Moment,
    out: &mut Vec<u8>,
) -> Option<()> {
    let mut places = Vec::new();
    each(bindings, |oid, _| places.push(objects.after(oid)))?;
    let non_repeaters = usize::try_from(non_repeaters)
        .unwrap_or(0)
        .min(places.len());
    let (once, repeated) = places.split_at(non_repeaters);
    for place in once {
        next(objects, *place, moment, out);
    }
    for repetition in 0..usize::try_from(repetitions).unwrap_or(0) {
        let mut is_over = true;
        for place in repeated {
            if out.len() > LONGEST {
                return Some(());
            }
            let place = place.saturating_add(repetition);
            is_over &= place >= objects.len();
            next(objects, place, moment, out);
        }
        if is_over {
            break;
        }
    }
    Some(())
}
