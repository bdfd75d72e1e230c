//! Carries out tasks.

mod control;
mod discover;
mod problem;

use std::{error::Error, time::Duration};

use tokio::time::{Instant, timeout_at};
use utakata_profile::{
    Collection, Filter,
    release::{self, Program, Recognised},
};
use utakata_worker_sdk::{
    Answer, Context, Failure, Release, Task, Worker,
    gates::Gates,
    model::{Class, Cure, Problem, Recognition, action::DISCOVER},
};

use crate::{
    address::{self, Place},
    decode::{self, Variables},
    line::quoted,
    profile::{Content, Profile},
    session::Session,
};

/// Kept back from the time of a task, to report how it ended.
const MARGIN: Duration = Duration::from_millis(200);

/// A worker for UPSs behind Network UPS Tools.
#[derive(Debug)]
pub struct NutWorker {
    program: Program<Content>,
    gates: Gates,
}

/// A task on a UPS, within a conversation with its server.
struct Conversation<'a> {
    worker: &'a NutWorker,
    task: &'a Task,
    session: Session,
    ups: String,
    server: String,
}

impl NutWorker {
    /// Creates the worker of a release.
    ///
    /// # Errors
    /// An invalid profile or action.
    pub fn of(release: &Release) -> Result<Self, release::Error> {
        Ok(Self {
            program: Program::of(&release.folder, &release.manifest, &["read", DISCOVER])?,
            gates: Gates::default(),
        })
    }

    /// Carries out a task before the deadline.
    ///
    /// # Errors
    /// The UPS did not do it, or nobody can know.
    pub async fn perform(&self, task: &Task, deadline: Instant) -> Result<Answer, Failure> {
        let deadline = deadline.checked_sub(MARGIN).unwrap_or(deadline);
        if task.action.as_str() == DISCOVER {
            return self.discover(task, deadline).await;
        }
        let place = address::parse(&task.address).map_err(|error| {
            let code = "bad-address";
            Failure::failed(Problem::new(code, Cure::Operator, error.to_string()))
        })?;
        let server = place.server.to_string();
        let turn = timeout_at(deadline, self.gates.enter(&server)).await;
        let _turn = turn.map_err(|_| Failure::failed(problem::busy(task, &server)))?;
        let mut conversation = self.begin(task, &place, deadline).await?;
        let answer = match task.class {
            Class::Observe => conversation.read().await,
            Class::Control => conversation.control().await,
        };
        conversation.session.close().await;
        answer
    }

    async fn begin<'a>(
        &'a self,
        task: &'a Task,
        place: &Place,
        deadline: Instant,
    ) -> Result<Conversation<'a>, Failure> {
        let server = place.server.to_string();
        let failed = |error: &_| Failure::failed(problem::of(task, &server, error));
        let session = Session::open(&place.server, deadline).await;
        let mut session = session.map_err(|error| failed(&error))?;
        let told = |key: &str| task.credential.get(key).map(|secret| secret.reveal());
        for (word, value) in [("USERNAME", told("user")), ("PASSWORD", told("password"))] {
            if let Some(value) = value {
                let done = session.ask(&format!("{word} {}", quoted(value))).await;
                done.map_err(|error| failed(&error))?;
            }
        }
        let ups = match &place.ups {
            Some(ups) => ups.clone(),
            None => {
                let known = session.list("UPS").await.map_err(|error| failed(&error))?;
                only(&known)
                    .map_err(|known| Failure::failed(problem::which(task, &server, &known)))?
            }
        };
        Ok(Conversation {
            worker: self,
            task,
            session,
            ups,
            server,
        })
    }
}

/// The name of the only UPS. Errors: the names of all.
fn only(known: &[Vec<String>]) -> Result<String, Vec<String>> {
    let names: Vec<String> = known
        .iter()
        .filter_map(|words| words.first().cloned())
        .collect();
    match names.as_slice() {
        [one] => Ok(one.clone()),
        _ => Err(names),
    }
}

impl Conversation<'_> {
    async fn read(&mut self) -> Result<Answer, Failure> {
        let variables = self.variables().await?;
        let fits = |profile: &Profile| decode::recognises(profile, &variables);
        let found = self.worker.program.recognise(fits);
        let Recognised { profiles, names } = found.map_err(|error| {
            let problem = Problem::new("device-garbage", Cure::Bug, error.to_string());
            Failure::failed(problem)
        })?;
        let mut all = Collection::new(Filter::of(&self.task.parameters));
        decode::decode(&profiles, &variables, &mut all);
        if all.readings.is_empty() {
            let wanted = !variables.is_empty();
            return Err(Failure::failed(problem::nothing(
                self.task, &self.ups, wanted,
            )));
        }
        let told = |name: &str| variables.get(name).map(|text| text.as_str().into());
        Ok(Answer {
            recognition: Some(Recognition {
                is_understood: true,
                profiles: names.into_iter().map(Into::into).collect(),
                identity: told("device.serial").or_else(|| told("ups.serial")),
                description: told("device.model").or_else(|| told("ups.model")),
            }),
            readings: all.readings,
            missing: all.unread.into_iter().collect(),
            ..Answer::default()
        })
    }

    /// All variables of the UPS.
    async fn variables(&mut self) -> Result<Variables, Failure> {
        let request = format!("VAR {}", self.ups);
        let lines = self.session.list(&request).await;
        let lines = lines.map_err(|error| self.failed(&error))?;
        Ok(decode::variables(lines))
    }

    fn failed(&self, error: &crate::session::Error) -> Failure {
        Failure::failed(problem::of(self.task, &self.server, error))
    }
}

impl Worker for NutWorker {
    fn build(release: &Release) -> Result<Self, Box<dyn Error + Send + Sync>> {
        Ok(Self::of(release)?)
    }

    async fn run(&self, task: Task, context: Context) -> Result<Answer, Failure> {
        self.perform(&task, context.deadline()).await
    }
}
