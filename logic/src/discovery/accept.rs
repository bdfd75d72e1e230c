//! Decisions of people about proposals.

use std::borrow::Borrow;

use utakata_api::{
    apply::Document,
    discovery::{Accept, ProposalState},
};
use utakata_model::{PersonName, Target};

use super::{Discovery, Error, Proposal, Sighting, Way, sighting::Writes};
use crate::store;

/// The changes that accepting a proposal makes.
#[derive(Debug)]
pub struct Decision {
    /// The target to write; none if it stays as it is.
    pub document: Option<Document>,
    /// The sightings about which nobody needs to be asked any more.
    settled: Vec<Sighting>,
}

impl Discovery {
    /// Decides what accepting a proposal changes. Nothing is changed yet.
    ///
    /// # Errors
    /// There is no such proposal, or nothing is to be decided about it.
    pub async fn decide(&self, id: &str, accept: Accept) -> Result<Decision, Error> {
        let all = self.proposals().await?;
        let proposal = find(all.iter(), id)?;
        match proposal.state {
            ProposalState::New | ProposalState::Dismissed => self.new_target(proposal, accept),
            ProposalState::Moved => self.moved_target(proposal, &all, accept),
            ProposalState::Replaced => self.replaced_target(proposal, accept),
            // Another way in to it may become a target of its own.
            ProposalState::Known if accept.kind.is_some() => self.new_target(proposal, accept),
            state @ ProposalState::Known => Err(Error::Closed { state }),
        }
    }

    async fn proposal(&self, id: &str) -> Result<Proposal, Error> {
        let all = self.proposals().await?;
        find(all.into_iter(), id)
    }

    /// The way in that is meant: of the kind that is named, or the first.
    fn way<'a>(&self, proposal: &'a Proposal, accept: &Accept) -> Result<&'a Way, Error> {
        let mut ways = proposal.ways.iter();
        let Some(kind) = &accept.kind else {
            let id = proposal.id.clone();
            return ways.next().ok_or(Error::NoProposal { id });
        };
        let is_it = |way: &&Way| {
            let sighting = &way.sighting;
            sighting.kind == *kind || self.exact_kind(sighting) == *kind
        };
        ways.find(is_it).ok_or_else(|| {
            let has = proposal.ways.iter().map(|way| {
                let exact = self.exact_kind(&way.sighting);
                match exact == way.sighting.kind {
                    true => exact.to_string(),
                    false => format!("{exact} or {}", way.sighting.kind),
                }
            });
            let has: Vec<String> = has.collect();
            Error::NoWay {
                kind: kind.clone(),
                has: has.join(", "),
            }
        })
    }

    fn new_target(&self, proposal: &Proposal, accept: Accept) -> Result<Decision, Error> {
        let way = self.way(proposal, &accept)?;
        if way.target.is_some() {
            let state = ProposalState::Known;
            return Err(Error::Closed { state });
        }
        let sighting = &way.sighting;
        let is_other_way = proposal.state == ProposalState::Known;
        let kind = accept.kind.unwrap_or_else(|| self.exact_kind(sighting));
        let name = match accept.name {
            Some(name) => name,
            // The proposed name is that of the target that it is already.
            None if is_other_way => {
                return Err(Error::Request {
                    problem: format!(
                        "it is the target \"{}\" already: name another one for its other way in",
                        proposal.name
                    ),
                });
            }
            None => proposal.name.clone(),
        };
        if self.context.inventory.find(&name).is_some() {
            return Err(Error::Request {
                problem: format!("there is a target \"{name}\" already: name another one"),
            });
        }
        let target = Target {
            zone: sighting.zone.clone(),
            labels: accept.labels,
            credential: accept.credential.or_else(|| sighting.credential.clone()),
            ..Target::new(name, kind, sighting.found.address.clone())
        };
        Ok(Decision {
            document: Some(Document::Target(target)),
            settled: Vec::new(),
        })
    }

    /// Gives the target the address at which its thing is now.
    fn moved_target(
        &self,
        proposal: &Proposal,
        all: &[Proposal],
        accept: Accept,
    ) -> Result<Decision, Error> {
        let mut target = self.existing(proposal)?;
        check_name(&target, &accept)?;
        let way = proposal.ways.iter().find(|way| {
            let exact = self.exact_kind(&way.sighting);
            way.sighting.kind == target.kind || exact == target.kind
        });
        let way = way.or(proposal.ways.first());
        if let Some(way) = way {
            target.address = way.sighting.found.address.clone();
            target.zone = way.sighting.zone.clone();
        }
        add_to(&mut target, accept);
        // What was seen at its address before is no more.
        let ways = all.iter().flat_map(|one| &one.ways);
        let left = ways.filter(|way| way.target.as_ref() == Some(&target.name));
        let settled = left.flat_map(|way| way.before.iter().chain([&way.sighting]).cloned());
        Ok(Decision {
            settled: settled.collect(),
            document: Some(Document::Target(target)),
        })
    }

    /// Keeps the target as what answers at its address now.
    fn replaced_target(&self, proposal: &Proposal, accept: Accept) -> Result<Decision, Error> {
        let before = self.existing(proposal)?;
        check_name(&before, &accept)?;
        let mut target = before.clone();
        add_to(&mut target, accept);
        let settled = proposal.ways.iter().flat_map(|way| way.before.clone());
        Ok(Decision {
            document: (target != before).then_some(Document::Target(target)),
            settled: settled.collect(),
        })
    }

    fn existing(&self, proposal: &Proposal) -> Result<Target, Error> {
        let name = proposal.target.as_ref().unwrap_or(&proposal.name);
        let found = self.context.inventory.target(name)?;
        Ok(Target::clone(&found.target))
    }

    /// Notes that a decision was carried out.
    ///
    /// # Errors
    /// The store failed.
    pub async fn settle(&self, decision: &Decision) -> Result<(), store::Error> {
        if decision.settled.is_empty() {
            return Ok(());
        }
        let _alone = self.changing.lock().await;
        let delete = decision.settled.iter().map(Sighting::key).collect();
        let writes = Writes {
            delete,
            ..Writes::default()
        };
        self.write(&writes).await
    }

    /// Dismisses a proposal: it is shown only to those who ask for all.
    ///
    /// # Errors
    /// There is no such proposal, or the store failed.
    pub async fn dismiss(&self, id: &str, by: &PersonName) -> Result<Proposal, Error> {
        let proposal = self.proposal(id).await?;
        if !proposal.state.is_open() {
            let state = proposal.state;
            return Err(Error::Closed { state });
        }
        {
            let _alone = self.changing.lock().await;
            let put = proposal.ways.iter().map(|way| Sighting {
                dismissed: Some(by.clone()),
                ..way.sighting.clone()
            });
            let writes = Writes {
                put: put.collect(),
                ..Writes::default()
            };
            self.write(&writes).await?;
        }
        self.proposal(id).await
    }
}

/// Finds the proposal of this identifier.
fn find<P: Borrow<Proposal>>(mut all: impl Iterator<Item = P>, id: &str) -> Result<P, Error> {
    let found = all.find(|proposal| proposal.borrow().id == id);
    found.ok_or_else(|| Error::NoProposal { id: id.into() })
}

/// A target that exists keeps its name.
fn check_name(target: &Target, accept: &Accept) -> Result<(), Error> {
    match &accept.name {
        Some(name) if *name != target.name => Err(Error::Request {
            problem: format!(
                "it is the target \"{}\", whose name stays: leave out the name",
                target.name
            ),
        }),
        _ => Ok(()),
    }
}

fn add_to(target: &mut Target, accept: Accept) {
    let Accept {
        labels, credential, ..
    } = accept;
    target.labels.extend(labels);
    if credential.is_some() {
        target.credential = credential;
    }
}
