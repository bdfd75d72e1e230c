//! A policy that was checked, as it is used for every decision.

use std::sync::Arc;

use utakata_expression::Program;
use utakata_model::{Policy, policy::Input, policy::PolicyAct};

/// A policy that was checked.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub(crate) policy: Arc<Policy>,
    /// The names of the inputs, in the order of their slots.
    pub(crate) inputs: Vec<(String, Input)>,
    /// The expressions by name, each after those that it uses; their slots follow those of inputs.
    pub(crate) lets: Vec<(String, Program)>,
    pub(crate) when: Program,
    pub(crate) until: Option<Program>,
    pub(crate) unless: Option<Program>,
    pub(crate) back: Option<Program>,
    pub(crate) acts: Vec<CompiledAct>,
}

/// One act of a policy that was checked.
#[derive(Debug, Clone)]
pub struct CompiledAct {
    /// The act as declared.
    pub act: PolicyAct,
    pub(crate) enough: Option<Program>,
    /// The parameters that are expressions.
    pub(crate) calculated: Vec<(String, Program)>,
    /// The slot of the input that it is expected to move.
    pub(crate) moves: Option<usize>,
}

/// One input of a policy.
#[derive(Debug, Clone, Copy)]
pub struct InputOf<'c> {
    /// The name by which expressions refer to it.
    pub name: &'c str,
    /// The input as the policy declares it.
    pub input: &'c Input,
}

impl Compiled {
    /// Returns the policy as declared.
    pub fn policy(&self) -> &Arc<Policy> {
        &self.policy
    }

    /// Returns the inputs, in the order in which a view has them.
    pub fn inputs(&self) -> impl Iterator<Item = InputOf<'_>> {
        self.inputs
            .iter()
            .map(|(name, input)| InputOf { name, input })
    }

    /// Returns the acts, in the order in which a view has their candidates.
    pub fn acts(&self) -> &[CompiledAct] {
        &self.acts
    }
}
