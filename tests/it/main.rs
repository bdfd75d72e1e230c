//! Tests of the whole system, of the servers they use, and of the rules of this repository.

#![cfg(test)]

mod chart;
mod fuzz;
mod release;
mod servers;
mod system;
mod tidy;
mod worker_image;
