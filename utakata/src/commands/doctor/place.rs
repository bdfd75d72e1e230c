//! Checks of the data directory, the configuration, and the ports that `up` would use.

use std::{
    fs, io,
    net::{SocketAddr, TcpListener},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
};

use utakata_up::{
    config::{self, Config},
    folder::{Endpoint, Folder},
};

use super::{Finding, probes};
use crate::{connection, global::Global};

pub fn look(global: &Global) -> Vec<Finding> {
    let candidates = connection::candidates(global);
    let running = candidates
        .iter()
        .find_map(|folder| Some((folder.clone(), folder.endpoint()?)));
    let folder = match (&running, candidates.first()) {
        (Some((folder, _)), _) => folder,
        (None, Some(folder)) => folder,
        (None, None) => {
            let cure = "set HOME or XDG_DATA_HOME, or give --data DIR";
            return vec![Finding::wrong("data directory", "none is known", cure)];
        }
    };
    let mut findings = vec![directory(folder.path())];
    findings.extend(token(folder));
    let endpoint = running.as_ref().map(|(_, endpoint)| endpoint);
    let (configuration, config) = configuration(folder);
    let address = config.as_ref().and_then(|config| config.probes.address);
    let ready = address.and_then(probes::ask);
    findings.push(up(endpoint, ready.is_some()));
    findings.push(configuration);
    match (&ready, config) {
        (None, Some(config)) if endpoint.is_none() => findings.extend(ports(&config)),
        _ => {}
    }
    findings.extend(ready.iter().flat_map(|text| probes::findings(text)));
    findings
}

fn directory(path: &Path) -> Finding {
    let check = "data directory";
    let shown = path.display();
    let metadata = match fs::metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Finding::right(
                check,
                format!("{shown} does not exist yet; `up` creates it"),
            );
        }
        Err(error) => {
            let cure = "make it a directory of this user, or give another with --data";
            return Finding::wrong(check, format!("{shown}: {error}"), cure);
        }
    };
    if !metadata.is_dir() {
        let cure = "move that away, or give another with --data";
        return Finding::wrong(check, format!("{shown} is not a directory"), cure);
    }
    let mode = metadata.permissions().mode() & 0o777;
    let is_own = metadata.uid() == rustix::process::geteuid().as_raw();
    if mode & 0o077 != 0 && is_own {
        let seen = format!("{shown} is open to others (mode {mode:o})");
        return Finding::doubtful(check, seen, format!("chmod 700 {shown}"));
    }
    if !is_writable(path) {
        let cure = format!("make it writable for this user: it is {shown}");
        return Finding::wrong(check, format!("{shown} cannot be written"), cure);
    }
    if !is_own {
        // Only its owner can close it. What is secret in it has modes of its own.
        let seen = format!("{shown}, which another user owns: a volume (mode {mode:o})");
        return Finding::right(check, seen);
    }
    Finding::right(check, shown.to_string())
}

fn is_writable(path: &Path) -> bool {
    rustix::fs::access(path, rustix::fs::Access::WRITE_OK).is_ok()
}

fn token(folder: &Folder) -> Option<Finding> {
    let path = folder.token_file();
    let metadata = fs::metadata(&path).ok()?;
    let shown = path.display();
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        let seen = format!("{shown} is open to others (mode {mode:o})");
        return Some(Finding::wrong("token", seen, format!("chmod 600 {shown}")));
    }
    Some(match folder.token() {
        Ok(token) if token.len() >= 32 => Finding::right("token", shown.to_string()),
        Ok(_) => {
            let cure = "remove that file, and the next start makes a new one";
            Finding::wrong("token", format!("{shown} is damaged"), cure)
        }
        Err(error) => Finding::wrong("token", format!("{shown}: {error}"), "make it readable"),
    })
}

fn up(endpoint: Option<&Endpoint>, answers_probes: bool) -> Finding {
    match endpoint {
        Some(endpoint) => {
            let Endpoint { url, pid, .. } = endpoint;
            Finding::right("utakata up", format!("runs: process {pid}, {url}"))
        }
        None if answers_probes => {
            let seen = "an environment without an API; the logic environments know how it is";
            Finding::right("utakata wee", seen)
        }
        None => Finding::doubtful("utakata up", "does not run here", "start it: `utakata up`"),
    }
}

fn configuration(folder: &Folder) -> (Finding, Option<Config>) {
    let file = config::file(None, Some(folder.path()));
    let overrides = config::from_environment(std::env::vars());
    match config::load(file.as_deref(), &overrides) {
        Err(error) => {
            let error = format!("{:#}", anyhow::Error::new(error));
            let finding = Finding::wrong("configuration", error, "set that right");
            (finding, None)
        }
        Ok(config) => {
            let seen = file.map_or_else(|| "defaults".into(), |file| file.display().to_string());
            (Finding::right("configuration", seen), Some(config))
        }
    }
}

/// Returns findings about the ports that `up` would take.
fn ports(config: &Config) -> Vec<Finding> {
    let mut findings = vec![port(
        "port of the API",
        config.logic.http.listen,
        "--listen",
    )];
    if config.mqtt.enabled {
        findings.push(port("port of MQTT", config.mqtt.listen, "--mqtt"));
    }
    findings
}

fn port(check: &str, address: SocketAddr, flag: &str) -> Finding {
    match TcpListener::bind(address) {
        Ok(_) => Finding::right(check, format!("{address} is free")),
        Err(error) => {
            let cure = format!(
                "end the program that uses it (ss -ltnp shows it), or choose another with {flag}"
            );
            Finding::wrong(check, format!("{address}: {error}"), cure)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{super::Verdict, *};

    #[test]
    fn a_directory_and_a_token_that_are_not_private_are_noticed() {
        let place = tempfile::tempdir().unwrap();
        let open = |path: &Path, mode| {
            fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
        };
        open(place.path(), 0o755);
        assert_eq!(directory(place.path()).result, Verdict::Doubtful);
        open(place.path(), 0o700);
        assert_eq!(directory(place.path()).result, Verdict::Right);
        let folder = Folder::new(place.path());
        assert_eq!(token(&folder), None);
        fs::write(folder.token_file(), "short").unwrap();
        open(&folder.token_file(), 0o600);
        assert_eq!(token(&folder).unwrap().result, Verdict::Wrong);
        fs::write(folder.token_file(), "a".repeat(64)).unwrap();
        assert_eq!(token(&folder).unwrap().result, Verdict::Right);
        open(&folder.token_file(), 0o644);
        assert_eq!(token(&folder).unwrap().result, Verdict::Wrong);
        assert_eq!(directory(&folder.token_file()).result, Verdict::Wrong);
    }

    #[test]
    fn a_port_in_use_is_noticed() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        assert_eq!(port("a", address, "--listen").result, Verdict::Wrong);
        drop(taken);
        assert_eq!(port("a", address, "--listen").result, Verdict::Right);
    }
}
