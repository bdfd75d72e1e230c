//! Control: an action that changes something, on selected targets, recorded before it is sent.

mod error;
mod feeds;
mod keys;
mod may;
mod plan;
mod policy;
mod refusals;
mod rotate;
mod secret;
pub mod token;
pub mod undo;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use utakata_api::{
    operation::{Control as ControlRequest, Plan, PlannedTask, UnpoweredTarget},
    person::Refusal,
};
use utakata_model::{
    ActionName, Class, Operation, OperationId, Pace, Parameters, PersonName, PolicyName, Priority,
    Reading, Selector, TargetName, TaskId, manifest::Risk,
};

pub use error::Error;
pub use feeds::Unpowered;
pub use policy::{HandBackOf, PolicyOperation};
pub use rotate::RotateRequest;

use crate::{
    config::{self, Approval},
    dispatch::{Progress, Show},
    inventory::{Inventory, SecretParameters, TargetEntry},
    kinds::{Kinds, ServedAction},
    ledger::{self, Ledger},
    observe::WAIT_MAX,
    observed::{LastSeen, Observed},
    pace,
    rights::{Actor, Rights},
    store::{self, ControlTask},
};
use keys::Keys;
use refusals::Refusals;
use token::PlanToken;

/// The number of targets without power that a plan lists.
const MAX_UNPOWERED: usize = 1_000;

/// The service for operations that change something. Cheap to share.
pub struct Control {
    config: config::Control,
    rooms: Rooms,
    keys: Keys,
    refusals: Refusals,
}

/// The services that control depends on.
pub struct Rooms {
    pub inventory: Arc<Inventory>,
    pub observed: Arc<Observed>,
    pub kinds: Arc<Kinds>,
    pub store: Arc<dyn store::Ledger>,
    pub ledger: Ledger,
}

/// The result of a request.
#[derive(Debug)]
pub enum Answer {
    /// The plan, if the request was a dry run.
    Plan(Plan),
    /// A new operation, recorded and under way.
    Operation(OperationId),
    /// An earlier operation under the same key, which is not done again.
    Known(OperationId),
}

/// An operation that is about to be recorded.
struct OperationRequest {
    selector: Selector,
    action: ActionName,
    parameters: serde_json::Value,
    pace: Pace,
    priority: Priority,
    why: Option<String>,
    by: Option<Actor>,
    undoes: Option<OperationId>,
    renews: Option<OperationId>,
    because: Vec<PolicyName>,
    within: Option<Duration>,
    key: Option<String>,
    policy: Option<PolicyName>,
    break_glass: bool,
}

impl OperationRequest {
    fn of(requested: ControlRequest, parameters: serde_json::Value, by: Option<Actor>) -> Self {
        Self {
            selector: requested.selector,
            action: requested.action,
            parameters,
            pace: requested.pace,
            priority: requested.priority,
            why: requested.why,
            by,
            undoes: None,
            renews: None,
            because: Vec::new(),
            within: requested.within,
            key: requested.key,
            policy: None,
            break_glass: requested.break_glass,
        }
    }
}

/// The confirmations in a request.
struct Confirmation<'a> {
    plan: Option<&'a str>,
    expect: Option<u64>,
    /// The token of the present plan.
    token: &'a str,
    /// The present number of targets.
    count: usize,
}

impl Control {
    /// Creates the service, with nothing under way.
    pub fn new(config: config::Control, rooms: Rooms) -> Self {
        Self {
            config,
            rooms,
            keys: Keys::default(),
            refusals: Refusals::default(),
        }
    }

    /// Returns the last request of a person that was refused.
    pub fn refusal(&self, person: &PersonName) -> Option<Refusal> {
        self.refusals.of(person)
    }

    /// Remembers a refusal.
    fn refused(&self, by: &PersonName, what: impl FnOnce() -> String, error: &Error) {
        // The request may still be done elsewhere, or once its fate is known.
        if !matches!(error, Error::Elsewhere | Error::Ending | Error::InDoubt(_)) {
            self.refusals.note(by, what(), error.to_string());
        }
    }

    /// Carries out a request, as far as its requester has the rights, or returns its plan; waits for
    /// the outcomes as long as requested. An operation that it returns is in the store.
    ///
    /// # Errors
    /// Nothing was sent: the mistakes, for every target.
    pub async fn ask(
        &self,
        requested: ControlRequest,
        by: Option<Actor>,
        rights: &Rights,
    ) -> Result<Answer, Error> {
        let what = format!("{} on {}", requested.action, requested.selector);
        let name = by.as_ref().map(|by| by.name.clone());
        let answer = self.answer(requested, by, rights).await;
        if let (Err(error), Some(by)) = (&answer, &name) {
            self.refused(by, || what, error);
        }
        answer
    }

    async fn answer(
        &self,
        mut requested: ControlRequest,
        by: Option<Actor>,
        rights: &Rights,
    ) -> Result<Answer, Error> {
        if requested.wait > WAIT_MAX {
            return Err(Error::Wait);
        }
        if requested.selector.is_everything() {
            return Err(Error::Everything);
        }
        let key = requested.key.clone().filter(|_| !requested.dry_run);
        // Held until the operation is recorded: otherwise two requests would both find that the key
        // is new.
        let held = match &key {
            Some(key) => Some(self.keys.hold(key).await),
            None => None,
        };
        if let Some(key) = &key
            && let Some(id) = self
                .earlier_request(key, &requested, by.as_ref().map(|by| &by.name))
                .await?
        {
            drop(held);
            if !requested.wait.is_zero() {
                self.rooms.ledger.wait_for(id, requested.wait).await;
            }
            return Ok(Answer::Known(id));
        }
        let selection = self.rooms.inventory.select(&requested.selector);
        if selection.is_empty() {
            let selector = requested.selector;
            return Err(Error::SelectsNothing { selector });
        }
        may::select(rights, &selection)?;
        let served = self.rooms.kinds.served();
        let parameters = serde_json::Value::Object(requested.parameters.clone());
        let planned = plan::plan(&requested.action, &parameters, &selection, &served)
            .map_err(|problems| Error::Impossible { problems })?;
        may::control(rights, &planned)?;
        // From here on nothing has their values but this.
        let secrets = secret::take(&mut requested.parameters, &planned);
        let parameters = serde_json::Value::Object(requested.parameters.clone());
        plan::pace(&requested.pace, &selection)
            .map_err(|problems| Error::Impossible { problems })?;
        let unpowered = self.unpowered(&parameters, &planned);
        let view = self.view(&requested, &parameters, &planned, &unpowered);
        if requested.dry_run {
            return Ok(Answer::Plan(view));
        }
        self.meant(&Confirmation {
            plan: requested.plan.as_deref(),
            expect: requested.expect,
            token: &view.token,
            count: view.targets.len(),
        })?;
        // Whoever gives the token of a plan has seen it.
        let refused = unpowered.into_iter().filter(Unpowered::is_refused);
        let unpowered: Vec<Unpowered> = refused.collect();
        if requested.plan.is_none() && !unpowered.is_empty() {
            return Err(Error::EveryFeed { unpowered });
        }
        let wait = requested.wait;
        let new = OperationRequest::of(requested, parameters, by);
        let (id, progress) = self.begin(new, secrets, &planned).await?;
        drop(held);
        if !wait.is_zero() {
            progress.wait_for(wait).await;
        }
        Ok(Answer::Operation(id))
    }

    /// Returns the earlier operation under the same key.
    async fn earlier_request(
        &self,
        key: &str,
        requested: &ControlRequest,
        by: Option<&PersonName>,
    ) -> Result<Option<OperationId>, Error> {
        let Some(id) = self.rooms.store.operation_by_key(key).await? else {
            return Ok(None);
        };
        let before = self.rooms.store.operation(id).await?;
        let keys = self.rooms.inventory.secrets();
        let is_same = before.is_some_and(|before| {
            let operation = &before.operation;
            // Nobody tries by it which password somebody else has set.
            let may_compare = operation.secrets.is_empty() || operation.by.as_ref() == by;
            operation.selector == requested.selector
                && operation.action.as_ref() == Some(&requested.action)
                && may_compare
                && secret::has_parameters_of(operation, &requested.parameters, keys)
        });
        match is_same {
            true => Ok(Some(id)),
            false => Err(Error::Key { id }),
        }
    }

    /// Returns the plan, with the present value of each target.
    fn view(
        &self,
        requested: &ControlRequest,
        parameters: &serde_json::Value,
        planned: &[plan::PlannedTarget<'_>],
        unpowered: &[Unpowered],
    ) -> Plan {
        let targets = self.planned_tasks(parameters, planned);
        let what = token::PlannedRequest {
            selector: &requested.selector,
            action: &requested.action,
            parameters,
            pace: &requested.pace,
            priority: requested.priority,
        };
        Plan {
            token: plan_token(&what, planned.iter().zip(&targets)).to_string(),
            targets,
            many: self.config.many as u64,
            needs_approval: self.needs_approval(planned),
            unpowered: unpowered
                .iter()
                .take(MAX_UNPOWERED)
                .map(|one| UnpoweredTarget {
                    target: one.target.clone(),
                    feeds: one.feeds.clone(),
                    by_labels: one.is_derived,
                })
                .collect(),
        }
    }

    /// Returns the targets that would lose every feed. An action of low risk takes none away.
    fn unpowered(
        &self,
        parameters: &serde_json::Value,
        planned: &[plan::PlannedTarget<'_>],
    ) -> Vec<Unpowered> {
        let risky = planned
            .iter()
            .filter(|(_, (_, action))| action.action.risk == Risk::High);
        let touched: BTreeSet<&TargetName> = risky.map(|(known, _)| &known.target.name).collect();
        if touched.is_empty() {
            return Vec::new();
        }
        let outlet = feeds::outlet(parameters);
        feeds::unpowered(&self.rooms.inventory.graph(), &touched, outlet.as_deref())
    }

    fn planned_tasks(
        &self,
        parameters: &serde_json::Value,
        planned: &[plan::PlannedTarget<'_>],
    ) -> Vec<PlannedTask> {
        let task = |(known, (served, action)): &plan::PlannedTarget<'_>| {
            let today = |seen: &LastSeen| today(seen, action, parameters);
            let today = self.rooms.observed.look(known.device, today);
            PlannedTask {
                target: known.target.name.clone(),
                release: served.release.clone(),
                metric: today.as_ref().map(|reading| reading.metric.clone()),
                unit: today.as_ref().map(|reading| reading.unit.clone()),
                today: today.map(|reading| reading.value),
            }
        };
        planned.iter().map(task).collect()
    }

    /// Guards against slips: many targets, or a plan that differs from the one shown.
    fn meant(&self, meant: &Confirmation<'_>) -> Result<(), Error> {
        if let Some(shown) = meant.plan {
            let (shown, now): (PlanToken, PlanToken) = (shown.parse()?, meant.token.parse()?);
            shown.check(&now)?;
        }
        let (count, max) = (meant.count, self.config.many);
        let is_meant = meant.plan.is_some() || meant.expect == Some(count as u64);
        if let Some(expect) = meant.expect.filter(|expect| *expect != count as u64) {
            return Err(Error::Expected { count, expect });
        }
        if count > max && !is_meant {
            return Err(Error::Many { count, max });
        }
        Ok(())
    }

    fn needs_approval(&self, planned: &[plan::PlannedTarget<'_>]) -> bool {
        let is_high = |(_, (_, action)): &plan::PlannedTarget<'_>| action.action.risk == Risk::High;
        match self.config.approval {
            Approval::Never => false,
            Approval::High => planned.iter().any(is_high),
            Approval::Always => true,
        }
    }

    /// Records an operation and lets it begin. Its secret parameters are kept before: what is
    /// recorded can be carried out.
    async fn begin(
        &self,
        new: OperationRequest,
        secrets: SecretParameters,
        planned: &[plan::PlannedTarget<'_>],
    ) -> Result<(OperationId, Arc<Progress>), Error> {
        let mut plan = self.planned(new, planned);
        let (id, progress) = (plan.operation.id, Arc::clone(&plan.progress));
        if !secrets.is_empty() {
            let inventory = &self.rooms.inventory;
            plan.operation.secrets = secret::marks(id, &secrets, inventory.secrets());
            let zones = planned.iter().map(|(known, _)| &known.target.zone);
            let zones = zones.collect::<BTreeSet<_>>();
            inventory.hold(id, secrets, &zones).await?;
        }
        self.rooms.ledger.plan(plan).await?;
        Ok((id, progress))
    }

    /// Returns an operation as the ledger plans it.
    fn planned(
        &self,
        new: OperationRequest,
        planned: &[plan::PlannedTarget<'_>],
    ) -> ledger::OperationPlan {
        let (by, makers) = new
            .by
            .map_or_else(Default::default, |by| (Some(by.name), by.makers));
        let operation = Operation {
            id: OperationId::generate(),
            selector: new.selector,
            action: Some(new.action),
            class: Class::Control,
            parameters: new.parameters,
            secrets: BTreeMap::new(),
            requested: crate::clock::now(),
            why: new.why,
            by,
            makers,
            pace: new.pace,
            priority: new.priority,
            undoes: new.undoes,
            renews: new.renews,
            rotates: None,
            because: new.because,
            policy: new.policy,
            break_glass: new.break_glass,
        };
        let tasks = self.tasks(&operation, new.within, planned);
        ledger::OperationPlan {
            needs_approval: self.needs_approval(planned),
            progress: Arc::new(Progress::new(tasks.len(), Show::Counts)),
            tasks,
            key: new.key,
            operation,
        }
    }

    /// Creates the tasks of an operation, in the order in which they begin.
    fn tasks(
        &self,
        operation: &Operation,
        within: Option<Duration>,
        planned: &[plan::PlannedTarget<'_>],
    ) -> Vec<ControlTask> {
        let parameters = Parameters::new(&operation.parameters);
        let mut targets: Vec<(&Arc<TargetEntry>, &ServedAction)> = planned
            .iter()
            .map(|(known, (_, action))| (*known, *action))
            .collect();
        pace::sort(&operation.pace, &mut targets, |(known, _)| &known.target);
        let lifetime = within.unwrap_or(self.config.lifetime);
        let task = |(known, action): (&Arc<TargetEntry>, &ServedAction)| {
            let id = TaskId::generate();
            let paced = pace::Paced::new(&operation.pace, id, &known.target);
            ControlTask {
                id,
                operation: operation.id,
                target: known.target.name.clone(),
                address: Some(known.target.address.to_string()),
                kind: known.target.kind.clone(),
                action: action.action.name.clone(),
                parameters: parameters.clone(),
                timeout: action.action.timeout,
                made: operation.requested,
                expires: operation.requested + self.config.patience.max(lifetime),
                lifetime,
                priority: operation.priority,
                paced: paced.values,
                repeat: action.action.repeat,
                verify: action.action.verify.clone(),
                undo: action.action.undo.clone(),
                risk: action.action.risk,
            }
        };
        targets.into_iter().map(task).collect()
    }
}

/// Returns the latest reading that an action changes, as far as it is known.
fn today(
    seen: &LastSeen,
    action: &ServedAction,
    parameters: &serde_json::Value,
) -> Option<Reading> {
    let verify = action.action.verify.as_ref()?;
    let last = seen.actions.iter().map(|by| &by.last);
    // Any read may show it, whichever was the latest.
    let shows = last.filter_map(|last| {
        let reading = utakata_permit::evidence::current_reading(verify, parameters, last)?;
        Some((last.time, reading))
    });
    shows
        .max_by_key(|(time, _)| *time)
        .map(|(_, reading)| reading.clone())
}

fn plan_token<'a>(
    requested: &token::PlannedRequest<'_>,
    targets: impl Iterator<Item = (&'a plan::PlannedTarget<'a>, &'a PlannedTask)>,
) -> PlanToken {
    let touched = targets.map(|((known, _), one)| token::Touched {
        target: &known.target,
        release: &one.release,
        today: one.today.as_ref(),
    });
    PlanToken::new(requested, touched)
}
