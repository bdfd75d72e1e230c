//! Workers that are scripts, in a real environment and on a real target.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Arc, Mutex},
    thread,
};

use crate::program::Place;

/// A thermostat that answers lines over TCP; each connection has a thread.
pub struct Thermostat {
    pub address: String,
    celsius: Arc<Mutex<String>>,
}

/// The behaviour of a thermostat when it is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    Honest,
    /// It claims success without doing anything.
    Lying,
    /// It does it, and closes the connection.
    Mute,
}

impl Thermostat {
    pub fn start(manner: Manner) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let celsius = Arc::new(Mutex::new("21.5".to_owned()));
        let shown = Arc::clone(&celsius);
        // Ends with the test's process.
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let mut line = String::new();
                let mut reader = BufReader::new(&stream);
                if reader.read_line(&mut line).is_err() {
                    continue;
                }
                let mut celsius = celsius.lock().unwrap();
                let answer = match line.trim().split_once(' ') {
                    Some(("set", wanted)) => {
                        if manner != Manner::Lying {
                            *celsius = wanted.to_owned();
                        }
                        "ok".to_owned()
                    }
                    _ => celsius.clone(),
                };
                if manner != Manner::Mute || !line.starts_with("set") {
                    let _ = (&stream).write_all(format!("{answer}\n").as_bytes());
                }
            }
        });
        Self {
            address,
            celsius: shown,
        }
    }

    pub fn shows(&self) -> String {
        self.celsius.lock().unwrap().clone()
    }
}

fn example(name: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/line-workers");
    root.join(name).display().to_string()
}

#[test]
fn scripts_are_workers_that_observe_and_control() {
    let place = Place::new();
    let _up = place.up();
    for (folder, kind) in [("shell", "thermostat-sh"), ("python", "thermostat-py")] {
        let release = place.data().join("releases").join(kind);
        fs::create_dir_all(&release).unwrap();
        for file in fs::read_dir(example(folder)).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), release.join(file.file_name())).unwrap();
        }
        let (honest, mute) = (
            Thermostat::start(Manner::Honest),
            Thermostat::start(Manner::Mute),
        );
        let target = |name: &str, address: &str| {
            format!("type: target\nname: {name}-{kind}\nkind: {kind}\naddress: \"{address}\"\n")
        };
        let (good, bad) = (
            target("good", &honest.address),
            target("mute", &mute.address),
        );
        place.until_served(kind);
        assert_eq!(
            place
                .run_with(&["apply", "-f", "-"], &format!("{good}---\n{bad}"))
                .code,
            0
        );
        let (good, bad) = (format!("good-{kind}"), format!("mute-{kind}"));
        let read = place.json(&["read", &good]);
        assert_eq!(read["counts"]["succeeded"], 1, "{read}");
        let set = place.json(&["control", &good, "set", "-p", "celsius=19.5"]);
        assert_eq!(set["counts"]["succeeded"], 1, "{set}");
        assert_eq!(honest.shows(), "19.5");
        // It did it without saying so: that is neither failure nor success before it is settled.
        let set = [
            "control",
            &bad,
            "set",
            "-p",
            "celsius=18",
            "--timeout",
            "3s",
        ];
        let set = place.run(&set);
        assert_eq!(set.code, 3, "{}{}", set.out, set.err);
        assert!(set.err.contains("is unknown"), "{}", set.err);
        assert_eq!(mute.shows(), "18");
    }
}

/// A Python worker in two files.
fn in_two_files(release: &Path) {
    fs::create_dir_all(release).unwrap();
    let write = |name: &str, text: &str| fs::write(release.join(name), text).unwrap();
    write("number.py", "NUMBER = 7\n");
    let program = release.join("count.py");
    write(
        "count.py",
        "#!/usr/bin/python3\nimport json, number as other\n\
         reading = {'metric': 'x.count', 'value': other.NUMBER, 'unit': '1'}\n\
         print(json.dumps({'status': 'succeeded', 'readings': [reading]}))\n",
    );
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).unwrap();
    write(
        "worker.toml",
        "kind = \"counted\"\nversion = \"1.0.0\"\nprotocol = 2\n\
         run = { program = \"utakata-worker-exec\" }\nsettings = { command = [\"./count.py\"] }\n\
         [[action]]\nname = \"read\"\nclass = \"observe\"\ntimeout = \"5s\"\n",
    );
}

fn files(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> = files
        .map(|file| file.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn python_leaves_the_folder_of_a_release_as_it_is() {
    let place = Place::new();
    let own = place.beside("counted");
    in_two_files(Path::new(&own));
    let before = files(Path::new(&own));
    let tried = place.run(&["worker", "test", &own, "--target", "127.0.0.1:9"]);
    assert!(
        tried.out.contains("read succeeds"),
        "{}{}",
        tried.out,
        tried.err
    );
    assert_eq!(files(Path::new(&own)), before, "after worker test");

    let _up = place.up();
    let release = place.data().join("releases/counted");
    in_two_files(&release);
    place.until_served("counted");
    let target = "type: target\nname: one\nkind: counted\naddress: \"127.0.0.1:9\"\n";
    assert_eq!(place.run_with(&["apply", "-f", "-"], target).code, 0);
    let read = place.json(&["read", "one"]);
    assert_eq!(read["counts"]["succeeded"], 1, "{read}");
    assert_eq!(files(&release), before, "after a read");
}

#[test]
fn a_worker_is_tried_on_a_real_target_and_what_it_says_is_read_back() {
    let place = Place::new();
    let folder = example("shell");
    let (honest, lying) = (
        Thermostat::start(Manner::Honest),
        Thermostat::start(Manner::Lying),
    );
    let test = |more: &[&str]| {
        let done = place.run(&[&["worker", "test", &folder, "--time-scale", "2"], more].concat());
        (done.code, format!("{}{}", done.out, done.err))
    };
    let (code, told) = test(&["--target", &honest.address]);
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("was not allowed"), "{told}");
    assert!(!told.contains("no example target"), "{told}");
    assert_eq!(honest.shows(), "21.5", "it was only looked at");
    let set = ["--control", "set", "-p", "celsius=20"];
    let (code, told) = test(&[&["--target", &honest.address], &set[..]].concat());
    assert_eq!(code, 0, "{told}");
    assert!(told.contains("set has its effect on"), "{told}");
    assert!(!told.contains("skipped"), "{told}");
    assert_eq!(honest.shows(), "20");
    let (code, told) = test(&[&["--target", &lying.address], &set[..]].concat());
    assert_eq!(code, 1, "{told}");
    assert!(told.contains("hw.temperature shows 21.5"), "{told}");
    for (more, says) in [
        (&["--control", "sett"][..], "did you mean \"set\"?"), // typos: on purpose
        (&["-p", "celsus=1"], "did you mean \"celsius\"?"),    // typos: on purpose
        (&["--control", "set", "-p", "celsius=99"], "celsius"),
    ] {
        let (code, told) = test(&[&["--target", "127.0.0.1:9"], more].concat());
        assert_eq!(code, 2, "{told}");
        assert!(told.contains(says), "{told}");
    }
}
