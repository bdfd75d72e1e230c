//! A real target on which a worker is tested.

use std::{collections::BTreeMap, path::PathBuf};

use anyhow::{Result, bail};
use clap::Args;
use serde_json::{Map, Value};
use utakata_api::apply::Document;
use utakata_documents as documents;
use utakata_model::{Action, ActionName, Manifest, suggest, target::Secret};
use utakata_up::{
    paths,
    workbench::{self, Serving},
};
use utakata_worker_sdk::harness::Example;

use crate::{exit::Usage, parameters};

/// A real target on which a worker is tested.
#[derive(Debug, Args)]
pub struct Target {
    /// Test it on a real target, too: every observe action, and those of --control
    #[arg(long, value_name = "ADDRESS", group = "tried")]
    target: Option<String>,
    /// Test it on a recorded walk of a device, answered over SNMP: for workers that speak it
    #[arg(long, value_name = "WALK", group = "tried", value_parser = paths::absolute())]
    walk: Option<PathBuf>,
    /// Credential of the worker: a file, as for `utakata apply`, or single values, which others can
    /// see in the list of processes
    #[arg(long, value_name = "FILE|KEY=VALUE", requires = "target")]
    credential: Vec<String>,
    /// Parameter of the actions that have it, or of one action
    #[arg(
        short = 'p',
        long = "param",
        value_name = "[ACTION:]KEY=VALUE",
        requires = "tried",
        value_parser = parameters::pair
    )]
    parameters: Vec<(String, String)>,
    /// Action that may change the target; it is read back as the manifest declares
    #[arg(long, value_name = "ACTION", requires = "target")]
    control: Vec<ActionName>,
}

impl Target {
    /// Serves the walk, if one is given.
    pub(super) async fn serve(&self) -> Result<Option<Serving>> {
        match &self.walk {
            Some(walk) => Ok(Some(workbench::serve(walk).await?)),
            None => Ok(None),
        }
    }

    /// Returns the target for the worker of this manifest, if one is given or a walk is served.
    pub(super) fn example(
        &self,
        manifest: &Manifest,
        serving: Option<&Serving>,
    ) -> Result<Option<Example>> {
        if let Some(serving) = serving {
            let community = Secret::new(serving.community.as_str());
            return Ok(Some(Example {
                address: serving.address.clone(),
                credential: BTreeMap::from([("community".into(), community)]),
                parameters: self.by_action(manifest)?,
                allowed_control: Vec::new(),
            }));
        }
        let Some(address) = &self.target else {
            return Ok(None);
        };
        for action in &self.control {
            known(manifest, action.as_str())?;
        }
        let mut credential = BTreeMap::new();
        for given in &self.credential {
            match given.split_once('=') {
                Some((key, value)) => drop(credential.insert(key.into(), Secret::new(value))),
                None => credential.extend(of_file(given)?),
            }
        }
        Ok(Some(Example {
            address: address.clone(),
            credential,
            parameters: self.by_action(manifest)?,
            allowed_control: self.control.clone(),
        }))
    }

    fn by_action(&self, manifest: &Manifest) -> Result<BTreeMap<ActionName, Value>> {
        for (key, _) in &self.parameters {
            let (action, name) = split(key);
            if let Some(action) = action {
                known(manifest, action)?;
            }
            let meant = manifest.actions.iter();
            let mut meant = meant.filter(|one| is_of(action, one.name.as_str()));
            if !meant.any(|one| names_of(one).any(|one| one == name)) {
                let all: Vec<&str> = manifest.actions.iter().flat_map(names_of).collect();
                let hint = suggest::hint(name, all.iter().copied());
                bail!(Usage(format!(
                    "no action has a parameter \"{name}\": {hint}"
                )));
            }
        }
        let mut all = BTreeMap::new();
        for action in &manifest.actions {
            let has: Vec<&str> = names_of(action).collect();
            let given: Vec<(String, String)> = self
                .parameters
                .iter()
                .filter_map(|(key, text)| {
                    let (of, name) = split(key);
                    let is_meant = is_of(of, action.name.as_str()) && has.contains(&name);
                    is_meant.then(|| (name.to_owned(), text.clone()))
                })
                .collect();
            if given.is_empty() {
                continue;
            }
            let given = parameters::secret::read(&given, &[&action.parameters])?;
            let values = parameters::to_json(&given, Some(&action.parameters))?;
            let values = Value::Object(values);
            // Actions that lack others of theirs are left out, as nothing was said of them.
            match action.schema()?.check(&values) {
                Ok(()) => drop(all.insert(action.name.clone(), values)),
                Err(problem) if self.control.contains(&action.name) => bail!(Usage(format!(
                    "the parameters of \"{}\": {problem}",
                    action.name
                ))),
                Err(_) => {}
            }
        }
        Ok(all)
    }
}

fn split(key: &str) -> (Option<&str>, &str) {
    match key.split_once(':') {
        Some((action, name)) => (Some(action), name),
        None => (None, key),
    }
}

fn is_of(action: Option<&str>, name: &str) -> bool {
    action.is_none_or(|action| action == name)
}

fn names_of(action: &Action) -> impl Iterator<Item = &str> {
    let properties = action.parameters.get("properties");
    let properties = properties.and_then(Value::as_object);
    properties
        .into_iter()
        .flat_map(Map::keys)
        .map(String::as_str)
}

fn known(manifest: &Manifest, action: &str) -> Result<()> {
    let names = || manifest.actions.iter().map(|action| action.name.as_str());
    if names().any(|name| name == action) {
        return Ok(());
    }
    let hint = suggest::hint(action, names());
    bail!(Usage(format!("it has no action \"{action}\": {hint}")))
}

/// Returns the values of the only credential in a file.
fn of_file(path: &str) -> Result<BTreeMap<String, Secret>> {
    let documents = documents::read(&[path.into()])?;
    let documents = documents.documents.into_iter();
    let mut found = documents.filter_map(|document| match document {
        Document::Credential(credential) => Some(credential.values),
        _ => None,
    });
    match (found.next(), found.next()) {
        (Some(values), None) => Ok(values),
        _ => bail!(Usage(format!(
            "{path} must have one document with type: credential"
        ))),
    }
}
