//! The migrations of each dialect: see `build.rs`.

use std::{borrow::Cow, sync::LazyLock};

use sqlx::{
    SqlStr,
    migrate::{Migration, MigrationType, Migrator},
};

include!(concat!(env!("OUT_DIR"), "/migrations.rs"));

/// Those of a SQLite file.
pub(super) static OF_SQLITE: LazyLock<Migrator> = LazyLock::new(|| migrator(SQLITE));
/// Those of a PostgreSQL database.
pub(super) static OF_POSTGRES: LazyLock<Migrator> = LazyLock::new(|| migrator(POSTGRES));

fn migrator(migrations: &[(i64, &'static str, &'static str)]) -> Migrator {
    let migration = |(version, name, sql): &(i64, &'static str, &'static str)| {
        Migration::new(
            *version,
            Cow::Borrowed(*name),
            MigrationType::Simple,
            SqlStr::from_static(sql),
            false,
        )
    };
    Migrator {
        migrations: migrations.iter().map(migration).collect(),
        ..Migrator::DEFAULT
    }
}
