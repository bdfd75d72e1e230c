//! Volumes of pods: folders of this machine.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::resource;
use crate::store::Key;
use crate::tokens::Grant;
use crate::world::World;

/// Folders by the names of the volumes.
pub type Volumes = HashMap<String, PathBuf>;

/// Makes all volumes of a pod, or says what is missing.
pub fn make(world: &World, pod: &Value, folder: &Path) -> Result<Volumes, String> {
    let mut made = Volumes::new();
    for volume in pod["spec"]["volumes"].as_array().into_iter().flatten() {
        let name = volume["name"].as_str().unwrap_or_default();
        let at = folder.join("volumes").join(name);
        let path = volume["hostPath"]["path"].as_str();
        if let Some(path) = path {
            made.insert(name.to_owned(), PathBuf::from(path));
            continue;
        }
        fs::create_dir_all(&at).map_err(|error| error.to_string())?;
        fill(world, pod, volume, &at)
            .map_err(|why| format!("MountVolume.SetUp failed for volume \"{name}\" : {why}"))?;
        made.insert(name.to_owned(), at);
    }
    Ok(made)
}

fn fill(world: &World, pod: &Value, volume: &Value, at: &Path) -> Result<(), String> {
    let projected = volume["projected"]["sources"].as_array();
    for source in projected.into_iter().flatten() {
        project(world, pod, source, at)?;
    }
    for (field, plural) in [("secret", "secrets"), ("configMap", "configmaps")] {
        let source = &volume[field];
        if !source.is_null() {
            let name = if field == "secret" {
                &source["secretName"]
            } else {
                &source["name"]
            };
            texts(world, pod, (plural, name), source, at)?;
        }
    }
    if !volume["downwardAPI"].is_null() {
        downward(pod, &volume["downwardAPI"], at)?;
    }
    Ok(())
}

fn project(world: &World, pod: &Value, source: &Value, at: &Path) -> Result<(), String> {
    let token = &source["serviceAccountToken"];
    if !token.is_null() {
        let path = token["path"].as_str().unwrap_or("token");
        return write(at, path, token_of(world, pod, token)?.as_bytes());
    }
    for (field, plural) in [("secret", "secrets"), ("configMap", "configmaps")] {
        let source = &source[field];
        if !source.is_null() {
            texts(world, pod, (plural, &source["name"]), source, at)?;
        }
    }
    if !source["downwardAPI"].is_null() {
        downward(pod, &source["downwardAPI"], at)?;
    }
    Ok(())
}

fn token_of(world: &World, pod: &Value, wanted: &Value) -> Result<String, String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let namespace = text(&pod["metadata"]["namespace"]);
    let account = text(&pod["spec"]["serviceAccountName"]);
    let key = Key::new(resource::named("serviceaccounts"), &namespace, &account);
    let found = world.store().get(&key);
    let found = found.ok_or_else(|| format!("serviceaccounts \"{account}\" not found"))?;
    let audience = wanted["audience"]
        .as_str()
        .filter(|audience| !audience.is_empty());
    let granted = world.tokens.grant(&Grant {
        namespace: &namespace,
        account: &account,
        account_uid: &text(&found["metadata"]["uid"]),
        pod: Some((
            &text(&pod["metadata"]["name"]),
            &text(&pod["metadata"]["uid"]),
        )),
        node: pod["spec"]["nodeName"].as_str(),
        audiences: vec![
            audience
                .unwrap_or_else(|| world.tokens.own_audience())
                .to_owned(),
        ],
        seconds: wanted["expirationSeconds"].as_i64().unwrap_or(3_600),
    });
    granted.map_err(|error| error.to_string())
}

fn texts(
    world: &World,
    pod: &Value,
    (plural, name): (&str, &Value),
    source: &Value,
    at: &Path,
) -> Result<(), String> {
    let name = name.as_str().unwrap_or_default();
    let namespace = pod["metadata"]["namespace"].as_str().unwrap_or_default();
    let found = world
        .store()
        .get(&Key::new(resource::named(plural), namespace, name));
    let singular = plural.trim_end_matches('s');
    let Some(found) = found else {
        let is_needed = source["optional"] != true;
        return if is_needed {
            Err(format!("{singular} \"{name}\" not found"))
        } else {
            Ok(())
        };
    };
    let items = source["items"].as_array();
    for (name, value) in found["data"].as_object().into_iter().flatten() {
        let value = value.as_str().unwrap_or_default();
        let bytes = match plural {
            "secrets" => STANDARD.decode(value).map_err(|error| error.to_string())?,
            _ => value.as_bytes().to_vec(),
        };
        let path = match items {
            None => Some(name.as_str()),
            Some(items) => {
                let item = items.iter().find(|item| item["key"] == name.as_str());
                item.and_then(|item| item["path"].as_str())
            }
        };
        if let Some(path) = path {
            write(at, path, &bytes)?;
        }
    }
    Ok(())
}

fn downward(pod: &Value, source: &Value, at: &Path) -> Result<(), String> {
    for item in source["items"].as_array().into_iter().flatten() {
        let value = super::field::field(pod, &item["fieldRef"]);
        write(
            at,
            item["path"].as_str().unwrap_or("item"),
            value.as_bytes(),
        )?;
    }
    Ok(())
}

fn write(at: &Path, path: &str, bytes: &[u8]) -> Result<(), String> {
    let file = at.join(path);
    let parent = file.parent().unwrap_or(at);
    fs::create_dir_all(parent).map_err(|error| error.to_string())?;
    // In one step, as it is swapped in a real volume.
    let new = parent.join(".new");
    fs::write(&new, bytes)
        .and_then(|()| fs::rename(&new, &file))
        .map_err(|error| error.to_string())
}
