//! The readings that profiles obtain from a walk: the worker itself asks an agent that answers as
//! recorded in the walk.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use async_snmp::{Oid, Value};
use tokio::time::Instant;
use utakata_worker_sdk::{
    Release, Task,
    model::{
        ActionName, Class, Manifest, Reading, TargetName, TaskId, TaskKey, missing,
        target::Secret,
        workbench::{Trial, TriedProfile, TriedReading},
    },
};
use utakata_worker_snmp::{SnmpWorker, profile::Profile};

use crate::{
    agent::{COMMUNITY, Replay},
    files::{self, Profiles},
    origin::{self, Origins},
    rest,
    walk::{Format, Walk},
};

/// The release of the kind `snmp`.
const MANIFEST: &str = include_str!("../../workers/snmp/releases/snmp/worker.toml");
/// A walk of a whole chassis has tens of thousands of objects.
const TIMEOUT: Duration = Duration::from_secs(60);
/// sysObjectID of SNMPv2-MIB: identifies the device model.
const SYSTEM: [u32; 9] = [1, 3, 6, 1, 2, 1, 1, 2, 0];

/// Reads a walk with these profiles only.
///
/// # Errors
/// The worker or its device cannot be started here.
pub async fn run(profiles: &Profiles, walk: Walk) -> anyhow::Result<Trial> {
    let walk = Arc::new(walk);
    let (readings, problem) = read(profiles, &walk).await?;
    let plan = origin::plan(&profiles.resolved);
    let origins = Origins::of(&plan, &walk);
    let (used, unused) = rest::split(&plan, &walk, &profiles.shipped);
    let own = profiles.own();
    let readings = readings.into_iter().map(|reading| TriedReading {
        oid: origins.find(&reading).map(Oid::to_string),
        reading,
    });
    Ok(Trial {
        walk: files::summary(&walk),
        profiles: own.iter().map(|profile| tried(profile, &walk)).collect(),
        readings: readings.collect(),
        problem,
        notices: notices(profiles, &walk),
        used,
        unused,
    })
}

/// Returns the readings, and the reasons for missing ones.
async fn read(
    profiles: &Profiles,
    walk: &Arc<Walk>,
) -> anyhow::Result<(Vec<Reading>, Option<String>)> {
    let folder = tempfile::tempdir()?;
    let release = release(profiles, folder.path())?;
    let worker = SnmpWorker::of(&release)?;
    let replay = Replay::start(Arc::clone(walk)).await?;
    let task = task(&release, replay.address().to_string())?;
    let done = worker.perform(&task, Instant::now() + TIMEOUT).await;
    let (readings, problem) = match done {
        Ok(answer) => {
            let problem = missing::problem(&answer.missing.into_entries());
            (answer.buffer.readings(), problem)
        }
        Err(failure) => (Vec::new(), Some(failure.problem)),
    };
    let problem = problem.map(|problem| match &*problem.code {
        // The worker's own sentence is meant for somebody who chose the wrong kind.
        "wrong-kind" => "the walk has nothing of what the profiles read".into(),
        _ => problem.message.to_string(),
    });
    Ok((readings, problem))
}

/// A release of the kind `snmp` that has these profiles only, and does not require a device to be
/// recognised.
fn release(profiles: &Profiles, folder: &std::path::Path) -> anyhow::Result<Release> {
    let mut manifest: toml::Table = MANIFEST.parse()?;
    let names: Vec<&String> = profiles.texts.keys().collect();
    let mut settings = toml::Table::new();
    settings.insert("profiles".into(), toml::Value::try_from(names)?);
    settings.insert("recognise".into(), false.into());
    manifest.insert("settings".into(), settings.into());
    std::fs::create_dir(folder.join("profiles"))?;
    std::fs::write(folder.join("worker.toml"), toml::to_string(&manifest)?)?;
    for (name, text) in &profiles.texts {
        std::fs::write(folder.join(format!("profiles/{name}.toml")), text)?;
    }
    Ok(Release {
        folder: folder.into(),
        manifest: Manifest::parse(&toml::to_string(&manifest)?)?,
    })
}

fn task(release: &Release, address: String) -> anyhow::Result<Task> {
    Ok(Task {
        key: TaskKey {
            task: TaskId::generate(),
            attempt: 1,
        },
        target: TargetName::new("walk")?,
        kind: release.manifest.kind.clone(),
        address,
        credential: BTreeMap::from([("community".into(), Secret::new(COMMUNITY))]),
        action: ActionName::new("read")?,
        class: Class::Observe,
        parameters: serde_json::json!({}),
        timeout: TIMEOUT,
    })
}

/// Reports whether a profile recognises the device by itself, and why.
fn tried(profile: &Profile, walk: &Walk) -> TriedProfile {
    let (is_recognised, because) = recognised(profile, walk);
    TriedProfile {
        name: profile.name.clone(),
        is_recognised,
        because,
    }
}

fn recognised(profile: &Profile, walk: &Walk) -> (bool, String) {
    let Some(recognise) = &profile.content.recognise else {
        let because = "it has no \"match\": add match.system or match.present";
        return (false, because.into());
    };
    let system = match walk.get(&Oid::from_slice(&SYSTEM)) {
        Some(Value::ObjectIdentifier(oid)) => Some(oid),
        _ => None,
    };
    let begins = |prefixes: &[Oid]| {
        let mut prefixes = prefixes.iter();
        system.filter(|system| prefixes.any(|prefix| system.starts_with(prefix)))
    };
    if let Some(system) = begins(&recognise.except_system) {
        let because = format!("sysObjectID is {system}, which match.except.system has");
        return (false, because);
    }
    if let Some(system) = begins(&recognise.system) {
        return (true, format!("sysObjectID is {system}"));
    }
    if let Some(present) = recognise.present.iter().find(|oid| walk.has(oid)) {
        return (true, format!("there is something under {present}"));
    }
    let of_system = match system {
        Some(system) => format!("sysObjectID is {system}"),
        None => "the walk has no sysObjectID (1.3.6.1.2.1.1.2.0)".into(),
    };
    let because = match recognise.present.is_empty() {
        true => of_system,
        false => format!("{of_system}, and nothing of match.present is there"),
    };
    (false, because)
}

fn notices(profiles: &Profiles, walk: &Walk) -> Vec<String> {
    let plan = origin::plan(&profiles.own());
    let mut notices = Vec::new();
    if walk.format == Format::Quick {
        notices.push(
            "the walk has no types (-Oqn), so they were guessed: snmpwalk -On keeps them".into(),
        );
    }
    for name in &profiles.replaced {
        notices.push(format!(
            "\"{name}\" takes the place of the profile of that name shipped with utakata"
        ));
    }
    let absent = |oid: &&Oid| !walk.has(oid);
    let columns = plan.tables.iter().flat_map(|planned| {
        let used = planned.columns.iter();
        used.filter_map(|at| planned.table.columns.get(*at))
    });
    let mut nowhere: Vec<String> = plan
        .oids
        .iter()
        .chain(columns)
        .filter(absent)
        .map(Oid::to_string)
        .collect();
    nowhere.sort();
    nowhere.dedup();
    if !nowhere.is_empty() {
        let count = nowhere.len();
        let shown: Vec<String> = nowhere.into_iter().take(5).collect();
        let more = if count > shown.len() { ", ..." } else { "" };
        notices.push(format!(
            "{count} objects of the profiles are not in the walk: {}{more}",
            shown.join(", ")
        ));
    }
    notices
}
