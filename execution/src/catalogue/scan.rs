//! One scan of the folders: only what has changed is read and hashed.

mod artifact;
mod files;
mod folders;

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    sync::Arc,
    time::{Duration, SystemTime},
};

use artifact::{PROGRAM_MISSING, artifact, text};
use files::{Change, File, Stamp};
use folders::Listed;
use utakata_model::{
    Cure, Manifest, Problem, ReleaseDigest, ReleaseId,
    content::{DigestedFile, MANIFEST_FILE, SIGNATURES_FILE, release_digest},
    environment::RefusedRelease,
};
use utakata_protocol::negotiate;

use super::Catalogue;
use crate::{
    Release,
    allowed::Allowed,
    artifact::Artifact,
    files::{hash_file, is_unreadable, unreadable},
    trust::Trust,
};

/// The time after which a file counts as completely written.
const SETTLED_AFTER: Duration = Duration::from_secs(1);

/// A scanner of folders, which remembers what it saw.
#[derive(Debug)]
pub(super) struct Scanner {
    roots: Vec<PathBuf>,
    programs: Vec<PathBuf>,
    trust: Arc<Trust>,
    allowed: Allowed,
    seen: BTreeMap<PathBuf, Seen>,
    digests: HashMap<Stamp, [u8; 32]>,
    /// The folders that could not be read this time: their earlier content continues.
    unseen: Vec<RefusedRelease>,
    looks: u64,
}

/// A folder as it was at the last scan.
#[derive(Debug)]
struct Seen {
    files: Vec<File>,
    program: Option<Stamp>,
    /// The scan at which it was read; later ones replace earlier ones.
    look: u64,
    read: Result<Arc<Release>, Problem>,
    /// The release before a change that is incomplete or invalid: it continues.
    good: Option<Arc<Release>>,
    is_settled: bool,
    origin: Origin,
}

/// The origin of a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Origin {
    /// Somebody has put it there, and may change it.
    Placed,
    /// It was fetched: complete from the beginning, with the digest that is its name, and with
    /// files that other releases share.
    Fetched,
}

impl Origin {
    fn change(self) -> Change {
        match self {
            Self::Placed => Change::Seen,
            Self::Fetched => Change::Ignored,
        }
    }
}

/// Scans one folder, as an environment without trust settings would.
///
/// # Errors
/// It is not a release.
pub fn read(folder: &Path, programs: &[PathBuf]) -> Result<Release, Problem> {
    let trust = Arc::new(Trust::default());
    let folders = (Vec::new(), programs.to_vec());
    let mut scanner = Scanner::new(folders, trust, Allowed::everything());
    let files = files::list(folder, Change::Seen)?;
    scanner.read_release(folder, &files, Origin::Placed)
}

impl Scanner {
    pub(super) fn new(
        (roots, programs): (Vec<PathBuf>, Vec<PathBuf>),
        trust: Arc<Trust>,
        allowed: Allowed,
    ) -> Self {
        Self {
            roots,
            programs,
            trust,
            allowed,
            seen: BTreeMap::new(),
            digests: HashMap::new(),
            unseen: Vec::new(),
            looks: 0,
        }
    }

    /// Scans the folders, and these folders of fetched releases.
    pub(super) fn scan(&mut self, fetched: &[PathBuf]) -> Catalogue {
        self.looks += 1;
        self.unseen.clear();
        let mut before = std::mem::take(&mut self.seen);
        for (listed, origin) in [
            (Listed::within(&self.roots), Origin::Placed),
            (Listed::these(fetched), Origin::Fetched),
        ] {
            for folder in &listed.folders {
                let seen = self.look_at(folder, origin, before.remove(folder));
                self.seen.insert(folder.clone(), seen);
            }
            // An error does not prove that nothing is there.
            let hidden = before.extract_if(.., |folder, seen| {
                seen.origin == origin && listed.hides(folder)
            });
            self.seen.extend(hidden);
            self.unseen.extend(listed.refused());
        }
        let in_use: Vec<_> = self.seen.values().flat_map(Seen::stamps).collect();
        self.digests.retain(|stamp, _| in_use.contains(&stamp));
        let mut catalogue = catalogue(&self.seen);
        catalogue.is_partial = !self.unseen.is_empty();
        catalogue.refused.append(&mut self.unseen);
        catalogue.refused.sort_by(|a, b| a.path.cmp(&b.path));
        catalogue.refused.dedup();
        catalogue
    }

    fn look_at(&mut self, folder: &Path, origin: Origin, mut before: Option<Seen>) -> Seen {
        let files = match files::list(folder, origin.change()) {
            Ok(files) => files,
            Err(problem) if is_unreadable(&problem) => {
                return self.hidden(folder, Vec::new(), origin, problem, before);
            }
            Err(problem) => return self.unread(Vec::new(), origin, problem, before),
        };
        let is_as_before = before.as_ref().is_some_and(|before| before.files == files);
        if is_as_before {
            if let Some(before) =
                before.take_if(|before| before.is_settled && self.is_program_as_before(before))
            {
                return before;
            }
            // Nothing has changed between two scans: the files are complete.
            return self.read(folder, files, origin, before);
        }
        let may_change = origin == Origin::Placed && !self.trust.is_shipped(folder);
        if may_change && is_fresh(&files) {
            let message = "it was changed just now: it is read when the changes have stopped";
            let problem = Problem::new("release-changing", Cure::Retry, message);
            return self.unread(files, origin, problem, before);
        }
        self.read(folder, files, origin, before)
    }

    /// Treats a folder that could not be read as unchanged, if it is known.
    fn hidden(
        &mut self,
        folder: &Path,
        files: Vec<File>,
        origin: Origin,
        problem: Problem,
        before: Option<Seen>,
    ) -> Seen {
        let path = folder.display().to_string();
        self.unseen.push(RefusedRelease {
            path,
            problem: problem.clone(),
        });
        before.unwrap_or_else(|| self.unread(files, origin, problem, None))
    }

    fn unread(
        &self,
        files: Vec<File>,
        origin: Origin,
        problem: Problem,
        before: Option<Seen>,
    ) -> Seen {
        Seen {
            good: before.and_then(Seen::into_release),
            files,
            program: None,
            look: self.looks,
            read: Err(problem),
            is_settled: false,
            origin,
        }
    }

    fn is_program_as_before(&self, seen: &Seen) -> bool {
        match &seen.read {
            Ok(release) => stamp(&release.artifact, seen.origin.change()) == seen.program,
            // The program may have been added since.
            Err(problem) => &*problem.code != PROGRAM_MISSING,
        }
    }

    fn read(
        &mut self,
        folder: &Path,
        files: Vec<File>,
        origin: Origin,
        before: Option<Seen>,
    ) -> Seen {
        let read = self.read_trusted(folder, &files, origin);
        let was = before.as_ref();
        if let Err(problem) = &read
            && is_unreadable(problem)
            && was.is_none_or(|before| before.files == files)
        {
            return self.hidden(folder, files, origin, problem.clone(), before);
        }
        let good = match &read {
            Ok(_) => None,
            Err(_) => before.and_then(Seen::into_release),
        };
        let program = read
            .as_ref()
            .ok()
            .and_then(|release| stamp(&release.artifact, origin.change()));
        // A fetched release is read until it is right: it may be fetched again.
        let is_settled = match &read {
            Ok(_) => true,
            Err(problem) => origin == Origin::Placed && !is_unreadable(problem),
        };
        Seen {
            files,
            program,
            look: self.looks,
            is_settled,
            read: read.map(Arc::new),
            good,
            origin,
        }
    }

    fn read_trusted(
        &mut self,
        folder: &Path,
        files: &[File],
        origin: Origin,
    ) -> Result<Release, Problem> {
        let release = self.read_release(folder, files, origin)?;
        let digest = &release.id.digest;
        if origin == Origin::Fetched && !folder.ends_with(&*digest.0) {
            return Err(damaged(folder));
        }
        self.trust.check_folder(folder, digest)?;
        self.allowed.check(&release)?;
        Ok(release)
    }

    fn read_release(
        &mut self,
        folder: &Path,
        files: &[File],
        origin: Origin,
    ) -> Result<Release, Problem> {
        let file = folder.join(MANIFEST_FILE);
        let text = text(&file)?;
        let manifest = Manifest::parse(&text).map_err(|error| {
            Problem::new(
                "release-manifest",
                Cure::Operator,
                utakata_model::chain(&error),
            )
        })?;
        // Its hello would be refused: reported before anything is started.
        negotiate(&[manifest.protocol])
            .map_err(|error| Problem::new("protocol", Cure::Operator, error.to_string()))?;
        let programs = match origin {
            Origin::Placed => self.programs.as_slice(),
            Origin::Fetched => &[],
        };
        let artifact = artifact(folder, &manifest.run.program, programs)?;
        let digest = self.digest(files, artifact.program(), origin.change())?;
        let id = ReleaseId {
            kind: manifest.kind.clone(),
            version: manifest.version.as_str().into(),
            digest,
        };
        Ok(Release {
            id: Arc::new(id),
            manifest: Arc::new(manifest),
            folder: folder.into(),
            artifact,
            is_fetched: origin == Origin::Fetched,
        })
    }

    /// Returns the digest of a release of these files, which runs this program unless it is an
    /// image.
    fn digest(
        &mut self,
        files: &[File],
        program: Option<&Path>,
        change: Change,
    ) -> Result<ReleaseDigest, Problem> {
        let mut hashes = Vec::new();
        for file in files
            .iter()
            .filter(|file| file.name != Path::new(SIGNATURES_FILE))
        {
            let path = file.name.as_os_str().as_encoded_bytes();
            hashes.push(DigestedFile {
                path,
                hash: self.file_digest(&file.stamp)?,
                executable: file.stamp.executable,
            });
        }
        let mut program_hash = None;
        if let Some(program) = program {
            let stamp = Stamp::of(program, change);
            let stamp = stamp.map_err(|error| unreadable(program, &error))?;
            program_hash = Some(self.file_digest(&stamp)?);
        }
        Ok(release_digest(hashes.into_iter(), program_hash))
    }

    fn file_digest(&mut self, stamp: &Stamp) -> Result<[u8; 32], Problem> {
        if let Some(known) = self.digests.get(stamp) {
            return Ok(*known);
        }
        let digest = hash_file(&stamp.path).map_err(|error| unreadable(&stamp.path, &error))?;
        self.digests.insert(stamp.clone(), digest);
        Ok(digest)
    }
}

/// Returns the problem of a fetched folder that has changed since: it is fetched again.
fn damaged(folder: &Path) -> Problem {
    let message = format!(
        "the files in {} have changed since they were fetched",
        folder.display()
    );
    Problem::new("release-content", Cure::Retry, message)
}

fn stamp(artifact: &Artifact, change: Change) -> Option<Stamp> {
    artifact
        .program()
        .and_then(|program| Stamp::of(program, change).ok())
}

impl Seen {
    /// Returns the release that it serves.
    fn release(&self) -> Option<&Arc<Release>> {
        self.read.as_ref().ok().or(self.good.as_ref())
    }

    /// Returns the release that a fetched folder serves: a changed one is fetched again, and one
    /// that cannot be read continues.
    fn fetched(&self) -> Option<&Arc<Release>> {
        match &self.read {
            Ok(release) => Some(release),
            Err(problem) if is_unreadable(problem) => self.good.as_ref(),
            Err(_) => None,
        }
    }

    fn into_release(self) -> Option<Arc<Release>> {
        self.read.ok().or(self.good)
    }

    fn stamps(&self) -> impl Iterator<Item = &Stamp> {
        let files = self.files.iter().map(|file| &file.stamp);
        files.chain(&self.program)
    }
}

/// Returns the catalogue, in the order of changes. Of two folders with the same kind and version,
/// the one that changed last counts.
fn catalogue(seen: &BTreeMap<PathBuf, Seen>) -> Catalogue {
    let mut folders: Vec<_> = seen.iter().collect();
    folders.sort_by_key(|(_, seen)| seen.look);
    let mut catalogue = Catalogue::default();
    let (folders, fetched): (Vec<_>, Vec<_>) = folders
        .into_iter()
        .partition(|(_, seen)| seen.origin == Origin::Placed);
    for (at, (path, seen)) in folders.iter().enumerate() {
        let later = folders[at + 1..].iter().find_map(|(path, other)| {
            let (release, other) = (seen.release()?, other.release()?);
            let same = release.id.kind == other.id.kind && release.id.version == other.id.version;
            same.then_some(path)
        });
        if later.is_none() {
            catalogue.releases.extend(seen.release().cloned());
        }
        let replaced = seen.release().zip(later);
        let replaced = replaced.map(|(release, later)| replaced_by(&release.id, later));
        let Some(problem) = seen.read.as_ref().err().cloned().or(replaced) else {
            continue;
        };
        catalogue.refused.push(RefusedRelease {
            path: path.display().to_string(),
            problem,
        });
    }
    catalogue.refused.sort_by(|a, b| a.path.cmp(&b.path));
    // The problem of a fetched release is reported where it is ordered: there it is missing.
    for release in fetched.iter().filter_map(|(_, seen)| seen.fetched()) {
        if !catalogue
            .releases
            .iter()
            .any(|other| other.id == release.id)
        {
            catalogue.releases.push(release.clone());
        }
    }
    catalogue
}

fn replaced_by(id: &ReleaseId, by: &Path) -> Problem {
    let message = format!(
        "{}@{} lies in {} too, which changed later and counts: remove one of them, or give it \
         another version",
        id.kind,
        id.version,
        by.display()
    );
    Problem::new("release-twice", Cure::Operator, message)
}

/// Returns true if something was written so recently that more may follow.
fn is_fresh(files: &[File]) -> bool {
    let now = SystemTime::now();
    let age = |file: &File| now.duration_since(file.stamp.modified).unwrap_or_default();
    files.iter().any(|file| age(file) < SETTLED_AFTER)
}

#[cfg(test)]
mod tests;
