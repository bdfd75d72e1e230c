//! `read`: the metrics of the profiles.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use utakata_profile::{
    Collection, Filter,
    json::{self, Read, Resource},
    release::Recognised,
};
use utakata_worker_http::device::Error;
use utakata_worker_sdk::{
    Answer, Failure,
    model::{Missing, Recognition, missing, reading::Attributes},
};

use super::{Conversation, NoDocument};
use crate::profile::Content;

impl Conversation<'_> {
    /// Reads what the profiles contain. A document that does not arrive is named; the rest is told.
    pub async fn read(&mut self) -> Result<Answer, Failure> {
        let found = self.recognise().await?;
        if found.profiles.is_empty() {
            return Ok(not_understood());
        }
        let filter = Filter::of(&self.task.parameters);
        let reads: Vec<&Read> = found
            .profiles
            .iter()
            .flat_map(|profile| &profile.content.reads)
            .filter(|read| read.metrics().any(|metric| filter.has(metric.as_str())))
            .collect();
        let places: BTreeSet<&str> = reads
            .iter()
            .flat_map(|read| read.places.iter().map(String::as_str))
            .collect();
        let (documents, missing) = self.fetch(&found, &places).await?;
        let none = Attributes::new();
        let resources: Vec<Resource<'_>> = documents
            .iter()
            .map(|(place, path, document)| Resource {
                place,
                path,
                of: &none,
                document,
            })
            .collect();
        let mut all = Collection::new(filter);
        json::decode(reads.into_iter(), &resources, &mut all);
        if all.readings.is_empty() {
            let why = missing.first().map(|one| format!(": {one}"));
            let why = why.unwrap_or_default();
            return Err(self.refused(&format!("it has nothing of what was asked for{why}")));
        }
        Ok(Answer {
            readings: all.readings,
            missing: missing.into_iter().chain(all.unread).collect(),
            recognition: Some(Recognition {
                is_understood: true,
                profiles: found
                    .names
                    .iter()
                    .map(|name| name.as_str().into())
                    .collect(),
                identity: None,
                description: None,
            }),
            ..Answer::default()
        })
    }

    /// Reads documents. One that is refused is missing; a device that does not answer any more ends
    /// the read, unless something has arrived.
    async fn fetch(
        &mut self,
        found: &Recognised<Content>,
        places: &BTreeSet<&str>,
    ) -> Result<(Vec<(String, String, Json)>, Vec<Missing>), Failure> {
        let (mut documents, mut missing) = (Vec::new(), Vec::new());
        for place in places {
            let Some(known) = self.place(found, place) else {
                continue;
            };
            let uri = known.uri.as_str();
            match self.document(uri).await {
                Ok(document) => documents.push(((*place).to_owned(), uri.to_owned(), document)),
                Err(NoDocument::Device(Error::Refused { status, .. }))
                    if status.as_u16() == 404 && known.is_optional => {}
                Err(NoDocument::Device(error @ Error::Refused { .. })) => {
                    missing.push(Missing::rest(uri, missing::REFUSED, &error.to_string()));
                }
                Err(NoDocument::Garbage(text)) => {
                    missing.push(Missing::rest(uri, missing::UNDECODABLE, &text));
                }
                Err(error @ NoDocument::Device(_)) if documents.is_empty() => {
                    return Err(self.failed(&error));
                }
                Err(NoDocument::Device(error)) => {
                    missing.push(Missing::rest(uri, missing::NO_ANSWER, &error.to_string()));
                    break;
                }
            }
        }
        Ok((documents, missing))
    }
}

/// Something answers, and no profile knows it.
fn not_understood() -> Answer {
    Answer {
        recognition: Some(Recognition {
            is_understood: false,
            profiles: Vec::new(),
            identity: None,
            description: None,
        }),
        ..Answer::default()
    }
}
