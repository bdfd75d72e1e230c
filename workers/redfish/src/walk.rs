//! Finding resources: links followed from the root, as profiles say.

use std::{collections::HashMap, sync::Arc};

use serde_json::Value as Json;
use utakata_profile::json::Wanted;
use utakata_worker_http::StatusCode;
use utakata_worker_sdk::model::{Missing, missing, reading::Attributes};

use crate::{
    client::{Client, Error, Fetched},
    document::{self, identifier, same},
    profile::Segment,
};

/// The largest number of pages of a collection.
const PAGES_MAX: usize = 50;
/// The largest number of resources of one place.
const FOUND_MAX: usize = 4096;
/// The query by which a collection comes with its members.
const EXPAND: &str = "?$expand=.($levels=1)";

/// A resource that was found.
#[derive(Debug, Clone)]
pub struct Found {
    /// The name of its place.
    pub place: String,
    pub path: String,
    /// The chassis or the system that it belongs to.
    pub of: Attributes,
}

/// Resources of a task by their paths, each read once.
#[derive(Debug, Default)]
pub struct Documents {
    read: HashMap<String, Arc<Json>>,
    /// The parts of the answer that did not arrive.
    pub missing: Vec<Missing>,
    /// True if a collection came with its members, asked for or not.
    pub has_whole: bool,
    /// The parts of resources that are looked at; absent: all.
    wanted: Option<Arc<Wanted>>,
}

/// The steps that remain from a resource.
struct Step<'a> {
    path: String,
    of: Attributes,
    rest: &'a [Segment],
}

impl Documents {
    /// Resources of which only parts are looked at.
    pub fn of(wanted: Arc<Wanted>) -> Self {
        Self {
            wanted: Some(wanted),
            ..Self::default()
        }
    }

    /// Reads a resource, unless it has been. `None` if there is none; what did not arrive is noted.
    ///
    /// # Errors
    /// The service as a whole does not answer.
    pub async fn get(
        &mut self,
        client: &mut Client,
        path: &str,
    ) -> Result<Option<Arc<Json>>, Error> {
        if let Some(known) = self.read.get(&same(path)) {
            return Ok(Some(Arc::clone(known)));
        }
        match client.get_parts(path, self.wanted.as_deref()).await {
            Ok(fetched) => Ok(Some(self.keep(path, fetched.document))),
            Err(Error::Refused { status, .. }) if status == StatusCode::NOT_FOUND => Ok(None),
            Err(error @ (Error::Refused { .. } | Error::Garbage { .. })) => {
                self.lack(path, &error);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Notes a part that did not arrive.
    pub fn lack(&mut self, path: &str, error: &Error) {
        let reason = match error {
            Error::Garbage { .. } => missing::UNDECODABLE,
            Error::Http(_) => missing::NO_ANSWER,
            _ => missing::REFUSED,
        };
        let why = error.to_string();
        self.missing.push(Missing::rest(path, reason, &why));
    }

    fn keep(&mut self, path: &str, document: Json) -> Arc<Json> {
        let document = Arc::new(document);
        self.read.insert(same(path), Arc::clone(&document));
        document
    }

    /// A collection with its members in it.
    async fn whole(&self, client: &mut Client, path: &str) -> Result<Fetched, Error> {
        let path = format!("{path}{EXPAND}");
        client.get_parts(&path, self.wanted.as_deref()).await
    }

    /// The members of a collection, of all its pages.
    async fn members(
        &mut self,
        client: &mut Client,
        path: &str,
        expands: &mut bool,
    ) -> Result<Vec<String>, Error> {
        let mut all = Vec::new();
        let mut page = match *expands && !path.contains('?') {
            true => match self.whole(client, path).await {
                Ok(fetched) => Some(Arc::new(fetched.document)),
                // It was announced and is refused: asked for one by one from now on.
                Err(Error::Refused { .. } | Error::Garbage { .. }) => {
                    *expands = false;
                    self.get(client, path).await?
                }
                Err(error) => return Err(error),
            },
            false => self.get(client, path).await?,
        };
        for _ in 0..PAGES_MAX {
            let Some(document) = page.take() else {
                break;
            };
            let read = document::members(&document);
            for (path, whole) in read.all {
                if let Some(whole) = whole {
                    self.has_whole = true;
                    self.keep(&path, whole.clone());
                }
                if all.len() < FOUND_MAX && !all.contains(&path) {
                    all.push(path);
                }
            }
            if let Some(next) = read.next {
                page = self.get(client, &next).await?;
            }
        }
        Ok(all)
    }

    /// The members of a collection that was found.
    ///
    /// # Errors
    /// The service as a whole does not answer.
    pub async fn members_of(
        &mut self,
        client: &mut Client,
        collection: &Found,
        expands: &mut bool,
    ) -> Result<Vec<Found>, Error> {
        let paths = self.members(client, &collection.path, expands).await?;
        let found = paths.into_iter().map(|path| {
            let mut of = collection.of.clone();
            attribute(&collection.path, &path, &mut of);
            let place = collection.place.clone();
            Found { place, path, of }
        });
        Ok(found.collect())
    }

    /// Finds the resources of a place.
    ///
    /// # Errors
    /// The service as a whole does not answer.
    pub async fn find(
        &mut self,
        client: &mut Client,
        root: &Json,
        (place, segments): (&str, &[Segment]),
        expands: &mut bool,
    ) -> Result<Vec<Found>, Error> {
        let mut found = Vec::new();
        let mut steps = vec![Step {
            path: String::new(),
            of: Attributes::new(),
            rest: segments,
        }];
        while let Some(step) = steps.pop() {
            let Some((segment, rest)) = step.rest.split_first() else {
                if !found
                    .iter()
                    .any(|one: &Found| same(&one.path) == same(&step.path))
                {
                    found.push(Found {
                        place: place.into(),
                        path: step.path,
                        of: step.of,
                    });
                }
                continue;
            };
            let next = match segment {
                Segment::Members => self.members(client, &step.path, expands).await?,
                Segment::Name(name) => {
                    let next = self.named(client, root, &step.path, name, expands).await?;
                    next.into_iter().collect()
                }
            };
            // The last is taken first: the order of the service is kept.
            for path in next.into_iter().rev() {
                let mut of = step.of.clone();
                if *segment == Segment::Members {
                    attribute(&step.path, &path, &mut of);
                }
                steps.push(Step { path, of, rest });
            }
        }
        Ok(found)
    }

    /// The link of a resource by its name; of a collection, the member of that name.
    async fn named(
        &mut self,
        client: &mut Client,
        root: &Json,
        path: &str,
        name: &str,
        expands: &mut bool,
    ) -> Result<Option<String>, Error> {
        if path.is_empty() {
            return Ok(document::property(root, name));
        }
        let Some(document) = self.get(client, path).await? else {
            return Ok(None);
        };
        if document.get("Members").is_none() {
            return Ok(document::property(&document, name));
        }
        let members = self.members(client, path, expands).await?;
        Ok(members.into_iter().find(|path| identifier(path) == name))
    }
}

/// Notes which member of a collection it is, where that tells things apart.
fn attribute(collection: &str, member: &str, of: &mut Attributes) {
    let key = match identifier(collection) {
        "Chassis" => "chassis",
        "Systems" => "system",
        "Managers" => "manager",
        "RackPDUs" => "pdu",
        _ => return,
    };
    of.insert(key.into(), identifier(member).into());
}
