//! Opening a database, with errors that users can act on.

use std::{sync::Arc, time::Duration};

use sqlx::{ConnectOptions, Connection, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;

use super::{
    Postgres,
    connection::{CONNECT_TIMEOUT, STATEMENT_TIMEOUT, late},
    error::sort,
    identity::Identity,
};
use crate::{
    config::Url,
    store::{Database, Error, Place, migrations::OF_POSTGRES},
};

/// The time that another process may take to migrate the database.
const MIGRATION_TIMEOUT: Duration = Duration::from_secs(120);

pub(super) async fn open(url: &Url) -> Result<Postgres, Error> {
    let place = place(url.options());
    let options = url.options().clone().application_name("utakata");
    let options = options.disable_statement_logging();
    // Under a different name: it does not use the store.
    let start = limited(&options, MIGRATION_TIMEOUT).application_name("utakata start");
    let mut connection = connect(&place, &start).await?;
    migrate(&place, &mut connection).await?;
    let identity = timeout(CONNECT_TIMEOUT, Identity::read(&mut connection)).await;
    let identity = identity.unwrap_or_else(|_| Err(late()));
    let identity = identity.map_err(|error| sort(&place, error))?;
    // Nothing depends on a clean disconnect.
    let _ = timeout(CONNECT_TIMEOUT, connection.close()).await;
    let options = limited(&options, STATEMENT_TIMEOUT);
    Ok(Postgres::new(place, options, identity))
}

fn place(options: &PgConnectOptions) -> Place {
    let user = options.get_username().to_owned();
    Place::Database(Arc::new(Database {
        host: options.get_host().to_owned(),
        port: options.get_port(),
        name: options.get_database().unwrap_or(&user).to_owned(),
        user,
    }))
}

/// PostgreSQL itself aborts what takes too long: abandoned statements must not remain.
fn limited(options: &PgConnectOptions, limit: Duration) -> PgConnectOptions {
    let limit = format!("{}ms", limit.as_millis());
    options.clone().options([
        ("statement_timeout", &limit),
        ("idle_in_transaction_session_timeout", &limit),
    ])
}

pub(super) async fn connect(
    place: &Place,
    options: &PgConnectOptions,
) -> Result<PgConnection, Error> {
    let connected = timeout(CONNECT_TIMEOUT, options.connect()).await;
    let connected = connected.unwrap_or_else(|_| Err(late()));
    connected.map_err(|error| sort(place, error))
}

async fn migrate(place: &Place, connection: &mut PgConnection) -> Result<(), Error> {
    // The library holds a lock of the database meanwhile.
    let migrated = timeout(MIGRATION_TIMEOUT, OF_POSTGRES.run(connection)).await;
    let migrated = migrated.unwrap_or_else(|_| Err(late().into()));
    migrated.map_err(|error| Error::migrating(place, &OF_POSTGRES, error, sort))
}
