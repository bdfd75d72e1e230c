//! The folder of a release, as an environment reads it: its files by path, links within it followed.

mod push;

use std::{
    fs, io,
    os::unix::fs::PermissionsExt,
    path::{Component, Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use utakata_api::release::MAX_FILE_SIZE;
use utakata_model::{
    Content, ContentFile, FileDigest, Manifest, ReleaseDigest,
    content::{IMAGE_FILE, MANIFEST_FILE},
};

use crate::{Usage, programs};

/// The depth to which folders are nested.
const MAX_DEPTH: usize = 16;
/// A folder with more files than this is not a release.
const MAX_FILES: usize = 10_000;

/// A release in a folder, with everything that it runs.
#[derive(Debug)]
pub struct ReleaseFolder {
    pub manifest: Manifest,
    pub content: Content,
    /// The path of each of these files.
    places: Vec<PathBuf>,
}

/// A file found, to be included in the release.
struct Found {
    path: PathBuf,
    /// The path of the file itself.
    place: PathBuf,
}

/// Where links to files may lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Links {
    /// To other files of the folder.
    Within,
    /// Anywhere.
    Followed,
}

/// A folder, and where the links in it may lead.
struct Within<'f> {
    folder: &'f Path,
    links: Links,
    /// The folder itself, without links on the way to it.
    real: PathBuf,
}

impl<'f> Within<'f> {
    fn open(folder: &'f Path, links: Links) -> Result<Self> {
        let real = fs::canonicalize(folder).with_context(|| unreadable(folder))?;
        Ok(Self {
            folder,
            links,
            real,
        })
    }

    /// Refuses a link to a file that is elsewhere.
    fn check(&self, place: &Path) -> Result<()> {
        let real = fs::canonicalize(place).with_context(|| unreadable(place))?;
        if self.links == Links::Followed || real.starts_with(&self.real) {
            return Ok(());
        }
        bail!(
            "{} is a link to {}, which is outside the folder of the release: put the file itself \
             there (`cp --remove-destination {} {}`), or remove the link",
            place.display(),
            real.display(),
            real.display(),
            place.display()
        );
    }
}

impl ReleaseFolder {
    /// Reads the folder. A program shipped with utakata is added to its files. A link to a file
    /// outside is refused: a release must not take along what nobody meant to give away.
    pub fn read(folder: &Path) -> Result<Self> {
        Self::read_with(folder, Links::Within)
    }

    /// Reads a folder of this machine as the environment here serves it, or one that we have made:
    /// links are followed wherever they lead.
    pub fn read_here(folder: &Path) -> Result<Self> {
        Self::read_with(folder, Links::Followed)
    }

    fn read_with(folder: &Path, links: Links) -> Result<Self> {
        let manifest = manifest(folder)?;
        let mut found = Vec::new();
        add(&Within::open(folder, links)?, Path::new(""), 0, &mut found)?;
        found.extend(program(folder, &manifest)?);
        // Ordered by path, component by component: the order in which they are digested.
        found.sort_by(|one, other| one.path.cmp(&other.path));
        let files = found.iter().map(|one| file(&one.path, &one.place));
        let content = Content {
            files: files.collect::<Result<_>>()?,
        };
        content.validate()?;
        Ok(Self {
            manifest,
            content,
            places: found.into_iter().map(|one| one.place).collect(),
        })
    }

    pub fn digest(&self) -> ReleaseDigest {
        self.content.release_digest(&self.manifest.run)
    }

    /// The files, and where they are on disk.
    pub fn files(&self) -> impl Iterator<Item = (&ContentFile, &Path)> {
        let places = self.places.iter().map(PathBuf::as_path);
        self.content.files.iter().zip(places)
    }
}

fn manifest(folder: &Path) -> Result<Manifest> {
    let shown = folder.display();
    if !folder.is_dir() {
        bail!(Usage(format!("there is no folder {shown}")));
    }
    let path = folder.join(MANIFEST_FILE);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(Usage(format!(
            "{shown} is not a release: there is no {MANIFEST_FILE} in it, which says what the worker \
             serves and what it can do"
        ))),
        Err(error) => return Err(error).with_context(|| unreadable(&path)),
    };
    Manifest::parse(&text).with_context(|| format!("{shown} is not a release"))
}

fn unreadable(path: &Path) -> String {
    format!("{} cannot be read", path.display())
}

/// Adds every file below a folder. Links to files within it are followed, links to folders are not,
/// and links to files elsewhere are refused.
fn add(within: &Within<'_>, below: &Path, depth: usize, found: &mut Vec<Found>) -> Result<()> {
    let folder = within.folder;
    let here = folder.join(below);
    for entry in fs::read_dir(&here).with_context(|| unreadable(&here))? {
        let entry = entry.with_context(|| unreadable(&here))?;
        let (path, place) = (below.join(entry.file_name()), entry.path());
        let kind = entry.file_type().with_context(|| unreadable(&place))?;
        if kind.is_dir() {
            add(within, &path, depth + 1, found)?;
        } else if place.is_file() {
            if kind.is_symlink() {
                within.check(&place)?;
            }
            found.push(Found { path, place });
        }
        if depth > MAX_DEPTH || found.len() > MAX_FILES {
            bail!(
                "{} has more than {MAX_FILES} files, or folders deeper than {MAX_DEPTH}: a \
                 release is a manifest and what its worker needs, nothing else",
                folder.display()
            );
        }
    }
    Ok(())
}

/// The program that a release runs, if it is outside its folder.
fn program(folder: &Path, manifest: &Manifest) -> Result<Option<Found>> {
    if folder.join(IMAGE_FILE).is_file() {
        return Ok(None);
    }
    let name = &manifest.run.program;
    let mut parts = Path::new(name).components();
    if name.is_empty() || !parts.all(|part| matches!(part, Component::Normal(_))) {
        bail!(
            "run.program is \"{name}\": it must be a path inside the release's folder, or the name \
             of a program shipped with utakata"
        );
    }
    let own = folder.join(name);
    if own.is_file() {
        if !is_executable(&own)? {
            let own = own.display();
            bail!("the program {own} is not executable: `chmod +x {own}` makes it so");
        }
        return Ok(None);
    }
    let Some(place) = programs::find(name) else {
        let places = programs::folders();
        let places: Vec<String> = places.iter().map(|one| one.display().to_string()).collect();
        bail!(
            "there is no executable \"{name}\" in {}, or among the programs of utakata ({}): copy \
             it there, or set run.program in {MANIFEST_FILE} right",
            folder.display(),
            places.join(", ")
        );
    };
    let path = name.into();
    Ok(Some(Found { path, place }))
}

fn is_executable(path: &Path) -> Result<bool> {
    let metadata = fs::metadata(path).with_context(|| unreadable(path))?;
    Ok(metadata.permissions().mode() & 0o111 != 0)
}

fn file(path: &Path, place: &Path) -> Result<ContentFile> {
    let Some(text) = path.to_str() else {
        bail!(
            "the name of {} is not UTF-8: give it another",
            place.display()
        );
    };
    let size = fs::metadata(place)
        .with_context(|| unreadable(place))?
        .len();
    if size > MAX_FILE_SIZE {
        bail!(
            "{} has more than {} MiB: a larger program goes into a registry, as an image",
            place.display(),
            MAX_FILE_SIZE >> 20
        );
    }
    let bytes = fs::read(place).with_context(|| unreadable(place))?;
    Ok(ContentFile {
        path: text.into(),
        digest: FileDigest::of(&bytes),
        size: bytes.len() as u64,
        executable: is_executable(place)?,
    })
}

#[cfg(test)]
mod tests;
