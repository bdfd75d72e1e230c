//! Rights, stated in the type of a handler.
//!
//! A handler reaches the logic environment only through [`Allowed`], whose type names the right that
//! its requests need: one that names none does not compile. If the right is one on targets, the
//! handler also asks the `Allowed` about each of them.

use std::{marker::PhantomData, sync::Arc};

use axum::{extract::FromRequestParts, http::request::Parts};
use utakata_api::problem::Detail;
use utakata_model::{Operation, PersonName, Role, Selector, TargetName, Verb};

use super::{Api, Refused, caller::Caller, gate::Gate, trail::Changes};
use crate::{code::Code, inventory::TargetEntry, people::Identity, rights::Scope};

/// The number of targets that a refusal lists.
const LISTED: usize = 100;

/// Proof that the caller has a right, and the logic environment on which it is used.
pub(super) struct Allowed<R> {
    pub api: Api,
    pub caller: Arc<Identity>,
    /// The targets on which the caller has the right.
    pub scope: Scope,
    /// The record of what the request changes.
    pub changes: Changes,
    right: PhantomData<R>,
}

/// A right that a handler needs.
pub(super) trait Right: Send + Sync {
    /// The rights of which one is enough; none for what everybody with a token may do.
    const VERBS: &'static [Verb];
    /// True if it is a right on targets, of which the caller may have it on some.
    const ON_TARGETS: bool;
}

macro_rules! rights {
    ($($(#[$doc:meta])* $name:ident = $verbs:expr, $on_targets:literal;)*) => {
        $(
            $(#[$doc])*
            pub(super) enum $name {}

            impl Right for $name {
                const VERBS: &'static [Verb] = &$verbs;
                const ON_TARGETS: bool = $on_targets;
            }
        )*
    };
}

rights! {
    /// For everybody who has a token.
    Anybody = [], false;
    /// To see certain targets, and what concerns no target.
    ToSee = [Verb::See], true;
    /// To see everything.
    ToSeeAll = [Verb::See], false;
    /// To read certain devices.
    ToRead = [Verb::Read], true;
    /// To control certain targets: by actions of low risk, of high risk, or both.
    ToControl = [Verb::ControlLow, Verb::ControlHigh], true;
    /// To approve operations on certain targets.
    ToApprove = [Verb::Approve], true;
    /// To settle tasks of certain targets.
    ToSettle = [Verb::Settle], true;
    /// To lock certain targets.
    ToLock = [Verb::Lock], true;
    /// To acknowledge alarms of certain targets.
    ToAcknowledge = [Verb::Acknowledge], true;
    /// To shelve alarms of certain targets.
    ToShelve = [Verb::Shelve], true;
    /// To change certain targets.
    ToChangeTargets = [Verb::Inventory], true;
    /// To change schedules, relations, alarm rules and floors.
    ToChangeSite = [Verb::Inventory], false;
    /// To apply documents: each is looked at.
    ToApply = [Verb::Inventory, Verb::SecretWrite], true;
    /// To change what nobody may exceed.
    ToLimit = [Verb::People], false;
    /// To let policies act, on whatever they select.
    ToArm = [Verb::ControlHigh], false;
    /// To keep policies from acting.
    ToStop = [Verb::ControlLow, Verb::ControlHigh], true;
    /// To write credentials.
    ToWriteSecrets = [Verb::SecretWrite], false;
    /// To push releases.
    ToPush = [Verb::ReleasePush], false;
    /// To let releases serve.
    ToServe = [Verb::ReleaseServe], false;
    /// To give orders to environments.
    ToOrder = [Verb::Order], false;
    /// To change people.
    ToChangePeople = [Verb::People], false;
    /// To read the audit trail.
    ToAudit = [Verb::Audit], false;
    /// To read metrics.
    ToMeasure = [Verb::Metrics], false;
}

impl<R: Right> FromRequestParts<Gate> for Allowed<R> {
    type Rejection = Refused;

    async fn from_request_parts(parts: &mut Parts, gate: &Gate) -> Result<Self, Refused> {
        let Caller(caller) = Caller::of(&parts.extensions)?;
        let scope = scope::<R>(&caller);
        if scope.is_nothing() || !(R::ON_TARGETS || scope.is_everything()) {
            return Err(forbidden(&caller, R::VERBS, R::ON_TARGETS));
        }
        let changes = parts.extensions.get::<Changes>().cloned();
        Ok(Self {
            api: gate.of_caller().clone(),
            caller,
            scope,
            changes: changes.unwrap_or_else(Changes::new),
            right: PhantomData,
        })
    }
}

fn scope<R: Right>(caller: &Identity) -> Scope {
    if R::VERBS.is_empty() {
        return Scope::Everything;
    }
    let mut selectors = Vec::new();
    for verb in R::VERBS {
        match caller.rights.scope(*verb) {
            Scope::Everything => return Scope::Everything,
            Scope::Within(more) => selectors.extend(more),
        }
    }
    Scope::Within(selectors)
}

impl<R: Right> Allowed<R> {
    /// Returns the name of the caller.
    pub(super) fn by(&self) -> &PersonName {
        &self.caller.name
    }

    /// Finds a target on which the caller has the right.
    ///
    /// # Errors
    /// There is none, or the caller does not have the right on it: those who may not see everything
    /// are not told which.
    pub(super) fn target(&self, name: &TargetName) -> Result<Arc<TargetEntry>, Refused> {
        let found = self.api.handle.inventory().target(name);
        if self.scope.is_everything() {
            return Ok(found?);
        }
        let covered = found.ok().filter(|found| self.scope.covers(&found.target));
        covered.ok_or_else(|| self.not_on(&[name]))
    }

    /// Returns the selected targets on which the caller has the right, by name.
    pub(super) fn select(&self, selector: &Selector) -> Arc<[Arc<TargetEntry>]> {
        let selection = self.api.handle.inventory().select(selector);
        if self.scope.is_everything() {
            return selection;
        }
        let covered = selection
            .iter()
            .filter(|one| self.scope.covers(&one.target));
        covered.cloned().collect()
    }

    /// Returns true if the caller has the right on the target of this name.
    pub(super) fn covers(&self, name: &TargetName) -> bool {
        self.scope.is_everything()
            || self
                .api
                .handle
                .inventory()
                .find(name)
                .is_some_and(|found| self.scope.covers(&found.target))
    }

    /// Checks that the caller has the right on each of these targets.
    ///
    /// # Errors
    /// Every target on which the caller does not have it.
    pub(super) fn check<'t>(
        &self,
        targets: impl IntoIterator<Item = &'t TargetName>,
    ) -> Result<(), Refused> {
        if self.scope.is_everything() {
            return Ok(());
        }
        let targets = targets.into_iter();
        let wrong: Vec<&TargetName> = targets.filter(|name| !self.covers(name)).collect();
        match wrong.is_empty() {
            true => Ok(()),
            false => Err(self.not_on(&wrong)),
        }
    }

    /// Checks that the caller has the right on everything that a selector selects.
    ///
    /// # Errors
    /// Every target on which the caller does not have it.
    pub(super) fn check_selected(&self, selector: &Selector) -> Result<(), Refused> {
        if self.scope.is_everything() {
            return Ok(());
        }
        let selection = self.api.handle.inventory().select(selector);
        self.check(selection.iter().map(|one| &one.target.name))
    }

    /// Returns true if an operation is the caller's, or concerns a target on which the caller has
    /// the right.
    pub(super) fn concerns(&self, operation: &Operation) -> bool {
        let selects_one = || {
            let selection = self.api.handle.inventory().select(&operation.selector);
            let mut targets = selection.iter();
            targets.any(|one| self.scope.covers(&one.target))
        };
        self.scope.is_everything()
            || operation.by.as_ref() == Some(&self.caller.name)
            || selects_one()
    }

    /// Refuses what concerns no target, or none of the caller's.
    pub(super) fn refusal(&self) -> Refused {
        forbidden(&self.caller, R::VERBS, false)
    }

    fn not_on(&self, targets: &[&TargetName]) -> Refused {
        not_on(&self.caller, R::VERBS, targets)
    }
}

fn not_on(caller: &Identity, verbs: &[Verb], targets: &[&TargetName]) -> Refused {
    let right = right(verbs);
    let who = &caller.name;
    let detail = match targets {
        [one] => format!("{who} does not have the right {right} on a target {one}"),
        more => format!(
            "{who} does not have the right {right} on {} targets",
            more.len()
        ),
    };
    let each = |name: &&TargetName| Detail {
        subject: format!("target {name}"),
        message: format!("{who} does not have the right {right} on it, or there is none"),
    };
    let problems = targets.iter().take(LISTED).map(each).collect();
    Refused::new(Code::Forbidden, detail, cure(verbs)).with(problems)
}

fn forbidden(caller: &Identity, verbs: &[Verb], on_targets: bool) -> Refused {
    let right = right(verbs);
    let who = &caller.name;
    let has_some = verbs
        .iter()
        .any(|verb| !caller.rights.scope(*verb).is_nothing());
    let detail = match has_some && !on_targets {
        true => {
            format!("{who} has the right {right} on some targets, and this needs it everywhere")
        }
        false => format!("{who} does not have the right {right}"),
    };
    Refused::new(Code::Forbidden, detail, cure(verbs))
}

fn right(verbs: &[Verb]) -> String {
    let words: Vec<&str> = verbs.iter().map(|verb| verb.as_str()).collect();
    words.join(" or ")
}

fn cure(verbs: &[Verb]) -> String {
    let roles = Role::ALL.iter().copied();
    let gives = |role: &Role| verbs.iter().any(|verb| role.verbs().contains(verb));
    let roles: Vec<&str> = roles.filter(gives).map(Role::as_str).collect();
    format!(
        "`utakata role mine` shows your roles; the right comes with {}, which somebody who may \
         change people can give (`utakata role give`)",
        roles.join(", ")
    )
}
