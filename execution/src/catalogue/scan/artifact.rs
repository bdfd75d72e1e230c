//! The artifact of a release: the program or the image that its folder names.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use utakata_model::{Cure, Problem};

use super::files::is_file;
use crate::{
    artifact::{Artifact, IMAGE_FILE, Image, ImageError, is_inside},
    files::unreadable,
};

/// The code of a release whose program is not there.
pub(super) const PROGRAM_MISSING: &str = "release-program";

/// Returns the artifact of a release: an image if its folder names one, otherwise a program.
pub(super) fn artifact(
    folder: &Path,
    program: &str,
    programs: &[PathBuf],
) -> Result<Artifact, Problem> {
    if !is_inside(program) {
        let message = format!(
            "run.program is \"{program}\": it must be a path inside the release's folder, or the \
             name of a program shipped with utakata"
        );
        return Err(Problem::new("release-manifest", Cure::Operator, message));
    }
    let file = folder.join(IMAGE_FILE);
    let there = |path: &Path| is_file(path).map_err(|error| unreadable(path, &error));
    if !there(&file)? {
        return find_program(folder, program, programs).map(Artifact::Program);
    }
    let text = text(&file)?;
    match Image::parse(&text, folder) {
        Ok(Image::Archive(archive)) if !there(&archive)? => {
            Err(no_image(&ImageError::NoArchive { archive }))
        }
        Ok(image) => Ok(Artifact::Image(image)),
        Err(error) => Err(no_image(&error)),
    }
}

/// Reads the text of a file.
pub(super) fn text(file: &Path) -> Result<String, Problem> {
    fs::read_to_string(file).map_err(|error| match error.kind() {
        ErrorKind::InvalidData => {
            let message = format!("{} is not UTF-8 text", file.display());
            Problem::new("release-manifest", Cure::Operator, message)
        }
        _ => unreadable(file, &error),
    })
}

/// Finds the program of a release: in its own folder, or among those shipped with utakata.
fn find_program(folder: &Path, name: &str, programs: &[PathBuf]) -> Result<PathBuf, Problem> {
    let places = std::iter::once(folder).chain(programs.iter().map(PathBuf::as_path));
    for program in places.map(|place| place.join(name)) {
        let can_be = can_be_executed(&program);
        if can_be.map_err(|error| unreadable(&program, &error))? {
            return Ok(program);
        }
    }
    let message = format!(
        "there is no executable \"{name}\" in its folder or among the programs of utakata ({}): \
         copy it there, and make it executable",
        list(programs)
    );
    Err(Problem::new(PROGRAM_MISSING, Cure::Operator, message))
}

/// Asks the operating system, as starting it would.
fn can_be_executed(program: &Path) -> std::io::Result<bool> {
    if !is_file(program)? {
        return Ok(false);
    }
    match rustix::fs::access(program, rustix::fs::Access::EXEC_OK) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::ACCESS | rustix::io::Errno::NOENT) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn no_image(error: &ImageError) -> Problem {
    Problem::new("release-image", Cure::Operator, error.to_string())
}

fn list(folders: &[PathBuf]) -> String {
    let folders = folders.iter().map(|folder| folder.display().to_string());
    folders.collect::<Vec<_>>().join(", ")
}
