//! Packs the migrations of each dialect into the crate, in numerical order.
//!
//! `sqlx::migrate!` does the same, but causes all of sqlx and SQLite to be compiled a second time.

use std::{
    env,
    error::Error,
    fmt::Write,
    fs,
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    let migrations = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("migrations");
    println!("cargo::rerun-if-changed={}", migrations.display());
    let mut code = String::new();
    for dialect in ["sqlite", "postgres"] {
        let constant = dialect.to_uppercase();
        writeln!(
            code,
            "pub(super) const {constant}: &[(i64, &str, &str)] = &["
        )?;
        for (number, name, file) in files(&migrations.join(dialect))? {
            writeln!(code, "    ({number}, {name:?}, include_str!({file:?})),")?;
        }
        code.push_str("];\n");
    }
    fs::write(Path::new(&env::var("OUT_DIR")?).join("migrations.rs"), code)?;
    Ok(())
}

/// The number of a migration, its name, and its file.
type Migration = (i64, String, PathBuf);

/// Lists the migrations: `0002_ledger.sql` is number 2, `ledger`.
fn files(folder: &Path) -> Result<Vec<Migration>, Box<dyn Error>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        let name = path.file_stem().and_then(|name| name.to_str());
        let (number, name) = name
            .and_then(|name| name.split_once('_'))
            .ok_or_else(|| format!("{} is not NUMBER_NAME.sql", path.display()))?;
        files.push((number.parse()?, name.replace('_', " "), path.clone()));
    }
    files.sort();
    Ok(files)
}
