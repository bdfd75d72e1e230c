//! The objects of a counter, as a manager sees them. Pure.
//!
//! All is under netSnmpPlaypen (NET-SNMP-MIB: "for experimentation", used by nobody):
//!
//! ```text
//! 1.3.6.1.4.1.8072.9999.9999.7    D
//!   D.1.1.0  requests             Counter32
//!   D.1.2.0  uptime               TimeTicks
//!   D.1.3.0  temperature          INTEGER, tenths of a degree Celsius
//!   D.1.4.0  effects of marks     Counter32
//!   D.1.5.0  effects of puts      Counter32
//!   D.2.1.0  mark                 OCTET STRING, read-write: the last one, "(none)" at first
//!   D.2.2.0  put                  OCTET STRING, read-write: the last one, "(none)" at first
//!   D.3.1.1.<token>               Gauge32: the number of marks with the token
//!   D.3.1.2.<token>               Gauge32: the number of puts with the token
//! ```
//!
//! The index `<token>` is a string of variable length (RFC 2578, 7.7): its length, then its bytes.
//! A GET of a token that was never received answers 0, so that a read-back proves both outcomes; a
//! walk has only those that were received.

use std::time::Duration;

use async_snmp::{Oid, Value, VarBind};

use super::register::{Class, Mistake, Register, Token};
use crate::chance::wave;
use crate::mib::system::{self, Agent, Labels};
use crate::mib::view::{ViewBuilder, integer, text};
use crate::mib::{Refusal, View};

const DRILL: [u32; 10] = [1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 7];
const TABLE: [u32; 12] = [1, 3, 6, 1, 4, 1, 8072, 9999, 9999, 7, 3, 1];
const CLASSES: [(u32, Class); 2] = [(1, Class::Mark), (2, Class::Put)];
/// A text that no token can be.
const NONE: &str = "(none)";

/// The time between changes of direction of the temperature.
const TURN: Duration = Duration::from_secs(20);
const COLDEST: f64 = 18.0;
const HOTTEST: f64 = 28.0;

/// A change that a SET makes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The class of the command.
    pub class: Class,
    pub token: Token,
}

/// The state of a counter at one moment.
#[derive(Debug, Clone, Copy)]
pub struct Sight<'a> {
    pub name: &'a str,
    /// The seed of all randomness.
    pub seed: u64,
    /// The time since its start.
    pub uptime: Duration,
    /// The number of requests that reached it.
    pub requests: u64,
    /// The register of commands.
    pub register: &'a Register,
}

impl Sight<'_> {
    /// The value of `oid`, or the exception that explains its absence.
    pub fn get(&self, oid: &Oid) -> Value {
        let Some([column, index @ ..]) = oid.arcs().strip_prefix(&TABLE) else {
            return self.scalars().get(oid);
        };
        match (class(*column), token(index)) {
            (Some(class), Some(token)) => Value::Gauge32(self.register.of(class).done(&token)),
            (Some(_), None) => Value::NoSuchInstance,
            (None, _) => Value::NoSuchObject,
        }
    }

    /// Returns the first object after `oid`.
    pub fn next(&self, oid: &Oid) -> Option<VarBind> {
        // The whole table follows the scalars.
        if let Some((next, value)) = self.scalars().next(oid) {
            return Some(VarBind::new(next.clone(), value.clone()));
        }
        CLASSES.into_iter().find_map(|(column, class)| {
            let start = [&TABLE[..], &[column]].concat();
            let after = match oid.arcs().strip_prefix(start.as_slice()) {
                Some(index) => index,
                None if oid.arcs() < start.as_slice() => &[],
                None => return None,
            };
            let (token, count) = self.register.of(class).next(after)?;
            let oid = Oid::new(start.into_iter().chain(token.index()));
            Some(VarBind::new(oid, Value::Gauge32(count)))
        })
    }

    fn scalars(&self) -> View {
        let mut builder = ViewBuilder::default();
        let agent = Agent {
            description: "Simulated counter for drills".to_owned(),
            object: DRILL.to_vec(),
        };
        let labels = Labels {
            contact: "operator".to_owned(),
            name: self.name.to_owned(),
            location: "drill".to_owned(),
        };
        system::put_objects(&agent, &labels, self.uptime, &mut builder);
        let (marks, puts) = (self.register.of(Class::Mark), self.register.of(Class::Put));
        let mut put = |group, object, value| builder.put(&DRILL, &[group, object, 0], value);
        put(1, 1, Value::Counter32(self.requests as u32));
        put(
            1,
            2,
            Value::TimeTicks((self.uptime.as_millis() / 10) as u32),
        );
        put(1, 3, integer(self.tenths_of_a_degree()));
        put(1, 4, Value::Counter32(marks.sum().done as u32));
        put(1, 5, Value::Counter32(puts.sum().done as u32));
        put(2, 1, text(marks.last().map_or(NONE, Token::as_str)));
        put(2, 2, text(puts.last().map_or(NONE, Token::as_str)));
        builder.into_view()
    }

    fn tenths_of_a_degree(&self) -> i32 {
        let wave = wave(self.seed, self.name, self.uptime, TURN);
        ((COLDEST + (HOTTEST - COLDEST) * wave) * 10.0).round() as i32
    }
}

/// Returns the change made by writing `value` to `oid`.
pub fn write(oid: &Oid, value: &Value) -> Result<Change, Refusal> {
    let class = match oid.arcs().strip_prefix(&DRILL) {
        Some([2, 1, 0]) => Class::Mark,
        Some([2, 2, 0]) => Class::Put,
        _ => return Err(Refusal::NotWritable),
    };
    let Value::OctetString(bytes) = value else {
        return Err(Refusal::WrongType);
    };
    let token = Token::parse(bytes).map_err(|mistake| match mistake {
        Mistake::Length => Refusal::WrongLength,
        Mistake::Character => Refusal::WrongValue,
    })?;
    Ok(Change { class, token })
}

fn class(column: u32) -> Option<Class> {
    let found = CLASSES.into_iter().find(|(known, _)| *known == column);
    found.map(|(_, class)| class)
}

fn token(index: &[u32]) -> Option<Token> {
    let (length, bytes) = index.split_first()?;
    if usize::try_from(*length) != Ok(bytes.len()) {
        return None;
    }
    let bytes: Option<Vec<u8>> = bytes.iter().map(|arc| u8::try_from(*arc).ok()).collect();
    Token::parse(&bytes?).ok()
}
