//! A running `utakata up` in its own place, and the commands that talk to it.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Write},
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    sync::mpsc::channel,
    thread,
};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use serde_json::Value;
use tempfile::TempDir;
use utakata_tests::wait::PATIENCE;
pub use utakata_tests::wait::wait_for;

pub const UTAKATA: &str = env!("CARGO_BIN_EXE_utakata");

/// Returns the path of the program behind `utakata drill`.
pub fn drill() -> String {
    let drill = Path::new(UTAKATA).with_file_name("utakata-drill");
    drill.display().to_string()
}

/// A path where nothing can be: environments find no join secret there.
const NOWHERE: &str = "/dev/null/state";

/// A data directory, and the means to run utakata with it.
pub struct Place {
    folder: TempDir,
    /// The data directory as given to commands: its path, its name in the working directory, or
    /// nothing, so that they find it by themselves.
    named: Option<PathBuf>,
    /// True if environments join by a secret, without a person.
    joins: bool,
}

/// A running `up`. Stopping it checks that nothing is left running.
pub struct Up<'a> {
    place: &'a Place,
    child: Child,
    is_alone: bool,
    pub ready: Value,
}

/// One box as a separate process. Ending it is done as an operator would.
pub struct Role<'a> {
    place: &'a Place,
    child: Child,
}

/// The result of a command.
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        need_programs();
        let folder = TempDir::with_prefix("utakata-it-").unwrap();
        let named = Some(folder.path().join("data"));
        Self {
            folder,
            named,
            joins: true,
        }
    }

    /// The same, where a person accepts each environment.
    pub fn by_persons() -> Self {
        Self {
            joins: false,
            ..Self::new()
        }
    }

    /// The same, where every command runs next to the data directory and is given its name only.
    pub fn relative() -> Self {
        Self {
            named: Some("data".into()),
            ..Self::new()
        }
    }

    /// A home directory in which commands find the data directories by themselves.
    pub fn home() -> Self {
        Self {
            named: None,
            ..Self::new()
        }
    }

    /// Returns the data directory of `up`, or of `up --demo`, in a home directory.
    pub fn data_at_home(&self, name: &str) -> PathBuf {
        self.folder.path().join(".local/share").join(name)
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A path next to the data directory.
    pub fn beside(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    /// Writes a file next to the data directory.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// `utakata` with arguments, on this data directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(UTAKATA);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .stdin(Stdio::null());
        if let Some(named) = &self.named {
            command.env("UTAKATA_DATA", named);
        }
        if !self.joins {
            command.env("XDG_STATE_HOME", NOWHERE);
        }
        if self.named.as_ref().is_some_and(|named| named.is_relative()) {
            command.current_dir(self.folder.path());
        }
        command
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        Done::new(&self.command(arguments).output().unwrap())
    }

    /// Runs it with the local time of another time zone.
    pub fn run_in(&self, zone: &str, arguments: &[&str]) -> Done {
        Done::new(&self.command(arguments).env("TZ", zone).output().unwrap())
    }

    /// Runs a command with another person's token.
    pub fn run_as(&self, token: &str, arguments: &[&str]) -> Done {
        let mut command = self.command(arguments);
        Done::new(&command.env("UTAKATA_TOKEN", token).output().unwrap())
    }

    /// Runs it with this standard input.
    pub fn run_with(&self, arguments: &[&str], input: &str) -> Done {
        let mut child = self
            .command(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(input.as_bytes())
            .unwrap();
        Done::new(&child.wait_with_output().unwrap())
    }

    /// Runs it, expects success, and returns its JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let arguments = [arguments, &["-o", "json"]].concat();
        let done = self.run(&arguments);
        assert_eq!(done.code, 0, "{arguments:?}: {}{}", done.err, done.out);
        serde_json::from_str(&done.out).unwrap_or_else(|error| panic!("{error}: {}", done.out))
    }

    /// Starts `up` on ports of its own.
    pub fn up(&self) -> Up<'_> {
        self.up_with(&[])
    }

    /// Starts `up` with further arguments.
    pub fn up_with(&self, more: &[&str]) -> Up<'_> {
        let ports = ["--listen", "127.0.0.1:0", "--mqtt", "127.0.0.1:0"];
        let arguments = [&["up", "-o", "json"], &ports[..], more].concat();
        let mut child = self
            .command(&arguments)
            .stdout(Stdio::piped())
            .stderr(self.open_log())
            .process_group(0)
            .spawn()
            .unwrap();
        let stdout = child.stdout.take().unwrap();
        let (sender, lines) = channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let line = lines
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|error| panic!("{error}: {}", self.told()));
        let ready = serde_json::from_str(&line).unwrap();
        Up {
            place: self,
            child,
            is_alone: true,
            ready,
        }
    }

    /// Starts a command that runs until it is asked to end, or its standard input closes.
    pub fn role(&self, arguments: &[&str]) -> Role<'_> {
        let child = self
            .command(&[arguments, &["--exit-with-stdin"]].concat())
            .stdin(Stdio::piped())
            .stderr(self.open_log())
            .process_group(0)
            .spawn()
            .unwrap();
        Role { place: self, child }
    }

    /// The same with another copy of the program.
    pub fn role_of(&self, program: &str, arguments: &[&str]) -> Role<'_> {
        let own = self.command(arguments);
        let mut command = Command::new(program);
        command.args(own.get_args()).arg("--exit-with-stdin");
        command.env_clear();
        for (name, value) in own.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let child = command
            .stdin(Stdio::piped())
            .stderr(self.open_log())
            .process_group(0)
            .spawn()
            .unwrap();
        Role { place: self, child }
    }

    /// The same, started by another program.
    pub fn role_by(&self, starter: &[&str], arguments: &[&str]) -> Role<'_> {
        let own = self.command(arguments);
        let mut command = Command::new(starter[0]);
        command
            .args(&starter[1..])
            .arg(own.get_program())
            .args(own.get_args())
            .arg("--exit-with-stdin")
            .env_clear();
        for (name, value) in own.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        let child = command
            .stdin(Stdio::piped())
            .stderr(self.open_log())
            .process_group(0)
            .spawn()
            .unwrap();
        Role { place: self, child }
    }

    /// Returns the standard error of the processes.
    pub fn told(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn open_log(&self) -> File {
        let mut options = File::options();
        options.create(true).append(true).open(self.log()).unwrap()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("up.log")
    }

    /// Waits until a command's JSON contains something.
    pub fn until<T>(&self, arguments: &[&str], found: impl Fn(&Value) -> Option<T>) -> T {
        wait_for(|| found(&self.json(arguments))).unwrap_or_else(|| {
            let last = self.run(arguments);
            panic!("{arguments:?}: {}{}\n{}", last.out, last.err, self.told())
        })
    }

    /// Has the kind `echo` served, and creates targets of it.
    pub fn serve_echo(&self, targets: &[&str]) {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let manifest = root.join("workers/echo/releases/echo/worker.toml");
        let folder = self.data().join("releases/echo");
        fs::create_dir_all(&folder).unwrap();
        fs::copy(manifest, folder.join("worker.toml")).unwrap();
        self.until_served("echo");
        let one = |name: &&str| format!("type: target\nname: {name}\nkind: echo\naddress: x\n");
        let documents: Vec<String> = targets.iter().map(one).collect();
        let applied = self.run_with(&["apply", "-f", "-"], &documents.join("---\n"));
        assert_eq!(applied.code, 0, "{}", applied.err);
    }

    /// Waits until a kind is served by a ready worker.
    pub fn until_served(&self, kind: &str) {
        self.until(&["worker", "list"], |listed| {
            listed["pools"].as_array()?.iter().find_map(|pool| {
                (pool["release"]["kind"] == kind && pool["ready"].as_u64()? > 0).then_some(())
            })
        });
    }

    /// Checks that no process of this place is left.
    pub fn expect_nobody(&self) {
        let nobody = wait_for(|| self.processes().is_empty().then_some(()));
        if nobody.is_none() && !thread::panicking() {
            panic!("processes are left: {:?}", self.processes());
        }
    }

    /// The ids of the processes that have this place in their environment.
    pub fn processes(&self) -> Vec<String> {
        let place = self.folder.path().to_str().unwrap().as_bytes();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
            if environment.windows(place.len()).any(|part| part == place) {
                let name = fs::read_to_string(entry.path().join("comm")).unwrap_or_default();
                found.push(format!("{} {}", entry.file_name().display(), name.trim()));
            }
        }
        found
    }
}

impl Up<'_> {
    /// Ends it as an operator would, and returns its exit code.
    pub fn stop(mut self) -> i32 {
        self.end()
    }

    /// The same, while another one of the same place keeps running.
    pub fn stop_and_leave(mut self) -> i32 {
        self.is_alone = false;
        self.end()
    }

    /// Ends it as a power failure would.
    pub fn kill(mut self) {
        kill(&mut self.child);
    }

    fn end(&mut self) -> i32 {
        terminate(&mut self.child)
    }
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        self.end();
        if self.is_alone {
            self.place.expect_nobody();
        }
    }
}

impl Role<'_> {
    /// Ends it as an operator would.
    pub fn stop(mut self) {
        let code = terminate(&mut self.child);
        assert_eq!(code, 0, "{}", self.place.told());
    }

    /// Ends it as `kill -9` would.
    pub fn kill(mut self) {
        kill(&mut self.child);
    }

    /// Returns the process identifier.
    pub fn process(&self) -> u32 {
        self.child.id()
    }

    /// Asks it to switch to the program that is now at its path.
    pub fn hang_up(&self) {
        kill_process(Pid::from_child(&self.child), Signal::HUP).unwrap();
    }

    /// Waits until it has ended by itself.
    pub fn until_dead(mut self) {
        let ended = wait_for(|| self.child.try_wait().unwrap());
        assert!(ended.is_some(), "{}", self.place.told());
    }

    /// Abandons it, as a dying parent would; returns its exit code.
    pub fn abandon(mut self) -> Option<i32> {
        drop(self.child.stdin.take());
        wait_for(|| self.child.try_wait().unwrap())?.code()
    }
}

impl Drop for Role<'_> {
    fn drop(&mut self) {
        terminate(&mut self.child);
    }
}

/// Asks it to end, and returns its exit code. A process that has ended already is left alone.
fn terminate(child: &mut Child) -> i32 {
    let pid = Pid::from_child(child);
    if child.try_wait().unwrap().is_none() {
        let _ = kill_process(pid, Signal::TERM);
    }
    let code = wait_for(|| child.try_wait().unwrap());
    let code = code.unwrap_or_else(|| {
        let _ = kill_process_group(pid, Signal::KILL);
        child.wait().unwrap()
    });
    code.code().unwrap_or(-1)
}

fn kill(child: &mut Child) {
    let _ = kill_process(Pid::from_child(child), Signal::KILL);
    child.wait().unwrap();
}

impl Done {
    fn new(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

/// The path of a program next to `utakata`.
pub fn beside(program: &str) -> PathBuf {
    Path::new(UTAKATA).with_file_name(program)
}

/// Makes sure that the programs next to `utakata` exist: they are built by the test run of the
/// workspace, and here if only this crate is tested.
fn need_programs() {
    let folder = Path::new(UTAKATA).parent().unwrap();
    for program in [
        "utakata-worker-snmp",
        "utakata-worker-redfish",
        "utakata-worker-modbus",
        "utakata-worker-nut",
        "utakata-worker-probe",
        "utakata-worker-http-json",
        "utakata-worker-scrape",
        "utakata-worker-ssh",
        "utakata-worker-ipmi",
        "utakata-worker-libvirt",
        "utakata-worker-echo",
        "utakata-confine",
        "utakata-worker-exec",
        "utakata-simulator",
        "utakata-workbench",
        "utakata-drill",
    ] {
        if !folder.join(program).exists() {
            let built = Command::new(env!("CARGO"))
                .args(["build", "--quiet", "--package", program])
                .status();
            assert!(built.unwrap().success(), "{program} cannot be built");
        }
    }
}
