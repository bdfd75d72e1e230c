//! Logging in at a target with one of two passwords.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;
use utakata_model::{
    Class, CredentialName, OperationId, Origin, Outcome, OutcomeStatus, Parameters, TargetName,
    action::Rotates,
};

use super::{Rotations, decide::Login};
use crate::{
    clock,
    dispatch::{Batch, NewRead, Progress, Show},
    store::TaskRow,
};

/// The time that a login may wait for a worker.
const WAIT: Duration = Duration::from_secs(30);
/// The code of a login that a device refuses.
const REFUSED: &str = "bad-credential";

impl Rotations {
    /// Returns what the kind of a task declares about rotations, if it is served now.
    pub(super) fn rotates_of(&self, task: &TaskRow) -> Option<Rotates> {
        let known = self.context.inventory.find(&task.task.target)?;
        let served = self.context.kinds.served();
        let found = served.get(&known.target.kind, &known.target.zone)?;
        found.action(&task.task.action)?.action.rotates.clone()
    }

    /// Logs in at a target with a credential.
    pub(super) async fn log_in(
        &self,
        operation: OperationId,
        target: &TargetName,
        credential: &CredentialName,
    ) -> Login {
        match self.try_login(operation, target, credential).await {
            Ok(outcome) => judge(&outcome),
            Err(why) => Login::Unclear(why),
        }
    }

    async fn try_login(
        &self,
        operation: OperationId,
        target: &TargetName,
        credential: &CredentialName,
    ) -> Result<Outcome, String> {
        let context = &self.context;
        let known = context.inventory.find(target);
        let known = known.ok_or_else(|| format!("there is no target {target} any more"))?;
        let served = context.kinds.served();
        let (kind, zone) = (&known.target.kind, &known.target.zone);
        let found = served.get(kind, zone);
        let found = found.ok_or_else(|| served.nobody(kind, zone))?;
        let rotates = found.manifest.rotates().map(|(_, rotates)| rotates);
        let rotates = rotates.ok_or_else(|| format!("the kind {kind} changes no passwords"))?;
        let login = found.action(&rotates.login);
        let login = login.ok_or_else(|| format!("the kind {kind} has no {}", rotates.login))?;
        let entry = context
            .inventory
            .aside(known.target.as_ref().clone(), Some(credential));
        if entry.credential.is_none() {
            return Err(format!("there is no credential \"{credential}\" any more"));
        }
        let entry = Arc::new(entry);
        let given = rotates.login_parameters.clone().into_iter().collect();
        let progress = Arc::new(Progress::new(1, Show::Tasks));
        let made = clock::now();
        let timeout = login.action.timeout;
        let grace = context.dispatch.grace();
        let batch = Arc::new(Batch {
            origin: Origin::Operation(operation),
            action: rotates.login.clone(),
            class: Class::Observe,
            parameters: Parameters::new(&serde_json::Value::Object(given)),
            timeout,
            made,
            expires: made + WAIT,
            deadline: Instant::now() + WAIT + timeout + grace,
            progress: Some(Arc::clone(&progress)),
        });
        let read = NewRead::new(&entry);
        let id = read.id;
        let sent = context.dispatch.send(&batch, vec![read]).await;
        sent.map_err(|error| error.to_string())?;
        progress.wait_for(WAIT + timeout + grace * 2).await;
        let (_, mut shown) = progress.take();
        let shown = shown.remove(&id).ok_or("no worker answered in time")?;
        Ok(shown.outcome.get().clone())
    }
}

fn judge(outcome: &Outcome) -> Login {
    let problem = outcome.problem.as_ref();
    match outcome.status {
        OutcomeStatus::Succeeded => Login::Accepted,
        OutcomeStatus::Failed if problem.is_some_and(|one| &*one.code == REFUSED) => Login::Refused,
        _ => Login::Unclear(problem.map_or_else(|| "no answer".into(), ToString::to_string)),
    }
}
