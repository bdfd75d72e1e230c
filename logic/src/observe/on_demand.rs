//! Reads on demand: one observe action on the selected targets, now.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use jiff::Timestamp;
use tokio::time::Instant;
use utakata_api::{operation::Read, problem::Detail};
use utakata_model::{
    ActionName, Class, Cure, Kind, Operation, OperationId, Origin, Parameters, PersonName, Problem,
    Readings, Selector, Zone, suggest,
};

use super::{Observe, ReadOperation};
use crate::{
    dispatch::{self, Batch, MAX_SHOWN, NewRead, Progress, Show, UnderWay},
    inventory::TargetEntry,
    kinds::{Served, ServedAction},
};

/// The longest wait for an answer.
pub const WAIT_MAX: Duration = Duration::from_secs(60);

/// A reason why nothing was read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No target is selected.
    #[error("the selector \"{selector}\" selects no target")]
    SelectsNothing { selector: Selector },
    /// None of the selected targets can be read in this way.
    #[error("{}", first(problems))]
    Impossible {
        /// The reason for each kind.
        problems: Vec<Detail>,
    },
    /// The wait is too long.
    #[error("a request can wait for the answer for at most {} seconds", WAIT_MAX.as_secs())]
    Wait,
    /// Tasks cannot be dispatched.
    #[error(transparent)]
    Dispatch(#[from] dispatch::Error),
}

fn first(problems: &[Detail]) -> String {
    match problems.first() {
        Some(one) => format!("{}: {}", one.subject, one.message),
        None => "nothing can be read like this".into(),
    }
}

/// A read that was begun.
pub struct BegunRead {
    pub read: Arc<ReadOperation>,
    /// The tasks to show: none if nobody waits.
    pub tasks: Vec<UnderWay>,
    /// The targets whose last values are young enough, and which are not asked.
    pub known: Vec<KnownRead>,
}

/// A target whose last values are an answer.
pub struct KnownRead {
    pub entry: Arc<TargetEntry>,
    pub readings: Arc<Readings>,
}

/// The plan for the targets of one kind.
enum Plan<'a> {
    Do(&'a ServedAction),
    Refuse(Problem),
}

impl Observe {
    /// Reads targets, and waits for the outcomes as long as requested.
    ///
    /// # Errors
    /// Nothing was read: no target is selected, or none of them can be read in this way.
    pub async fn read(&self, read: Read, by: Option<PersonName>) -> Result<BegunRead, Error> {
        if read.wait > WAIT_MAX {
            return Err(Error::Wait);
        }
        let selection = self.inventory.select(&read.selector);
        if selection.is_empty() {
            let selector = read.selector;
            return Err(Error::SelectsNothing { selector });
        }
        let wait = read.wait;
        let begun = self.begin(read, by, &selection).await?;
        if !wait.is_zero() {
            begun.read.progress.wait_for(wait).await;
        }
        Ok(begun)
    }

    async fn begin(
        &self,
        read: Read,
        by: Option<PersonName>,
        selection: &[Arc<TargetEntry>],
    ) -> Result<BegunRead, Error> {
        let served = self.kinds.served();
        let mut by_kind: BTreeMap<(&Kind, &Zone), Vec<&Arc<TargetEntry>>> = BTreeMap::new();
        for known in selection {
            let key = (&known.target.kind, &known.target.zone);
            by_kind.entry(key).or_default().push(known);
        }
        let parameters = serde_json::Value::Object(read.parameters.clone());
        let mut plans: Vec<Planned<'_>> = by_kind
            .into_iter()
            .map(|((kind, zone), targets)| {
                let found = served.get(kind, zone);
                let found = found.ok_or_else(|| served.nobody(kind, zone));
                (plan(kind, found, &read, &parameters), kind, targets)
            })
            .collect();
        let named = possible(&plans)?;
        let named = read.action.clone().unwrap_or(named);
        let show = match read.wait.is_zero() {
            true => Show::Counts,
            false => Show::Tasks,
        };
        let mut known = Vec::new();
        if let Some(max_age) = max_age(&read) {
            let since = crate::clock::now() - max_age;
            known = self.take_all_known(&mut plans, since);
        }
        let progress = Arc::new(Progress::new(selection.len() - known.len(), show));
        let order = Order {
            id: OperationId::generate(),
            requested: crate::clock::now(),
            lifetime: self.config.observe.lifetime.max(read.wait),
            grace: self.dispatch.grace(),
            parameters: Parameters::new(&parameters),
            progress: Arc::clone(&progress),
            named,
        };
        let mut shown = Vec::new();
        for (plan, _, targets) in plans {
            let (batch, made) = order.batch(&plan, &targets);
            if show == Show::Tasks {
                let room = MAX_SHOWN - shown.len();
                shown.extend(made.iter().take(room).map(|made| UnderWay {
                    id: made.id,
                    batch: Arc::clone(&batch),
                    known: Arc::clone(&made.known),
                }));
            }
            match plan {
                Plan::Do(_) if made.is_empty() => {}
                Plan::Do(_) => self.dispatch.send(&batch, made).await?,
                Plan::Refuse(problem) => self.dispatch.refuse(&batch, made, &problem),
            }
        }
        let operation = Arc::new(ReadOperation {
            operation: order.operation(read, parameters, by),
            progress,
        });
        self.recent.lock().push(&operation);
        Ok(BegunRead {
            read: operation,
            tasks: shown,
            known,
        })
    }

    /// Takes the targets out of all plans whose last values are young enough.
    fn take_all_known(&self, plans: &mut [Planned<'_>], since: Timestamp) -> Vec<KnownRead> {
        let mut known = Vec::new();
        for (plan, _, targets) in plans {
            if let Plan::Do(found) = plan {
                known.extend(self.take_known(&found.action.name, targets, since));
            }
        }
        known
    }

    /// Takes the targets out of a list whose last values are all that an action reads, and were
    /// seen since a time.
    fn take_known(
        &self,
        action: &ActionName,
        targets: &mut Vec<&Arc<TargetEntry>>,
        since: Timestamp,
    ) -> Vec<KnownRead> {
        let observed = self.dispatch.observed();
        let mut known = Vec::new();
        targets.retain(|entry| {
            let found = observed.look(entry.device, |seen| seen.whole_since(action, since));
            let is_known = found.is_some();
            known.extend(found.map(|readings| KnownRead {
                entry: Arc::clone(entry),
                readings,
            }));
            !is_known
        });
        known
    }
}

/// The plan for the targets of a kind, with them.
type Planned<'a> = (Plan<'a>, &'a Kind, Vec<&'a Arc<TargetEntry>>);

/// Returns the age up to which the last values are an answer; a read of a part always asks.
fn max_age(read: &Read) -> Option<Duration> {
    read.max_age.filter(|_| read.parameters.is_empty())
}

/// The data that the batches of one read share.
struct Order {
    id: OperationId,
    requested: Timestamp,
    lifetime: Duration,
    grace: Duration,
    parameters: Parameters,
    progress: Arc<Progress>,
    /// The action of refused tasks: a kind that nothing serves has no default.
    named: ActionName,
}

impl Order {
    fn batch(&self, plan: &Plan<'_>, targets: &[&Arc<TargetEntry>]) -> (Arc<Batch>, Vec<NewRead>) {
        let (action, timeout) = match plan {
            Plan::Do(found) => (found.action.name.clone(), found.action.timeout),
            Plan::Refuse(_) => (self.named.clone(), Duration::ZERO),
        };
        let batch = Batch {
            origin: Origin::Operation(self.id),
            action,
            class: Class::Observe,
            parameters: self.parameters.clone(),
            timeout,
            made: self.requested,
            expires: self.requested + self.lifetime,
            deadline: Instant::now() + self.lifetime + timeout + self.grace,
            progress: Some(Arc::clone(&self.progress)),
        };
        let made = targets.iter().map(|known| NewRead::new(known)).collect();
        (Arc::new(batch), made)
    }

    /// Returns the operation as people see it.
    fn operation(
        &self,
        read: Read,
        parameters: serde_json::Value,
        by: Option<PersonName>,
    ) -> Operation {
        Operation {
            id: self.id,
            selector: read.selector,
            action: read.action,
            class: Class::Observe,
            parameters,
            secrets: Default::default(),
            requested: self.requested,
            why: None,
            by,
            makers: BTreeSet::new(),
            pace: Default::default(),
            priority: Default::default(),
            undoes: None,
            renews: None,
            rotates: None,
            because: Vec::new(),
            policy: None,
            break_glass: false,
        }
    }
}

fn plan<'a>(
    kind: &Kind,
    served: Result<&'a Served, String>,
    read: &Read,
    parameters: &serde_json::Value,
) -> Plan<'a> {
    let refuse = |code, message: String| Plan::Refuse(Problem::new(code, Cure::Operator, message));
    let served = match served {
        Ok(served) => served,
        Err(message) => return refuse("kind-not-served", message),
    };
    let found = served.observe(read.action.as_ref());
    // What only utakata itself asks for is about no target.
    let Some(found) = found.filter(|found| !found.action.is_internal()) else {
        let name = read.action.as_ref().map_or("", |name| name.as_str());
        let hint = suggest::hint(name, served.names(Class::Observe));
        let message = format!("the kind \"{kind}\" has no action \"{name}\" to observe: {hint}");
        return refuse("no-such-action", message);
    };
    let name = &found.action.name;
    if found.action.class != Class::Observe {
        let message = format!(
            "the action \"{name}\" of the kind \"{kind}\" changes something: ask for it as an \
             operation"
        );
        return refuse("not-an-observe-action", message);
    }
    match found.schema.as_ref().map(|schema| schema.check(parameters)) {
        Some(Err(refused)) => {
            let message = format!("the parameters of \"{name}\" are wrong: {refused}");
            refuse("bad-parameters", message)
        }
        _ => Plan::Do(found),
    }
}

/// Returns the action of the first kind that can be read in this way.
fn possible(plans: &[(Plan<'_>, &Kind, Vec<&Arc<TargetEntry>>)]) -> Result<ActionName, Error> {
    let mut problems = Vec::new();
    for (plan, kind, _) in plans {
        match plan {
            Plan::Do(found) => return Ok(found.action.name.clone()),
            Plan::Refuse(problem) => problems.push(Detail {
                subject: format!("kind {kind}"),
                message: problem.message.to_string(),
            }),
        }
    }
    Err(Error::Impossible { problems })
}
