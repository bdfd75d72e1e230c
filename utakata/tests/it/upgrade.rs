//! The program of a running environment is replaced under load, and its workers go on.

use std::{
    fs,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::Path,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    thread,
};

use crate::{
    apart::{hub, le},
    program::{Place, Role, UTAKATA, beside, wait_for},
};

const TARGETS: usize = 6;

/// A copy of the program in place of the one that is there, at once. Gives its inode.
fn install(program: &str) -> u64 {
    let new = format!("{program}.new");
    fs::copy(UTAKATA, &new).unwrap();
    fs::rename(&new, program).unwrap();
    fs::metadata(program).unwrap().ino()
}

/// A release with one worker, which counts.
fn release(data: &str) {
    let folder = Path::new(data).join("releases/echo");
    fs::create_dir_all(&folder).unwrap();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../workers/echo/releases");
    let own = fs::read_dir(root).unwrap().next().unwrap().unwrap().path();
    let manifest = fs::read_to_string(own.join("worker.toml")).unwrap();
    let one = "protocol = 1\npool = { min = 1, max = 1 }\n";
    let manifest = manifest.replacen("protocol = 1\n", one, 1);
    fs::write(folder.join("worker.toml"), manifest).unwrap();
    let program = "utakata-worker-echo";
    fs::copy(beside(program), folder.join(program)).unwrap();
}

fn workers(place: &Place) -> Vec<String> {
    let mut all = place.processes();
    all.retain(|one| one.contains(" utakata-worker-"));
    all.sort();
    all
}

/// The environment goes over to the program with this inode.
fn until_replaced(place: &Place, wee: &Role, inode: u64) {
    wee.hang_up();
    let exe = format!("/proc/{}/exe", wee.process());
    let is_new = || (fs::metadata(&exe).ok()?.ino() == inode).then_some(());
    assert!(wait_for(is_new).is_some(), "{}", place.told());
}

#[test]
fn an_environment_is_replaced_under_load_and_no_task_fails_and_no_worker_ends() {
    let place = Place::new();
    let data = place.beside("wee");
    release(&data);
    let _hub = hub(&place, &[]);
    let _le = le(&place);
    let program = place.beside("utakata");
    install(&program);
    let (socket, id) = (place.beside("hub.sock"), "wee-1");
    let arguments = [
        "wee", "--hub", &socket, "--data", &data, "--id", id, "--zone", "hall-1",
    ];
    let wee = place.role_of(&program, &arguments);
    let site: String = (0..TARGETS)
        .map(|n| {
            format!("---\ntype: target\nname: t-{n}\nkind: echo\naddress: none\nzone: hall-1\n")
        })
        .collect();
    let applied = place.run_with(&["apply", "-f", "-"], &site);
    assert_eq!(applied.code, 0, "{}", applied.err);
    place.until_served("echo");
    place.until_served("apc-pdu");
    let before = workers(&place);
    assert!(!before.is_empty());

    let (is_over, sets, reads) = (AtomicBool::new(false), AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for n in 0..TARGETS {
            let (place, is_over, sets, reads) = (&place, &is_over, &sets, &reads);
            scope.spawn(move || {
                let target = format!("t-{n}");
                let set = ["control", &target, "set", "-p", "delay=1500ms"];
                let echo = ["read", &target, "--timeout", "30s"];
                while !is_over.load(Ordering::SeqCst) {
                    let (command, count): (&[&str], _) = match n % 3 {
                        0 => (&echo, reads),
                        _ => (&set, sets),
                    };
                    let done = place.run(command);
                    if done.code != 0 {
                        is_over.store(true, Ordering::SeqCst);
                        panic!("{command:?}: {}{}{}", done.out, done.err, place.told());
                    }
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let more = |than: u64| {
            let is_more = || sets.load(Ordering::SeqCst) >= than || is_over.load(Ordering::SeqCst);
            assert!(wait_for(|| is_more().then_some(())).is_some());
        };
        more(2);
        for _ in 0..2 {
            until_replaced(&place, &wee, install(&program));
            more(sets.load(Ordering::SeqCst) + 4);
        }
        // A program that cannot start is none.
        fs::write(format!("{program}.new"), "no program").unwrap();
        fs::set_permissions(format!("{program}.new"), fs::Permissions::from_mode(0o755)).unwrap();
        fs::rename(format!("{program}.new"), &program).unwrap();
        wee.hang_up();
        let is_told = || {
            place
                .told()
                .contains("not replaced by the program")
                .then_some(())
        };
        assert!(wait_for(is_told).is_some(), "{}", place.told());
        more(sets.load(Ordering::SeqCst) + 4);
        is_over.store(true, Ordering::SeqCst);
    });

    assert_eq!(workers(&place), before, "{}", place.told());
    place.until(&["environment", "list"], |all| {
        (all[0]["id"] == id && all[0]["state"] == "running").then_some(())
    });
    let read = place.json(&["read", "t-1", "--metric", "utakata.echo.count"]);
    let count = read["tasks"][0]["readings"][0]["value"].as_f64().unwrap();
    assert_eq!(
        count,
        sets.load(Ordering::SeqCst) as f64,
        "{}",
        place.told()
    );
    assert!(reads.load(Ordering::SeqCst) > 0);
    assert!(!Path::new(&data).join("takeover.json").exists());
    wee.stop();
}
