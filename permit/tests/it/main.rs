//! The whole protocol of the permit: the real decisions of both sides, and everything that may
//! happen in between, in every order.
//!
//! Each case is explored completely, or up to a number of states, and then by long random walks.
//! `UTAKATA_PERMIT_STATES=3000000` explores that many states of each; this needs a release build, a
//! quarter of an hour and some gigabytes.

#![cfg(test)]

mod calm;
mod case;
mod cases;
mod environment;
mod explorer;
mod ledger;
mod mutant;
mod promises;
mod steps;
mod world;

use case::Case;
use explorer::{Explored, explore, wander};
use utakata_model::TaskState;
use world::World;

/// The number of states of a case that are explored by default.
const MAX_STATES: usize = 32_000;
/// The number of states within which a built-in fault must show.
const MAX_STATES_BROKEN: usize = 200_000;
/// The number of random walks through each case.
const WAYS: usize = 200;

fn max_states() -> usize {
    let requested = std::env::var("UTAKATA_PERMIT_STATES").ok();
    requested.map_or(MAX_STATES, |requested| requested.parse().unwrap())
}

fn check(cases: &[Case]) {
    let mut states = 0;
    for case in cases {
        let explored = explore(case, max_states());
        states += explored.states;
        keeps_its_promises(case, &explored);
        keeps_its_promises(case, &wander(case, WAYS));
    }
    println!("{states} states in {} cases", cases.len());
}

fn keeps_its_promises(case: &Case, explored: &Explored) {
    println!("{}: {explored}", case.name);
    if let Some(trace) = &explored.broken {
        panic!("{}: {trace}", case.name);
    }
}

#[test]
fn what_may_be_done_once_is_never_done_twice_whatever_happens() {
    check(&cases::once());
}

#[test]
fn what_may_be_done_once_is_never_done_twice_whoever_freezes() {
    check(&cases::stalled());
}

#[test]
fn attempts_at_what_may_be_repeated_never_overlap_whatever_happens() {
    check(&cases::repeatable());
}

#[test]
fn tasks_of_one_target_never_act_together_whatever_happens() {
    check(&cases::two_tasks());
}

#[test]
fn without_faults_a_task_succeeds() {
    for case in cases::once().into_iter().chain(cases::repeatable()) {
        let world = calm::ends(&World::new(&case), &case).unwrap();
        let state = world.lives[0].state();
        assert_eq!(state, TaskState::Succeeded, "{}", case.name);
        assert_eq!(world.effects(0), 1, "{}", case.name);
    }
}

#[test]
fn every_injected_fault_is_detected() {
    for (mutant, case, what) in cases::mutants() {
        let explored = explore(&case.broken(mutant), MAX_STATES_BROKEN);
        println!("{mutant:?}: {explored}");
        let found = explored.broken.as_ref().map(|trace| trace.what);
        assert_eq!(found, Some(what), "{mutant:?}");
    }
}
