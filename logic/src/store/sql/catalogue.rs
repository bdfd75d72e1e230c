//! The catalogue of releases in SQL.

use std::collections::HashMap;

use async_trait::async_trait;
use sqlx::AssertSqlSafe;
use utakata_model::{ContentFile, FileDigest, Kind, ReleaseDigest, ReleaseId};

use super::{Column, Columns, Many, Session, Sql, Statement, count, number, say};
use crate::store::{
    Catalogue, Error, Place, PutRelease, ReleaseRow, ShippedRelease,
    release::{self, ReleaseColumns},
};

/// What names a release by its digest.
const RENAMED: [&str; 4] = [
    "UPDATE release SET digest = $2 WHERE digest = $1",
    "UPDATE kind_desired SET body = replace(body, $1, $2) WHERE body LIKE '%' || $1 || '%'",
    "UPDATE rollout SET body = replace(body, $1, $2) WHERE body LIKE '%' || $1 || '%'",
    "UPDATE desired_revision SET revision = revision + 1
     WHERE CAST($1 AS TEXT) <> CAST($2 AS TEXT)",
];

const SHIPPED: &str = "release shipped with utakata";

#[async_trait]
impl<S: Sql> Catalogue for S {
    async fn releases(&self, kind: Option<&Kind>) -> Result<Vec<ReleaseRow>, Error> {
        let sql = "SELECT digest, kind, version, manifest, content, pushed_by, pushed_at
                   FROM release WHERE kind = $1 OR CAST($1 AS TEXT) IS NULL
                   ORDER BY kind, pushed_at, digest";
        let statement = Statement::new(sql).with(kind.map(Kind::as_str));
        let rows = self.fetch(statement).await?;
        rows.iter().map(|row| release(self.place(), row)).collect()
    }

    async fn release(&self, digest: &ReleaseDigest) -> Result<Option<ReleaseRow>, Error> {
        let sql = "SELECT digest, kind, version, manifest, content, pushed_by, pushed_at
                   FROM release WHERE digest = $1";
        let rows = self.fetch(Statement::new(sql).with(&*digest.0)).await?;
        let release = rows.first().map(|row| release(self.place(), row));
        release.transpose()
    }

    async fn put_release(&self, row: &ReleaseRow) -> Result<PutRelease, Error> {
        let manifest = self.place().json("manifest of a release", &row.manifest)?;
        let content = self.place().json("content of a release", &row.content)?;
        let mut to = self.begin().await?;
        let put = async {
            say(&mut to, S::ALONE).await?;
            put::<S>(&mut to, row, &manifest, &content).await
        };
        let put = put.await;
        to.end(put).await
    }

    async fn rename_release(&self, from: &ReleaseDigest, to: &ReleaseDigest) -> Result<(), Error> {
        let mut session = self.begin().await?;
        let renamed = async {
            say(&mut session, S::ALONE).await?;
            count(&mut session).await?;
            for sql in RENAMED {
                let statement = Statement::new(sql).with(&*from.0).with(&*to.0);
                session.execute(statement).await?;
            }
            Ok(())
        };
        let renamed = renamed.await;
        session.end(renamed).await
    }

    async fn delete_release(&self, digest: &ReleaseDigest) -> Result<bool, Error> {
        let mut to = self.begin().await?;
        let deleted = async {
            say(&mut to, S::ALONE).await?;
            let sql = "DELETE FROM release WHERE digest = $1";
            let deleted = to.execute(Statement::new(sql).with(&*digest.0)).await?;
            delete_unused(&mut to, self.place()).await?;
            count(&mut to).await?;
            Ok(deleted > 0)
        };
        let deleted = deleted.await;
        to.end(deleted).await
    }

    async fn missing_files(&self, files: &[ContentFile]) -> Result<Vec<FileDigest>, Error> {
        let rows = self.fetch(sizes::<S>(files)).await?;
        Ok(release::missing(files, &sizes_of(&rows)))
    }

    async fn put_file(&self, digest: &FileDigest, bytes: &[u8]) -> Result<(), Error> {
        self.check_room(bytes.len() as u64)?;
        for parts in release::batches(bytes) {
            let rows = parts.into_iter();
            let rows =
                rows.map(|(part, bytes)| vec![digest.as_str().into(), part.into(), bytes.into()]);
            let statement = Many {
                columns: &[
                    Column::Text("sha256"),
                    Column::Number("part"),
                    Column::Bytes("bytes"),
                ],
                rest: "INSERT INTO release_file (sha256, part, bytes)
                       SELECT sha256, part, bytes FROM fresh WHERE TRUE
                       ON CONFLICT (sha256, part) DO NOTHING",
                rows: rows.collect(),
            };
            // Held only for a moment each time: control is written in between.
            let mut to = self.begin().await?;
            let written = to.execute_many(statement).await;
            to.end(written).await?;
        }
        Ok(())
    }

    async fn file_part(&self, digest: &FileDigest, part: u64) -> Result<Option<Vec<u8>>, Error> {
        let sql = "SELECT bytes FROM release_file WHERE sha256 = $1 AND part = $2";
        let statement = Statement::new(sql).with(digest.as_str()).with(number(part));
        let rows = self.fetch(statement).await?;
        Ok(rows.first().map(|row| row.bytes("bytes")))
    }

    async fn shipped(&self) -> Result<Vec<ShippedRelease>, Error> {
        let sql = "SELECT body FROM shipped_release ORDER BY digest";
        let rows = self.fetch(Statement::new(sql)).await?;
        let release = |row: &S::Row| self.place().parse(SHIPPED, row.text("body"));
        rows.iter().map(release).collect()
    }

    async fn put_shipped(&self, releases: &[ShippedRelease]) -> Result<bool, Error> {
        let mut rows = Vec::with_capacity(releases.len());
        for release in releases {
            let body = self.place().json(SHIPPED, release)?;
            rows.push(vec![(&*release.id.digest.0).into(), body.into()]);
        }
        let statement = Many {
            columns: &[Column::Text("digest"), Column::Text("body")],
            rest: "INSERT INTO shipped_release (digest, body)
                   SELECT digest, body FROM fresh WHERE TRUE ON CONFLICT (digest) DO NOTHING",
            rows,
        };
        let mut to = self.begin().await?;
        let written = async {
            let new = to.execute_many(statement).await?;
            if new > 0 {
                count(&mut to).await?;
            }
            Ok(new > 0)
        };
        let written = written.await;
        to.end(written).await
    }
}

fn release(place: &Place, row: &impl Columns) -> Result<ReleaseRow, Error> {
    let columns = ReleaseColumns {
        digest: row.text("digest"),
        kind: row.text("kind"),
        version: row.text("version"),
        manifest: row.text("manifest"),
        content: row.text("content"),
        pushed_by: row.text("pushed_by"),
        pushed_at: row.text("pushed_at"),
    };
    release::release(place, &columns)
}

async fn put<S: Sql>(
    to: &mut impl Session,
    row: &ReleaseRow,
    manifest: &str,
    content: &str,
) -> Result<PutRelease, sqlx::Error> {
    let there = to.fetch(sizes::<S>(&row.content.files)).await?;
    let missing = release::missing(&row.content.files, &sizes_of(&there));
    if !missing.is_empty() {
        return Ok(PutRelease::Missing(missing));
    }
    let before = of_version(to, &row.id).await?;
    if let Some(before) = before.filter(|before| *before != row.id) {
        return Ok(PutRelease::Taken(before));
    }
    let sql = "UPDATE release SET content = $1 WHERE digest = $2";
    let update = Statement::new(sql).with(content).with(&*row.id.digest.0);
    if to.execute(update).await? > 0 {
        return Ok(PutRelease::Again);
    }
    let insert = Statement::new(
        "INSERT INTO release (digest, kind, version, manifest, content, pushed_by, pushed_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
    )
    .with(&*row.id.digest.0)
    .with(row.id.kind.as_str())
    .with(&*row.id.version)
    .with(manifest)
    .with(content)
    .with(row.pushed_by.as_str())
    .with(row.pushed_at.to_string());
    to.execute(insert).await?;
    count(to).await?;
    Ok(PutRelease::New)
}

/// Returns the release with the kind and version of this one.
async fn of_version(
    from: &mut impl Session,
    id: &ReleaseId,
) -> Result<Option<ReleaseId>, sqlx::Error> {
    let sql = "SELECT digest FROM release WHERE kind = $1 AND version = $2";
    let statement = Statement::new(sql)
        .with(id.kind.as_str())
        .with(&*id.version);
    let rows = from.fetch(statement).await?;
    Ok(rows.first().map(|row| ReleaseId {
        digest: ReleaseDigest(row.text("digest").into()),
        ..id.clone()
    }))
}

/// Deletes the files that no release has.
async fn delete_unused(from: &mut impl Session, place: &Place) -> Result<(), sqlx::Error> {
    let files = Statement::new("SELECT DISTINCT sha256 FROM release_file");
    let files = from.fetch(files).await?;
    let files = files.iter().map(|row| row.text("sha256").to_owned());
    let contents = from
        .fetch(Statement::new("SELECT content FROM release"))
        .await?;
    let contents = contents.iter();
    let contents = contents.map(|row| release::content(place, row.text("content")));
    // Unreadable content may include any file: none is removed then.
    let Ok(contents) = contents.collect::<Result<Vec<_>, _>>() else {
        return Ok(());
    };
    let unused = release::unused(files.collect(), &contents);
    let statement = Many {
        columns: &[Column::Text("sha256")],
        rest: "DELETE FROM release_file WHERE sha256 IN (SELECT sha256 FROM fresh)",
        rows: unused.into_iter().map(|file| vec![file.into()]).collect(),
    };
    from.execute_many(statement).await.map(drop)
}

/// Selects the number of stored bytes of each of these files.
fn sizes<S: Sql>(files: &[ContentFile]) -> Statement<'static> {
    let sql = format!(
        "SELECT sha256, SUM(LENGTH(bytes)) AS bytes FROM release_file WHERE sha256 {}
         GROUP BY sha256",
        S::among(1)
    );
    let digests = files.iter().map(|file| file.digest.as_str().to_owned());
    Statement::new(AssertSqlSafe(sql)).with(digests.collect::<Vec<_>>())
}

fn sizes_of<R: Columns>(rows: &[R]) -> HashMap<String, i64> {
    let size = |row: &R| (row.text("sha256").to_owned(), row.number("bytes"));
    rows.iter().map(size).collect()
}
