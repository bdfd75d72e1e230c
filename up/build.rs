//! Packs the releases of our own workers into the program: text only, written out at each start.

use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

/// The echo worker is for tests and benchmarks; the drill brings its own.
const LEFT_OUT: [&str; 2] = ["echo", "drill"];

fn main() -> Result<(), Box<dyn Error>> {
    let here = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?);
    let workers = here.join("../workers").canonicalize()?;
    println!("cargo::rerun-if-changed={}", workers.display());
    let mut files = Vec::new();
    for worker in entries(&workers)? {
        let releases = worker.join("releases");
        if !releases.is_dir() {
            continue;
        }
        for release in entries(&releases)? {
            let left_out = LEFT_OUT.iter().any(|name| release.ends_with(name));
            if !left_out && release.join("worker.toml").is_file() {
                collect(&release, &releases, &mut files)?;
            }
        }
    }
    files.sort();
    let mut code = String::from("const FILES: &[(&str, &str)] = &[\n");
    for (name, path) in files {
        writeln!(code, "    ({name:?}, include_str!({path:?})),")?;
    }
    code.push_str("];\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("bundled.rs"), code)?;
    Ok(())
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    fs::read_dir(folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect()
}

/// Collects the files of a release, by their path relative to `base`.
fn collect(
    folder: &Path,
    base: &Path,
    files: &mut Vec<(String, PathBuf)>,
) -> Result<(), Box<dyn Error>> {
    for path in entries(folder)? {
        if path.is_dir() {
            collect(&path, base, files)?;
        } else if path.extension().is_some_and(|ending| ending == "toml") {
            let name = path.strip_prefix(base)?.display().to_string();
            files.push((name, path));
        }
    }
    Ok(())
}
