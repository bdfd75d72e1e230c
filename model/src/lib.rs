//! The vocabulary of utakata: no IO, no clock, no async.

#![warn(missing_docs)]

#[macro_use]
mod text;

pub mod access;
pub mod action;
pub mod alarm;
pub mod backoff;
mod chain;
pub mod connection;
pub mod content;
pub mod desired;
pub mod discovery;
pub mod duration;
pub mod envelope;
pub mod environment;
pub mod floor;
pub mod hash;
pub mod id;
pub mod invisible;
pub mod label;
pub mod loan;
pub mod manifest;
pub mod missing;
pub mod network;
pub mod notification;
pub mod operation;
pub mod outcome;
pub mod parameters;
pub mod place;
pub mod policy;
pub mod problem;
pub mod quantity;
pub mod reading;
pub mod relation;
pub mod reword;
pub mod rollout;
pub mod schedule;
pub mod schema;
pub mod secret;
mod secret_path;
pub mod selector;
pub mod settings;
pub mod suggest;
pub mod target;
pub mod task;
pub mod tolerance;
pub mod workbench;

pub use access::{Binding, Grant, GroupName, Holder, Role, Verb};
pub use action::{Action, Class};
pub use alarm::{AlarmRule, Severity};
pub use backoff::Backoff;
pub use chain::chain;
pub use connection::ConnectionStatus;
pub use content::{Content, ContentFile, FileDigest};
pub use desired::{Desired, Order, Orders, ReleaseName, Scope, StandingOrders, Stop};
pub use discovery::{Discovered, DiscoveryAnswer, Identifier};
pub use envelope::Envelope;
pub use environment::{
    BreakerState, BreakerStatus, EnvironmentState, EnvironmentStatus, PoolStatus, StopState,
    Stopped,
};
pub use floor::Floor;
pub use id::{
    ActionName, AlarmId, AlarmName, BindingName, EnvelopeName, EnvironmentId, FloorName,
    Incarnation, Kind, LogicId, MetricName, NameError, OperationId, PersonName, PolicyName,
    ReleaseDigest, ReleaseId, RolloutId, ScheduleName, TargetName, TaskId, TokenName, WorkerId,
    Zone,
};
pub use label::Labels;
pub use loan::{
    CredentialRef, CredentialVersion, EnvironmentKey, KeyReport, Signer, SiteCertificate,
    Succession, TaskCredential,
};
pub use manifest::Manifest;
pub use missing::{Gaps, Missing, Recognition};
pub use network::{Network, TargetNetworks};
pub use notification::{Notification, NotificationValue};
pub use operation::{Approval, AtATime, AtMost, Operation, OperationState, Pace, Priority};
pub use outcome::{Outcome, OutcomeStatus, RanBy, Timings};
pub use parameters::Parameters;
pub use policy::Policy;
pub use problem::{Cure, Problem};
pub use reading::{Measurand, Quality, Reading, ReadingValue, Readings};
pub use relation::{Relation, RelationKey, RelationKind};
pub use rollout::{KindDesired, RolloutOrder, RolloutPhase, RolloutPlan, RolloutStatus};
pub use schedule::Schedule;
pub use secret_path::{PathError, SecretPath};
pub use selector::Selector;
pub use target::{Credential, CredentialName, Limits, PerSecond, Target};
pub use task::{Origin, Task, TaskKey, TaskState};
