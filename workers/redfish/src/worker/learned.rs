//! The knowledge of a service: its profiles, and the places of its resources.

use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
    time::Duration,
};

use serde_json::Value as Json;
use tokio::time::Instant;
use utakata_profile::release::Recognised;

use super::{Conversation, RedfishWorker};
use crate::{
    client::Error,
    decode,
    document::identifier,
    profile::{Profile, Segment, Talk},
    walk::{Documents, Found},
};

/// The time after which links are walked anew.
const FRESH: Duration = Duration::from_secs(900);

/// The knowledge of a service.
#[derive(Debug)]
pub struct Learned {
    pub root: Json,
    /// The profiles that recognise it, those of the release, and what they include.
    pub profiles: Vec<Arc<Profile>>,
    /// Their names, without what they include.
    pub names: Vec<String>,
    /// True if collections come with their members.
    expands: bool,
    /// The resources of each place, as far as they were needed.
    found: HashMap<String, Vec<Found>>,
    /// The places whose collections come with their members, unasked.
    whole: BTreeSet<String>,
    /// The collections whose members are those of a place.
    collections: HashMap<String, Vec<Found>>,
    since: Instant,
}

impl Learned {
    fn new(worker: &RedfishWorker, root: Json) -> Result<Self, utakata_profile::Error> {
        let fits = |profile: &Profile| decode::recognises(profile, &root);
        let Recognised { profiles, names } = worker.program.recognise(fits)?;
        let announced = root.pointer("/ProtocolFeaturesSupported/ExpandQuery/Levels");
        let talk = talk(&profiles);
        let expands = talk.expand != Some(false) && announced == Some(&Json::Bool(true));
        Ok(Self {
            root,
            profiles,
            names,
            expands,
            found: HashMap::new(),
            whole: BTreeSet::new(),
            collections: HashMap::new(),
            since: Instant::now(),
        })
    }

    /// The steps to a place: the first profile that knows it decides.
    fn segments(&self, place: &str) -> Option<Vec<Segment>> {
        let mut known = self
            .profiles
            .iter()
            .filter_map(|profile| profile.content.find.get(place));
        known.next().cloned().flatten()
    }
}

/// Returns the manners towards it: the first profile that names them decides.
pub fn talk(profiles: &[Arc<Profile>]) -> Talk {
    let mut all = profiles.iter().map(|profile| profile.content.talk);
    Talk {
        expand: all.clone().find_map(|talk| talk.expand),
        slash: all.find_map(|talk| talk.slash),
    }
}

impl Conversation<'_> {
    /// Learns what the service is, unless that is known.
    pub async fn learn(&mut self) -> Result<(), Error> {
        let learned = self.service.learned.as_ref();
        if learned.is_some_and(|learned| learned.since.elapsed() < FRESH) {
            return Ok(());
        }
        let root = self.service.client.root().await?;
        let learned = Learned::new(self.worker, root).map_err(|error| Error::Garbage {
            path: "/redfish/v1".into(),
            problem: error.to_string(),
        })?;
        self.service.client.talk = talk(&learned.profiles);
        self.service.learned = Some(learned);
        Ok(())
    }

    /// The resources of places. What is known already is not looked for again, but for members that
    /// come with their collection.
    pub async fn find(
        &mut self,
        places: &BTreeSet<&str>,
        documents: &mut Documents,
    ) -> Result<Vec<Found>, Error> {
        let Some(learned) = &mut self.service.learned else {
            return Ok(Vec::new());
        };
        let client = &mut self.service.client;
        let mut all = Vec::new();
        for place in places {
            let Some(segments) = learned.segments(place) else {
                continue;
            };
            let is_known = learned.found.contains_key(*place);
            let is_whole = learned.expands || learned.whole.contains(*place);
            let last = segments.split_last();
            let found = match last {
                Some((Segment::Members, before)) if is_whole => {
                    if !learned.collections.contains_key(*place) {
                        let to = (*place, before);
                        let found = documents
                            .find(client, &learned.root, to, &mut learned.expands)
                            .await?;
                        learned.collections.insert((*place).into(), found);
                    }
                    let collections = learned.collections.get(*place).cloned();
                    let mut found = Vec::new();
                    for one in collections.unwrap_or_default() {
                        let members = documents
                            .members_of(client, &one, &mut learned.expands)
                            .await?;
                        found.extend(members);
                    }
                    found
                }
                _ if is_known => learned.found.get(*place).cloned().unwrap_or_default(),
                _ => {
                    let to = (*place, segments.as_slice());
                    let expands = &mut learned.expands;
                    documents.has_whole = false;
                    let found = documents.find(client, &learned.root, to, expands).await?;
                    if documents.has_whole {
                        learned.whole.insert((*place).into());
                    }
                    found
                }
            };
            learned.found.insert((*place).into(), found.clone());
            all.extend(found);
        }
        Ok(all)
    }

    /// Forgets where the resources are.
    pub fn forget(&mut self) {
        self.service.learned = None;
    }

    /// Returns true if a resource belongs to the system that the address names, or to none.
    pub fn is_meant(&self, found: &Found) -> bool {
        match (&self.place.system, found.of.get("system")) {
            (Some(meant), Some(system)) => **system == **meant,
            _ => true,
        }
    }
}

/// The name of a resource for people.
pub fn shown(found: &Found) -> String {
    identifier(&found.path).to_owned()
}
