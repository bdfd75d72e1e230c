//! `utakata worker new`: a folder for a kind of one's own, from a shipped one.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use serde::Serialize;
use utakata_model::{Kind, Manifest, content::MANIFEST_FILE, suggest};
use utakata_up::bundle;

use crate::{
    commands::Context,
    exit::{self, Exit},
};

/// The profiles to be filled in, by the program that they are for.
const STARTERS: [(&str, &str); 8] = [
    (
        "snmp",
        include_str!("../../../../workers/snmp/starter.toml"),
    ),
    (
        "redfish",
        include_str!("../../../../workers/redfish/starter.toml"),
    ),
    ("nut", include_str!("../../../../workers/nut/starter.toml")),
    (
        "modbus",
        include_str!("../../../../workers/modbus/starter.toml"),
    ),
    (
        "http-json",
        include_str!("../../../../workers/http-json/starter.toml"),
    ),
    (
        "scrape",
        include_str!("../../../../workers/scrape/starter.toml"),
    ),
    ("ssh", include_str!("../../../../workers/ssh/starter.toml")),
    (
        "ipmi",
        include_str!("../../../../workers/ipmi/starter.toml"),
    ),
];
/// The beginning of the names of our workers.
const PROGRAM: &str = "utakata-worker-";

#[derive(Debug, Serialize)]
struct Made {
    folder: PathBuf,
    files: Vec<String>,
}

/// Makes the folder.
pub fn run(
    kind: &Kind,
    from: &Kind,
    folder: Option<PathBuf>,
    context: &Context<'_>,
) -> Result<Exit> {
    let Some(text) = bundle::manifest(from.as_str()) else {
        let hint = suggest::hint(from.as_str(), bundle::kinds());
        bail!(exit::Usage(format!(
            "no kind \"{from}\" is shipped: {hint}"
        )));
    };
    let manifest = Manifest::parse(text).with_context(|| format!("{from} is not a release"))?;
    let folder = folder.unwrap_or_else(|| PathBuf::from(kind.as_str()));
    let mut files = vec![(MANIFEST_FILE.to_owned(), renamed(text, from, kind))];
    if let Some(profile) = profile(&manifest) {
        files.push((format!("profiles/{kind}.toml"), profile));
    }
    write(&folder, &files)?;
    let made = Made {
        files: files.into_iter().map(|(name, _)| name).collect(),
        folder,
    };
    let place = made.folder.display().to_string();
    context.output.one(&made, || {
        let files = made.files.join(" and ");
        format!(
            "{place} has {files}: fill them in, then `utakata worker test {place}`, and put the \
             folder into the releases of the data directory, or `utakata worker push {place}`"
        )
    })?;
    Ok(Exit::Done)
}

/// The manifest under its new name, with the profile of that name alone.
fn renamed(text: &str, from: &Kind, kind: &Kind) -> String {
    let mut lines: Vec<String> = Vec::new();
    for line in text.lines() {
        match line {
            "[settings]" => {
                lines.push(line.to_owned());
                lines.push(format!("profiles = [\"{kind}\"]"));
            }
            // Its own profile is the one that counts.
            line if line.starts_with("profiles = ") || line.starts_with("recognise = ") => {}
            line if *line == format!("kind = \"{from}\"") => {
                lines.push(format!("kind = \"{kind}\""));
            }
            line if line.starts_with("version = ") => lines.push("version = \"1.0.0\"".into()),
            line => lines.push(line.to_owned()),
        }
    }
    lines.join("\n") + "\n"
}

/// The profile to be filled in, which includes those of the kind that it is from. `None`: the kind
/// has no profiles.
fn profile(manifest: &Manifest) -> Option<String> {
    let included = manifest.settings.get("profiles");
    let included = included.and_then(|names| names.as_array());
    let included: Vec<&str> = included
        .into_iter()
        .flatten()
        .filter_map(|name| name.as_str())
        .collect();
    let program = manifest.run.program.strip_prefix(PROGRAM)?;
    let (_, starter) = STARTERS.iter().find(|(name, _)| *name == program)?;
    if included.is_empty() {
        return Some((*starter).to_owned());
    }
    let names: Vec<String> = included.iter().map(|name| format!("\"{name}\"")).collect();
    let include = format!("include = [{}]", names.join(", "));
    let mut lines: Vec<String> = Vec::new();
    for line in starter
        .lines()
        .filter(|line| !line.starts_with("include = "))
    {
        lines.push(line.to_owned());
        if line.starts_with("description = ") {
            lines.push(format!(
                "{include:<42}# everything that this one does not say otherwise"
            ));
        }
    }
    Some(lines.join("\n") + "\n")
}

/// Writes the files into a folder that is not there, or is empty: nothing of anybody's is lost.
fn write(folder: &Path, files: &[(String, String)]) -> Result<()> {
    let shown = folder.display();
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                bail!(exit::Usage(format!(
                    "{shown} is there already, and is not empty"
                )));
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(|| format!("{shown} cannot be used")),
    }
    for (name, text) in files {
        let path = folder.join(name);
        let parent = path.parent().unwrap_or(folder);
        fs::create_dir_all(parent)
            .and_then(|()| fs::write(&path, text))
            .with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}
