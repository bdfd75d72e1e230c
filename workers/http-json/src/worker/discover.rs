//! `discover`: the documents by which profiles recognise their devices, asked for as nobody; with a
//! credential as a user, where a device wants one for exactly these.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value as Json;
use tokio::time::Instant;
use utakata_worker_http::{
    connection,
    device::{Credential, Device, Error, Login},
    place::Place,
    tls,
};
use utakata_worker_sdk::{
    Answer, Failure, Task,
    discovery::{self, Asked, Manners},
    model::{Cure, Discovered, Identifier, Problem},
};

use super::{DOCUMENT_MAX, HttpJsonWorker, USUAL};
use crate::profile::{Identity, Profile};

/// The longest time for one address: as nobody, and with a login, too.
const PATIENCE: Duration = Duration::from_secs(5);
const PATIENCE_WITH_LOGIN: Duration = Duration::from_secs(12);
/// The number of documents of one address that are asked for.
const DOCUMENTS: usize = 8;
/// A path that no device has: one that wants a login even there, wants it for everything, and says
/// nothing of itself.
const NOWHERE: &str = "/no-such-document";

/// The things that a device shows to the one who asks.
#[derive(Debug, Default)]
struct Shown {
    /// The profiles that recognise it.
    fitting: Vec<String>,
    /// Its description of itself.
    told: BTreeMap<&'static str, String>,
    /// The documents for which it wants a login.
    locked: Vec<String>,
    /// The reason why the login was of no use.
    problem: Option<String>,
}

impl HttpJsonWorker {
    /// Asks addresses for devices that a profile recognises. A login is tried only with the credential
    /// of the task, over TLS, and where a device wants one for the document of a profile.
    pub(super) async fn discover(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let credential = Credential::parse(&task.credential).map_err(|text| {
            let problem = Problem::new("bad-credential", Cure::Operator, text);
            Failure::failed(problem)
        })?;
        let patience = match credential.login {
            Login::Nobody => PATIENCE,
            _ => PATIENCE_WITH_LOGIN,
        };
        let manners = Manners {
            port: USUAL.port,
            patience,
        };
        let credential = &credential;
        let ask = |asked| async move {
            let found = self.ask(&asked, credential).await;
            found.into_iter().collect()
        };
        discovery::discover(task, deadline, manners, ask).await
    }

    async fn ask(&self, asked: &Asked, credential: &Credential) -> Option<Discovered> {
        let nobody = Credential {
            login: Login::Nobody,
            rule: credential.rule.clone(),
        };
        let mut place = Place {
            server: asked.address.clone(),
            is_tls: true,
            path: None,
        };
        let mut shown = match self.shown(&place, nobody.clone(), asked.deadline).await {
            // Something that is no TLS answers at a port that somebody has named.
            Err(error) if !asked.is_usual && is_plain(&error) => {
                place.is_tls = false;
                self.shown(&place, nobody, asked.deadline).await.ok()?
            }
            other => other.ok()?,
        };
        let has_login = credential.login != Login::Nobody;
        if shown.fitting.is_empty() && has_login && place.is_tls && !shown.locked.is_empty() {
            let inside = self.shown(&place, credential.clone(), asked.deadline).await;
            match inside {
                Ok(inside) if !inside.fitting.is_empty() => shown = inside,
                Ok(_) => return None,
                Err(error) => shown.problem = Some(error.to_string()),
            }
        }
        let is_anything = !shown.fitting.is_empty() || !shown.locked.is_empty();
        is_anything.then(|| self.described(asked, place.is_tls, shown))
    }

    /// The answers of a device to one user, in one turn of its conversation.
    async fn shown(
        &self,
        place: &Place,
        credential: Credential,
        deadline: Instant,
    ) -> Result<Shown, Error> {
        let is_nobody = credential.login == Login::Nobody;
        let Ok(mut turn) = self.devices.enter(place, credential, deadline).await else {
            return Ok(Shown::default());
        };
        let device = &mut turn.device;
        let shown = self.look(device, is_nobody).await;
        // Most that answers will not become a target.
        device.disconnect();
        shown
    }

    async fn look(&self, device: &mut Device, is_nobody: bool) -> Result<Shown, Error> {
        let mut probes: BTreeMap<&str, Vec<&Profile>> = BTreeMap::new();
        for profile in self.program.library.recognisable() {
            if let Some(probe) = &profile.content.recognise {
                probes.entry(&probe.uri).or_default().push(profile);
            }
        }
        let mut shown = Shown::default();
        let mut identity = None;
        for (uri, profiles) in probes.into_iter().take(DOCUMENTS) {
            let document = match document(device, uri).await {
                Ok(Some(document)) => document,
                Ok(None) => continue,
                Err(Error::Credential { .. }) if is_nobody => {
                    shown.locked.push(uri.to_owned());
                    continue;
                }
                Err(error) => return Err(error),
            };
            for profile in profiles {
                let probe = profile.content.recognise.as_ref();
                let fits = |one: &crate::profile::Probe| {
                    one.when.iter().all(|condition| condition.holds(&document))
                };
                if let Some(probe) = probe.filter(|probe| fits(probe)) {
                    shown.fitting.push(profile.name.clone());
                    identity = identity.or_else(|| {
                        let identity = probe.identity.as_ref()?;
                        Some((identity, uri, document.clone()))
                    });
                }
            }
        }
        if let Some((identity, uri, document)) = identity {
            shown.told = told(device, identity, uri, document).await;
        }
        if shown.fitting.is_empty() && !shown.locked.is_empty() {
            // A server that wants a login for everything is no sign of a device.
            match document(device, NOWHERE).await {
                Err(Error::Credential { .. }) => shown.locked.clear(),
                Err(error) => return Err(error),
                Ok(_) => {}
            }
        }
        Ok(shown)
    }

    fn described(&self, asked: &Asked, is_tls: bool, shown: Shown) -> Discovered {
        let Shown {
            fitting,
            mut told,
            locked,
            problem,
        } = shown;
        let is_read = !fitting.is_empty();
        let known = match is_read {
            true => fitting,
            false => self.profiles_of(&locked),
        };
        let written = asked.shown();
        let scheme = if is_tls { "https" } else { "http" };
        let mut also = asked.also();
        let with_scheme = asked.also().into_iter().chain([written.clone()]);
        also.extend(with_scheme.map(|text| format!("{scheme}://{text}")));
        let address = match is_tls {
            true => written,
            false => format!("http://{written}"),
        };
        also.retain(|other| *other != address);
        let (vendor, serial) = (told.remove("vendor"), told.remove("serial"));
        let uuid = told.get("uuid").and_then(|text| Identifier::uuid(text));
        let number = serial.as_deref();
        let number = number.and_then(|text| Identifier::serial(vendor.as_deref(), text));
        Discovered {
            address,
            also,
            identifiers: uuid.into_iter().chain(number).collect(),
            name: told.remove("name"),
            vendor,
            model: told.remove("model"),
            serial,
            description: Some(match is_read {
                true => "JSON over HTTP".into(),
                false => format!("it wants a login for {}", locked.join(", ")),
            }),
            profiles: known,
            wants_credential: !is_read,
            problem,
        }
    }

    /// The profiles that recognise their devices by one of these documents.
    fn profiles_of(&self, uris: &[String]) -> Vec<String> {
        let all = self.program.library.recognisable();
        let fits = |profile: &Profile| {
            let probe = profile.content.recognise.as_ref();
            probe.is_some_and(|probe| uris.contains(&probe.uri))
        };
        let fitting = all.filter(|profile| fits(profile));
        fitting.map(|profile| profile.name.clone()).collect()
    }
}

/// The identity of a device, where a profile says how to read it.
async fn told(
    device: &mut Device,
    identity: &Identity,
    uri: &str,
    shown: Json,
) -> BTreeMap<&'static str, String> {
    let document = match identity.uri.as_deref() {
        Some(other) if other != uri => document(device, other).await.ok().flatten(),
        _ => Some(shown),
    };
    let document = document.unwrap_or_default();
    let said = identity.said.iter();
    said.filter_map(|(key, said)| Some((*key, said.of(&document)?)))
        .collect()
}

/// A document that other devices may not have.
async fn document(device: &mut Device, uri: &str) -> Result<Option<Json>, Error> {
    match device.get(uri, "application/json", DOCUMENT_MAX).await {
        Ok(response) => Ok(serde_json::from_slice(&response.body).ok()),
        Err(Error::Refused { .. } | Error::Elsewhere { .. }) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Returns true if what answers has no TLS.
fn is_plain(error: &Error) -> bool {
    matches!(
        error,
        Error::Http(connection::Error::Open(tls::Error::Handshake(_)))
    )
}
