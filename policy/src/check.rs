//! The requirements on a policy, checked before it is stored.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use serde_json::Value;
use utakata_alarm::type_of;
use utakata_expression::{Program, Schema, Type, Unit};
use utakata_model::{
    Policy, duration,
    policy::{Aggregate, DeadMan, Input, Mode, PolicyAct},
    quantity::Quantity,
    suggest,
};

use crate::compiled::{Compiled, CompiledAct};

/// The longest hold, settling and interval.
const MAX_DELAY: Duration = Duration::from_secs(7 * 86_400);
/// The shortest interval between decisions.
const MIN_EVERY: Duration = Duration::from_secs(1);
const MAX_INPUTS: usize = 64;
const MAX_ACTS: usize = 8;

/// A mistake in a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wrong {
    /// The field with the mistake: `when`, `act.0.enough`.
    pub field: String,
    /// The mistake and its cure, in words for whoever wrote it.
    pub message: String,
}

impl Compiled {
    /// Checks a policy: its expressions for names, types and units, and that its parts fit.
    ///
    /// # Errors
    /// Every mistake in it.
    pub fn new(policy: Policy) -> Result<Self, Vec<Wrong>> {
        let mut checker = Checker::default();
        checker.plain(&policy);
        let inputs: Vec<(String, Input)> = policy.watch.clone().into_iter().collect();
        let (mut schema, mut own) = (Schema::default(), Schema::default());
        for (name, input) in &inputs {
            let of = checker.input(name, input, &policy);
            own = own.variable(name, of.clone());
            // Its slot stays, so that both schemas have the same; the name is that of nothing.
            schema = match input.aggregate {
                Aggregate::Each => schema.variable(&format!("{name} of each target"), of),
                _ => schema.variable(name, of),
            };
        }
        let lets = checker.lets(&policy, &mut schema, &mut own);
        let when = checker.condition("when", &policy.when, &schema);
        let until = policy.until.as_deref();
        let until = until.map(|text| checker.condition("until", text, &schema));
        let unless = policy.unless.as_deref();
        let unless = unless.map(|text| checker.condition("unless", text, &schema));
        let back = policy.back.as_ref();
        let back = back.map(|back| checker.condition("back.when", &back.when, &schema));
        let acts = policy.act.iter().enumerate();
        let acts: Vec<Option<CompiledAct>> = acts
            .map(|(at, act)| checker.act(at, act, &policy, (&schema, &own)))
            .collect();
        let acts: Option<Vec<CompiledAct>> = acts.into_iter().collect();
        let (Some(when), Some(acts), true) = (when, acts, checker.wrong.is_empty()) else {
            return Err(checker.wrong);
        };
        Ok(Self {
            policy: Arc::new(policy),
            inputs,
            lets,
            when,
            until: until.flatten(),
            unless: unless.flatten(),
            back: back.flatten(),
            acts,
        })
    }
}

#[derive(Default)]
struct Checker {
    wrong: Vec<Wrong>,
}

impl Checker {
    fn add(&mut self, field: impl Into<String>, message: impl Into<String>) {
        self.wrong.push(Wrong {
            field: field.into(),
            message: message.into(),
        });
    }

    /// Checks everything that needs no names.
    fn plain(&mut self, policy: &Policy) {
        if matches!(policy.mode, Mode::Armed | Mode::Advise) {
            let message =
                "a document begins in shadow (or off): test it, then `utakata policy arm`";
            self.add("mode", message);
        }
        if !(MIN_EVERY..=MAX_DELAY).contains(&policy.every) {
            let message = format!(
                "it is at least {} and at most {}",
                duration::format(MIN_EVERY),
                duration::format(MAX_DELAY)
            );
            self.add("every", message);
        }
        self.delay("hold", policy.hold);
        self.delay("yield", policy.yields);
        if let Some(back) = &policy.back {
            self.delay("back.hold", back.hold);
            self.delay("back.settle", back.settle);
            if back.at_a_time == 0 {
                self.add("back.at_a_time", "0 hands nothing back: at least 1");
            }
        }
        if let Some(dead_man) = policy.dead_man {
            self.dead_man(policy, dead_man);
        }
        if policy.watch.is_empty() || policy.watch.len() > MAX_INPUTS {
            self.add("watch", format!("it has from 1 to {MAX_INPUTS} inputs"));
        }
        if policy.act.is_empty() || policy.act.len() > MAX_ACTS {
            self.add("act", format!("it has from 1 to {MAX_ACTS} acts"));
        }
        if policy.stop_after == 0 {
            self.add(
                "stop_after",
                "0 would stop it before its first act: at least 1",
            );
        }
        for wrong in utakata_envelope::check(&policy.envelope) {
            self.add(format!("envelope.{}", wrong.field), wrong.message);
        }
        if policy.envelope.at_most.is_empty() {
            let message =
                "it has no limit of its own: at_most: [\"10 in 1h\", \"1 in 1h per target\"]";
            self.add("envelope", message);
        }
    }

    fn dead_man(&mut self, policy: &Policy, DeadMan { lease, renew }: DeadMan) {
        self.delay("dead_man.lease", lease);
        if renew < MIN_EVERY {
            let message = format!("it is at least {}", duration::format(MIN_EVERY));
            self.add("dead_man.renew", message);
        } else if renew > lease / 2 {
            let half = duration::format(lease / 2);
            let message = format!(
                "one renewal that comes late would be the end of it: at most half the lease, {half}"
            );
            self.add("dead_man.renew", message);
        } else if policy.every > renew {
            let message = format!(
                "it decides every {}, which is too seldom to renew by then",
                duration::format(policy.every)
            );
            self.add("dead_man.renew", message);
        }
        if lease.subsec_nanos() != 0 {
            self.add("dead_man.lease", "targets count in whole seconds");
        }
    }

    fn delay(&mut self, field: &str, delay: Duration) {
        if delay > MAX_DELAY {
            let max = duration::format(MAX_DELAY);
            self.add(field, format!("it is longer than {max}"));
        }
    }

    /// Checks an input, and returns the type of its value.
    fn input(&mut self, name: &str, input: &Input, policy: &Policy) -> Type {
        let field = format!("watch.{name}");
        let is_name = name.chars().enumerate().all(|(at, one)| {
            one == '_' || one.is_ascii_alphabetic() || (at > 0 && one.is_ascii_digit())
        });
        if !is_name || name.is_empty() {
            let message = "a name has letters, digits and _, and begins with a letter";
            self.add(field.clone(), message);
        }
        if input.fresh.is_zero() || input.fresh > MAX_DELAY {
            let max = duration::format(MAX_DELAY);
            self.add(
                format!("{field}.fresh"),
                format!("it is more than 0s and at most {max}"),
            );
        }
        if policy.for_each.is_none() {
            if input.relation.is_some() {
                let message = "a relation begins at the target of for_each, and there is none: \
                               write a selector";
                self.add(format!("{field}.relation"), message);
            } else if input.selector.is_none() {
                let message = "the targets are missing: selector: \"kind=apc-pdu,feed=A\"";
                self.add(field.clone(), message);
            }
        }
        let of = match (&input.metric, input.silence) {
            (None, true) => Type::Number(Unit::of("s")),
            (Some(metric), false) => {
                let of = type_of(metric.as_str(), input.unit.as_deref());
                let hint = Quantity::hint(metric.as_str());
                let is_ours =
                    metric.as_str().starts_with("hw.") || metric.as_str().starts_with("system.");
                if of == Type::Unknown && is_ours && hint.starts_with("did you mean") {
                    let message = format!("there is no metric \"{metric}\": {hint}");
                    self.add(format!("{field}.metric"), message);
                }
                of
            }
            _ => {
                let message = "it is one of a metric and silence: { metric: hw.power, ... }";
                self.add(field.clone(), message);
                Type::Unknown
            }
        };
        self.aggregated(&field, &input.aggregate, of)
    }

    fn aggregated(&mut self, field: &str, aggregate: &Aggregate, of: Type) -> Type {
        match (aggregate, of) {
            (Aggregate::Count(_), _) => Type::Number(Unit::of("1")),
            (Aggregate::One | Aggregate::Each, of) => of,
            (aggregate, Type::Text) => {
                let message = format!(
                    "there is no {aggregate} of texts: count('ok') counts those that are a state"
                );
                self.add(format!("{field}.aggregate"), message);
                Type::Unknown
            }
            (_, of) => of,
        }
    }

    /// Checks the expressions by name, each after those that it uses.
    fn lets(
        &mut self,
        policy: &Policy,
        schema: &mut Schema,
        own: &mut Schema,
    ) -> Vec<(String, Program)> {
        let mut left: BTreeMap<&String, &String> = policy.lets.iter().collect();
        left.retain(|name, _| {
            let is_double = policy.watch.contains_key(*name);
            if is_double {
                self.add(format!("let.{name}"), "an input has this name already");
            }
            !is_double
        });
        let mut done = Vec::new();
        while !left.is_empty() {
            let ready = left
                .iter()
                .find_map(|(name, text)| Some((*name, Program::compile(text, schema).ok()?)));
            let Some((name, program)) = ready else {
                break;
            };
            *schema = std::mem::take(schema).variable(name, program.result().clone());
            *own = std::mem::take(own).variable(name, program.result().clone());
            left.remove(name);
            done.push((name.clone(), program));
        }
        for (name, text) in left {
            if let Err(error) = Program::compile(text, schema) {
                self.add(format!("let.{name}"), error.to_string());
            }
        }
        done
    }

    fn condition(&mut self, field: &str, text: &str, schema: &Schema) -> Option<Program> {
        match Program::condition(text, schema) {
            Ok(program) => Some(program),
            Err(error) => {
                self.add(field, error.to_string());
                None
            }
        }
    }

    fn number(&mut self, field: &str, text: &str, schema: &Schema) -> Option<Program> {
        match Program::compile(text, schema) {
            Ok(program) if matches!(program.result(), Type::Number(_) | Type::Unknown) => {
                Some(program)
            }
            Ok(program) => {
                let of = program.result();
                self.add(field, format!("a number is needed, and this is {of}"));
                None
            }
            Err(error) => {
                self.add(field, error.to_string());
                None
            }
        }
    }

    fn act(
        &mut self,
        at: usize,
        act: &PolicyAct,
        policy: &Policy,
        (schema, own): (&Schema, &Schema),
    ) -> Option<CompiledAct> {
        let field = |key: &str| format!("act.{at}.{key}");
        let before = self.wrong.len();
        self.delay(&field("settle"), act.settle);
        if act.at_a_time == 0 {
            self.add(field("at_a_time"), "0 does nothing: at least 1");
        }
        let on = &act.on;
        if on.selector.is_none() && policy.for_each.is_none() {
            let message = "the targets are missing: on: { selector: \"kind=crac\" }";
            self.add(field("on"), message);
        }
        if on.relation.is_none() && on.from.is_some() {
            self.add(field("on.from"), "it narrows a relation, and there is none");
        }
        let only = policy.envelope.only.as_ref();
        if let Some(only) = only.filter(|only| !only.actions.contains(&act.action)) {
            let known = only.actions.iter().map(|action| action.as_str());
            let hint = suggest::hint(act.action.as_str(), known);
            let message = format!("its own envelope does not allow {}: {hint}", act.action);
            self.add(field("action"), message);
        }
        let enough = act.enough.as_ref();
        let enough = enough.map(|text| self.number(&field("enough"), text, schema));
        let mut calculated = Vec::new();
        for (name, value) in &act.parameters {
            if let Some(text) = expression(value) {
                let key = field(&format!("parameters.{name}"));
                calculated.extend(self.number(&key, text, own).map(|one| (name.clone(), one)));
            }
        }
        let moves = act.expects.as_ref().and_then(|expects| {
            self.delay(&field("expects.within"), expects.within);
            if expects.within < act.settle {
                let message = format!(
                    "it is looked for within {}, before the next act after {} (settle): \
                     make it at least as long",
                    duration::format(expects.within),
                    duration::format(act.settle)
                );
                self.add(field("expects.within"), message);
            }
            if !expects.by.is_finite() || expects.by < 0.0 {
                self.add(
                    field("expects.by"),
                    "it is a number from 0: `moves` has the direction",
                );
            }
            let found = policy.watch.keys().position(|name| *name == expects.input);
            if found.is_none() {
                let known = policy.watch.keys().map(String::as_str);
                let hint = suggest::hint(&expects.input, known);
                let message = format!("there is no input \"{}\": {hint}", expects.input);
                self.add(field("expects.input"), message);
            }
            found
        });
        let mut inputs = policy.watch.values();
        let watches = on.relation.is_none()
            && inputs.any(|input| input.selector.is_some() && input.selector == on.selector);
        if (act.expects.is_some() || watches) && act.settle.is_zero() {
            let message = "it changes what it watches, and needs a time before the next decision: \
                           settle: 20s";
            self.add(field("settle"), message);
        }
        (self.wrong.len() == before).then(|| CompiledAct {
            act: act.clone(),
            enough: enough.flatten(),
            calculated,
            moves,
        })
    }
}

/// Returns the expression of a parameter, if it is one.
fn expression(value: &Value) -> Option<&str> {
    value.as_str()?.strip_prefix('=').map(str::trim)
}
