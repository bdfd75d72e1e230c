//! The worker for exporters of Prometheus.

use std::process::ExitCode;

/// Faster than the C library's with many small allocations: see docs/benchmarks.md.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    utakata_worker_sdk::main::<utakata_worker_scrape::ScrapeWorker>()
}
