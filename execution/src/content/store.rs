//! The content of releases on disk. Everything here blocks.
//!
//! ```text
//! files/<sha256>     a complete and verified file; release folders have links to it
//! partial/<sha256>   the beginning of a file that is being fetched
//! new/<digest>       a release folder that is being put together
//! releases/<digest>  a release folder, which is always complete
//! ```

use std::{
    fs, io,
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use utakata_model::{Content, ContentFile, FileDigest, ReleaseDigest};

use crate::files::hash_file;

/// The content of releases in a folder of this environment.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    root: PathBuf,
}

/// The digest of a release, verified so that it can name a folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name(FileDigest);

impl Name {
    /// Returns `None` if the text is not a digest, and might lead anywhere.
    pub(crate) fn of(digest: &ReleaseDigest) -> Option<Self> {
        digest.0.parse().ok().map(Self)
    }
}

impl Store {
    /// Creates a store in this folder, which need not exist yet.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Creates its folders, and removes unfinished ones.
    pub(crate) fn open(&self) -> io::Result<()> {
        for folder in [
            self.files(),
            self.partial(),
            self.new_ones(),
            self.releases(),
        ] {
            fs::create_dir_all(folder)?;
        }
        for left in fs::read_dir(self.new_ones())? {
            remove_folder(&left?.path())?;
        }
        Ok(())
    }

    /// Returns the folder of the release folders.
    pub(crate) fn releases(&self) -> PathBuf {
        self.root.join("releases")
    }

    /// Returns the folder of a release, whether it exists or not.
    pub(crate) fn release(&self, name: &Name) -> PathBuf {
        self.releases().join(name.0.as_str())
    }

    /// Returns true if the complete file is here. Removes one that does not match its name.
    pub(crate) fn has(&self, file: &ContentFile) -> io::Result<bool> {
        let path = self.file(&file.digest);
        if !path.try_exists()? {
            return Ok(false);
        }
        let is_right = hash_file(&path)? == file.digest.hash();
        if !is_right {
            tracing::warn!(file = %path.display(), "the content of this file has changed: fetching it again");
            fs::remove_file(path)?;
        }
        Ok(is_right)
    }

    /// Returns the content of a complete file.
    pub(crate) fn read(&self, digest: &FileDigest) -> io::Result<Vec<u8>> {
        fs::read(self.file(digest))
    }

    /// Returns the length of the beginning of a file that is here, in bytes.
    pub(crate) fn begun(&self, digest: &FileDigest) -> io::Result<u64> {
        match fs::metadata(self.part(digest)) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Appends to the beginning of a file.
    pub(crate) fn append(&self, digest: &FileDigest, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut options = fs::File::options();
        let file = options.create(true).truncate(false).write(true);
        let file = file.open(self.part(digest))?;
        // Left by a write that failed in the middle.
        file.set_len(at)?;
        file.write_all_at(bytes, at)
    }

    /// Copies a file from another folder; `false` if it is a different file.
    pub(crate) fn copy(&self, from: &Path, file: &ContentFile) -> io::Result<bool> {
        let mut from = fs::File::open(from)?;
        io::copy(&mut from, &mut fs::File::create(self.part(&file.digest))?)?;
        self.complete(file)
    }

    /// Takes a file whose beginning is complete; `false` if it is a different file, which is
    /// removed.
    pub(crate) fn complete(&self, file: &ContentFile) -> io::Result<bool> {
        let part = self.part(&file.digest);
        if file.size == 0 {
            fs::File::create(&part)?;
        }
        if hash_file(&part)? != file.digest.hash() {
            fs::remove_file(part)?;
            return Ok(false);
        }
        let open = fs::File::options().write(true).open(&part)?;
        open.sync_all()?;
        open.set_permissions(fs::Permissions::from_mode(mode(file)))?;
        fs::rename(part, self.file(&file.digest))?;
        sync(&self.files())?;
        Ok(true)
    }

    /// Makes the folder of a release whose files are all here, atomically.
    pub(crate) fn assemble(&self, name: &Name, content: &Content) -> io::Result<()> {
        let new = self.new_ones().join(name.0.as_str());
        remove_folder(&new)?;
        let made = self.fill(&new, content);
        if made.is_err() {
            // The disk may be full: the incomplete folder is removed.
            let _ = remove_folder(&new);
        }
        made?;
        let folder = self.release(name);
        remove_folder(&folder)?;
        fs::rename(new, folder)?;
        sync(&self.releases())
    }

    fn fill(&self, folder: &Path, content: &Content) -> io::Result<()> {
        fs::create_dir(folder)?;
        for file in &content.files {
            let path = folder.join(&file.path);
            if let Some(above) = path.parent() {
                fs::create_dir_all(above)?;
            }
            self.place(file, &path)?;
        }
        sync_all(folder)
    }

    /// Makes a link, so that releases share their files. A file that is executable in one and not
    /// in the other is copied: links share the mode.
    fn place(&self, file: &ContentFile, path: &Path) -> io::Result<()> {
        let whole = self.file(&file.digest);
        let has_mode = fs::metadata(&whole)?.mode() & 0o777 == mode(file);
        // The number of links to a file is limited, and some file systems have none.
        if has_mode && fs::hard_link(&whole, path).is_ok() {
            return Ok(());
        }
        let mut copy = fs::File::create_new(path)?;
        io::copy(&mut fs::File::open(&whole)?, &mut copy)?;
        copy.set_permissions(fs::Permissions::from_mode(mode(file)))?;
        copy.sync_all()
    }

    /// Returns the release folders that are here, the most recently used last.
    pub(crate) fn all(&self) -> io::Result<Vec<ReleaseDigest>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(self.releases())? {
            let entry = entry?;
            let name = entry.file_name();
            let name = name
                .to_str()
                .and_then(|name| name.parse::<FileDigest>().ok());
            if let Some(name) = name {
                all.push((
                    entry.metadata()?.modified()?,
                    ReleaseDigest(name.as_str().into()),
                ));
            }
        }
        all.sort();
        Ok(all.into_iter().map(|(_, digest)| digest).collect())
    }

    /// Records that a release is used: it is removed last.
    pub(crate) fn touch(&self, name: &Name) -> io::Result<()> {
        fs::File::open(self.release(name))?.set_modified(std::time::SystemTime::now())
    }

    /// Removes the folder of a release.
    pub(crate) fn remove(&self, name: &Name) -> io::Result<()> {
        // A folder is never incomplete under its name.
        let away = self.new_ones().join(name.0.as_str());
        remove_folder(&away)?;
        fs::rename(self.release(name), &away)?;
        remove_folder(&away)
    }

    /// Removes files that no release has, and beginnings that nobody continues.
    pub(crate) fn sweep(&self) -> io::Result<()> {
        for part in fs::read_dir(self.partial())? {
            fs::remove_file(part?.path())?;
        }
        for file in fs::read_dir(self.files())? {
            let file = file?;
            if file.metadata()?.nlink() == 1 {
                fs::remove_file(file.path())?;
            }
        }
        Ok(())
    }

    fn files(&self) -> PathBuf {
        self.root.join("files")
    }

    fn partial(&self) -> PathBuf {
        self.root.join("partial")
    }

    fn new_ones(&self) -> PathBuf {
        self.root.join("new")
    }

    fn file(&self, digest: &FileDigest) -> PathBuf {
        self.files().join(digest.as_str())
    }

    fn part(&self, digest: &FileDigest) -> PathBuf {
        self.partial().join(digest.as_str())
    }
}

/// Returns the mode of a file: nobody may write it, because others share it.
fn mode(file: &ContentFile) -> u32 {
    if file.executable { 0o555 } else { 0o444 }
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Flushes the entries of a folder and of all below it, to survive a power failure.
fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            sync_all(&entry.path())?;
        }
    }
    sync(folder)
}

fn sync(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests;
