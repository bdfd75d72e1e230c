//! Faults of a device, on request.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::chance::{self, Chance};
use crate::room::Condition;
use crate::span;

/// The default time for which a BMC is away while it restarts.
const RESTART: Duration = Duration::from_secs(60);
/// The default share of requests that a moody BMC takes for those of a stranger.
const MOODY: &str = "0.2";

/// The default time for which a flapping device is up, and then down.
const FLAP: Duration = Duration::from_secs(5);

/// The bytes sent by a device that answers with garbage: a SEQUENCE that announces more than
/// follows.
pub const GARBAGE: &[u8] = &[0x30, 0x82, 0x7f, 0xff, 0x02, 0x01, 0xde, 0xad, 0xbe, 0xef];

/// A fault of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// Acts at once and answers late.
    Slow(Duration),
    /// Receives requests, does nothing and never answers.
    Silent,
    /// Is up for this long, then silent for as long, and so on.
    Flapping(Duration),
    /// Answers with bytes that are not an SNMP message.
    Garbage,
    /// Accepts every SET without an error and does nothing.
    Lying,
    /// Acts on a SET without answering it, with this probability.
    MuteSets(Chance),
    /// Answers a SET at once and acts on it after this delay.
    Late(Duration),
    /// Keeps answering with the readings at the moment the fault began.
    Frozen,
    /// Ends a walk in the middle of a table, as if the MIB ended there.
    HalfTable,
    /// A UPS without mains: runs on its battery.
    InputLost,
    /// The air at the rack of a PDU has so many degrees Celsius.
    Warm(u32),
    /// So many watts are plugged into a PDU besides its servers.
    ExtraLoad(u32),
    /// Answers what it measures late, and everything else at once.
    SlowPart(Duration),
    /// Ends its documents in the middle.
    Truncated,
    /// Refuses what it is told to do.
    Refusing,
    /// Has given all its sessions to others.
    SessionsFull,
    /// Takes no user and password with a request, only sessions.
    BasicRefused,
    /// Takes a request for that of a stranger, with this probability.
    Moody(Chance),
    /// Restarts, and is away for this long: its sessions are gone.
    Restart(Duration),
    /// Shows another certificate.
    CertificateChanged,
    /// A fan stands still.
    FanFailed,
    /// Does nothing and never answers, until it has been without power.
    Hung,
    /// Has no fresh data of a UPS.
    Stale,
    /// Says that a UPS is on line, whatever it is.
    StuckStatus,
    /// Tells words where numbers belong.
    NoNumbers,
    /// A condition of the device itself, which it reports.
    Condition(Condition),
}

impl Fault {
    /// Returns the sort of equipment that alone has it, if it is one.
    pub fn only_of(self) -> Option<&'static str> {
        match self {
            fault if fault.is_of_bmcs() => Some("only BMCs have that"),
            fault if fault.is_of_upsds() => Some("only UPSs behind an upsd have that"),
            _ => None,
        }
    }

    /// Returns true if only UPSs behind an `upsd` have it.
    pub fn is_of_upsds(self) -> bool {
        matches!(self, Self::Stale | Self::StuckStatus | Self::NoNumbers)
    }

    /// Returns true if whatever is asked can have it.
    pub fn is_of_all(self) -> bool {
        matches!(
            self,
            Self::Slow(_) | Self::Silent | Self::Flapping(_) | Self::Garbage
        )
    }

    /// Returns true if only BMCs have it.
    pub fn is_of_bmcs(self) -> bool {
        matches!(
            self,
            Self::SlowPart(_)
                | Self::Truncated
                | Self::Refusing
                | Self::SessionsFull
                | Self::BasicRefused
                | Self::Moody(_)
                | Self::Restart(_)
                | Self::CertificateChanged
                | Self::FanFailed
                | Self::Hung
        )
    }
}

/// The error for a text that is not a fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no fault of this name.
    #[error(
        "no fault is called `{0}`: try slow=3000ms, silent, flapping, flapping=2s, garbage, lying, mute-sets, mute-sets=0.1, late=500ms, frozen, half-table, input-lost, bypass, output-off, battery-drained, test-failed, overload, near-overload, supply-failed, breaker-open, utility-lost, compressor-failed, hidden-failure, sign-wrong, warm=35, extra-load=3000, slow-part=30s, truncated, refusing, sessions-full, basic-refused, moody, moody=0.2, restart, restart=60s, certificate-changed, fan-failed, hung, stale, stuck-status, no-numbers or none"
    )]
    Unknown(String),
    /// The fault needs a duration, or has an invalid one.
    #[error("fault `{0}`: {1}")]
    Duration(String, span::Error),
    /// The fault needs a probability, or has an invalid one.
    #[error("fault `{0}`: {1}")]
    Chance(String, chance::Error),
    /// `slow` or `late` without a duration.
    #[error("fault `{0}` needs a duration, like {0}=3000ms")]
    HowLong(&'static str),
    /// `warm` without degrees that a room may have.
    #[error("fault `warm` needs degrees Celsius from 10 to 80, like warm=35")]
    Degrees,
    /// `extra-load` without watts that can be plugged in.
    #[error("fault `extra-load` needs watts from 1 to 50000, like extra-load=3000")]
    Load,
    /// The fault takes no value.
    #[error("fault `{0}` takes no value")]
    NoValue(String),
}

/// A fault that a device does not support.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{device}` cannot have the fault `{fault}`: {why}")]
pub struct Misfit {
    pub device: String,
    pub fault: Fault,
    /// The reason why the value is wrong.
    pub why: &'static str,
}

/// A change to the faults of a device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Adds a fault; it replaces an earlier one of the same sort.
    Add(Fault),
    Clear,
}

impl FromStr for Order {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let (name, value) = match text.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (text, None),
        };
        let span = |value: &str| {
            span::parse(value).map_err(|error| Error::Duration(name.to_owned(), error))
        };
        let chance = |value: &str| {
            value
                .parse::<Chance>()
                .map_err(|error| Error::Chance(name.to_owned(), error))
        };
        let fault = match (name, value) {
            ("slow", Some(value)) => Fault::Slow(span(value)?),
            ("slow", None) => return Err(Error::HowLong("slow")),
            ("slow-part", Some(value)) => Fault::SlowPart(span(value)?),
            ("slow-part", None) => return Err(Error::HowLong("slow-part")),
            ("late", Some(value)) => Fault::Late(span(value)?),
            ("late", None) => return Err(Error::HowLong("late")),
            ("restart", Some(value)) => Fault::Restart(span(value)?),
            ("restart", None) => Fault::Restart(RESTART),
            ("mute-sets", Some(value)) => Fault::MuteSets(chance(value)?),
            ("mute-sets", None) => Fault::MuteSets(Chance::ALWAYS),
            ("moody", value) => Fault::Moody(chance(value.unwrap_or(MOODY))?),
            ("flapping", Some(value)) => Fault::Flapping(span(value)?),
            ("flapping", None) => Fault::Flapping(FLAP),
            ("warm", value) => match value.and_then(|value| value.parse().ok()) {
                Some(degrees @ 10..=80) => Fault::Warm(degrees),
                _ => return Err(Error::Degrees),
            },
            ("extra-load", value) => match value.and_then(|value| value.parse().ok()) {
                Some(watts @ 1..=50_000) => Fault::ExtraLoad(watts),
                _ => return Err(Error::Load),
            },
            ("none", None) => return Ok(Self::Clear),
            (name, None) => plain(name).ok_or_else(|| Error::Unknown(text.to_owned()))?,
            (name, Some(_)) if plain(name).is_some() || name == "none" => {
                return Err(Error::NoValue(name.to_owned()));
            }
            (name, Some(_)) => return Err(Error::Unknown(name.to_owned())),
        };
        Ok(Self::Add(fault))
    }
}

fn plain(name: &str) -> Option<Fault> {
    Some(match name {
        "silent" => Fault::Silent,
        "garbage" => Fault::Garbage,
        "lying" => Fault::Lying,
        "frozen" => Fault::Frozen,
        "half-table" => Fault::HalfTable,
        "input-lost" => Fault::InputLost,
        "truncated" => Fault::Truncated,
        "refusing" => Fault::Refusing,
        "sessions-full" => Fault::SessionsFull,
        "basic-refused" => Fault::BasicRefused,
        "certificate-changed" => Fault::CertificateChanged,
        "fan-failed" => Fault::FanFailed,
        "hung" => Fault::Hung,
        "stale" => Fault::Stale,
        "stuck-status" => Fault::StuckStatus,
        "no-numbers" => Fault::NoNumbers,
        name => Fault::Condition(name.parse().ok()?),
    })
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slow(delay) => write!(f, "slow={}ms", delay.as_millis()),
            Self::Flapping(span) => write!(f, "flapping={}ms", span.as_millis()),
            Self::Late(delay) => write!(f, "late={}ms", delay.as_millis()),
            Self::MuteSets(chance) => write!(f, "mute-sets={chance}"),
            Self::SlowPart(delay) => write!(f, "slow-part={}ms", delay.as_millis()),
            Self::Restart(span) => write!(f, "restart={}ms", span.as_millis()),
            Self::Moody(chance) => write!(f, "moody={chance}"),
            Self::Truncated => f.write_str("truncated"),
            Self::Refusing => f.write_str("refusing"),
            Self::SessionsFull => f.write_str("sessions-full"),
            Self::BasicRefused => f.write_str("basic-refused"),
            Self::CertificateChanged => f.write_str("certificate-changed"),
            Self::FanFailed => f.write_str("fan-failed"),
            Self::Hung => f.write_str("hung"),
            Self::Stale => f.write_str("stale"),
            Self::StuckStatus => f.write_str("stuck-status"),
            Self::NoNumbers => f.write_str("no-numbers"),
            Self::Silent => f.write_str("silent"),
            Self::Garbage => f.write_str("garbage"),
            Self::Lying => f.write_str("lying"),
            Self::Frozen => f.write_str("frozen"),
            Self::HalfTable => f.write_str("half-table"),
            Self::InputLost => f.write_str("input-lost"),
            Self::Warm(degrees) => write!(f, "warm={degrees}"),
            Self::ExtraLoad(watts) => write!(f, "extra-load={watts}"),
            Self::Condition(condition) => write!(f, "{condition}"),
        }
    }
}

/// All faults of one device.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

/// The fate of one request on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reply {
    /// The answer is sent after this delay.
    After(Duration),
    /// Not answered, and not acted upon.
    Never,
    /// Answered with garbage; not acted upon.
    Garbage,
}

impl Faults {
    /// Returns the faults after an order.
    #[must_use]
    pub fn ordered(mut self, order: Order) -> Self {
        match order {
            Order::Clear => self.0.clear(),
            Order::Add(fault) => {
                self.0.retain(|other| !is_same_sort(*other, fault));
                self.0.push(fault);
            }
        }
        self
    }

    /// Takes an order to equipment of this name that has only the faults that fit it.
    ///
    /// # Errors
    /// The fault does not fit, for this reason.
    pub fn take(
        &mut self,
        order: Order,
        device: &str,
        (fits, why): (impl FnOnce(Fault) -> bool, &'static str),
    ) -> Result<(), Misfit> {
        match order {
            Order::Add(fault) if !fits(fault) => {
                let device = device.to_owned();
                Err(Misfit { device, fault, why })
            }
            _ => {
                *self = std::mem::take(self).ordered(order);
                Ok(())
            }
        }
    }

    /// Returns true if `fault` is among these.
    pub fn has(&self, fault: Fault) -> bool {
        self.0.contains(&fault)
    }

    /// Returns the probability that a SET is acted on and not answered, if there is this fault.
    pub fn mute_sets(&self) -> Option<Chance> {
        self.0.iter().find_map(|fault| match fault {
            Fault::MuteSets(chance) => Some(*chance),
            _ => None,
        })
    }

    /// Returns the delay between answering a SET and acting on it.
    pub fn late(&self) -> Option<Duration> {
        self.0.iter().find_map(|fault| match fault {
            Fault::Late(delay) => Some(*delay),
            _ => None,
        })
    }

    /// Returns the time by which measurements are late.
    pub fn slow_part(&self) -> Option<Duration> {
        self.0.iter().find_map(|fault| match fault {
            Fault::SlowPart(delay) => Some(*delay),
            _ => None,
        })
    }

    /// Returns the probability that a request is taken for that of a stranger.
    pub fn moody(&self) -> Option<Chance> {
        self.0.iter().find_map(|fault| match fault {
            Fault::Moody(chance) => Some(*chance),
            _ => None,
        })
    }

    /// Forgets a restart that is over.
    pub fn restarted(&mut self) {
        self.0.retain(|fault| !matches!(fault, Fault::Restart(_)));
    }

    /// Forgets what ends without power.
    pub fn lost_power(&mut self) {
        self.0.retain(|fault| !matches!(fault, Fault::Hung));
    }

    /// Returns the treatment of a request that arrives after the simulator has run for `now`.
    pub fn reply(&self, now: Duration) -> Reply {
        let mut reply = Reply::After(Duration::ZERO);
        for fault in &self.0 {
            match fault {
                Fault::Silent | Fault::Hung => return Reply::Never,
                Fault::Flapping(span) if is_away(now, *span) => return Reply::Never,
                Fault::Garbage => reply = Reply::Garbage,
                Fault::Slow(delay) if reply != Reply::Garbage => reply = Reply::After(*delay),
                _ => {}
            }
        }
        reply
    }

    /// The faults in their notation, in the order they were injected.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

fn is_same_sort(one: Fault, other: Fault) -> bool {
    match (one, other) {
        (Fault::Condition(one), Fault::Condition(other)) => one == other,
        _ => std::mem::discriminant(&one) == std::mem::discriminant(&other),
    }
}

fn is_away(now: Duration, span: Duration) -> bool {
    now.as_millis()
        .checked_div(span.as_millis())
        .is_some_and(|turn| turn % 2 == 1)
}

#[cfg(test)]
mod tests;
