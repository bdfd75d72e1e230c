//! What the benchmarks share: the system under measure, its processes, and figures.

pub mod closed_loop;
pub mod echo;
pub mod figures;
pub mod process;
pub mod system;
