//! Common parts of the benchmarks: the system under test, its processes, and figures.

pub mod alertmanager;
pub mod closed_loop;
pub mod containers;
pub mod echo;
pub mod figures;
pub mod load;
pub mod pods;
pub mod process;
pub mod prompt;
pub mod raw;
pub mod site;
pub mod system;
