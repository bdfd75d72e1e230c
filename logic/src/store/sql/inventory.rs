//! The inventory in SQL.

use async_trait::async_trait;
use indexmap::IndexMap;
use serde::de::DeserializeOwned;
use utakata_api::apply::Document;

use super::{Column, Columns, Many, Session, Sql, Statement, count};
use crate::store::{Change, Contents, Error, Inventory, Place, number::from_column};

/// The bodies to write, by name; `None` to delete.
type Bodies<'c> = IndexMap<&'c str, Option<String>>;

/// The result of changes: of several for the same thing, the last counts.
#[derive(Default)]
struct Outcome<'c> {
    targets: Bodies<'c>,
    schedules: Bodies<'c>,
    credentials: Bodies<'c>,
    relations: IndexMap<String, Option<String>>,
    alarm_rules: Bodies<'c>,
    envelopes: Bodies<'c>,
    policies: Bodies<'c>,
    floors: Bodies<'c>,
    /// Targets whose readings are deleted.
    unread: Vec<&'c str>,
}

/// The statements of a table of documents.
#[derive(Clone, Copy)]
pub(super) struct Table {
    select: &'static str,
    delete: &'static str,
    put: &'static str,
}

/// The statements of the table of this name.
macro_rules! table {
    ($name:literal) => {
        Table {
            select: concat!("SELECT body FROM ", $name, " ORDER BY name"),
            delete: concat!(
                "DELETE FROM ",
                $name,
                " WHERE name IN (SELECT name FROM fresh)"
            ),
            put: concat!(
                "INSERT INTO ",
                $name,
                " (name, body) SELECT name, body FROM fresh WHERE TRUE
                 ON CONFLICT (name) DO UPDATE SET body = excluded.body"
            ),
        }
    };
}

const TARGETS: Table = table!("target");
const SCHEDULES: Table = table!("schedule");
pub(super) const CREDENTIALS: Table = table!("credential");
const RELATIONS: Table = table!("relation");
const ALARM_RULES: Table = table!("alarm_rule");
const ENVELOPES: Table = table!("envelope");
const POLICIES: Table = table!("policy");
const FLOORS: Table = table!("floor");
const DELETE_READINGS: &str = "DELETE FROM reading WHERE target IN (SELECT name FROM fresh)";

#[async_trait]
impl<S: Sql> Inventory for S {
    async fn inventory(&self) -> Result<Contents, Error> {
        let mut moment = self.moment().await?;
        let rows = async {
            let targets = moment.fetch(Statement::new(TARGETS.select)).await?;
            let schedules = moment.fetch(Statement::new(SCHEDULES.select)).await?;
            let credentials = moment.fetch(Statement::new(CREDENTIALS.select)).await?;
            let relations = moment.fetch(Statement::new(RELATIONS.select)).await?;
            let rules = moment.fetch(Statement::new(ALARM_RULES.select)).await?;
            let envelopes = moment.fetch(Statement::new(ENVELOPES.select)).await?;
            let policies = moment.fetch(Statement::new(POLICIES.select)).await?;
            let floors = moment.fetch(Statement::new(FLOORS.select)).await?;
            let documents = (rules, envelopes, policies, floors);
            Ok((targets, schedules, credentials, relations, documents))
        };
        let rows = rows.await;
        let (targets, schedules, credentials, relations, documents) = moment.end(rows).await?;
        let (rules, envelopes, policies, floors) = documents;
        Ok(Contents {
            targets: bodies(self.place(), "target", &targets)?,
            schedules: bodies(self.place(), "schedule", &schedules)?,
            credentials: bodies(self.place(), "credential", &credentials)?,
            relations: bodies(self.place(), "relation", &relations)?,
            alarm_rules: bodies(self.place(), "alarm rule", &rules)?,
            envelopes: bodies(self.place(), "envelope", &envelopes)?,
            policies: bodies(self.place(), "policy", &policies)?,
            floors: bodies(self.place(), "floor", &floors)?,
        })
    }

    async fn change(&self, changes: &[Change]) -> Result<(), Error> {
        if changes.is_empty() {
            return Ok(());
        }
        let outcome = outcome(changes, self.place())?;
        let had_secrets = !outcome.credentials.is_empty();
        let mut to = self.begin().await?;
        let made = make(&mut to, outcome).await;
        to.end(made).await?;
        if had_secrets {
            self.shorten_log().await;
        }
        Ok(())
    }

    async fn inventory_version(&self) -> Result<u64, Error> {
        let sql = "SELECT value FROM counter WHERE name = 'inventory'";
        let rows = self.fetch(Statement::new(sql)).await?;
        let version = rows.first().map_or(0, |row| row.number("value"));
        Ok(from_column(version))
    }
}

fn bodies<T: DeserializeOwned>(
    place: &Place,
    what: &'static str,
    rows: &[impl Columns],
) -> Result<Vec<T>, Error> {
    rows.iter()
        .map(|row| place.parse(what, row.text("body")))
        .collect()
}

fn outcome<'c>(changes: &'c [Change], place: &Place) -> Result<Outcome<'c>, Error> {
    let mut outcome = Outcome::default();
    for change in changes {
        let (bodies, name, body) = match change {
            Change::Put(Document::Target(target)) => {
                let body = place.json("target", target)?;
                (&mut outcome.targets, target.name.as_str(), Some(body))
            }
            Change::Put(Document::Schedule(schedule)) => {
                let body = place.json("schedule", schedule)?;
                (&mut outcome.schedules, schedule.name.as_str(), Some(body))
            }
            Change::PutCredential(credential) => {
                let body = place.json("credential", credential)?;
                let name = credential.name.as_str();
                (&mut outcome.credentials, name, Some(body))
            }
            Change::Put(Document::Credential(credential)) => {
                return Err(Error::Clear {
                    place: place.clone(),
                    credential: credential.name.clone(),
                });
            }
            Change::Put(Document::Alarm(rule)) => {
                let body = place.json("alarm rule", rule)?;
                (&mut outcome.alarm_rules, rule.name.as_str(), Some(body))
            }
            Change::Put(Document::Envelope(envelope)) => {
                let body = place.json("envelope", envelope)?;
                (&mut outcome.envelopes, envelope.name.as_str(), Some(body))
            }
            Change::Put(Document::Policy(policy)) => {
                let body = place.json("policy", policy)?;
                (&mut outcome.policies, policy.name.as_str(), Some(body))
            }
            Change::Put(Document::Floor(floor)) => {
                let body = place.json("floor", floor)?;
                (&mut outcome.floors, floor.name.as_str(), Some(body))
            }
            Change::Put(Document::Relation(relation)) => {
                let body = place.json("relation", relation)?;
                let name = relation.key().to_string();
                outcome.relations.insert(name, Some(body));
                continue;
            }
            Change::DeleteRelation(key) => {
                outcome.relations.insert(key.to_string(), None);
                continue;
            }
            Change::DeleteAlarmRule(name) => (&mut outcome.alarm_rules, name.as_str(), None),
            Change::DeleteEnvelope(name) => (&mut outcome.envelopes, name.as_str(), None),
            Change::DeletePolicy(name) => (&mut outcome.policies, name.as_str(), None),
            Change::DeleteFloor(name) => (&mut outcome.floors, name.as_str(), None),
            Change::DeleteTarget(name) => {
                outcome.unread.push(name.as_str());
                (&mut outcome.targets, name.as_str(), None)
            }
            Change::DeleteSchedule(name) => (&mut outcome.schedules, name.as_str(), None),
            Change::DeleteCredential(name) => (&mut outcome.credentials, name.as_str(), None),
        };
        bodies.insert(name, body);
    }
    Ok(outcome)
}

async fn make(to: &mut impl Session, outcome: Outcome<'_>) -> Result<(), sqlx::Error> {
    count(to).await?;
    delete(to, DELETE_READINGS, outcome.unread).await?;
    let relations = outcome.relations.iter();
    let relations = relations.map(|(name, body)| (name.as_str(), body.clone()));
    let tables = [
        (outcome.targets, TARGETS),
        (outcome.schedules, SCHEDULES),
        (outcome.credentials, CREDENTIALS),
        (relations.collect(), RELATIONS),
        (outcome.alarm_rules, ALARM_RULES),
        (outcome.envelopes, ENVELOPES),
        (outcome.policies, POLICIES),
        (outcome.floors, FLOORS),
    ];
    for (bodies, table) in tables {
        let (gone, put): (Bodies<'_>, Bodies<'_>) =
            bodies.into_iter().partition(|(_, body)| body.is_none());
        delete(to, table.delete, gone.into_keys().collect()).await?;
        let rows = put.into_iter();
        let rows = rows.filter_map(|(name, body)| Some((name, body?)));
        put_bodies(to, table, rows.collect()).await?;
    }
    Ok(())
}

pub(super) async fn put_bodies(
    to: &mut impl Session,
    table: Table,
    rows: Vec<(&str, String)>,
) -> Result<(), sqlx::Error> {
    let rows = rows.into_iter();
    let statement = Many {
        columns: &[Column::Text("name"), Column::Text("body")],
        rest: table.put,
        rows: rows
            .map(|(name, body)| vec![name.into(), body.into()])
            .collect(),
    };
    to.execute_many(statement).await.map(drop)
}

async fn delete(
    from: &mut impl Session,
    rest: &'static str,
    names: Vec<&str>,
) -> Result<(), sqlx::Error> {
    let statement = Many {
        columns: &[Column::Text("name")],
        rest,
        rows: names.into_iter().map(|name| vec![name.into()]).collect(),
    };
    from.execute_many(statement).await.map(drop)
}
