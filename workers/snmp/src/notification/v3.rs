//! Notifications of SNMPv3 (RFC 3412, 3414): a trap is sealed by its sender's engine, an inform by
//! ours, which the sender asks for first.

use async_snmp::{
    DecodeConfig, LocalizedKey, MessageSize, Oid, Pdu, PduType, ResponsePdu, Value, VarBind,
    Version,
    ber::Decoder,
    message::{
        MsgFlags, MsgGlobalData, RawMsgData, RawV3Message, ScopedPdu, SecurityLevel, V3Message,
    },
    v3::{
        PrivKey, SaltCounter, UsmSecurityParams,
        auth::{authenticate_message, verify_message},
        report_oids,
    },
};
use bytes::Bytes;

use super::{Event, Names, Opened, User, response};

/// The difference of times at which a message is too old or from the future (RFC 3414, section
/// 2.2.3).
const WINDOW: u32 = 150;
/// The number of times that our engine has booted: its time alone tells messages apart.
const BOOTS: u32 = 1;
/// The largest message that we accept.
const MAX_MESSAGE: usize = 65_507;
/// The length of a name in an engine id, whose 32 octets have a prefix of 5.
const MAX_NAME: usize = 27;

/// Our engine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Engine {
    pub id: Bytes,
    /// Its time, in seconds.
    pub time: u32,
}

impl Engine {
    /// Returns the engine of a receiver at a time, in seconds since 1970. Its id has the format
    /// "text" (RFC 3411, section 5), under no enterprise.
    pub fn of(receiver: &str, seconds: u64) -> Self {
        let name: Vec<u8> = receiver.bytes().take(MAX_NAME).collect();
        let id = [&[0x80, 0, 0, 0, 4], name.as_slice()].concat();
        let time = u32::try_from(seconds & 0x7fff_ffff).unwrap_or_default();
        Self {
            id: id.into(),
            time,
        }
    }

    fn is_timely(&self, usm: &UsmSecurityParams) -> bool {
        usm.engine_boots() == BOOTS && usm.engine_time().abs_diff(self.time) <= WINDOW
    }
}

/// The keys for one engine.
struct Keys {
    auth: LocalizedKey,
    privacy: Option<PrivKey>,
}

/// A message with its outer layers decoded.
struct Envelope<'a> {
    bytes: &'a Bytes,
    raw: RawV3Message,
    usm: UsmSecurityParams,
}

impl Envelope<'_> {
    fn level(&self) -> SecurityLevel {
        self.raw.security_level()
    }

    /// Returns a message that another user may be able to open.
    fn sealed(&self, problem: &str) -> Opened {
        Opened::Sealed {
            sender: self.usm.engine_id().clone(),
            problem: problem.into(),
        }
    }

    /// Returns true if the keys prove who sent it.
    fn is_proven_by(&self, keys: &Keys) -> bool {
        UsmSecurityParams::find_auth_params_offset(self.bytes).is_some_and(|(offset, length)| {
            verify_message(&keys.auth, self.bytes, offset, length).unwrap_or(false)
        })
    }

    fn scoped(&self, keys: Option<&Keys>) -> Result<ScopedPdu, String> {
        let clear = match self.raw.msg_data() {
            RawMsgData::Plaintext { data, .. } => data.clone(),
            RawMsgData::Encrypted(sealed) => {
                let key = keys.and_then(|keys| keys.privacy.as_ref());
                let key = key.ok_or("it is encrypted, and the user has no key for that")?;
                let (boots, time) = (self.usm.engine_boots(), self.usm.engine_time());
                let clear = key.decrypt(sealed, boots, time, self.usm.priv_params());
                clear.map_err(|error| error.to_string())?
            }
        };
        ScopedPdu::decode(&mut Decoder::new(clear)).map_err(|error| error.to_string())
    }
}

pub(super) fn open(
    bytes: &Bytes,
    user: Option<&User>,
    engine: &Engine,
    names: &Names,
) -> Result<Opened, String> {
    let raw = RawV3Message::decode(bytes.clone(), DecodeConfig::DEFAULT);
    let raw = raw.map_err(|error| error.to_string())?.value;
    let usm = UsmSecurityParams::decode(raw.security_params().clone(), DecodeConfig::DEFAULT);
    let usm = usm.map_err(|error| error.to_string())?.value;
    let is_reportable = raw.global_data().msg_flags().reportable;
    let envelope = Envelope { bytes, raw, usm };
    if is_reportable && envelope.usm.engine_id() != &engine.id {
        let report = Report {
            of: report_oids::unknown_engine_ids(),
            keys: None,
        };
        let reply = report.encode(&envelope, engine)?;
        return Ok(Opened::Question { reply });
    }
    let keys = match keys(&envelope, user) {
        Ok(keys) => keys,
        Err(sealed) => return Ok(sealed),
    };
    let is_inform = is_reportable;
    if let (Some(keys), true, false) = (&keys, is_inform, engine.is_timely(&envelope.usm)) {
        let report = Report {
            of: report_oids::not_in_time_windows(),
            keys: Some(keys),
        };
        let reply = report.encode(&envelope, engine)?;
        return Ok(Opened::Question { reply });
    }
    let scoped = envelope.scoped(keys.as_ref())?;
    let event = Event {
        proven: keys.is_some(),
        ..Event::of(&scoped.pdu, names)?
    };
    let reply = match scoped.pdu.pdu_type() {
        PduType::InformRequest => {
            let salts = user.and_then(|user| user.salts.clone());
            Some(answer(&envelope, scoped, keys.as_ref(), salts, engine)?)
        }
        _ => None,
    };
    Ok(Opened::Event { event, reply })
}

/// Returns the keys that open a message; none if it is not protected, and neither should it be.
fn keys(envelope: &Envelope<'_>, user: Option<&User>) -> Result<Option<Keys>, Opened> {
    let is_protected = envelope.level().requires_auth();
    let Some(user) = user else {
        return match is_protected {
            true => {
                Err(envelope.sealed("no credential of a user of SNMPv3 is known for its sender"))
            }
            false => Ok(None),
        };
    };
    if user.secrets.config.username() != envelope.usm.username() {
        return Err(envelope.sealed("it is from another user than that of the credential"));
    }
    let Some(master) = &user.secrets.keys else {
        return match is_protected {
            true => Err(envelope.sealed("the credential has no password for it")),
            false => Ok(None),
        };
    };
    if !is_protected {
        return Err(envelope.sealed("it proves nothing, and its user has a password"));
    }
    let keys = master.localize(envelope.usm.engine_id());
    let keys = keys.map(|(auth, privacy)| Keys { auth, privacy });
    match keys {
        Ok(keys) if envelope.is_proven_by(&keys) => Ok(Some(keys)),
        Ok(_) => Err(envelope.sealed("its proof is wrong: the password is another one")),
        Err(error) => Err(envelope.sealed(&error.to_string())),
    }
}

/// A report that a message cannot be taken as it is (RFC 3414, section 3.2).
struct Report<'a> {
    of: Oid,
    /// The keys of a report that must be proven.
    keys: Option<&'a Keys>,
}

impl Report<'_> {
    fn encode(self, envelope: &Envelope<'_>, engine: &Engine) -> Result<Vec<u8>, String> {
        let id = envelope.scoped(self.keys).map_or(0, |scoped| {
            let (id, ..) = scoped.pdu.into_raw_parts();
            id
        });
        let counter = VarBind::new(self.of, Value::Counter32(1));
        let pdu = ResponsePdu::report(id, vec![counter]).map(ResponsePdu::into_raw);
        let pdu = pdu.map_err(|error| error.to_string())?;
        let level = match self.keys {
            Some(_) => SecurityLevel::AuthNoPriv,
            None => SecurityLevel::NoAuthNoPriv,
        };
        let reply = Reply {
            level,
            pdu,
            context: Context {
                engine: engine.id.clone(),
                name: Bytes::new(),
            },
        };
        reply.encode(envelope, self.keys, None, engine)
    }
}

/// Returns the response to an inform, as protected as the inform was.
fn answer(
    envelope: &Envelope<'_>,
    inform: ScopedPdu,
    keys: Option<&Keys>,
    salts: Option<async_snmp::DesSaltState>,
    engine: &Engine,
) -> Result<Vec<u8>, String> {
    let reply = Reply {
        level: envelope.level(),
        // As the inform has it: net-snmp names its own engine there.
        context: Context {
            engine: inform.context_engine_id.clone(),
            name: inform.context_name.clone(),
        },
        pdu: response(Version::V3, inform.pdu).map_err(|error| error.to_string())?,
    };
    reply.encode(envelope, keys, salts, engine)
}

/// A reply before it is protected.
struct Reply {
    level: SecurityLevel,
    pdu: Pdu,
    context: Context,
}

/// The context of a message.
struct Context {
    engine: Bytes,
    name: Bytes,
}

impl Reply {
    fn encode(
        self,
        envelope: &Envelope<'_>,
        keys: Option<&Keys>,
        salts: Option<async_snmp::DesSaltState>,
        engine: &Engine,
    ) -> Result<Vec<u8>, String> {
        let told = |error: Box<async_snmp::Error>| error.to_string();
        let size = MessageSize::new(MAX_MESSAGE).map_err(|error| error.to_string())?;
        let flags = MsgFlags::new(self.level, false);
        let head = MsgGlobalData::new(envelope.raw.msg_id(), size, flags).map_err(told)?;
        let user = envelope.usm.username().clone();
        let mut usm =
            UsmSecurityParams::new(engine.id.clone(), BOOTS, engine.time, user).map_err(told)?;
        let scoped = ScopedPdu::new(self.context.engine, self.context.name, self.pdu);
        let auth = keys
            .map(|keys| &keys.auth)
            .filter(|_| self.level.requires_auth());
        if let Some(key) = auth {
            usm = usm.with_auth_placeholder(key.mac_len()).map_err(told)?;
        }
        let privacy = keys.and_then(|keys| keys.privacy.as_ref());
        let message = match privacy.filter(|_| self.level.requires_priv()) {
            Some(key) => {
                let clear = scoped.encode_to_bytes().map_err(told)?;
                let (sealed, salt) = encrypt(key, &clear, salts, engine)?;
                let usm = usm.with_priv_params(salt).and_then(|usm| usm.encode());
                let usm = usm.map_err(told)?;
                V3Message::new_with_opaque_encrypted_scoped_pdu(head, usm, sealed)
            }
            None => V3Message::new(head, usm.encode().map_err(told)?, scoped),
        };
        let mut bytes = message
            .and_then(|message| message.encode())
            .map_err(told)?
            .to_vec();
        if let Some(key) = auth {
            let place = UsmSecurityParams::find_auth_params_offset(&bytes);
            let (offset, length) = place.ok_or("a reply has no place for its proof")?;
            authenticate_message(key, &mut bytes, offset, length)
                .map_err(|error| error.to_string())?;
        }
        Ok(bytes)
    }
}

fn encrypt(
    key: &PrivKey,
    clear: &[u8],
    salts: Option<async_snmp::DesSaltState>,
    engine: &Engine,
) -> Result<(Bytes, Bytes), String> {
    if let Some(salts) = salts {
        let sealed = key.encrypt_des_family(clear, &salts);
        return sealed.map_err(|error| error.to_string());
    }
    let counter = SaltCounter::new().map_err(|error| error.to_string())?;
    let sealed = key.encrypt_aes(clear, BOOTS, engine.time, &counter);
    sealed.map_err(|error| error.to_string())
}
