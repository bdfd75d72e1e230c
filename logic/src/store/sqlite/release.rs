//! The catalogue of releases, in SQLite.

use std::collections::HashMap;

use sqlx::{Row, SqliteConnection, sqlite::SqliteRow};
use utakata_model::{ContentFile, FileDigest, Kind, ReleaseDigest, ReleaseId};

use super::Sqlite;
use crate::store::{
    Error, PutRelease, ReleaseRow,
    release::{self, Columns},
};

impl Sqlite {
    /// How many bytes there is room for on the disk; where nobody knows, for all.
    fn room(&self) -> u64 {
        let found = rustix::fs::statvfs(&self.path);
        found.map_or(u64::MAX, |found| {
            found.f_bavail.saturating_mul(found.f_frsize)
        })
    }

    pub(super) async fn read_releases(
        &self,
        kind: Option<&Kind>,
    ) -> Result<Vec<ReleaseRow>, Error> {
        let query = sqlx::query(
            "SELECT digest, kind, version, manifest, content, pushed_by, pushed_at FROM release
             WHERE kind = ?1 OR ?1 IS NULL ORDER BY kind, pushed_at, digest",
        );
        let query = query.bind(kind.map(Kind::as_str));
        let rows = query.fetch_all(&self.readers()).await;
        let rows = rows.map_err(|error| self.failed(error))?;
        rows.iter().map(|row| self.release(row)).collect()
    }

    pub(super) async fn read_release(
        &self,
        digest: &ReleaseDigest,
    ) -> Result<Option<ReleaseRow>, Error> {
        let query = sqlx::query(
            "SELECT digest, kind, version, manifest, content, pushed_by, pushed_at FROM release
             WHERE digest = ?",
        );
        let query = query.bind(&*digest.0);
        let row = query.fetch_optional(&self.readers()).await;
        let row = row.map_err(|error| self.failed(error))?;
        row.map(|row| self.release(&row)).transpose()
    }

    fn release(&self, row: &SqliteRow) -> Result<ReleaseRow, Error> {
        let columns = Columns {
            digest: row.get("digest"),
            kind: row.get("kind"),
            version: row.get("version"),
            manifest: row.get("manifest"),
            content: row.get("content"),
            pushed_by: row.get("pushed_by"),
            pushed_at: row.get("pushed_at"),
        };
        release::release(&self.place, &columns)
    }

    pub(super) async fn write_release(&self, row: &ReleaseRow) -> Result<PutRelease, Error> {
        let manifest = self.place.json("manifest of a release", &row.manifest)?;
        let content = self.place.json("content of a release", &row.content)?;
        let mut transaction = self.writer.begin().await?;
        let put = async {
            let there = bytes(&mut transaction, &row.content.files).await?;
            let missing = release::missing(&row.content.files, &there);
            if !missing.is_empty() {
                return Ok(PutRelease::Missing(missing));
            }
            let before = of_version(&mut transaction, &row.id).await?;
            if let Some(before) = before.filter(|before| *before != row.id) {
                return Ok(PutRelease::Taken(before));
            }
            let updated = sqlx::query("UPDATE release SET content = ? WHERE digest = ?")
                .bind(&content)
                .bind(&*row.id.digest.0)
                .execute(&mut *transaction)
                .await?;
            if updated.rows_affected() == 0 {
                insert(&mut transaction, row, &manifest, &content).await?;
                super::count(&mut transaction).await?;
            }
            Ok(match updated.rows_affected() {
                0 => PutRelease::New,
                _ => PutRelease::Again,
            })
        };
        let put = put.await;
        transaction.end(put).await
    }

    pub(super) async fn remove_release(&self, digest: &ReleaseDigest) -> Result<bool, Error> {
        let mut transaction = self.writer.begin().await?;
        let deleted = async {
            let deleted = sqlx::query("DELETE FROM release WHERE digest = ?")
                .bind(&*digest.0)
                .execute(&mut *transaction)
                .await?;
            let files = texts(&mut transaction, "SELECT DISTINCT sha256 FROM release_file").await?;
            let contents = texts(&mut transaction, "SELECT content FROM release").await?;
            let contents = contents
                .iter()
                .map(|text| release::content(&self.place, text));
            let contents = contents.collect::<Result<Vec<_>, _>>();
            let contents = contents.map_err(|error| sqlx::Error::Decode(error.into()))?;
            for file in release::unused(files, &contents) {
                sqlx::query("DELETE FROM release_file WHERE sha256 = ?")
                    .bind(file)
                    .execute(&mut *transaction)
                    .await?;
            }
            super::count(&mut transaction).await?;
            Ok(deleted.rows_affected() > 0)
        };
        let deleted = deleted.await;
        transaction.end(deleted).await
    }

    pub(super) async fn read_missing(
        &self,
        files: &[ContentFile],
    ) -> Result<Vec<FileDigest>, Error> {
        let failed = |error| self.failed(error);
        let mut reader = self.readers().acquire().await.map_err(failed)?;
        let there = bytes(&mut reader, files).await.map_err(failed)?;
        Ok(release::missing(files, &there))
    }

    pub(super) async fn write_file(&self, digest: &FileDigest, file: &[u8]) -> Result<(), Error> {
        let (free, needed) = (self.room(), release::room_for_file(file.len() as u64));
        if free < needed {
            let place = self.place.clone();
            return Err(Error::FullForFile {
                place,
                needed,
                free,
            });
        }
        for parts in release::batches(file) {
            // Held for a moment each time: control is written in between.
            let mut transaction = self.writer.begin().await?;
            let written = async {
                for (part, bytes) in parts {
                    sqlx::query(
                        "INSERT INTO release_file (sha256, part, bytes) VALUES (?, ?, ?)
                         ON CONFLICT (sha256, part) DO NOTHING",
                    )
                    .bind(digest.as_str())
                    .bind(part)
                    .bind(bytes)
                    .execute(&mut *transaction)
                    .await?;
                }
                Ok(())
            };
            let written = written.await;
            transaction.end(written).await?;
        }
        Ok(())
    }

    pub(super) async fn read_part(
        &self,
        digest: &FileDigest,
        part: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let row = sqlx::query("SELECT bytes FROM release_file WHERE sha256 = ? AND part = ?")
            .bind(digest.as_str())
            .bind(i64::try_from(part).unwrap_or(i64::MAX))
            .fetch_optional(&self.readers())
            .await
            .map_err(|error| self.failed(error))?;
        Ok(row.map(|row| row.get("bytes")))
    }
}

/// How many bytes there are of each of these files of which there are any.
async fn bytes(
    from: &mut SqliteConnection,
    files: &[ContentFile],
) -> Result<HashMap<String, i64>, sqlx::Error> {
    let digests: Vec<&str> = files.iter().map(|file| file.digest.as_str()).collect();
    let rows = sqlx::query(
        "SELECT sha256, SUM(LENGTH(bytes)) AS bytes FROM release_file
         WHERE sha256 IN (SELECT value FROM json_each(?)) GROUP BY sha256",
    )
    .bind(serde_json::json!(digests).to_string())
    .fetch_all(from)
    .await?;
    let rows = rows.iter();
    Ok(rows
        .map(|row| (row.get("sha256"), row.get("bytes")))
        .collect())
}

/// The release that has the kind and version of this one.
async fn of_version(
    from: &mut SqliteConnection,
    id: &ReleaseId,
) -> Result<Option<ReleaseId>, sqlx::Error> {
    let row = sqlx::query("SELECT digest FROM release WHERE kind = ? AND version = ?")
        .bind(id.kind.as_str())
        .bind(&*id.version)
        .fetch_optional(from)
        .await?;
    Ok(row.map(|row| ReleaseId {
        digest: ReleaseDigest(row.get::<String, _>("digest").into()),
        ..id.clone()
    }))
}

async fn insert(
    to: &mut SqliteConnection,
    row: &ReleaseRow,
    manifest: &str,
    content: &str,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO release (digest, kind, version, manifest, content, pushed_by, pushed_at)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&*row.id.digest.0)
    .bind(row.id.kind.as_str())
    .bind(&*row.id.version)
    .bind(manifest)
    .bind(content)
    .bind(row.pushed_by.as_str())
    .bind(row.pushed_at.to_string())
    .execute(to)
    .await
    .map(drop)
}

async fn texts(from: &mut SqliteConnection, sql: &'static str) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(sql).fetch_all(from).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
