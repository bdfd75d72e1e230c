//! Certificates for sites without an authority of their own.
//!
//! The authority is two files: its certificate, which clients trust, and its key, which stays where
//! certificates are issued.

use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use jiff::{ToSpan as _, Zoned, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// The days for which an authority is valid.
const AUTHORITY_DAYS: u32 = 3650;
/// The name of the authority in its certificates.
const AUTHORITY: &str = "utakata site authority";
/// The names by which every server is reached on its own machine.
const OWN_MACHINE: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// A reason why there is no certificate.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is there, and is not replaced.
    #[error("{} is there already, and is not replaced", path.display())]
    There { path: PathBuf },
    #[error("{} cannot be read", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} cannot be written", path.display())]
    Write { path: PathBuf, source: io::Error },
    /// A key or a name is wrong.
    #[error("the certificate cannot be made")]
    Make(#[from] rcgen::Error),
    #[error("the certificate would be valid for too long")]
    Days,
}

/// A certificate and its key, in files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Files {
    pub certificate: PathBuf,
    pub key: PathBuf,
}

/// Returns the files of the authority in a folder.
pub fn authority(folder: &Path) -> Files {
    Files {
        certificate: folder.join("ca.pem"),
        key: folder.join("ca.key"),
    }
}

/// Makes an authority in a folder, which is created.
///
/// # Errors
/// There is one, or it cannot be written.
pub fn init(folder: &Path) -> Result<Files, Error> {
    let files = authority(folder);
    fs::create_dir_all(folder).map_err(|source| Error::Write {
        path: folder.to_owned(),
        source,
    })?;
    let key = KeyPair::generate()?;
    let certificate = authority_parameters()?.self_signed(&key)?;
    files.write(&certificate.pem(), &key)?;
    Ok(files)
}

/// Issues a certificate for a server, by the authority in a folder. The first name is that of its
/// files; it also has the names by which the server is reached on its own machine.
///
/// # Errors
/// There is no authority, a name is wrong, or the files are there.
pub fn issue(folder: &Path, name: &str, more: &[String], days: u32) -> Result<Files, Error> {
    let authority = authority(folder);
    let key = fs::read_to_string(&authority.key).map_err(|source| Error::Read {
        path: authority.key.clone(),
        source,
    })?;
    let issuer = Issuer::new(authority_parameters()?, KeyPair::from_pem(&key)?);
    let mut names = vec![name.to_owned()];
    names.extend(more.iter().cloned());
    names.extend(OWN_MACHINE.map(str::to_owned));
    let mut seen = std::collections::BTreeSet::new();
    names.retain(|name| seen.insert(name.clone()));
    let mut own = CertificateParams::new(names)?;
    own.distinguished_name.push(DnType::CommonName, name);
    own.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    own.use_authority_key_identifier_extension = true;
    valid_for(&mut own, days)?;
    let key = KeyPair::generate()?;
    let certificate = own.signed_by(&key, &issuer)?;
    let files = Files {
        certificate: folder.join(format!("{name}.pem")),
        key: folder.join(format!("{name}.key")),
    };
    files.write(&certificate.pem(), &key)?;
    Ok(files)
}

fn authority_parameters() -> Result<CertificateParams, Error> {
    let mut authority = CertificateParams::new(Vec::new())?;
    authority
        .distinguished_name
        .push(DnType::CommonName, AUTHORITY);
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    valid_for(&mut authority, AUTHORITY_DAYS)?;
    Ok(authority)
}

/// Makes it valid from yesterday, because clocks differ.
fn valid_for(certificate: &mut CertificateParams, days: u32) -> Result<(), Error> {
    let now = Zoned::now().with_time_zone(TimeZone::UTC);
    let day = |days: i64| {
        let date = now
            .checked_add(days.days())
            .map_err(|_| Error::Days)?
            .date();
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        Ok::<_, Error>(date_time_ymd(date.year().into(), month, day))
    };
    certificate.not_before = day(-1)?;
    certificate.not_after = day(days.into())?;
    Ok(())
}

impl Files {
    fn write(&self, certificate: &str, key: &KeyPair) -> Result<(), Error> {
        if self.certificate.exists() {
            let path = self.certificate.clone();
            return Err(Error::There { path });
        }
        write_new(&self.key, 0o600, &key.serialize_pem())?;
        write_new(&self.certificate, 0o644, certificate)
    }
}

fn write_new(path: &Path, mode: u32, text: &str) -> Result<(), Error> {
    let mut options = OpenOptions::new();
    let opened = options.write(true).create_new(true).mode(mode).open(path);
    let written = opened.and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.sync_all()
    });
    written.map_err(|source| {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::AlreadyExists => Error::There { path },
            _ => Error::Write { path, source },
        }
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn an_authority_is_made_once_and_issues_with_keys_that_only_their_owner_reads() {
        let folder = tempfile::tempdir().unwrap();
        let files = init(folder.path()).unwrap();
        assert!(matches!(init(folder.path()), Err(Error::There { .. })));
        let own = issue(folder.path(), "le-1.example", &["10.0.0.1".into()], 90).unwrap();
        assert!(own.certificate.ends_with("le-1.example.pem"));
        for key in [&files.key, &own.key] {
            let mode = fs::metadata(key).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{}", key.display());
        }
        let again = issue(folder.path(), "le-1.example", &[], 90);
        assert!(matches!(again, Err(Error::There { .. })));
        let nowhere = issue(&folder.path().join("none"), "le-2", &[], 90);
        assert!(matches!(nowhere, Err(Error::Read { .. })));
    }
}
