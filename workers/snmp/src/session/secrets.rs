//! The keys of a user of SNMPv3, and the messages that they open.

use async_snmp::{
    MasterKeys, UsmConfig,
    message::{RawMsgData, RawV3Message},
    v3::{UsmSecurityParams, auth::verify_message},
};
use bytes::Bytes;

use super::message::{self, Answer};

/// Identity and keys of a user.
#[derive(Clone)]
pub struct Secrets {
    /// The name, context and keys.
    pub config: UsmConfig,
    /// The keys, where there are any.
    pub keys: Option<MasterKeys>,
}

impl Secrets {
    /// Returns the answer in a message, if it is one and provably comes from the device.
    pub fn open(&self, bytes: &Bytes) -> Option<Answer> {
        let decode = async_snmp::DecodeConfig::DEFAULT;
        let raw = RawV3Message::decode(bytes.clone(), decode).ok()?.value;
        let usm = UsmSecurityParams::decode(raw.security_params().clone(), decode);
        let usm = usm.ok()?.value;
        let keys = match &self.keys {
            Some(keys) => Some(keys.localize(usm.engine_id()).ok()?),
            None => None,
        };
        if let Some((auth, _)) = &keys {
            let (offset, length) = UsmSecurityParams::find_auth_params_offset(bytes)?;
            verify_message(auth, bytes, offset, length)
                .ok()
                .filter(|is| *is)?;
        }
        let clear = match raw.msg_data() {
            RawMsgData::Plaintext { data, .. } => data.clone(),
            RawMsgData::Encrypted(sealed) => {
                let key = keys.and_then(|(_, privacy)| privacy)?;
                let boots = (usm.engine_boots(), usm.engine_time());
                key.decrypt(sealed, boots.0, boots.1, usm.priv_params())
                    .ok()?
            }
        };
        message::parse_scoped(clear)
    }
}
