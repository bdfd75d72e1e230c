//! The signatures of an environment: its messages are signed with its key, and what arrives counts
//! if the site has signed it whose key it knows.
//!
//! It knows the key of the site from its settings, or from the first certificate that accepts it,
//! which has to prove the join secret if there is one. From then on it keeps that key in its data
//! directory, and follows no other than those that the site has signed as successors.

use std::{
    borrow::Cow,
    path::{Path, PathBuf},
    str,
    sync::Arc,
    time::Duration,
};

use parking_lot::RwLock;
use tokio::time::Instant;
use utakata_interconnect::{
    Distrust, Event, Signatures,
    message::content::ContentPiece,
    signatures::{Admitted, Sender},
    topic::Topic,
};
use utakata_model::{Cure, EnvironmentId, EnvironmentKey, Problem, Signer, SiteCertificate, Zone};
use utakata_seal::{JoinSecret, Signed, SigningKey, is_certified, is_successor};

use crate::folder::{self, Unreadable};

/// The file with the key of the site.
const FILE: &str = "site.pub";
/// The first word of its text, with the version of its form.
const WORD: &str = "utakata-site-1";
/// The length of a key in base64url.
const KEY_LEN: usize = 43;
/// The time for which an earlier key of the site still counts.
const SUCCESSION: Duration = Duration::from_secs(3_600);
/// The code of a site that is not the one that is known.
const OTHER: &str = "environment-other-site";

/// The names and secrets of an environment, by which a site accepts it.
#[derive(Debug)]
pub struct Own {
    pub id: EnvironmentId,
    pub zone: Zone,
    pub key: EnvironmentKey,
    /// The secret by which the site has to prove itself.
    pub secret: Option<JoinSecret>,
}

/// The key of the site, as far as it is known before the site says anything.
#[derive(Debug)]
pub struct Pin {
    known: Option<Signer>,
    folder: PathBuf,
}

/// A reason why the key of the site cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PinError {
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    #[error(
        "{} is not the key of a site: remove it, and this environment trusts the site that accepts \
         it next",
        path.display()
    )]
    File { path: PathBuf },
    #[error(
        "execution.site_key is not the key of a site: it is message_key of `utakata secret show`"
    )]
    Setting,
}

impl Pin {
    /// Reads the key from the settings, or from the data directory.
    ///
    /// # Errors
    /// It cannot be read, or is none.
    pub fn load(folder: &Path, setting: Option<&str>) -> Result<Self, PinError> {
        let known = match setting {
            Some(text) => Some(signer(text.trim()).ok_or(PinError::Setting)?),
            None => read(folder)?,
        };
        let folder = folder.to_owned();
        Ok(Self { known, folder })
    }
}

fn read(folder: &Path) -> Result<Option<Signer>, PinError> {
    let Some(bytes) = folder::read(folder, FILE)? else {
        return Ok(None);
    };
    let text = str::from_utf8(&bytes).unwrap_or_default().trim();
    let key = text.strip_prefix(WORD).and_then(|rest| signer(rest.trim()));
    let path = folder.join(FILE);
    key.map(Some).ok_or(PinError::File { path })
}

/// Returns true if a text has the form of a site's key.
pub(crate) fn is_site_key(text: &str) -> bool {
    signer(text.trim()).is_some()
}

fn signer(text: &str) -> Option<Signer> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    (text.len() == KEY_LEN && text.chars().all(is_part)).then(|| Signer(text.to_owned()))
}

/// The signatures of an environment whose messages cross a network.
#[derive(Debug)]
pub struct EnvironmentSignatures {
    key: Arc<SigningKey>,
    own: Own,
    folder: PathBuf,
    site: RwLock<Site>,
}

#[derive(Debug, Default)]
struct Site {
    known: Option<Signer>,
    /// The key that it has followed, and the time until which that still counts.
    before: Option<(Signer, Instant)>,
}

impl Site {
    fn knows(&self, signer: &str, now: Instant) -> bool {
        let before = self.before.as_ref();
        let before = before.filter(|(_, until)| now < *until).map(|(one, _)| one);
        let mut known = self.known.iter().chain(before);
        known.any(|one| one.0 == signer)
    }
}

impl EnvironmentSignatures {
    /// Creates those of an environment.
    pub fn new(key: Arc<SigningKey>, own: Own, pin: Pin) -> Self {
        Self {
            key,
            own,
            folder: pin.folder,
            site: RwLock::new(Site {
                known: pin.known,
                before: None,
            }),
        }
    }

    /// Meets a site that accepts this environment. Its messages count from then on.
    ///
    /// # Errors
    /// It is not the site that is known, or does not know the join secret.
    pub(crate) fn meet(&self, certificate: &SiteCertificate, now: Instant) -> Result<(), Problem> {
        let Own {
            id,
            zone,
            key,
            secret,
        } = &self.own;
        if !is_certified(certificate, id, zone, key) {
            let message = "the certificate of the site is not for this environment";
            return Err(Problem::new(OTHER, Cure::Operator, message));
        }
        let mut site = self.site.write();
        // A logic environment that stood still says what it knew.
        if site.knows(&certificate.signer.0, now) {
            return Ok(());
        }
        match &site.known {
            Some(known) if is_successor(certificate, known) => {}
            Some(known) => return Err(other(known, certificate)),
            None => {
                let is_proved = |secret: &JoinSecret| secret.is_of_site(certificate, id, zone, key);
                if secret.as_ref().is_some_and(|secret| !is_proved(secret)) {
                    return Err(unproved());
                }
            }
        }
        let before = site.known.replace(certificate.signer.clone());
        site.before = before.map(|before| (before, now + SUCCESSION));
        drop(site);
        self.keep(&certificate.signer);
        Ok(())
    }

    fn keep(&self, signer: &Signer) {
        tracing::info!(site_key = %signer, "the messages of the site are known by this key");
        let text = format!("{WORD} {signer}\n");
        if let Err(error) = folder::write_now(&self.folder, FILE, text.as_bytes()) {
            tracing::warn!(%error, "the key of the site cannot be kept beyond this life");
        }
    }
}

fn verify(signed: &Signed<'_>, place: &str) -> Result<(), Distrust> {
    signed.is_right(place).then_some(()).ok_or(Distrust::Wrong)
}

fn other(known: &Signer, certificate: &SiteCertificate) -> Problem {
    let message = format!(
        "the site that accepts this environment has the key {}, and this environment knows the \
         site by {known}: if the site key was made anew, remove {FILE} from its data directory, or \
         change execution.site_key, and restart it",
        certificate.signer
    );
    Problem::new(OTHER, Cure::Operator, message)
}

fn unproved() -> Problem {
    let message = "the site that accepts this environment does not know its join secret: give the \
                   logic environments the same (logic.environments.join_file), or set \
                   execution.site_key";
    Problem::new(OTHER, Cure::Operator, message)
}

impl Signatures for EnvironmentSignatures {
    fn sign(&self, place: &str, message: Vec<u8>) -> Vec<u8> {
        self.key.sign(place, message)
    }

    fn admit_event<'p>(&self, topic: &Topic, payload: &'p [u8]) -> Result<Admitted<'p>, Distrust> {
        let signed = Signed::find(payload);
        let (is_content, is_of_site) = match topic {
            Topic::Content(_) => (true, true),
            Topic::Permit(_) | Topic::Recorded(_) | Topic::Desired(_) | Topic::Reply(_) => {
                (false, true)
            }
            _ => (false, false),
        };
        if !is_of_site {
            // It follows nothing else.
            return Ok(Admitted {
                message: signed.map_or(Cow::Borrowed(payload), |one| one.message().into()),
                sender: Sender::Anybody,
            });
        }
        let signed = signed.ok_or(Distrust::Unsigned)?;
        let (is_known, knows_any) = {
            let site = self.site.read();
            (
                site.knows(signed.signer, Instant::now()),
                site.known.is_some(),
            )
        };
        let sender = match (is_known, is_content) {
            (true, _) => Sender::Site,
            // It may be the certificate of a site, or of a later key.
            (false, true) => Sender::Stranger(signed.signer.to_owned()),
            (false, false) if knows_any => return Err(Distrust::Unknown),
            (false, false) => return Err(Distrust::Early),
        };
        verify(&signed, &topic.to_string())?;
        Ok(Admitted {
            message: signed.message().into(),
            sender,
        })
    }

    fn check_event(&self, sender: &Sender, event: &Event) -> Result<(), Distrust> {
        let Sender::Stranger(signer) = sender else {
            return Ok(());
        };
        let knows_none = self.site.read().known.is_none();
        let Event::Content(reply) = event else {
            return Err(Distrust::Unknown);
        };
        match &reply.found {
            ContentPiece::Certified(certificate) if certificate.signer.0 == *signer => Ok(()),
            // It may be told that it has to wait.
            ContentPiece::Nothing(_) if knows_none && reply.want.is_of_keys() => Ok(()),
            _ if knows_none => Err(Distrust::Early),
            _ => Err(Distrust::Unknown),
        }
    }

    fn admit_tasks<'p>(&self, place: &str, payload: &'p [u8]) -> Result<Cow<'p, [u8]>, Distrust> {
        let signed = Signed::find(payload).ok_or(Distrust::Unsigned)?;
        if !self.site.read().knows(signed.signer, Instant::now()) {
            return Err(Distrust::Unknown);
        }
        verify(&signed, place)?;
        Ok(signed.message().into())
    }

    fn distrust(&self, _: &str, _: &Distrust) {
        // The health of the connection has it, and the status of the environment that.
    }
}

#[cfg(test)]
mod tests;
