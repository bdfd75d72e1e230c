//! `read`: the metrics of the profiles.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::{Value as Json, json};
use utakata_profile::{
    Collection, Filter,
    json::{self, Read, Resource},
};
use utakata_worker_sdk::{
    Answer, Failure,
    model::{Missing, Recognition, missing},
};

use super::{Conversation, problem};
use crate::{
    client::Error,
    profile::Profile,
    walk::{Documents, Found},
};

impl Conversation<'_> {
    /// Reads what the profiles contain. A part that does not arrive is named; the rest is told.
    pub async fn read(&mut self) -> Result<Answer, Failure> {
        let filter = Filter::of(&self.task.parameters);
        let was_known = self.service.learned.is_some();
        self.learn().await.map_err(|error| self.failed(&error))?;
        let profiles = self.profiles();
        let reads: Vec<&Read> = profiles
            .iter()
            .flat_map(|profile| &profile.content.reads)
            .filter(|read| read.metrics().any(|metric| filter.has(metric.as_str())))
            .collect();
        let places: BTreeSet<&str> = reads
            .iter()
            .flat_map(|read| read.places.iter().map(String::as_str))
            .collect();
        let mut documents = Documents::of(self.worker.wanted(&profiles));
        let found = match self.find(&places, &mut documents).await {
            Ok(found) => found,
            Err(error) => return Err(self.failed(&error)),
        };
        let (resources, trouble) = self.fetch(&found, was_known, &mut documents).await;
        let mut all = Collection::new(filter);
        let resources: Vec<Resource<'_>> = resources
            .iter()
            .map(|(found, document)| Resource {
                place: &found.place,
                path: &found.path,
                of: &found.of,
                document,
            })
            .collect();
        json::decode(reads.into_iter(), &resources, &mut all);
        if all.readings.is_empty() {
            return Err(match trouble {
                Some(error) => self.failed(&error),
                None => Failure::failed(problem::nothing(self.task, &documents.missing)),
            });
        }
        let missing = documents.missing.into_iter().chain(all.unread);
        Ok(Answer {
            readings: all.readings,
            missing: missing.collect(),
            recognition: self.recognition(),
            result: Some(json!({ "requests": self.service.client.requests })),
            ..Answer::default()
        })
    }

    fn profiles(&self) -> Vec<Arc<Profile>> {
        let learned = self.service.learned.as_ref();
        learned
            .map(|learned| learned.profiles.clone())
            .unwrap_or_default()
    }

    /// Reads the resources that were found. After an error of the service as a whole, the rest is
    /// missing.
    async fn fetch(
        &mut self,
        found: &[Found],
        was_known: bool,
        documents: &mut Documents,
    ) -> (Vec<(Found, Arc<Json>)>, Option<Error>) {
        let mut resources = Vec::new();
        let mut trouble = None;
        let mut is_gone = false;
        let meant: Vec<&Found> = found.iter().filter(|one| self.is_meant(one)).collect();
        for one in meant {
            match documents.get(&mut self.service.client, &one.path).await {
                Ok(Some(document)) => resources.push((one.clone(), document)),
                Ok(None) if was_known => {
                    is_gone = true;
                    let why = "it was there, and is no more";
                    let gone = Missing::rest(&one.path, missing::REFUSED, why);
                    documents.missing.push(gone);
                }
                Ok(None) => {}
                Err(error) => {
                    documents.lack(&one.path, &error);
                    trouble = Some(error);
                    break;
                }
            }
        }
        if is_gone {
            self.forget();
        }
        (resources, trouble)
    }

    fn recognition(&self) -> Option<Recognition> {
        let learned = self.service.learned.as_ref()?;
        let told = |key: &str| learned.root.get(key)?.as_str().map(str::to_owned);
        let (vendor, product) = (told("Vendor"), told("Product"));
        let described = [vendor, product].into_iter().flatten().collect::<Vec<_>>();
        Some(Recognition {
            is_understood: true,
            profiles: learned
                .names
                .iter()
                .map(|name| name.as_str().into())
                .collect(),
            identity: told("UUID").map(Into::into),
            description: (!described.is_empty()).then(|| described.join(" ").into()),
        })
    }

    pub fn failed(&mut self, error: &Error) -> Failure {
        let server = self.place.server.to_string();
        Failure::failed(problem::of(self.task, &server, error))
    }
}
