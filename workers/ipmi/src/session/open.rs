//! Opening a session: both sides prove that they know the password (IPMI 2.0, 13.15 to 13.24).

use tokio::{net::UdpSocket, time::Instant};

use super::{Error, RETRIES, receive};
use crate::{
    credential::Credential,
    lan::{Keys, Packet, Payload, Privilege, Rakp, Suite, is_same},
};

/// The user is looked up by name alone.
const BY_NAME: u8 = 0x10;
/// The tag of our messages.
const TAG: u8 = 0x75;

/// The result of opening a session.
pub struct Opened {
    pub keys: Keys,
    pub console: u32,
    pub bmc: u32,
}

/// The reason why a suite does not do.
enum Wrong {
    /// The BMC does not have it.
    Suite,
    Other(Error),
}

impl From<Error> for Wrong {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

/// Opens a session with the first suite that the BMC has.
pub async fn open(
    socket: &UdpSocket,
    credential: &Credential,
    suites: &[Suite],
    privilege: Privilege,
    deadline: Instant,
) -> Result<Opened, Error> {
    let mut opening = Opening {
        socket,
        credential,
        privilege,
        deadline,
    };
    for (at, suite) in suites.iter().enumerate() {
        let is_last = at + 1 == suites.len();
        match opening.with(*suite, is_last).await {
            Ok(opened) => return Ok(opened),
            Err(Wrong::Suite) => {}
            Err(Wrong::Other(error)) => return Err(error),
        }
    }
    let tried: Vec<String> = suites.iter().map(|one| one.number().to_string()).collect();
    Err(Error::Suites(tried.join(" and ")))
}

struct Opening<'a> {
    socket: &'a UdpSocket,
    credential: &'a Credential,
    privilege: Privilege,
    deadline: Instant,
}

impl Opening<'_> {
    async fn with(&mut self, suite: Suite, is_last: bool) -> Result<Opened, Wrong> {
        let console = u32::from_le_bytes(random()?).max(1);
        let (authentication, integrity, confidentiality) = suite.algorithms();
        let mut request = vec![TAG, 0, 0, 0];
        request.extend(console.to_le_bytes());
        for (kind, algorithm) in [(0, authentication), (1, integrity), (2, confidentiality)] {
            request.extend([kind, 0, 0, 8, algorithm, 0, 0, 0]);
        }
        let asked = (Payload::OpenRequest, Payload::OpenAnswer);
        let answered = self.exchange(asked, request, !is_last).await;
        let answer = match answered {
            // Some are silent where they should refuse the suite.
            Err(Error::Silence) if !is_last => return Err(Wrong::Suite),
            answered => answered?,
        };
        let bmc = match answer.as_slice() {
            [_, 0, _, _, _, _, _, _, b0, b1, b2, b3, rest @ ..] => {
                let chosen = |at: usize| rest.get(at).map(|byte| byte & 0x3f);
                let chosen = (chosen(4), chosen(12), chosen(20));
                let wanted = (Some(authentication), Some(integrity), Some(confidentiality));
                if chosen != wanted {
                    return Err(Wrong::Suite);
                }
                u32::from_le_bytes([*b0, *b1, *b2, *b3])
            }
            [_, 0x04 | 0x05 | 0x06 | 0x07 | 0x10 | 0x11, ..] => return Err(Wrong::Suite),
            [_, status, ..] => return Err(refused(*status).into()),
            _ => return Err(Error::Garbage("the answer to an open session request").into()),
        };
        Ok(self.prove(suite, console, bmc).await?)
    }

    async fn prove(&mut self, suite: Suite, console: u32, bmc: u32) -> Result<Opened, Error> {
        let user = &self.credential.user;
        let mut rakp = Rakp {
            suite,
            console,
            bmc,
            console_random: random()?,
            bmc_random: [0; 16],
            guid: [0; 16],
            role: self.privilege as u8 | BY_NAME,
            user: user.clone(),
        };
        let mut message = vec![TAG, 0, 0, 0];
        message.extend(bmc.to_le_bytes());
        message.extend(rakp.console_random);
        message.extend([rakp.role, 0, 0, u8::try_from(user.len()).unwrap_or(0)]);
        message.extend(user);
        let asked = (Payload::Rakp1, Payload::Rakp2);
        let answer = self.exchange(asked, message, false).await?;
        let proof = match answer.as_slice() {
            [_, 0, _, _, _, _, _, _, rest @ ..] => {
                let garbage = || Error::Garbage("RAKP message 2");
                let (random, rest) = rest.split_first_chunk().ok_or_else(garbage)?;
                let (guid, proof) = rest.split_first_chunk().ok_or_else(garbage)?;
                (rakp.bmc_random, rakp.guid) = (*random, *guid);
                proof
            }
            [_, status, ..] => return Err(refused(*status)),
            _ => return Err(Error::Garbage("RAKP message 2")),
        };
        let password = &self.credential.password;
        if !is_same(&rakp.proof_of_bmc(password), proof) {
            // It is not told that its proof was wrong: its user is asked for the right password.
            return Err(Error::Refused("its proof of the password is not ours"));
        }
        let mut message = vec![TAG, 0, 0, 0];
        message.extend(bmc.to_le_bytes());
        message.extend(rakp.own_proof(password));
        let asked = (Payload::Rakp3, Payload::Rakp4);
        let answer = self.exchange(asked, message, false).await?;
        let keys = rakp.keys(self.credential.key.as_deref().unwrap_or(password));
        match answer.as_slice() {
            [_, 0, _, _, _, _, _, _, proof @ ..] if is_same(&rakp.last_proof(&keys), proof) => {
                Ok(Opened { keys, console, bmc })
            }
            [_, 0, ..] => Err(Error::Impostor),
            [_, status, ..] => Err(refused(*status)),
            _ => Err(Error::Garbage("RAKP message 4")),
        }
    }

    /// Sends a message and returns the data of its answer. `is_short`: it is not waited for as long
    /// as for others.
    async fn exchange(
        &mut self,
        (payload, expected): (Payload, Payload),
        data: Vec<u8>,
        is_short: bool,
    ) -> Result<Vec<u8>, Error> {
        let packet = Packet {
            payload,
            session: 0,
            number: 0,
            data,
        };
        let bytes = packet.encode(None);
        let waits = match is_short {
            true => RETRIES.get(..2).unwrap_or(&RETRIES),
            false => &RETRIES,
        };
        for wait in waits {
            self.socket.send(&bytes).await.map_err(Error::Network)?;
            let until = self.deadline.min(Instant::now() + *wait);
            while let Some(bytes) = receive(self.socket, until).await? {
                match Packet::decode(&bytes, None) {
                    Ok(answer)
                        if answer.payload == expected && answer.data.first() == Some(&TAG) =>
                    {
                        return Ok(answer.data);
                    }
                    // Something late, or of nobody.
                    _ => {}
                }
            }
            if Instant::now() >= self.deadline {
                break;
            }
        }
        Err(Error::Silence)
    }
}

/// The meaning of a status code of RMCP+ (IPMI 2.0, table 13-15).
fn refused(status: u8) -> Error {
    match status {
        0x01 | 0x0b => Error::Full,
        0x09 | 0x0a => Error::Refused("it may not have these rights"),
        0x0c | 0x0d => Error::Refused("it does not know the name"),
        0x02 | 0x0f => Error::Refused("the password or the key is wrong"),
        0x08 => Error::Garbage("the session is over"),
        _ => Error::Garbage("an unknown status"),
    }
}

fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(bytes)
}
