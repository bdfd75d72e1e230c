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
use utakata_tests::wait::{PATIENCE, wait_for};

/// Runs `up` on ports of its own.
const UP: [&str; 7] = [
    "up",
    "-o",
    "json",
    "--listen",
    "127.0.0.1:0",
    "--mqtt",
    "127.0.0.1:0",
];

/// One of our programs, next to this test.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().unwrap();
    let path = own.parent().unwrap().parent().unwrap().join(name);
    assert!(
        path.exists(),
        "{} is not built: `cargo build --bins` does that",
        path.display()
    );
    path
}

/// A data directory, and the means to run utakata with it.
pub struct Place {
    folder: TempDir,
}

/// A running `up`. Stopping it checks that nothing is left running.
pub struct Up<'a> {
    place: &'a Place,
    child: Child,
    pub ready: Value,
}

/// The result of a command.
pub struct Done {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Place {
    pub fn new() -> Self {
        for kind in [
            "snmp",
            "redfish",
            "modbus",
            "nut",
            "probe",
            "http-json",
            "scrape",
            "ssh",
            "ipmi",
            "libvirt",
            "echo",
        ] {
            program(&format!("utakata-worker-{kind}"));
        }
        let folder = TempDir::with_prefix("utakata-system-").unwrap();
        Self { folder }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn token(&self) -> String {
        let token = fs::read_to_string(self.data().join("token")).unwrap();
        token.trim().to_owned()
    }

    /// Puts a file into the folder of a user's release, atomically, as an installer does.
    pub fn release(&self, file: &str, text: &str) {
        let path = self.data().join("releases").join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        // Next to it: a separate file system may be mounted on the data directory.
        let unfinished = self.data().join("unfinished");
        fs::write(&unfinished, text).unwrap();
        fs::rename(unfinished, path).unwrap();
    }

    /// The echo worker's release, which is not shipped with the program.
    pub fn release_echo(&self) {
        let manifest = utakata_tests::repository::root();
        let manifest = manifest.join("workers/echo/releases/echo/worker.toml");
        let manifest = fs::read_to_string(manifest).unwrap();
        self.release("echo/worker.toml", &manifest);
    }

    /// The release that drives the simulator's counters, which `up` does not serve by default.
    pub fn release_drill(&self) {
        let folder = utakata_tests::repository::root().join("workers/snmp/releases");
        for file in ["drill/profiles/drill.toml", "drill/worker.toml"] {
            self.release(file, &fs::read_to_string(folder.join(file)).unwrap());
        }
    }

    /// The release of the simulator's cooling units behind a gateway.
    pub fn release_modbus_crac(&self) {
        let folder = utakata_tests::repository::root().join("simulator/releases");
        for file in [
            "modbus-crac/profiles/modbus-crac.toml",
            "modbus-crac/worker.toml",
        ] {
            self.release(file, &fs::read_to_string(folder.join(file)).unwrap());
        }
    }

    /// `utakata` with arguments, on this data directory.
    pub fn command(&self, arguments: &[&str]) -> Command {
        self.at_home(Command::new(program("utakata")), arguments)
    }

    fn at_home(&self, mut command: Command, arguments: &[&str]) -> Command {
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.folder.path())
            .env("UTAKATA_DATA", self.data())
            .stdin(Stdio::null());
        command
    }

    /// The same with a hard limit of open files.
    fn command_with_open_files(&self, max: usize, arguments: &[&str]) -> Command {
        let mut command = Command::new("prlimit");
        command.arg(format!("--nofile={max}:{max}"));
        command.arg(program("utakata"));
        self.at_home(command, arguments)
    }

    /// Runs a command to its end.
    pub fn run(&self, arguments: &[&str]) -> Done {
        Done::new(&self.command(arguments).output().unwrap())
    }

    /// Applies documents, which must succeed.
    pub fn apply(&self, documents: &str) {
        let mut child = self
            .command(&["apply", "-f", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(documents.as_bytes()).unwrap();
        drop(stdin);
        let done = Done::new(&child.wait_with_output().unwrap());
        assert_eq!(done.code, 0, "{}", done.err);
    }

    /// Runs it for its JSON, whatever its exit code.
    pub fn ask(&self, arguments: &[&str]) -> (i32, Value) {
        let arguments = [arguments, &["-o", "json"]].concat();
        let done = self.run(&arguments);
        let answer = serde_json::from_str(&done.out).unwrap_or_else(|error| {
            let (out, err) = (done.out, done.err);
            panic!("{arguments:?}: {error}: {out}{err}\n{}", self.told())
        });
        (done.code, answer)
    }

    /// Runs it, expects success, and returns its JSON.
    pub fn json(&self, arguments: &[&str]) -> Value {
        let (code, answer) = self.ask(arguments);
        assert_eq!(code, 0, "{arguments:?}: {answer}\n{}", self.told());
        answer
    }

    /// Starts `up` on ports of its own.
    pub fn up(&self) -> Up<'_> {
        self.start(self.command(&UP))
    }

    /// Starts `up` with these variables.
    pub fn up_in(&self, variables: &[(&str, &Path)]) -> Up<'_> {
        let mut command = self.command(&UP);
        command.envs(variables.iter().copied());
        self.start(command)
    }

    /// The same with a hard limit of open files.
    pub fn up_with_open_files(&self, max: usize) -> Up<'_> {
        self.start(self.command_with_open_files(max, &UP))
    }

    fn start(&self, mut command: Command) -> Up<'_> {
        let log = File::options().create(true).append(true).open(self.log());
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(log.unwrap())
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
            ready,
        }
    }

    /// Returns the standard error of `up`.
    pub fn told(&self) -> String {
        fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("up.log")
    }

    /// Waits until a command's JSON contains something.
    pub fn until<T>(&self, arguments: &[&str], found: impl Fn(&Value) -> Option<T>) -> T {
        wait_for(|| found(&self.ask(arguments).1)).unwrap_or_else(|| {
            let last = self.run(arguments);
            panic!("{arguments:?}: {}{}\n{}", last.out, last.err, self.told())
        })
    }

    /// Waits until a kind is served by a ready worker.
    pub fn until_served(&self, kind: &str) {
        self.until(&["worker", "list"], |listed| {
            listed["pools"].as_array()?.iter().find_map(|pool| {
                (pool["release"]["kind"] == kind && pool["ready"].as_u64()? > 0).then_some(())
            })
        });
    }

    /// The processes of a kind's workers here.
    pub fn workers(&self, kind: &str) -> Vec<Pid> {
        let ending = format!("/{kind}");
        let of_kind = |folder: &Path| {
            let environment = fs::read(folder.join("environ")).unwrap_or_default();
            let environment = String::from_utf8_lossy(&environment);
            let mut variables = environment.split('\0');
            variables.any(|one| one.starts_with("UTAKATA_RELEASE=") && one.ends_with(&ending))
        };
        let own = |folder: &Path| {
            let name = fs::read_to_string(folder.join("comm")).unwrap_or_default();
            name.starts_with("utakata-worker")
        };
        let found = self.processes().into_iter();
        let found = found.filter(|folder| own(folder) && of_kind(folder));
        let number = |folder: PathBuf| folder.file_name()?.to_str()?.parse().ok();
        found.filter_map(number).filter_map(Pid::from_raw).collect()
    }

    /// The `/proc` folders of the processes that have this place in their environment.
    fn processes(&self) -> Vec<PathBuf> {
        let place = self.folder.path().to_str().unwrap().as_bytes();
        let is_here = |folder: &Path| {
            let environment = fs::read(folder.join("environ")).unwrap_or_default();
            environment.windows(place.len()).any(|part| part == place)
        };
        let all = fs::read_dir("/proc").unwrap().flatten();
        let all = all.map(|entry| entry.path());
        all.filter(|folder| is_here(folder)).collect()
    }
}

impl Up<'_> {
    pub fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    /// Ends it as a power failure would.
    pub fn kill(mut self) {
        let _ = kill_process(Pid::from_child(&self.child), Signal::KILL);
        self.child.wait().unwrap();
    }

    /// Ends it as an operator would; returns its exit code.
    fn end(&mut self) -> i32 {
        let pid = Pid::from_child(&self.child);
        let _ = kill_process(pid, Signal::TERM);
        let code = wait_for(|| self.child.try_wait().unwrap());
        let code = code.unwrap_or_else(|| {
            let _ = kill_process_group(pid, Signal::KILL);
            self.child.wait().unwrap()
        });
        code.code().unwrap_or(-1)
    }
}

impl Drop for Up<'_> {
    fn drop(&mut self) {
        self.end();
        let nothing = wait_for(|| self.place.processes().is_empty().then_some(()));
        if nothing.is_none() && !thread::panicking() {
            panic!("processes are left: {:?}", self.place.processes());
        }
    }
}

impl Done {
    pub fn new(output: &Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}
