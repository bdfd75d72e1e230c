//! Lists, by page or complete, and single things by name.

use jiff::Timestamp;
use reqwest::Method;
use serde::{Serialize, de::DeserializeOwned};
use utakata_model::{
    Class, CredentialName, Floor, FloorName, OperationId, Schedule, ScheduleName, Selector,
    TargetName, TaskState,
};

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::{
    history::{Aggregate, HistoryView},
    inventory::{CredentialView, Health, KindView, RotateCredential, RotationView, TargetView},
    operation::OperationView,
    page::{MAX_LIMIT, Page},
    person::Me,
    reading::ReadingView,
    task::TaskView,
};

/// A query for readings.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct ReadingQuery {
    /// The targets that were read.
    pub selector: Selector,
    /// A metric, or the beginning of its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
}

/// A question about the past; an absent field has the server's default.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct HistoryQuery {
    /// The targets that were read.
    pub selector: Selector,
    /// A metric, or the beginning of its name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metric: Option<String>,
    /// Attributes that the series must have: `hw.id=inlet,phase=*`.
    #[serde(rename = "where", skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    /// The beginning of the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// The end of the range.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<Timestamp>,
    /// The length of a step: `5m`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
    /// The figure of each step.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub aggregate: Option<Aggregate>,
    /// The label or attribute by which series are put together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// The largest number of series.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// A query for tasks; an absent field matches all.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TaskQuery {
    /// The operation that they belong to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operation: Option<OperationId>,
    /// The state that they are in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<TaskState>,
    /// The target that they are for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<TargetName>,
    /// The class of their action.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub class: Option<Class>,
}

#[derive(Serialize)]
struct Selected<'a> {
    selector: &'a Selector,
    #[serde(skip_serializing_if = "String::is_empty")]
    health: String,
}

#[derive(Serialize)]
struct PageOf<'a> {
    limit: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<&'a str>,
}

impl Client {
    /// Returns the selected targets.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn targets(&self, selector: &Selector) -> Result<Vec<TargetView>, Error> {
        self.targets_that_are(selector, &[]).await
    }

    /// Returns the selected targets of this health, or of any if none is given.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn targets_that_are(
        &self,
        selector: &Selector,
        health: &[Health],
    ) -> Result<Vec<TargetView>, Error> {
        let words: Vec<&str> = health.iter().map(|health| health.as_str()).collect();
        let health = words.join(",");
        self.all("/v1/targets", &Selected { selector, health })
            .await
    }

    /// Returns one of the selected targets, if there is any.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn any_target(&self, selector: &Selector) -> Result<Option<TargetView>, Error> {
        let query = Selected {
            selector,
            health: String::new(),
        };
        let page: Page<TargetView> = self.page("/v1/targets", &query, 1, None).await?;
        Ok(page.items.into_iter().next())
    }

    /// Returns at most `max` targets whose names follow this one, in order.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn targets_from(&self, after: &str, max: u32) -> Result<Vec<TargetView>, Error> {
        let query = Selected {
            selector: &Selector::default(),
            health: String::new(),
        };
        let after = Some(after).filter(|after| !after.is_empty());
        let page: Page<TargetView> = self.page("/v1/targets", &query, max, after).await?;
        Ok(page.items)
    }

    /// Returns one target.
    ///
    /// # Errors
    /// There is no target of this name.
    pub async fn target(&self, name: &TargetName) -> Result<TargetView, Error> {
        self.get(&format!("/v1/targets/{name}"), &()).await
    }

    /// Deletes a target.
    ///
    /// # Errors
    /// There is no target of this name.
    pub async fn delete_target(&self, name: &TargetName) -> Result<(), Error> {
        self.delete(&format!("/v1/targets/{name}")).await
    }

    /// Returns all schedules.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn schedules(&self) -> Result<Vec<Schedule>, Error> {
        self.all("/v1/schedules", &()).await
    }

    /// Returns one schedule.
    ///
    /// # Errors
    /// There is no schedule of this name.
    pub async fn schedule(&self, name: &ScheduleName) -> Result<Schedule, Error> {
        self.get(&format!("/v1/schedules/{name}"), &()).await
    }

    /// Returns all floors.
    ///
    /// # Errors
    /// The server did not answer, or refused.
    pub async fn floors(&self) -> Result<Vec<Floor>, Error> {
        self.all("/v1/floors", &()).await
    }

    /// Returns one floor.
    ///
    /// # Errors
    /// There is no floor of this name.
    pub async fn floor(&self, name: &FloorName) -> Result<Floor, Error> {
        self.get(&format!("/v1/floors/{name}"), &()).await
    }

    /// Deletes a schedule.
    ///
    /// # Errors
    /// There is no schedule of this name.
    pub async fn delete_schedule(&self, name: &ScheduleName) -> Result<(), Error> {
        self.delete(&format!("/v1/schedules/{name}")).await
    }

    /// Returns all credentials, without their secrets.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn credentials(&self) -> Result<Vec<CredentialView>, Error> {
        self.all("/v1/credentials", &()).await
    }

    /// Returns one credential, without its secrets.
    ///
    /// # Errors
    /// There is no credential of this name.
    pub async fn credential(&self, name: &CredentialName) -> Result<CredentialView, Error> {
        self.get(&format!("/v1/credentials/{name}"), &()).await
    }

    /// Gives the user of a credential another password on its device.
    ///
    /// # Errors
    /// Several targets share it, or its kind cannot do it; and as every call: see [`Error`].
    pub async fn rotate_credential(
        &self,
        name: &CredentialName,
        request: &RotateCredential,
    ) -> Result<RotationView, Error> {
        let path = format!("/v1/credentials/{name}/rotate");
        let asked = self.request(Method::POST, &path).json(request);
        self.json(&path, asked).await
    }

    /// Returns the latest change of the password of a credential.
    ///
    /// # Errors
    /// None is remembered; and as every call: see [`Error`].
    pub async fn rotation(&self, name: &CredentialName) -> Result<RotationView, Error> {
        let path = format!("/v1/credentials/{name}/rotation");
        self.get(&path, &()).await
    }

    /// Deletes a credential.
    ///
    /// # Errors
    /// There is no credential of this name, or a target uses it.
    pub async fn delete_credential(&self, name: &CredentialName) -> Result<(), Error> {
        self.delete(&format!("/v1/credentials/{name}")).await
    }

    /// Returns the person to whom the token belongs.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn me(&self) -> Result<Me, Error> {
        self.get("/v1/me", &()).await
    }

    /// Returns the kinds that at least one environment serves.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn kinds(&self) -> Result<Vec<KindView>, Error> {
        self.all("/v1/kinds", &()).await
    }

    /// Returns the latest readings.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn readings(&self, query: &ReadingQuery) -> Result<Vec<ReadingView>, Error> {
        self.all("/v1/readings", query).await
    }

    /// Returns what was seen in the past.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn history(&self, query: &HistoryQuery) -> Result<HistoryView, Error> {
        self.get("/v1/history", query).await
    }

    /// Returns the newest operations, at most `max` and never more than 1000.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn operations(&self, max: u32) -> Result<Vec<OperationView>, Error> {
        let page = self.page("/v1/operations", &(), max, None).await?;
        Ok(page.items)
    }

    /// Returns the newest tasks that match, at most `max` and never more than 1000.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn tasks(&self, query: &TaskQuery, max: u32) -> Result<Vec<TaskView>, Error> {
        let page = self.page("/v1/tasks", query, max, None).await?;
        Ok(page.items)
    }

    /// Returns all tasks that match, which may be very many.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn all_tasks(&self, query: &TaskQuery) -> Result<Vec<TaskView>, Error> {
        self.all("/v1/tasks", query).await
    }

    pub(super) async fn all<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
    ) -> Result<Vec<T>, Error> {
        let mut items = Vec::new();
        let mut cursor: Option<String> = None;
        loop {
            let page: Page<T> = self.page(path, query, MAX_LIMIT, cursor.as_deref()).await?;
            items.extend(page.items);
            match page.next {
                // The same cursor again would never end.
                Some(next) if Some(&next) != cursor.as_ref() => cursor = Some(next),
                _ => return Ok(items),
            }
        }
    }

    pub(super) async fn page<T: DeserializeOwned>(
        &self,
        path: &str,
        query: &impl Serialize,
        max: u32,
        cursor: Option<&str>,
    ) -> Result<Page<T>, Error> {
        let limit = max.clamp(1, MAX_LIMIT);
        let request = self
            .request(Method::GET, path)
            .query(query)
            .query(&PageOf { limit, cursor });
        self.json(path, request.timeout(ANSWER_TIMEOUT)).await
    }

    pub(super) async fn delete(&self, path: &str) -> Result<(), Error> {
        let request = self.request(Method::DELETE, path).timeout(ANSWER_TIMEOUT);
        self.send(request).await.map(drop)
    }
}
