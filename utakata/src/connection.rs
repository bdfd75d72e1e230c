//! The choice of the server, and its token.

use std::{env, fs, sync::Once};

use anyhow::{Context, Result, bail};
use utakata_api::{Client, client::Trust};
use utakata_up::folder::{Endpoint, Folder};

use crate::{authority::is_same, exit::Usage, global::Global, logins::Logins};

/// The effect of a command on the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The command only reads.
    Look,
    /// It changes something at the server or at equipment.
    Change,
}

/// The user's server, if nothing else selects one.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Choice<'a> {
    None,
    /// The only server that runs.
    One(&'a Running),
    /// The user's own server, with a demo running beside it.
    OwnBesideDemo(&'a Running, &'a Running),
    /// The demo, while the user has a data directory that no `up` uses.
    DemoInstead(&'a Running, &'a Folder),
}

/// A server, and the authorities that vouch for it.
#[derive(Debug)]
pub struct Server {
    pub url: String,
    pub trust: Trust,
}

/// A data directory, and the server that uses it.
type Running = (Folder, Endpoint);

/// Returns a client of the selected server: by `--url` and a token, or by the data directory of a
/// running `up`, which is the demo's if there is no other.
pub fn client(global: &Global, purpose: Purpose) -> Result<Client> {
    let (url, token, ca) = match &global.url {
        Some(url) => {
            let url = checked(url)?;
            if env::var("UTAKATA_URL").is_ok_and(|set| set == url) {
                say_if_elsewhere(global, &url);
            }
            let token = token_for(global, &url)?;
            (url, token, None)
        }
        None => {
            let (folder, endpoint) = meant(global, purpose)?;
            if let Some(token) = login_at(global, &endpoint.url)? {
                let ca = global.ca.clone().or(endpoint.ca);
                let trust = ca.as_deref().map(Trust::file).transpose()?;
                return Ok(Client::trusting(
                    &endpoint.url,
                    &token,
                    &trust.unwrap_or_default(),
                )?);
            }
            if named_token(global)?.is_none() && folder.token().is_err() && folder.socket().exists()
            {
                let key = folder.socket_key().with_context(|| {
                    format!(
                        "the key {} cannot be read, which shows that you are the user of the \
                         server: run this as root or as that user, or, if the server is of an \
                         earlier version, restart it; or give --token-file FILE or set \
                         UTAKATA_TOKEN",
                        folder.socket_key_file().display()
                    )
                })?;
                return Ok(Client::local(&endpoint.url, &folder.socket(), &key)?);
            }
            (endpoint.url, token_of(global, &folder)?, endpoint.ca)
        }
    };
    let ca = global.ca.clone().or(ca);
    let trust = ca.as_deref().map(Trust::file).transpose()?;
    Ok(Client::trusting(&url, &token, &trust.unwrap_or_default())?)
}

/// Returns the selected server, for those who have no token of it.
pub fn server(global: &Global, purpose: Purpose) -> Result<Server> {
    let (url, ca) = match &global.url {
        Some(url) => (checked(url)?, None),
        None => {
            let (_, endpoint) = meant(global, purpose)?;
            (endpoint.url, endpoint.ca)
        }
    };
    let ca = global.ca.clone().or(ca);
    let trust = ca.as_deref().map(Trust::file).transpose()?;
    Ok(Server {
        url: url.trim_end_matches('/').to_owned(),
        trust: trust.unwrap_or_default(),
    })
}

/// Returns the token of the login at the server of a data directory. A token that was given
/// explicitly comes first; a login that has ended does not count.
fn login_at(global: &Global, url: &str) -> Result<Option<String>> {
    if named_token(global)?.is_some() {
        return Ok(None);
    }
    let Some(login) = Logins::of_user().and_then(|logins| logins.find(url)) else {
        return Ok(None);
    };
    if login.has_ended() {
        once(&format!(
            "the login of {} at {url} has ended; this is admin, by the data directory",
            login.name
        ));
        return Ok(None);
    }
    Ok(Some(login.token.reveal().to_owned()))
}

/// Returns the possible data directories, the likelier first.
pub fn candidates(global: &Global) -> Vec<Folder> {
    match &global.data {
        Some(path) => vec![Folder::new(path)],
        None => [Folder::default_place(), Folder::demo_place()]
            .into_iter()
            .flatten()
            .collect(),
    }
}

/// Returns the first of them that an `up` uses.
pub fn running(global: &Global) -> Result<Running> {
    let candidates = candidates(global);
    let found = candidates
        .iter()
        .find_map(|folder| Some((folder.clone(), folder.endpoint()?)));
    found.map_or_else(|| nobody(&candidates), Ok)
}

/// Returns the selected server. If another one may have been meant, this is reported, and nothing
/// is changed.
fn meant(global: &Global, purpose: Purpose) -> Result<Running> {
    let candidates = candidates(global);
    let found: Vec<Option<Running>> = candidates
        .iter()
        .map(|folder| Some((folder.clone(), folder.endpoint()?)))
        .collect();
    match (choose(&candidates, &found), purpose) {
        (Choice::None, _) => nobody(&candidates),
        (Choice::One(running), _) => Ok(running.clone()),
        (Choice::OwnBesideDemo(own, demo), Purpose::Change) => bail!(Usage(format!(
            "nothing was done: two utakata run here, {}, and a demo, {}: say which one is meant, \
             with `utakata --data {} ...` or `utakata --data {} ...`",
            place(own),
            place(demo),
            own.0.quoted(),
            demo.0.quoted()
        ))),
        (Choice::OwnBesideDemo(own, demo), Purpose::Look) => {
            once(&format!(
                "this is {}; a demo runs here, too: --data {}",
                place(own),
                demo.0.quoted()
            ));
            Ok(own.clone())
        }
        (Choice::DemoInstead(demo, own), _) => {
            once(&format!(
                "this is the demo, {}: no `utakata up` has {} now",
                place(demo),
                own.path().display()
            ));
            Ok(demo.clone())
        }
    }
}

fn choose<'a>(candidates: &'a [Folder], found: &'a [Option<Running>]) -> Choice<'a> {
    match found {
        [Some(own), Some(demo)] => Choice::OwnBesideDemo(own, demo),
        [None, Some(demo)] => match candidates.first().filter(|own| own.was_used()) {
            Some(own) => Choice::DemoInstead(demo, own),
            None => Choice::One(demo),
        },
        found => match found.iter().flatten().next() {
            Some(running) => Choice::One(running),
            None => Choice::None,
        },
    }
}

fn nobody<T>(candidates: &[Folder]) -> Result<T> {
    if let Some(closed) = candidates.iter().find(|folder| folder.is_closed()) {
        bail!(
            "the data directory {} is closed to this user: run this as root or as the user of its \
             `utakata up`, or set UTAKATA_URL and UTAKATA_TOKEN to a token of your own (from \
             `utakata person add`)",
            closed.path().display()
        )
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

fn place((folder, endpoint): &Running) -> String {
    format!("{} (data in {})", endpoint.url, folder.path().display())
}

/// Warns of a variable that selects another server, since it is easily forgotten if one runs on
/// this machine, too.
fn say_if_elsewhere(global: &Global, url: &str) {
    let candidates = candidates(global);
    let mut here = candidates.iter().filter_map(Folder::endpoint);
    if let Some(other) = here.find(|endpoint| !is_same(&endpoint.url, url)) {
        once(&format!(
            "this is {url}, as UTAKATA_URL says; another utakata runs here: {}",
            other.url
        ));
    }
}

/// Warns only the first time, because `watch` looks for its server repeatedly.
fn once(line: &str) {
    static SAID: Once = Once::new();
    SAID.call_once(|| tell!("{line}"));
}

fn checked(url: &str) -> Result<String> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(url.to_owned());
    }
    bail!(Usage(format!(
        "\"{url}\" is not a URL that can be used: write for example http://127.0.0.1:7700 or \
         https://le-1.example:7700"
    )))
}

/// Returns a token that was given explicitly.
fn named_token(global: &Global) -> Result<Option<String>> {
    if let Some(path) = &global.token_file {
        let text = fs::read_to_string(path);
        return text
            .map(Some)
            .with_context(|| format!("the token file {} cannot be read", path.display()));
    }
    Ok(env::var("UTAKATA_TOKEN")
        .ok()
        .filter(|token| !token.is_empty()))
}

/// Returns the token for the server of a data directory.
fn token_of(global: &Global, folder: &Folder) -> Result<String> {
    if let Some(token) = named_token(global)? {
        return Ok(token);
    }
    folder.token().with_context(|| {
        format!(
            "the token {} cannot be read: give --token-file FILE or set UTAKATA_TOKEN",
            folder.token_file().display()
        )
    })
}

/// Returns the token for a URL: that of a login there, or that of a data directory if the URL is its
/// server. The latter permits everything there, and whoever listens elsewhere must not get it.
fn token_for(global: &Global, url: &str) -> Result<String> {
    if let Some(token) = named_token(global)? {
        return Ok(token);
    }
    if let Some(login) = Logins::of_user().and_then(|logins| logins.find(url)) {
        if !login.has_ended() {
            return Ok(login.token.reveal().to_owned());
        }
        bail!(Usage(format!(
            "the login of {} at {url} has ended on {}: `utakata login` makes another, `utakata \
             logout` forgets it",
            login.name, login.ends
        )));
    }
    let mut others = String::new();
    for folder in candidates(global) {
        match folder.endpoint() {
            Some(endpoint) if is_same(&endpoint.url, url) => return token_of(global, &folder),
            Some(endpoint) => others.push_str(&format!(
                "; the token in {} is for {} and is sent nowhere else",
                folder.path().display(),
                endpoint.url
            )),
            None => {}
        }
    }
    bail!(Usage(format!(
        "there is no token for {url}: log in with `utakata login`, give --token-file FILE or set \
         UTAKATA_TOKEN{others}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn running(name: &str, url: &str) -> Running {
        let endpoint = serde_json::json!({ "url": url, "pid": 1 });
        (Folder::new(name), serde_json::from_value(endpoint).unwrap())
    }

    #[test]
    fn where_it_could_be_another_server_that_is_known() {
        let place = tempfile::tempdir().unwrap();
        let used = Folder::new(place.path());
        fs::write(used.token_file(), "").unwrap();
        let never = Folder::new(place.path().join("never"));
        let (own, demo) = (running("own", "http://a:1"), running("demo", "http://a:2"));
        let with = |first: &Folder| vec![first.clone(), Folder::new("demo")];
        let (fresh, old) = (with(&never), with(&used));
        let both = [Some(own.clone()), Some(demo.clone())];
        let (own_only, demo_only) = ([Some(own.clone()), None], [None, Some(demo.clone())]);
        assert_eq!(choose(&old, &both), Choice::OwnBesideDemo(&own, &demo));
        assert_eq!(choose(&old, &own_only), Choice::One(&own));
        assert_eq!(choose(&fresh, &demo_only), Choice::One(&demo));
        assert_eq!(
            choose(&old, &demo_only),
            Choice::DemoInstead(&demo, &old[0])
        );
        assert_eq!(choose(&old, &[None, None]), Choice::None);
        assert_eq!(choose(&old[..1], &own_only[..1]), Choice::One(&own));
    }
}
