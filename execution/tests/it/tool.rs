//! A small program for testing runtimes, built for this machine and for images.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
    time::SystemTime,
};

/// Its source: no crate, so that building it takes a second.
const SOURCE: &str = "tests/tool/main.rs";

/// Returns the tool, linked statically, built if it is missing or outdated.
pub fn build() -> PathBuf {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join(SOURCE);
    let to = folder().join("tool");
    if modified(&to) < modified(&source) {
        let mut rustc = Command::new(std::env::var_os("RUSTC").unwrap_or("rustc".into()));
        rustc.args(["--edition=2024", "-Copt-level=s", "-Cstrip=symbols"]);
        rustc.args(["-Ctarget-feature=+crt-static", "-o"]);
        build_as(&to, |new| rustc.arg(new).arg(source));
    }
    to
}

/// The echo worker, linked statically; the built dependencies of its crate are reused.
pub fn echo() -> PathBuf {
    let to = folder().join("utakata-worker-echo");
    let like = crate::site::programs().join("utakata-worker-echo");
    if modified(&to) < modified(&like) {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["rustc", "--quiet", "-p", "utakata-worker-echo", "--bin"]);
        cargo.args(["utakata-worker-echo", "--"]);
        cargo.args(["-Ctarget-feature=+crt-static", "-Cstrip=symbols", "--emit"]);
        build_as(&to, |new| cargo.arg(format!("link={}", new.display())));
    }
    to
}

/// Builds under another name first: other tests may be using or building the same file.
fn build_as<'a>(to: &Path, command: impl FnOnce(&Path) -> &'a mut Command) {
    let new = to.with_extension(std::process::id().to_string());
    let output = command(&new).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    fs::rename(new, to).unwrap();
}

fn folder() -> PathBuf {
    let folder = crate::site::programs().join("images");
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn modified(path: &Path) -> SystemTime {
    let modified = fs::metadata(path).and_then(|metadata| metadata.modified());
    modified.unwrap_or(SystemTime::UNIX_EPOCH)
}
