//! Contents of releases on disk. Everything here blocks.
//!
//! ```text
//! files/<sha256>     what is in a file, whole and right; release folders have links to it
//! partial/<sha256>   the beginning of a file that is being fetched
//! new/<digest>       a release folder that is being put together
//! releases/<digest>  a release folder: complete, or not there
//! ```

use std::{
    fs, io,
    os::unix::fs::{FileExt, MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use utakata_model::{Content, ContentFile, FileDigest, ReleaseDigest};

use crate::files::hash_file;

/// The contents of releases in a folder of this environment.
#[derive(Debug, Clone)]
pub(crate) struct Store {
    root: PathBuf,
}

/// The digest of a release whose text is one, so that it can name a folder.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Name(FileDigest);

impl Name {
    /// `None`: the text is no digest, and might lead anywhere.
    pub(crate) fn of(digest: &ReleaseDigest) -> Option<Self> {
        digest.0.parse().ok().map(Self)
    }
}

impl Store {
    /// In this folder, which need not be there yet.
    pub(crate) fn new(root: PathBuf) -> Self {
        Self { root }
    }

    /// Makes its folders, and takes away what was not put together to the end.
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

    /// The folder of a release, whether it is there or not.
    pub(crate) fn release(&self, name: &Name) -> PathBuf {
        self.releases().join(name.0.as_str())
    }

    /// Returns whether the whole file is here. Removes one that is not what its name says.
    pub(crate) fn has(&self, file: &ContentFile) -> io::Result<bool> {
        let path = self.file(&file.digest);
        if !path.try_exists()? {
            return Ok(false);
        }
        let is_right = hash_file(&path)? == file.digest.hash();
        if !is_right {
            tracing::warn!(file = %path.display(), "what is in this file has changed: fetched again");
            fs::remove_file(path)?;
        }
        Ok(is_right)
    }

    /// Returns the content of a whole file that is here.
    pub(crate) fn read(&self, digest: &FileDigest) -> io::Result<Vec<u8>> {
        fs::read(self.file(digest))
    }

    /// Returns how much of the beginning of a file is here.
    pub(crate) fn begun(&self, digest: &FileDigest) -> io::Result<u64> {
        match fs::metadata(self.part(digest)) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// Adds to the beginning of a file.
    pub(crate) fn append(&self, digest: &FileDigest, at: u64, bytes: &[u8]) -> io::Result<()> {
        let mut options = fs::File::options();
        let file = options.create(true).truncate(false).write(true);
        let file = file.open(self.part(digest))?;
        // What a write left that failed in the middle.
        file.set_len(at)?;
        file.write_all_at(bytes, at)
    }

    /// Takes a copy of a file of another folder; `false`: it is something else.
    pub(crate) fn copy(&self, from: &Path, file: &ContentFile) -> io::Result<bool> {
        let mut from = fs::File::open(from)?;
        io::copy(&mut from, &mut fs::File::create(self.part(&file.digest))?)?;
        self.complete(file)
    }

    /// Takes a file whose beginning is all of it; `false`: it is something else, and is gone.
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

    /// Makes the folder of a release whose files are all here: all at once.
    pub(crate) fn assemble(&self, name: &Name, content: &Content) -> io::Result<()> {
        let new = self.new_ones().join(name.0.as_str());
        remove_folder(&new)?;
        let made = self.fill(&new, content);
        if made.is_err() {
            // The disk may be full: what is half there goes.
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

    /// A link, so that releases share what they have in common. A file that can be executed in
    /// one and not in the other is copied: links have one mode.
    fn place(&self, file: &ContentFile, path: &Path) -> io::Result<()> {
        let whole = self.file(&file.digest);
        let has_mode = fs::metadata(&whole)?.mode() & 0o777 == mode(file);
        // A file has so many links at the most, and some file systems have none.
        if has_mode && fs::hard_link(&whole, path).is_ok() {
            return Ok(());
        }
        let mut copy = fs::File::create_new(path)?;
        io::copy(&mut fs::File::open(&whole)?, &mut copy)?;
        copy.set_permissions(fs::Permissions::from_mode(mode(file)))?;
        copy.sync_all()
    }

    /// Release folders that are here, those that were used last at the end.
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

    /// A release is used: it is the last that goes.
    pub(crate) fn touch(&self, name: &Name) -> io::Result<()> {
        fs::File::open(self.release(name))?.set_modified(std::time::SystemTime::now())
    }

    /// Takes away the folder of a release.
    pub(crate) fn remove(&self, name: &Name) -> io::Result<()> {
        // Never half of it under its name.
        let away = self.new_ones().join(name.0.as_str());
        remove_folder(&away)?;
        fs::rename(self.release(name), &away)?;
        remove_folder(&away)
    }

    /// Takes away files that no release has, and beginnings that nobody continues.
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

/// Nobody may write it: others have the same.
fn mode(file: &ContentFile) -> u32 {
    if file.executable { 0o555 } else { 0o444 }
}

fn remove_folder(folder: &Path) -> io::Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// The entries of a folder and of all below it, also when the power fails.
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
