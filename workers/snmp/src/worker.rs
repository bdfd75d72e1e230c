//! Carries out tasks.

mod control;
mod discover;
mod fetch;
mod notification;
mod observe;
mod presence;
mod problem;
mod raw;
mod read;
mod row;

use std::{
    collections::{BTreeMap, BTreeSet},
    error::Error,
    sync::Arc,
    time::Duration,
};

use tokio::time::Instant;
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    model::{ActionName, Cure, MetricName, Problem},
};

use crate::{
    address, credential,
    notification::Names,
    plan::SharedPlans,
    profile::Library,
    release::{self, BoundAction, Operation, Settings},
    session::{Session, pool::Pool},
};

/// Kept back from the time of a task, to report how it ended.
const MARGIN: Duration = Duration::from_millis(200);

pub struct SnmpWorker {
    library: Library,
    settings: Settings,
    actions: BTreeMap<ActionName, BoundAction>,
    /// The plan for every target, if none has to be recognised.
    plan: Arc<crate::plan::Plan>,
    /// The plans for targets that have to be recognised.
    plans: SharedPlans,
    /// The metrics of the release's own profiles, without their includes.
    own: BTreeSet<MetricName>,
    pool: Pool,
    /// The names of notifications and of their objects.
    names: Names,
}

impl SnmpWorker {
    /// Creates the worker of a release. Errors: an invalid profile or action.
    pub fn of(release: &Release) -> Result<Self, release::Error> {
        let library = Library::of_release(&release.folder)?;
        let settings = release::settings(&release.manifest)?;
        let actions = release::bind(&release.manifest, &library, &settings)?;
        let profiles = library.resolve(settings.profiles.iter().map(String::as_str))?;
        let plan = Arc::new(crate::plan::Plan::build(&profiles, &Default::default()));
        let own = profiles
            .iter()
            .filter(|profile| settings.profiles.contains(&profile.name));
        let own = own
            .flat_map(|profile| profile.content.metrics().cloned())
            .collect();
        Ok(Self {
            own,
            names: Names::of(&library),
            library,
            settings,
            actions,
            plan,
            plans: SharedPlans::default(),
            pool: Pool::default(),
        })
    }

    /// Carries out a task before the deadline.
    pub async fn perform(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let deadline = deadline.checked_sub(MARGIN).unwrap_or(deadline);
        let bound = self.actions.get(&task.action).ok_or_else(|| {
            Failure::failed(Problem::new(
                "bad-parameters",
                Cure::Operator,
                format!(
                    "there is no action \"{}\" for the kind {}",
                    task.action, task.kind
                ),
            ))
        })?;
        match bound.operation {
            Operation::Notification => return self.notifications(task).await,
            Operation::Discover => return self.discover(task, deadline).await,
            _ => {}
        }
        let session = self.session(task, deadline).await?;
        let on = TaskContext {
            worker: self,
            task,
            session: &session,
            deadline,
        };
        match &bound.operation {
            Operation::Read => on.read().await,
            Operation::Get => on.get().await,
            Operation::Walk => on.walk().await,
            // They are about no target.
            Operation::Notification | Operation::Discover => Ok(Answer::default()),
            Operation::Observe { profile, name } => match profile.content.observes.get(name) {
                Some(observe) => on.observe(observe).await,
                None => Ok(Answer::default()),
            },
            Operation::Set => on.set(bound.repeat).await,
            Operation::Control { profile, name } => match profile.content.controls.get(name) {
                Some(control) => on.control(control, bound.repeat).await,
                None => Ok(Answer::default()),
            },
        }
    }

    async fn session(&self, task: &Task, deadline: Instant) -> Result<Arc<Session>, Failure> {
        let failed = |code, problem: &dyn Error| {
            Failure::failed(Problem::new(code, Cure::Operator, problem.to_string()))
        };
        let address =
            address::parse(&task.address).map_err(|error| failed("bad-address", &error))?;
        let credential = credential::parse(&task.credential)
            .map_err(|error| failed("bad-credential", &error))?;
        let session = self.pool.session(&address, &credential, deadline).await;
        session.map_err(|error| Failure::failed(problem::of_session(task, &error)))
    }
}

/// A task and its target.
struct TaskContext<'a> {
    worker: &'a SnmpWorker,
    task: &'a Task,
    session: &'a Session,
    deadline: Instant,
}

impl Worker for SnmpWorker {
    fn build(release: &Release) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self::of(release)?)
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        self.perform(&task, context.deadline()).await
    }

    fn capacity(&self) -> u32 {
        2048
    }
}
