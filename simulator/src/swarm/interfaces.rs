//! The objects of a small agent: the system group and IF-MIB (RFC 2863), with moving counters.

use std::time::Duration;

use async_snmp::Oid;

use super::ber;

const SYSTEM: [u32; 7] = [1, 3, 6, 1, 2, 1, 1];
const IF_NUMBER: [u32; 9] = [1, 3, 6, 1, 2, 1, 2, 1, 0];
const IF_ENTRY: [u32; 9] = [1, 3, 6, 1, 2, 1, 2, 2, 1];
const IF_X_ENTRY: [u32; 10] = [1, 3, 6, 1, 2, 1, 31, 1, 1, 1];

/// The agent answering, and the time.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Index of the agent: its counters differ from the others'.
    pub agent: u32,
    /// The time since its start.
    pub uptime: Duration,
}

/// All objects, in the order of a walk. Agents share them; their counters differ by [`Moment`].
#[derive(Debug)]
pub struct Interfaces(Vec<Object>);

#[derive(Debug)]
struct Object {
    oid: Oid,
    /// The object identifier as an element.
    name: Vec<u8>,
    value: Value,
}

#[derive(Debug)]
enum Value {
    /// An element encoded beforehand.
    Fixed(Vec<u8>),
    /// TimeTicks since the start.
    Uptime,
    /// "agent-" and the number of the agent.
    Name,
    /// A Counter32 or Counter64 of an interface.
    Counter { tag: u8, interface: u32, rate: Rate },
}

/// The rate of a counter per second, before it is scaled for each interface.
#[derive(Debug, Clone, Copy)]
struct Rate(u64);

const OCTETS: Rate = Rate(1_250_000);
const PACKETS: Rate = Rate(1_500);
const RARE: Rate = Rate(3);

impl Interfaces {
    /// Builds the objects of agents with `count` interfaces each.
    pub fn build(count: u32) -> Self {
        let mut objects = Self(Vec::new());
        objects.system(count);
        for interface in 1..=count {
            objects.plain(interface);
            objects.extended(interface);
        }
        objects.0.sort_by(|left, right| left.oid.cmp(&right.oid));
        objects
    }

    /// Returns the number of objects.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Appends name and value of exactly `oid`; `false` if there is none.
    pub fn get(&self, oid: &Oid, moment: Moment, out: &mut Vec<u8>) -> bool {
        let found = self.0.binary_search_by(|object| object.oid.cmp(oid));
        let Ok(place) = found else { return false };
        self.put(place, moment, out)
    }

    /// Returns the position of the first object after `oid`, possibly past the end.
    pub fn after(&self, oid: &Oid) -> usize {
        self.0.partition_point(|object| object.oid <= *oid)
    }

    /// Appends name and value of the object at `place`; `false` past the end.
    pub fn put(&self, place: usize, moment: Moment, out: &mut Vec<u8>) -> bool {
        let Some(object) = self.0.get(place) else {
            return false;
        };
        let mark = ber::open(out, ber::SEQUENCE);
        out.extend_from_slice(&object.name);
        object.value.put(moment, out);
        ber::close(out, mark);
        true
    }

    /// The object identifier of the last object, as an element.
    pub fn last_name(&self) -> &[u8] {
        self.0.last().map_or(&[], |object| &object.name)
    }

    fn system(&mut self, count: u32) {
        let mut put = |object: u32, value| self.add(&SYSTEM, &[object, 0], value);
        put(1, text("Simulated agent for benchmarks"));
        put(
            2,
            Value::Fixed(name(&Oid::from_slice(&[1, 3, 6, 1, 2, 1, 1]))),
        );
        put(3, Value::Uptime);
        put(4, text("operator"));
        put(5, Value::Name);
        put(6, text("nowhere"));
        put(7, fixed(ber::INTEGER, 72));
        self.add(&IF_NUMBER, &[], fixed(ber::INTEGER, u64::from(count)));
    }

    fn plain(&mut self, interface: u32) {
        let counter = |rate| Value::Counter {
            tag: ber::COUNTER32,
            interface,
            rate,
        };
        let mut put = |column: u32, value| self.add(&IF_ENTRY, &[column, interface], value);
        put(1, fixed(ber::INTEGER, u64::from(interface)));
        put(2, text(&format!("eth{interface}")));
        put(3, fixed(ber::INTEGER, 6));
        put(4, fixed(ber::INTEGER, 1500));
        put(5, fixed(ber::GAUGE32, 1_000_000_000));
        put(6, Value::Fixed(mac(interface)));
        put(7, fixed(ber::INTEGER, 1));
        put(8, fixed(ber::INTEGER, 1));
        put(9, fixed(ber::TIME_TICKS, 0));
        put(10, counter(OCTETS));
        put(11, counter(PACKETS));
        put(13, counter(Rate(0)));
        put(14, counter(Rate(0)));
        put(16, counter(OCTETS));
        put(17, counter(PACKETS));
        put(19, counter(Rate(0)));
        put(20, counter(Rate(0)));
    }

    fn extended(&mut self, interface: u32) {
        let counter = |tag, rate| Value::Counter {
            tag,
            interface,
            rate,
        };
        let mut put = |column: u32, value| self.add(&IF_X_ENTRY, &[column, interface], value);
        put(1, text(&format!("eth{interface}")));
        for column in 2..=5 {
            put(column, counter(ber::COUNTER32, RARE));
        }
        for (column, rate) in (6..).zip([OCTETS, PACKETS, RARE, RARE, OCTETS, PACKETS, RARE, RARE])
        {
            put(column, counter(ber::COUNTER64, rate));
        }
        put(14, fixed(ber::INTEGER, 1));
        put(15, fixed(ber::GAUGE32, 1000));
        put(16, fixed(ber::INTEGER, 2));
        put(17, fixed(ber::INTEGER, 1));
        put(18, text(&format!("port {interface}")));
        put(19, fixed(ber::TIME_TICKS, 0));
    }

    fn add(&mut self, base: &[u32], tail: &[u32], value: Value) {
        let oid = Oid::new(base.iter().chain(tail).copied());
        self.0.push(Object {
            name: name(&oid),
            oid,
            value,
        });
    }
}

impl Value {
    fn put(&self, moment: Moment, out: &mut Vec<u8>) {
        match self {
            Self::Fixed(element) => out.extend_from_slice(element),
            Self::Uptime => {
                let ticks = (moment.uptime.as_millis() / 10) as u32;
                ber::put_unsigned(out, ber::TIME_TICKS, u64::from(ticks));
            }
            Self::Name => {
                let name = format!("agent-{:04}", moment.agent + 1);
                ber::put(out, ber::OCTET_STRING, name.as_bytes());
            }
            Self::Counter {
                tag,
                interface,
                rate,
            } => {
                let count = rate.count(moment, *interface);
                let count = if *tag == ber::COUNTER32 {
                    u64::from(count as u32)
                } else {
                    count
                };
                ber::put_unsigned(out, *tag, count);
            }
        }
    }
}

impl Rate {
    /// Returns the value of a counter: it grows steadily, at half to one and a half times the rate.
    fn count(self, moment: Moment, interface: u32) -> u64 {
        let own = u64::from(moment.agent.wrapping_mul(31).wrapping_add(interface) % 64);
        let rate = self.0 * (32 + own) / 64;
        let base = rate * 86_400;
        base + rate * moment.uptime.as_millis() as u64 / 1000
    }
}

fn fixed(tag: u8, number: u64) -> Value {
    let mut element = Vec::new();
    ber::put_unsigned(&mut element, tag, number);
    Value::Fixed(element)
}

fn text(text: &str) -> Value {
    let mut element = Vec::new();
    ber::put(&mut element, ber::OCTET_STRING, text.as_bytes());
    Value::Fixed(element)
}

/// Returns a locally administered MAC address.
fn mac(interface: u32) -> Vec<u8> {
    let mut element = Vec::new();
    let [.., high, low] = interface.to_be_bytes();
    ber::put(&mut element, ber::OCTET_STRING, &[0x02, 0, 0, 0, high, low]);
    element
}

fn name(oid: &Oid) -> Vec<u8> {
    let mut element = Vec::new();
    // Only constants get here, all of which can be encoded.
    ber::put(
        &mut element,
        ber::OBJECT_IDENTIFIER,
        &oid.to_ber().unwrap_or_default(),
    );
    element
}
