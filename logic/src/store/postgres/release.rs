//! The catalogue of releases, in PostgreSQL.

use std::collections::HashMap;

use sqlx::{Connection, PgConnection, Row, postgres::PgRow};
use tokio::time::timeout;
use utakata_model::{ContentFile, FileDigest, Kind, ReleaseDigest, ReleaseId};

use super::{Postgres, connection::CALL, inventory::count};
use crate::store::{
    Error, PutRelease, ReleaseRow,
    release::{self, Columns},
};

/// Who changes what releases there are does it one after the other, so that no file goes away
/// while a release begins to have it.
const ALONE: &str = "LOCK TABLE release IN SHARE ROW EXCLUSIVE MODE";

impl Postgres {
    pub(super) async fn read_releases(
        &self,
        kind: Option<&Kind>,
    ) -> Result<Vec<ReleaseRow>, Error> {
        let query = sqlx::query(
            "SELECT digest, kind, version, manifest, content, pushed_by, pushed_at FROM release
             WHERE kind = $1 OR $1 IS NULL ORDER BY kind, pushed_at, digest",
        );
        let query = query.bind(kind.map(Kind::as_str));
        let rows = self.fetch(query).await?;
        rows.iter().map(|row| self.release(row)).collect()
    }

    pub(super) async fn read_release(
        &self,
        digest: &ReleaseDigest,
    ) -> Result<Option<ReleaseRow>, Error> {
        let query = sqlx::query(
            "SELECT digest, kind, version, manifest, content, pushed_by, pushed_at FROM release
             WHERE digest = $1",
        );
        let query = query.bind(&*digest.0);
        let rows = self.fetch(query).await?;
        rows.first().map(|row| self.release(row)).transpose()
    }

    fn release(&self, row: &PgRow) -> Result<ReleaseRow, Error> {
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
        let mut connection = self.connection().await?;
        let putting = put(&mut connection, row, &manifest, &content);
        let put = timeout(CALL, putting).await;
        self.answered(connection, put)
    }

    pub(super) async fn remove_release(&self, digest: &ReleaseDigest) -> Result<bool, Error> {
        let mut connection = self.connection().await?;
        let deleting = async {
            let mut transaction = connection.begin().await?;
            sqlx::query(ALONE).execute(&mut *transaction).await?;
            let deleted = sqlx::query("DELETE FROM release WHERE digest = $1")
                .bind(&*digest.0)
                .execute(&mut *transaction)
                .await?;
            let files = texts(&mut transaction, "SELECT DISTINCT sha256 FROM release_file").await?;
            let contents = texts(&mut transaction, "SELECT content FROM release").await?;
            let contents = contents.iter();
            let contents = contents.map(|text| release::content(&self.place, text));
            // What cannot be read may have any file: none is removed then.
            if let Ok(contents) = contents.collect::<Result<Vec<_>, _>>() {
                sqlx::query("DELETE FROM release_file WHERE sha256 = ANY($1)")
                    .bind(release::unused(files, &contents))
                    .execute(&mut *transaction)
                    .await?;
            }
            count(&mut transaction).await?;
            transaction.commit().await?;
            Ok(deleted.rows_affected() > 0)
        };
        let deleted = timeout(CALL, deleting).await;
        self.answered(connection, deleted)
    }

    pub(super) async fn read_missing(
        &self,
        files: &[ContentFile],
    ) -> Result<Vec<FileDigest>, Error> {
        let mut connection = self.connection().await?;
        let there = timeout(CALL, bytes(&mut connection, files)).await;
        let there = self.answered(connection, there)?;
        Ok(release::missing(files, &there))
    }

    pub(super) async fn write_file(&self, digest: &FileDigest, file: &[u8]) -> Result<(), Error> {
        for parts in release::batches(file) {
            let (parts, bytes): (Vec<i64>, Vec<&[u8]>) = parts.into_iter().unzip();
            let query = sqlx::query(
                "INSERT INTO release_file (sha256, part, bytes)
                 SELECT $1, part, bytes FROM unnest($2::bigint[], $3::bytea[]) AS new (part, bytes)
                 ON CONFLICT (sha256, part) DO NOTHING",
            );
            let query = query.bind(digest.as_str()).bind(parts).bind(bytes);
            self.fetch(query).await?;
        }
        Ok(())
    }

    pub(super) async fn read_part(
        &self,
        digest: &FileDigest,
        part: u64,
    ) -> Result<Option<Vec<u8>>, Error> {
        let query = sqlx::query("SELECT bytes FROM release_file WHERE sha256 = $1 AND part = $2")
            .bind(digest.as_str())
            .bind(i64::try_from(part).unwrap_or(i64::MAX));
        let rows = self.fetch(query).await?;
        Ok(rows.first().map(|row| row.get("bytes")))
    }
}

async fn put(
    connection: &mut PgConnection,
    row: &ReleaseRow,
    manifest: &str,
    content: &str,
) -> Result<PutRelease, sqlx::Error> {
    let mut transaction = connection.begin().await?;
    sqlx::query(ALONE).execute(&mut *transaction).await?;
    let there = bytes(&mut transaction, &row.content.files).await?;
    let missing = release::missing(&row.content.files, &there);
    if !missing.is_empty() {
        return Ok(PutRelease::Missing(missing));
    }
    let before = sqlx::query("SELECT digest FROM release WHERE kind = $1 AND version = $2")
        .bind(row.id.kind.as_str())
        .bind(&*row.id.version)
        .fetch_optional(&mut *transaction)
        .await?;
    let before = before.map(|before| ReleaseId {
        digest: ReleaseDigest(before.get::<String, _>("digest").into()),
        ..row.id.clone()
    });
    if let Some(before) = before.filter(|before| *before != row.id) {
        return Ok(PutRelease::Taken(before));
    }
    let new = sqlx::query(
        "INSERT INTO release (digest, kind, version, manifest, content, pushed_by, pushed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)
         ON CONFLICT (digest) DO UPDATE SET content = excluded.content
         RETURNING xmax = 0 AS is_new",
    )
    .bind(&*row.id.digest.0)
    .bind(row.id.kind.as_str())
    .bind(&*row.id.version)
    .bind(manifest)
    .bind(content)
    .bind(row.pushed_by.as_str())
    .bind(row.pushed_at.to_string())
    .fetch_one(&mut *transaction)
    .await?;
    let is_new: bool = new.get("is_new");
    if is_new {
        count(&mut transaction).await?;
    }
    transaction.commit().await?;
    Ok(if is_new {
        PutRelease::New
    } else {
        PutRelease::Again
    })
}

/// How many bytes there are of each of these files of which there are any.
async fn bytes(
    from: &mut PgConnection,
    files: &[ContentFile],
) -> Result<HashMap<String, i64>, sqlx::Error> {
    let digests: Vec<&str> = files.iter().map(|file| file.digest.as_str()).collect();
    let rows = sqlx::query(
        "SELECT sha256, SUM(octet_length(bytes))::bigint AS bytes FROM release_file
         WHERE sha256 = ANY($1) GROUP BY sha256",
    )
    .bind(digests)
    .fetch_all(from)
    .await?;
    let rows = rows.iter();
    Ok(rows
        .map(|row| (row.get("sha256"), row.get("bytes")))
        .collect())
}

async fn texts(from: &mut PgConnection, sql: &'static str) -> Result<Vec<String>, sqlx::Error> {
    let rows = sqlx::query(sql).fetch_all(from).await?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
