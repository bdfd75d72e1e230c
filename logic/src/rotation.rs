//! Rotation: the user of a credential gets another password on its device.
//!
//! ```text
//! draw a password ─► seal it in the store ─► record the operation ─► a worker sets it
//!                                                                         │
//!            the credential has it, in one step ◄── it logs in ◄── try it, and the old one
//! ```
//!
//! Everything that has to survive is in the store: the operation in the ledger, the new password
//! among the credentials, apart. Whoever keeps the ledger goes on from there.

mod decide;
mod error;
mod login;

use std::{collections::HashMap, sync::Arc, time::Duration};

use parking_lot::Mutex;
use tokio::{task::JoinSet, time::Instant};
use tokio_util::sync::CancellationToken;
use utakata_api::{
    inventory::{RotationState, RotationView},
    ledger::Attribution,
};
use utakata_model::{CredentialName, OperationId, TargetName, chain};

use self::decide::{Fate, Login, Step, decide};
pub use self::error::Error;
use crate::{
    audit::{RotationNote, SiteNote},
    clock,
    control::{Control, RotateRequest},
    dispatch::Dispatch,
    inventory::Inventory,
    kinds::Kinds,
    ledger::{Ledger, TaskUnfit, Verdict},
    rights::{Actor, Rights},
    secrets::places,
    store::{Store, TaskRow},
};

/// The interval between looks for rotations, and at a task that is under way.
const INTERVAL: Duration = Duration::from_secs(1);
/// The time after which both passwords are tried again where neither was accepted: longer than the
/// workers' own pause after a refused login, and than most lockouts.
const RETRY_AFTER: Duration = Duration::from_secs(20 * 60);
/// The same where a device gave no answer.
const UNANSWERED_AFTER: Duration = Duration::from_secs(30);
/// The time after which an operation that is not in the ledger will not be.
const UNRECORDED_AFTER: Duration = Duration::from_secs(120);
/// The number of rotations that were concluded and are remembered.
const REMEMBERED: usize = 1_000;
/// The name under which tasks are settled by what logging in has shown.
const BY: &str = "utakata";

/// The rotations of a site. Cheap to share.
pub struct Rotations {
    context: Context,
    seen: Mutex<HashMap<CredentialName, RotationView>>,
}

/// The services that rotations need.
pub struct Context {
    pub store: Arc<dyn Store>,
    pub dispatch: Arc<Dispatch>,
    pub inventory: Arc<Inventory>,
    pub kinds: Arc<Kinds>,
    pub control: Arc<Control>,
    pub ledger: Ledger,
}

/// A rotation that is under way.
struct Rotation {
    operation: OperationId,
    credential: CredentialName,
    new: Login,
    old: Login,
    /// The moment at which it was first seen without an operation in the ledger.
    unrecorded_since: Option<Instant>,
}

/// The wait before the next step; `None` once it is concluded.
type Next = Option<Duration>;

impl Rotations {
    pub fn new(context: Context) -> Self {
        Self {
            context,
            seen: Mutex::default(),
        }
    }

    /// Begins to change the password of a credential on its only target.
    ///
    /// # Errors
    /// Nothing was sent: several targets share it, or it cannot be done.
    pub async fn begin(
        &self,
        credential: &CredentialName,
        why: Option<String>,
        by: Actor,
        rights: &Rights,
    ) -> Result<RotationView, Error> {
        let current = self.context.inventory.secret_of(credential)?;
        let name = credential.clone();
        if places(&current).next().is_some() {
            return Err(Error::InVault { name });
        }
        let mut users = self.context.inventory.users_of(credential);
        let target = match (users.pop(), users.is_empty()) {
            (None, _) => return Err(Error::Unused { name }),
            (Some(target), true) => target,
            (Some(last), false) => {
                users.push(last);
                return Err(Error::Shared { name, users });
            }
        };
        let requested = RotateRequest {
            credential,
            target: &target,
            why,
            by,
        };
        let operation = self.context.control.rotate(requested, rights).await?;
        let view = RotationView {
            operation,
            target,
            state: RotationState::UnderWay,
            told: None,
        };
        self.tell(credential, view.clone());
        Ok(view)
    }

    /// Returns the latest rotation of a credential, as far as it is known here.
    pub fn of(&self, credential: &CredentialName) -> Option<RotationView> {
        self.seen.lock().get(credential).cloned()
    }

    /// Returns the rotations that wait for a person: neither password is known to be right.
    pub fn stuck(&self) -> Vec<(CredentialName, RotationView)> {
        let seen = self.seen.lock();
        let stuck = seen
            .iter()
            .filter(|(_, view)| view.state == RotationState::Stuck);
        stuck
            .map(|(name, view)| (name.clone(), view.clone()))
            .collect()
    }

    fn tell(&self, credential: &CredentialName, view: RotationView) {
        let mut seen = self.seen.lock();
        if seen.len() >= REMEMBERED {
            seen.retain(|_, view| !view.state.is_over());
        }
        seen.insert(credential.clone(), view);
    }

    /// Carries rotations on while the ledger is kept here, until it is cancelled.
    pub async fn run(self: Arc<Self>, cancel: CancellationToken) {
        let mut ticks = tokio::time::interval(INTERVAL);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut running: JoinSet<OperationId> = JoinSet::new();
        let mut known: HashMap<OperationId, ()> = HashMap::new();
        loop {
            tokio::select! {
                () = cancel.cancelled() => return,
                Some(ended) = running.join_next() => match ended {
                    Ok(operation) => drop(known.remove(&operation)),
                    // Whatever it was, all of them are looked at again.
                    Err(_) => known.clear(),
                },
                _ = ticks.tick() => {
                    if !self.context.ledger.is_here() {
                        continue;
                    }
                    for (operation, credential) in self.context.inventory.rotations() {
                        if known.insert(operation, ()).is_none() {
                            let rotations = Arc::clone(&self);
                            running.spawn(async move {
                                rotations.carry_out(operation, credential).await;
                                operation
                            });
                        }
                    }
                }
            }
        }
    }

    async fn carry_out(&self, operation: OperationId, credential: CredentialName) {
        let mut rotation = Rotation {
            operation,
            credential,
            new: Login::Untried,
            old: Login::Untried,
            unrecorded_since: None,
        };
        while self.context.ledger.is_here() {
            let wait = match self.step(&mut rotation).await {
                Ok(None) => return,
                Ok(Some(wait)) => wait,
                Err(error) => {
                    tracing::warn!(%operation, error, "a rotation cannot go on now");
                    UNANSWERED_AFTER
                }
            };
            // Whoever takes the ledger over begins where this is.
            tokio::time::sleep(wait).await;
        }
    }

    async fn step(&self, rotation: &mut Rotation) -> Result<Next, String> {
        let Rotation {
            operation,
            credential,
            ..
        } = rotation;
        let context = &self.context;
        let found = context.store.operation(*operation).await;
        let Some(row) = found.map_err(|error| chain(&error))? else {
            let since = *rotation.unrecorded_since.get_or_insert_with(Instant::now);
            if since.elapsed() < UNRECORDED_AFTER {
                return Ok(Some(INTERVAL));
            }
            self.forget(*operation).await?;
            return Ok(None);
        };
        if context.inventory.credential(credential).is_err() {
            self.forget(*operation).await?;
            return Ok(None);
        }
        let tasks = context.store.tasks_of(*operation).await;
        let tasks = tasks.map_err(|error| chain(&error))?;
        let Some(task) = tasks.into_iter().next() else {
            return Ok(Some(INTERVAL));
        };
        let fate = match Fate::of(&task) {
            // Before it is over everything may still change.
            Fate::Ended | Fate::NeverBegun if !row.progress.is_over => Fate::UnderWay,
            fate => fate,
        };
        let step = decide(fate, &rotation.new, &rotation.old);
        self.take(rotation, &task, step).await
    }

    async fn take(
        &self,
        rotation: &mut Rotation,
        task: &TaskRow,
        step: Step,
    ) -> Result<Next, String> {
        let (operation, name) = (rotation.operation, rotation.credential.clone());
        let target = &task.task.target;
        match step {
            Step::Wait => {
                self.show(&name, operation, target, (RotationState::UnderWay, None));
                Ok(Some(INTERVAL))
            }
            Step::TryNew => {
                let new = CredentialName::of_rotation(operation);
                rotation.new = self.log_in(operation, target, &new).await;
                Ok(Some(Duration::ZERO))
            }
            Step::TryOld => {
                rotation.old = self.log_in(operation, target, &name).await;
                Ok(Some(Duration::ZERO))
            }
            Step::Stuck(why) => {
                let answered = [&rotation.new, &rotation.old]
                    .into_iter()
                    .all(|login| matches!(login, Login::Refused));
                (rotation.new, rotation.old) = (Login::Untried, Login::Untried);
                tracing::warn!(%operation, credential = %name, %target, why,
                    "neither the new nor the old password of a target is known to be right: both \
                     are kept, and tried again");
                self.show(&name, operation, target, (RotationState::Stuck, Some(why)));
                Ok(Some(if answered {
                    RETRY_AFTER
                } else {
                    UNANSWERED_AFTER
                }))
            }
            Step::Promote | Step::Keep => {
                let is_new = step == Step::Promote;
                if !self.settle(task, is_new).await? {
                    return Ok(Some(INTERVAL));
                }
                self.conclude(rotation, task, is_new).await?;
                Ok(None)
            }
        }
    }

    /// Settles the task if a person would have to. Returns false if it may still act.
    async fn settle(&self, task: &TaskRow, is_new: bool) -> Result<bool, String> {
        if Fate::of(task) != Fate::Unsettled {
            return Ok(true);
        }
        let (verdict, which) = match is_new {
            true => (Verdict::Succeeded, "new"),
            false => (Verdict::Failed, "old"),
        };
        let attribution = Attribution {
            by: BY.into(),
            at: clock::now(),
            why: Some(format!("the target accepts the {which} password")),
        };
        let id = task.task.id;
        let settled = self.context.ledger.settle(id, verdict, attribution).await;
        let settled = settled.map_err(|error| chain(&error))?;
        Ok(!matches!(settled, Err(TaskUnfit::MayAct { .. })))
    }

    async fn conclude(
        &self,
        rotation: &Rotation,
        task: &TaskRow,
        is_new: bool,
    ) -> Result<(), String> {
        let context = &self.context;
        let (operation, name) = (rotation.operation, &rotation.credential);
        let target = &task.task.target;
        // Before: a line too many says what is about to be so, and none would hide it.
        let note = SiteNote::Rotated(RotationNote {
            credential: name.clone(),
            target: target.clone(),
            operation,
            is_new,
        });
        let noted = context.ledger.note(note).await;
        noted.map_err(|error| chain(&error))?;
        let rotates = self.rotates_of(task);
        let field = rotates.as_ref().map(|rotates| rotates.field.as_str());
        if is_new && field.is_none() {
            return Err(format!("nobody serves the kind of {target} now"));
        }
        let concluded = context
            .inventory
            .conclude_rotation(operation, field.filter(|_| is_new))
            .await;
        concluded.map_err(|error| chain(&error))?;
        let state = match is_new {
            true => RotationState::Rotated,
            false => RotationState::Kept,
        };
        tracing::info!(%operation, credential = %name, %target, state = state.as_str(),
            "a rotation is over");
        let problem = task.progress.outcome.as_ref();
        let problem = problem.and_then(|outcome| outcome.problem.as_ref());
        let told = problem.filter(|_| !is_new).map(ToString::to_string);
        self.show(name, operation, target, (state, told));
        Ok(())
    }

    async fn forget(&self, operation: OperationId) -> Result<(), String> {
        let forgotten = self.context.inventory.conclude_rotation(operation, None);
        forgotten.await.map_err(|error| chain(&error))
    }

    fn show(
        &self,
        credential: &CredentialName,
        operation: OperationId,
        target: &TargetName,
        (state, told): (RotationState, Option<String>),
    ) {
        let view = RotationView {
            operation,
            target: target.clone(),
            state,
            told,
        };
        self.tell(credential, view);
    }
}
