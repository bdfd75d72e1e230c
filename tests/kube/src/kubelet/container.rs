//! A container: a process with the variables, the arguments and the log of one.

use std::fs::{self, OpenOptions};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;
use tokio::process::{Child, Command};

use super::field::field;
use super::volumes::Volumes;
use crate::registry::Image;
use crate::resource;
use crate::store::Key;
use crate::world::World;

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
/// If this program exists, a process ends with the one that started it, however that ends.
const BOUND: &str = "/usr/bin/setpriv";
/// The most bytes of a log used as a message.
const MAX_LOG: usize = 2_048;
const MAX_LINES: usize = 80;
const MAX_MESSAGE: usize = 4_096;

/// A container that is about to be started.
pub struct Container<'a> {
    pub world: &'a World,
    pub pod: &'a Value,
    pub spec: &'a Value,
    pub image: &'a Image,
    pub volumes: &'a Volumes,
    /// The pod's own on this machine.
    pub folder: &'a Path,
}

/// Why there is no process.
#[derive(Debug, PartialEq, Eq)]
pub enum NotStarted {
    /// Tried again: a reason and a message.
    Waits(&'static str, String),
    /// Not tried again.
    Failed {
        code: i32,
        reason: &'static str,
        message: String,
    },
}

impl Container<'_> {
    pub fn start(&self) -> Result<Child, NotStarted> {
        let variables = self.variables()?;
        let expand = |text: &str| self.place(&expanded(text, &variables));
        let words = |name: &str| {
            let list = self.spec[name].as_array().into_iter().flatten();
            list.filter_map(Value::as_str)
                .map(&expand)
                .collect::<Vec<_>>()
        };
        let mut all = words("command");
        if all.is_empty() {
            all = self
                .image
                .entrypoint
                .iter()
                .map(|word| self.place(word))
                .collect();
        }
        all.extend(words("args"));
        let Some((program, arguments)) = all.split_first() else {
            return Err(failed(128, "StartError", "no command specified"));
        };
        let name = self.spec["name"].as_str().unwrap_or_default();
        let log = self.folder.join(format!("{name}.log"));
        if self.image.is_foreign {
            let _ = fs::write(log, format!("exec {program}: exec format error\n"));
            return Err(failed(255, "Error", &message(self.folder, self.spec, 255)));
        }
        if let Some(why) = unusable(program, &variables) {
            let message = format!(
                "failed to create containerd task: failed to create shim task: OCI runtime \
                 create failed: runc create failed: unable to start container process: error \
                 during container init: exec: \"{program}\": {why}"
            );
            return Err(failed(128, "StartError", &message));
        }
        self.spawn((program, arguments), &variables, &log)
            .map_err(|error| failed(128, "StartError", &error.to_string()))
    }

    fn spawn(
        &self,
        (program, arguments): (&String, &[String]),
        variables: &[(String, String)],
        log: &Path,
    ) -> std::io::Result<Child> {
        // It is there before the process, as a kubelet mounts it.
        fs::write(self.message_file(), "")?;
        let output = OpenOptions::new().create(true).append(true).open(log)?;
        let mut command = if Path::new(BOUND).exists() {
            let mut command = Command::new(BOUND);
            command.args(["--pdeathsig", "KILL", "--"]).arg(program);
            command
        } else {
            Command::new(program)
        };
        let folder = self.spec["workingDir"].as_str().unwrap_or("/");
        command
            .args(arguments)
            .env_clear()
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .current_dir(self.place(folder))
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .process_group(0)
            .kill_on_drop(true)
            .spawn()
    }

    /// The variables of the image, the cluster, and the container.
    fn variables(&self) -> Result<Vec<(String, String)>, NotStarted> {
        let host = self.world.address.trim_start_matches("https://");
        let (host, port) = host.split_once(':').unwrap_or((host, "443"));
        let pod = self.pod["metadata"]["name"].as_str().unwrap_or_default();
        let mut all: Vec<(String, String)> = [
            ("PATH", PATH),
            ("HOSTNAME", pod),
            ("HOME", "/"),
            ("KUBERNETES_SERVICE_HOST", host),
            ("KUBERNETES_SERVICE_PORT", port),
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec();
        for (name, value) in &self.image.variables {
            set(&mut all, name, value.clone());
        }
        for one in self.spec["env"].as_array().into_iter().flatten() {
            let name = one["name"].as_str().unwrap_or_default();
            let value = match (&one["value"], &one["valueFrom"]) {
                (Value::String(text), _) => Some(expanded(text, &all)),
                (_, Value::Null) => Some(String::new()),
                (_, from) => self.value_from(from)?,
            };
            if let Some(value) = value {
                let value = self.place(&value);
                set(&mut all, name, value);
            }
        }
        Ok(all)
    }

    fn value_from(&self, from: &Value) -> Result<Option<String>, NotStarted> {
        if !from["fieldRef"].is_null() {
            return Ok(Some(field(self.pod, &from["fieldRef"])));
        }
        let limit = from["resourceFieldRef"]["resource"].as_str();
        if let Some((list, name)) = limit.and_then(|limit| limit.split_once('.')) {
            let found = &self.spec["resources"][list][name];
            let amount = crate::pods::amount(found).unwrap_or_default();
            return Ok(Some((amount / 1_000).to_string()));
        }
        for (reference, plural, singular) in [
            ("secretKeyRef", "secrets", "secret"),
            ("configMapKeyRef", "configmaps", "configmap"),
        ] {
            let wanted = &from[reference];
            if wanted.is_null() {
                continue;
            }
            let name = wanted["name"].as_str().unwrap_or_default();
            let key = wanted["key"].as_str().unwrap_or_default();
            let namespace = self.pod["metadata"]["namespace"]
                .as_str()
                .unwrap_or_default();
            let place = Key::new(resource::named(plural), namespace, name);
            let found = self.world.store().get(&place);
            let value = found.as_ref().and_then(|found| found["data"][key].as_str());
            let missing = match (&found, value) {
                (None, _) => format!("{singular} \"{name}\" not found"),
                (_, None) => format!("couldn't find key {key} in {singular} {namespace}/{name}"),
                (_, Some(value)) => return Ok(Some(decoded(plural, value))),
            };
            if wanted["optional"] == true {
                return Ok(None);
            }
            return Err(NotStarted::Waits("CreateContainerConfigError", missing));
        }
        Ok(Some(String::new()))
    }

    /// Returns where this machine has what a container sees at a path: below a mount, in the
    /// volume's folder; otherwise in the image's folder.
    fn place(&self, text: &str) -> String {
        let mut mounts: Vec<(&str, &PathBuf)> = self.spec["volumeMounts"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|mount| {
                let folder = self.volumes.get(mount["name"].as_str()?)?;
                Some((mount["mountPath"].as_str()?.trim_end_matches('/'), folder))
            })
            .collect();
        mounts.sort_by_key(|(path, _)| std::cmp::Reverse(path.len()));
        for (path, folder) in mounts {
            if let Some(placed) = replaced(text, path, &folder.to_string_lossy()) {
                return placed;
            }
        }
        let message = self.spec["terminationMessagePath"]
            .as_str()
            .unwrap_or_default();
        if text == message {
            return self.message_file().to_string_lossy().into_owned();
        }
        let within = text
            .strip_prefix('/')
            .map(|path| self.image.root.join(path));
        match within {
            Some(path) if path.exists() => path.to_string_lossy().into_owned(),
            _ => text.to_owned(),
        }
    }

    fn message_file(&self) -> PathBuf {
        message_file(self.folder, self.spec)
    }
}

fn message_file(folder: &Path, container: &Value) -> PathBuf {
    let name = container["name"].as_str().unwrap_or_default();
    folder.join(format!("{name}.termination"))
}

/// The last words of a container: its message, or the end of its log.
pub fn message(folder: &Path, container: &Value, code: i32) -> String {
    let written = fs::read(message_file(folder, container)).unwrap_or_default();
    if !written.is_empty() {
        let from = written.len().saturating_sub(MAX_MESSAGE);
        return String::from_utf8_lossy(&written[from..]).into_owned();
    }
    let is_wanted = container["terminationMessagePolicy"] == "FallbackToLogsOnError";
    if !is_wanted || code == 0 {
        return String::new();
    }
    let name = container["name"].as_str().unwrap_or_default();
    let log = fs::read(folder.join(format!("{name}.log"))).unwrap_or_default();
    let from = log.len().saturating_sub(MAX_LOG);
    let text = String::from_utf8_lossy(&log[from..]).into_owned();
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    lines[lines.len().saturating_sub(MAX_LINES)..].concat()
}

fn decoded(plural: &str, value: &str) -> String {
    use base64::Engine as _;
    let bytes = match plural {
        "secrets" => base64::engine::general_purpose::STANDARD
            .decode(value)
            .unwrap_or_default(),
        _ => value.as_bytes().to_vec(),
    };
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `$(NAME)` of a variable that is known; `$$(` is a dollar.
fn expanded(text: &str, variables: &[(String, String)]) -> String {
    let mut result = text.to_owned();
    for (name, value) in variables {
        result = result.replace(&format!("$({name})"), value);
    }
    result
}

/// Replaces a folder at the beginning of a path, also within `file:///path` and `NAME=/path`.
fn replaced(text: &str, from: &str, to: &str) -> Option<String> {
    let at = text.find(from)?;
    let is_start = at == 0
        || matches!(&text[..at], start if start.ends_with(['=', ':', ',']) || start.ends_with("://"));
    let rest = &text[at + from.len()..];
    let is_whole = rest.is_empty() || rest.starts_with(['/', ',', ':']);
    (!from.is_empty() && is_start && is_whole).then(|| format!("{}{to}{rest}", &text[..at]))
}

fn set(all: &mut Vec<(String, String)>, name: &str, value: String) {
    all.retain(|(known, _)| known != name);
    all.push((name.to_owned(), value));
}

/// Why a program cannot be run.
fn unusable(program: &str, variables: &[(String, String)]) -> Option<&'static str> {
    use std::os::unix::fs::PermissionsExt;
    let is_runnable = |path: &Path| {
        fs::metadata(path)
            .is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    if program.contains('/') {
        let path = Path::new(program);
        return match (path.exists(), is_runnable(path)) {
            (false, _) => Some("stat: no such file or directory"),
            (true, false) => Some("permission denied"),
            (true, true) => None,
        };
    }
    let path = variables
        .iter()
        .find(|(name, _)| name == "PATH")
        .map_or(PATH, |(_, value)| value);
    let is_found = path
        .split(':')
        .any(|folder| is_runnable(&Path::new(folder).join(program)));
    (!is_found).then_some("executable file not found in $PATH")
}

fn failed(code: i32, reason: &'static str, message: &str) -> NotStarted {
    NotStarted::Failed {
        code,
        reason,
        message: message.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mounted_paths_are_replaced_where_they_begin() {
        for (text, expect) in [
            ("/var/run/x/token", Some("/tmp/v/token")),
            ("/var/run/x", Some("/tmp/v")),
            ("unix:///var/run/x/a.sock", Some("unix:///tmp/v/a.sock")),
            ("--file=/var/run/x/a", Some("--file=/tmp/v/a")),
            ("/var/run/xy", None),
            ("/other/var/run/x", None),
            ("x", None),
        ] {
            assert_eq!(
                replaced(text, "/var/run/x", "/tmp/v").as_deref(),
                expect,
                "{text}"
            );
        }
    }

    #[test]
    fn variables_are_expanded() {
        let known = [("A".to_owned(), "1".to_owned())];
        assert_eq!(expanded("x$(A)y$(B)", &known), "x1y$(B)");
    }
}
