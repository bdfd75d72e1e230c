//! Alarms, their rules, and relations.

use std::time::Duration;

use serde::Serialize;
use utakata_model::{AlarmId, AlarmName, Selector, Severity, TargetName, duration};

use super::{ANSWER_TIMEOUT, Client, Error};

use crate::{
    alarm::{
        Acknowledge, AlarmExplanation, AlarmReport, AlarmRuleView, AlarmTest, AlarmView, Shelve,
        TestAlarmRules,
    },
    relation::{RelationView, Topology},
};

/// Longer than the server takes to step rules through history, or to say that it is too much.
const TEST_TIMEOUT: Duration = Duration::from_secs(100);

/// A query for alarms; an absent field matches all.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct AlarmQuery {
    /// A state, or `all`; absent means those that are active.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// The severity that they have.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<Severity>,
    /// Selects the targets that they are about.
    pub selector: Selector,
    /// The alarm that explains them, or `none`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl Client {
    /// Returns alarms, the worst first.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn alarms(&self, query: &AlarmQuery) -> Result<Vec<AlarmView>, Error> {
        self.all("/v1/alarms", query).await
    }

    /// Returns one alarm.
    ///
    /// # Errors
    /// There is no alarm with this identifier.
    pub async fn alarm(&self, id: AlarmId) -> Result<AlarmView, Error> {
        self.get(&format!("/v1/alarms/{id}"), &()).await
    }

    /// Explains an alarm.
    ///
    /// # Errors
    /// There is no alarm with this identifier.
    pub async fn explain_alarm(&self, id: AlarmId) -> Result<AlarmExplanation, Error> {
        self.get(&format!("/v1/alarms/{id}/explain"), &()).await
    }

    /// Acknowledges an alarm.
    ///
    /// # Errors
    /// There is no alarm with this identifier.
    pub async fn acknowledge_alarm(
        &self,
        id: AlarmId,
        said: &Acknowledge,
    ) -> Result<AlarmView, Error> {
        let path = format!("/v1/alarms/{id}/seen");
        self.post(&path, said, ANSWER_TIMEOUT).await
    }

    /// Shelves an alarm for a time.
    ///
    /// # Errors
    /// There is no alarm with this identifier, or the time is too long.
    pub async fn shelve_alarm(&self, id: AlarmId, said: &Shelve) -> Result<AlarmView, Error> {
        let path = format!("/v1/alarms/{id}/shelve");
        self.post(&path, said, ANSWER_TIMEOUT).await
    }

    /// Takes an alarm off the shelf.
    ///
    /// # Errors
    /// There is no alarm with this identifier, or it is not shelved.
    pub async fn unshelve_alarm(
        &self,
        id: AlarmId,
        said: &Acknowledge,
    ) -> Result<AlarmView, Error> {
        let path = format!("/v1/alarms/{id}/unshelve");
        self.post(&path, said, ANSWER_TIMEOUT).await
    }

    /// Reports how good the alarms of a time until now are.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn alarm_report(&self, since: Duration) -> Result<AlarmReport, Error> {
        let query = [("since", duration::format(since))];
        self.get("/v1/alarms/report", &query).await
    }

    /// Returns all alarm rules.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn alarm_rules(&self) -> Result<Vec<AlarmRuleView>, Error> {
        self.all("/v1/alarm-rules", &()).await
    }

    /// Returns one alarm rule.
    ///
    /// # Errors
    /// There is no rule of this name.
    pub async fn alarm_rule(&self, name: &AlarmName) -> Result<AlarmRuleView, Error> {
        self.get(&format!("/v1/alarm-rules/{name}"), &()).await
    }

    /// Returns all declared relations.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn relations(&self) -> Result<Vec<RelationView>, Error> {
        self.all("/v1/relations", &()).await
    }

    /// Returns what a target depends on, and what depends on it.
    ///
    /// # Errors
    /// There is no target of this name.
    pub async fn topology(&self, around: &TargetName) -> Result<Topology, Error> {
        self.get("/v1/topology", &[("around", around)]).await
    }

    /// Finds the alarms that rules would have raised in the past.
    ///
    /// # Errors
    /// A rule is wrong, there is none of a name, or history cannot be read, or there is too much.
    pub async fn test_alarm_rules(&self, test: &TestAlarmRules) -> Result<AlarmTest, Error> {
        self.post("/v1/alarm-rules/test", test, TEST_TIMEOUT).await
    }
}
