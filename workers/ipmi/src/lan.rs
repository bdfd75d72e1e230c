//! The bytes of RMCP+ (IPMI 2.0, chapter 13), and the secrets of a session. Pure.

pub mod bare;
mod crypto;
mod message;
mod packet;

pub use crypto::{Keys, Rakp, Suite};
pub use message::{Answer, Request};
pub(crate) use packet::is_same;
pub use packet::{Malformed, Packet, Payload, Secrets};

/// The user's rights that a session asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Privilege {
    User = 2,
    Operator = 3,
    Administrator = 4,
}
