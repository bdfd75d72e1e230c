//! Finding the server that is meant, and its token.

use std::{env, fs};

use anyhow::{Context, Result, bail};
use utakata_api::Client;

use crate::{
    cli::Global,
    exit::Usage,
    folder::{Endpoint, Folder},
};

/// A client of the server that is meant: `--url` and a token; or the data directory of an `up`
/// that runs, the demo's when there is no other.
pub fn client(global: &Global) -> Result<Client> {
    let (url, token) = match &global.url {
        Some(url) => (checked(url)?, token(global, &candidates(global))?),
        None => {
            let (folder, endpoint) = running(global)?;
            (endpoint.url, token(global, &[folder])?)
        }
    };
    Ok(Client::new(&url, &token)?)
}

/// The data directories that may be meant, the likelier first.
pub fn candidates(global: &Global) -> Vec<Folder> {
    match &global.data {
        Some(path) => vec![Folder::new(path)],
        None => [Folder::default_place(), Folder::demo_place()]
            .into_iter()
            .flatten()
            .collect(),
    }
}

/// The first of them that an `up` has.
pub fn running(global: &Global) -> Result<(Folder, Endpoint)> {
    let candidates = candidates(global);
    let found = candidates
        .iter()
        .find_map(|folder| Some((folder.clone(), folder.endpoint()?)));
    if let Some(found) = found {
        return Ok(found);
    }
    let places: Vec<String> = candidates
        .iter()
        .map(|folder| folder.path().display().to_string())
        .collect();
    bail!(
        "no utakata is running here (looked in {}): start one with `utakata up`, or with \
         `utakata up --demo`, or say where it is with --data DIR or --url URL",
        places.join(" and ")
    )
}

fn checked(url: &str) -> Result<String> {
    if url.starts_with("http://") {
        return Ok(url.to_owned());
    }
    bail!(Usage(format!(
        "\"{url}\" is not a URL that can be used: write for example http://127.0.0.1:7700"
    )))
}

fn token(global: &Global, folders: &[Folder]) -> Result<String> {
    if let Some(path) = &global.token_file {
        let text = fs::read_to_string(path);
        return text.with_context(|| format!("the token file {} cannot be read", path.display()));
    }
    if let Some(token) = env::var("UTAKATA_TOKEN")
        .ok()
        .filter(|token| !token.is_empty())
    {
        return Ok(token);
    }
    let running = folders.iter().find(|folder| folder.endpoint().is_some());
    let Some(folder) = running.or(folders.first()) else {
        bail!("there is no token: give --token-file FILE or set UTAKATA_TOKEN");
    };
    folder.token().with_context(|| {
        format!(
            "the token {} cannot be read: give --token-file FILE or set UTAKATA_TOKEN",
            folder.token_file().display()
        )
    })
}
