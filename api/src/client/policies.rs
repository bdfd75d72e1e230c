//! Policies and envelopes.

use std::time::Duration;

use utakata_model::{EnvelopeName, PolicyName, TargetName};

use super::{ANSWER_TIMEOUT, Client, Error};
use crate::{
    ledger::Reason,
    policy::{
        ArmPolicy, EnvelopeView, PolicyArmed, PolicyExplanation, PolicyTest, PolicyView, TestPolicy,
    },
};

/// The deadline of a test over a long time.
const TEST_TIMEOUT: Duration = Duration::from_secs(120);

impl Client {
    /// Returns all policies.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn policies(&self) -> Result<Vec<PolicyView>, Error> {
        self.all("/v1/policies", &()).await
    }

    /// Returns one policy.
    ///
    /// # Errors
    /// There is no policy of this name.
    pub async fn policy(&self, name: &PolicyName) -> Result<PolicyView, Error> {
        self.get(&format!("/v1/policies/{name}"), &()).await
    }

    /// Tests a policy over a time of the past.
    ///
    /// # Errors
    /// There is no policy of this name, or history cannot be read.
    pub async fn test_policy(
        &self,
        name: &PolicyName,
        test: &TestPolicy,
    ) -> Result<PolicyTest, Error> {
        let path = format!("/v1/policies/{name}/test");
        self.post(&path, test, TEST_TIMEOUT).await
    }

    /// Arms a policy.
    ///
    /// # Errors
    /// There is no policy of this name, or the token is not that of its last test.
    pub async fn arm_policy(
        &self,
        name: &PolicyName,
        arm: &ArmPolicy,
    ) -> Result<PolicyArmed, Error> {
        let path = format!("/v1/policies/{name}/arm");
        self.post(&path, arm, ANSWER_TIMEOUT).await
    }

    /// Puts a policy into shadow, or switches it off (`off`): it hands back what it has changed.
    ///
    /// # Errors
    /// There is no policy of this name.
    pub async fn disarm_policy(
        &self,
        name: &PolicyName,
        verb: &str,
        reason: &Reason,
    ) -> Result<PolicyView, Error> {
        let path = format!("/v1/policies/{name}/{verb}");
        self.post(&path, reason, ANSWER_TIMEOUT).await
    }

    /// Takes the hands of all policies off.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn stop_policies(&self, reason: &Reason) -> Result<Vec<PolicyView>, Error> {
        self.post("/v1/smart-control/stop", reason, ANSWER_TIMEOUT)
            .await
    }

    /// Ends the red rule, by which no policy acts.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn resume_policies(&self, reason: &Reason) -> Result<Vec<PolicyView>, Error> {
        self.post("/v1/smart-control/resume", reason, ANSWER_TIMEOUT)
            .await
    }

    /// Explains the decisions of a policy, now or at a time of the past.
    ///
    /// # Errors
    /// There is no policy of this name, or history cannot be read.
    pub async fn explain_policy(
        &self,
        name: &PolicyName,
        at: Option<jiff::Timestamp>,
        target: Option<&TargetName>,
    ) -> Result<PolicyExplanation, Error> {
        let mut query = Vec::new();
        query.extend(at.map(|at| ("at", at.to_string())));
        query.extend(target.map(|target| ("target", target.to_string())));
        self.get(&format!("/v1/policies/{name}/explain"), &query)
            .await
    }

    /// Returns all envelopes.
    ///
    /// # Errors
    /// As every call: see [`Error`].
    pub async fn envelopes(&self) -> Result<Vec<EnvelopeView>, Error> {
        self.all("/v1/envelopes", &()).await
    }

    /// Returns one envelope.
    ///
    /// # Errors
    /// There is no envelope of this name.
    pub async fn envelope(&self, name: &EnvelopeName) -> Result<EnvelopeView, Error> {
        self.get(&format!("/v1/envelopes/{name}"), &()).await
    }
}
