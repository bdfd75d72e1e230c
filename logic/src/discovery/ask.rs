//! The parts of a run: ordinary observe tasks about no target, one after the other for each kind.

use std::{net::IpAddr, sync::Arc, time::Duration};

use futures::future;
use serde_json::json;
use tokio::time::Instant;
use utakata_model::{
    ActionName, Class, DiscoveryAnswer, Kind, Origin, OutcomeStatus, Parameters, Target,
    TargetName,
    action::DISCOVER,
    discovery::{ADDRESSES_MAX, FOUND_MAX, PER_SECOND_MAX},
};

use super::{Discovery, Run, Sighting};
use crate::{
    clock,
    dispatch::{Batch, NewRead, Progress, Show},
};

/// The time within which the addresses of one part are begun with: a run ends that soon after it
/// was cancelled.
const PART: u32 = 6;
/// The longest time that the last addresses of a part take.
const LAST: Duration = Duration::from_secs(30);
/// The time that a part may wait for a worker.
const WAIT: Duration = Duration::from_secs(30);
/// The number of parts in a row that may go wrong.
const FAILURES_MAX: u32 = 2;

/// The answer to a part.
struct Part {
    asked: u64,
    found: Vec<Sighting>,
}

impl Discovery {
    /// Asks all addresses of a run, for all kinds at the same time.
    pub(super) async fn carry_out(self: Arc<Self>, run: Arc<Run>) {
        let kinds = run.kinds();
        let all = kinds.iter().map(|kind| self.ask_all(&run, kind));
        future::join_all(all).await;
        run.end(clock::now());
        let view = run.view();
        let found: u64 = view.kinds.iter().map(|kind| kind.found).sum();
        tracing::info!(id = %run.id, addresses = view.addresses, found, "a discovery has ended");
    }

    async fn ask_all(&self, run: &Run, kind: &Kind) {
        let rate = run.request.per_second.unwrap_or(PER_SECOND_MAX);
        let size = usize::try_from(rate * PART).unwrap_or(ADDRESSES_MAX);
        let mut failures = 0;
        for part in run.addresses.chunks(size.clamp(1, ADDRESSES_MAX)) {
            if run.cancel.is_cancelled() {
                return;
            }
            let asked = match self.ask_part(run, kind, part).await {
                Ok(asked) => asked,
                Err(problem) => {
                    failures += 1;
                    if failures >= FAILURES_MAX {
                        run.fail(kind, problem);
                        return;
                    }
                    continue;
                }
            };
            failures = 0;
            let found = asked.found.len() as u64;
            if found > 0
                && let Err(error) = self.keep(asked.found).await
            {
                let cure = error.cure();
                run.fail(
                    kind,
                    format!("what was found could not be kept: {error}; {cure}"),
                );
                return;
            }
            run.advance(kind, asked.asked, found);
        }
    }

    /// Asks some addresses, by a worker of the kind.
    ///
    /// # Errors
    /// A sentence about the reason why they were not asked.
    async fn ask_part(&self, run: &Run, kind: &Kind, part: &[IpAddr]) -> Result<Part, String> {
        let request = &run.request;
        let context = &self.context;
        let credential = request.credential.as_ref();
        let _use = credential.map(|name| context.inventory.use_aside(name, &request.zone));
        let rate = request.per_second.unwrap_or(PER_SECOND_MAX);
        let mut parameters = json!({ "addresses": part, "per_second": rate });
        if let (Some(port), Some(parameters)) = (request.port, parameters.as_object_mut()) {
            parameters.insert("port".into(), port.into());
        }
        let outcome = self.dispatch(run, kind, &parameters).await?;
        let answer: DiscoveryAnswer =
            serde_json::from_str(&outcome).map_err(|error| error.to_string())?;
        let now = clock::now();
        let found = answer.found.into_iter().filter_map(|one| one.bounded());
        let found = found.take(part.len() * FOUND_MAX).map(|found| Sighting {
            zone: request.zone.clone(),
            kind: kind.clone(),
            credential: request
                .credential
                .clone()
                .filter(|_| !found.wants_credential),
            found,
            first: now,
            last: now,
            dismissed: None,
        });
        Ok(Part {
            asked: u64::from(answer.asked).min(part.len() as u64),
            found: found.collect(),
        })
    }

    /// Sends a task about no target, and returns the result of its outcome.
    async fn dispatch(
        &self,
        run: &Run,
        kind: &Kind,
        parameters: &serde_json::Value,
    ) -> Result<String, String> {
        let dispatch = &self.context.dispatch;
        let parameters = Parameters::new(parameters);
        let action: ActionName = DISCOVER.parse().map_err(|error| format!("{error}"))?;
        let name = format!("discovery-{}-{kind}", run.id);
        let name = TargetName::new(name).map_err(|error| error.to_string())?;
        let target = Target {
            zone: run.request.zone.clone(),
            // It asks these addresses and no others: what it has of the credential is for them.
            ..Target::new(name, kind.clone(), parameters.as_str().to_owned())
        };
        let credential = run.request.credential.as_ref();
        let entry = self.context.inventory.aside(target, credential);
        if let Some(name) = credential.filter(|_| entry.credential.is_none()) {
            return Err(format!("there is no credential \"{name}\" any more"));
        }
        let entry = Arc::new(entry);
        let progress = Arc::new(Progress::new(1, Show::Tasks));
        let timeout = Duration::from_secs(PART.into()) + LAST;
        let made = clock::now();
        let batch = Arc::new(Batch {
            origin: Origin::Operation(run.id),
            action,
            class: Class::Observe,
            parameters,
            timeout,
            made,
            expires: made + WAIT,
            deadline: Instant::now() + WAIT + timeout + dispatch.grace(),
            progress: Some(Arc::clone(&progress)),
        });
        let read = NewRead::new(&entry);
        let key = read.id;
        let sent = dispatch.send(&batch, vec![read]).await;
        sent.map_err(|error| error.to_string())?;
        progress
            .wait_for(WAIT + timeout + dispatch.grace() * 2)
            .await;
        let (_, mut shown) = progress.take();
        let shown = shown.remove(&key).ok_or("no worker answered in time")?;
        let outcome = shown.outcome.get();
        match (outcome.status, &outcome.result) {
            (OutcomeStatus::Succeeded, Some(result)) => Ok(result.get().to_owned()),
            _ => {
                let problem = outcome.problem.as_ref();
                Err(problem.map_or_else(|| "no answer".into(), ToString::to_string))
            }
        }
    }
}
