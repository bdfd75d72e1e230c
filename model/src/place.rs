//! The places where workers run.

use serde::{Deserialize, Serialize};

words! {
    /// Where a worker runs.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
    pub enum Place {
        /// As a process of a machine.
        Process = "process",
        /// In a container, or a pod.
        Image = "image",
    }
}
