//! `discover`: the roots of services, which need no login; with a credential their machines, too.

use std::{error::Error as _, time::Duration};

use serde_json::Value as Json;
use tokio::time::{Instant, timeout_at};
use utakata_worker_http::{connection, connection::Endpoint, tls};
use utakata_worker_sdk::{
    Answer, Failure, Task,
    discovery::{self, Asked, Manners},
    model::{Cure, Discovered, Identifier, Problem},
};

use super::RedfishWorker;
use crate::{
    address::Place,
    client::{Client, Error},
    credential::{self, Credential},
    decode, document,
};

/// The port of HTTPS.
const PORT: u16 = 443;
/// The longest time for one address: for the root alone, and with a login.
const PATIENCE: Duration = Duration::from_secs(4);
const PATIENCE_WITH_LOGIN: Duration = Duration::from_secs(20);
/// Kept back from the time with a login, to end the session.
const GOODBYE: Duration = Duration::from_secs(3);
/// The number of machines of one service that are looked at.
const MACHINES: usize = 4;
/// The places of machines: those with a system, and equipment without one.
const PLACES: [&str; 2] = ["Systems", "Chassis"];

impl RedfishWorker {
    /// Asks addresses for services. A login is tried only with the credential of the task, over
    /// TLS, and where a service has answered without one.
    pub(super) async fn discover(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let credential = credential::parse(&task.credential).map_err(|text| {
            let problem = Problem::new("bad-credential", Cure::Operator, text);
            Failure::failed(problem)
        })?;
        let patience = match credential.login {
            Some(_) => PATIENCE_WITH_LOGIN,
            None => PATIENCE,
        };
        let manners = Manners {
            port: PORT,
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
        let place = |is_tls| Place {
            server: asked.address.clone(),
            is_tls,
            system: None,
        };
        let mut place_of = place(true);
        let root = match root(&place_of, credential, asked.deadline).await {
            // Something that is no TLS answers at a port that somebody has named.
            Err(error) if !asked.is_usual && is_plain(&error) => {
                place_of = place(false);
                root(&place_of, credential, asked.deadline).await.ok()?
            }
            other => other.ok()?,
        };
        let root = root.filter(is_service)?;
        let machines = match credential.login.is_some() && place_of.is_tls {
            true => self.machines(&place_of, credential, asked.deadline).await,
            false => Machines::default(),
        };
        let fits = |profile: &_| decode::recognises(profile, &root);
        let names = self.program.recognise(fits).map(|found| found.names);
        Some(Discovered {
            profiles: names.unwrap_or_default(),
            problem: machines.problem,
            ..described(asked, place_of.is_tls, &root, &machines.found)
        })
    }

    /// The machines of a service, as somebody who is logged in sees them. A session that was opened
    /// for it is ended.
    async fn machines(
        &self,
        place: &Place,
        credential: &Credential,
        deadline: Instant,
    ) -> Machines {
        let service = match self.service(place, credential.clone()) {
            Ok(service) => service,
            Err(problem) => return Machines::unknown(&problem),
        };
        // What the root says is told even if there is no time for this.
        let until = deadline.checked_sub(GOODBYE).unwrap_or(deadline);
        let server = place.server.to_string();
        let waiting = async {
            let turn = self.gates.enter(&server).await;
            (turn, service.lock().await)
        };
        let Ok((_turn, mut service)) = timeout_at(until, waiting).await else {
            return Machines::unknown("it was busy with other tasks all the time");
        };
        let client = &mut service.client;
        client.begin(until);
        let was_anonymous = client.is_anonymous();
        let mut machines = Machines::default();
        if let Err(error) = machines.look(client).await {
            let cause = error.source().map(|cause| format!(": {cause}"));
            let cause = cause.unwrap_or_default();
            machines.problem = Some(machines_unread(&format!("{error}{cause}")));
        }
        if was_anonymous {
            client.begin(deadline);
            client.log_out().await;
            client.disconnect();
        }
        machines
    }
}

/// The machines of a service that were looked at.
#[derive(Debug, Default)]
struct Machines {
    found: Vec<Json>,
    /// The reason why there are not more.
    problem: Option<String>,
}

impl Machines {
    /// None, for a reason.
    fn unknown(reason: &str) -> Self {
        Self {
            found: Vec::new(),
            problem: Some(machines_unread(reason)),
        }
    }

    /// Looks at the first machines of a service. Those before an error stay.
    async fn look(&mut self, client: &mut Client) -> Result<(), Error> {
        let root = client.root().await?;
        for place in PLACES {
            let Some(path) = document::property(&root, place) else {
                continue;
            };
            let collection = client.get(&path).await?.document;
            let members = document::members(&collection).all.into_iter();
            let paths: Vec<String> = members.map(|(path, _)| path).collect();
            for path in paths.iter().take(MACHINES) {
                self.found.push(client.get(path).await?.document);
            }
            if !self.found.is_empty() {
                break;
            }
        }
        Ok(())
    }
}

fn machines_unread(reason: &str) -> String {
    format!("its machines could not be read: {reason}")
}

/// The root of a service, read by nobody.
async fn root(
    place: &Place,
    credential: &Credential,
    deadline: Instant,
) -> Result<Option<Json>, Error> {
    let nobody = Credential {
        login: None,
        ..credential.clone()
    };
    let trust = match place.is_tls {
        true => nobody.rule.trust().ok(),
        false => None,
    };
    if place.is_tls && trust.is_none() {
        return Ok(None);
    }
    let endpoint = Endpoint {
        address: place.server.clone(),
        trust,
    };
    let mut client = Client::new(endpoint, nobody);
    client.begin(deadline);
    client.root().await.map(Some)
}

/// Returns true if what answers has no TLS.
fn is_plain(error: &Error) -> bool {
    let handshake = |error: &connection::Error| {
        matches!(error, connection::Error::Open(tls::Error::Handshake(_)))
    };
    matches!(error, Error::Http(error) if handshake(error))
}

/// Returns true if a document is the root of a service (DSP0266), and not of anything else that
/// answers with JSON.
fn is_service(root: &Json) -> bool {
    let has_version = root.get("RedfishVersion").is_some_and(Json::is_string);
    has_version
        || PLACES
            .iter()
            .any(|place| document::property(root, place).is_some())
}

/// The description of a service, by what it says of itself and of its machines.
fn described(asked: &Asked, is_tls: bool, root: &Json, machines: &[Json]) -> Discovered {
    let shown = asked.shown();
    let told = |document: &Json, key: &str| {
        let text = document.get(key).and_then(Json::as_str);
        text.map(str::trim)
            .filter(|text| !text.is_empty())
            .map(str::to_owned)
    };
    let first = |key: &str| machines.iter().find_map(|machine| told(machine, key));
    let vendor = first("Manufacturer").or_else(|| told(root, "Vendor"));
    let mut identifiers = Vec::new();
    let uuids = machines.iter().chain([root]);
    let uuids = uuids.filter_map(|document| Identifier::uuid(&told(document, "UUID")?));
    identifiers.extend(uuids);
    let serials = machines.iter().filter_map(|machine| {
        let vendor = told(machine, "Manufacturer");
        Identifier::serial(vendor.as_deref(), &told(machine, "SerialNumber")?)
    });
    identifiers.extend(serials);
    let mut also = asked.also();
    let scheme = if is_tls { "https" } else { "http" };
    let with_scheme = asked.also().into_iter().chain([shown.clone()]);
    also.extend(with_scheme.map(|text| format!("{scheme}://{text}")));
    // A target may be one system behind the service.
    let ids = machines.iter().filter_map(|machine| told(machine, "Id"));
    also.extend(ids.map(|id| format!("{shown}/{id}")));
    let version = told(root, "RedfishVersion");
    Discovered {
        address: match is_tls {
            true => shown,
            false => format!("http://{shown}"),
        },
        also,
        identifiers,
        name: first("HostName"),
        model: first("Model").or_else(|| told(root, "Product")),
        serial: first("SerialNumber"),
        description: Some(match version {
            Some(version) => format!("Redfish {version}"),
            None => "Redfish".into(),
        }),
        vendor,
        profiles: Vec::new(),
        wants_credential: machines.is_empty(),
        problem: None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use utakata_worker_sdk::address;

    use super::*;

    fn asked(port: u16) -> Asked {
        Asked {
            address: address::parse(&format!("10.0.3.7:{port}"), PORT).unwrap(),
            is_usual: port == PORT,
            deadline: Instant::now(),
        }
    }

    #[test]
    fn a_service_is_told_from_anything_else_with_json() {
        assert!(is_service(&json!({ "RedfishVersion": "1.6.0" })));
        assert!(is_service(
            &json!({ "Systems": { "@odata.id": "/redfish/v1/Systems" } })
        ));
        for other in [json!({ "error": "no" }), json!([1]), json!("Redfish")] {
            assert!(!is_service(&other), "{other}");
        }
    }

    #[test]
    fn a_machine_is_known_by_all_that_identifies_it() {
        let uuid = "4c4c4544-0032-4b10-8053-b7c04f4c4d32";
        let root = json!({ "RedfishVersion": "1.6.0", "Vendor": "Dell", "Product": "iDRAC",
            "UUID": "324d4c4f-c0b7-5380-104b-00324c4c4544" });
        let machine = json!({ "Id": "System_0", "UUID": uuid, "Manufacturer": "Dell Inc.", "Model": "R750",
            "SerialNumber": "7G2KLM2", "HostName": "db-1" });
        let found = described(&asked(PORT), true, &root, &[machine]);
        assert_eq!(found.address, "10.0.3.7");
        assert!(found.also.contains(&"https://10.0.3.7:443".to_owned()));
        assert!(found.also.contains(&"10.0.3.7/System_0".to_owned()));
        let known: Vec<&str> = found.identifiers.iter().map(Identifier::as_str).collect();
        assert_eq!(
            known,
            [
                &format!("uuid:{uuid}"),
                "uuid:324d4c4f-c0b7-5380-104b-00324c4c4544",
                "serial:dell:7G2KLM2"
            ]
        );
        assert_eq!(found.model.as_deref(), Some("R750"));
        assert!(!found.wants_credential);
        let plain = described(&asked(8000), false, &root, &[]);
        assert_eq!(plain.address, "http://10.0.3.7:8000");
        assert_eq!(plain.model.as_deref(), Some("iDRAC"));
        assert!(plain.wants_credential);
    }
}
