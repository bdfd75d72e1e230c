//! BMCs, and the worker of the shipped release with one as its target.

use std::path::Path;

use serde_json::Value as Json;
use utakata_tests::servers::Ipmi;
use utakata_worker_ipmi::IpmiWorker;
use utakata_worker_sdk::{Answer, Failure, harness::alone::Alone};

/// A worker and one BMC.
pub struct Target(Alone<IpmiWorker>);

impl Target {
    pub fn new(bmc: &Ipmi) -> Self {
        Self::with(bmc, &[("user", Ipmi::USER), ("password", Ipmi::PASSWORD)])
    }

    pub fn with(bmc: &Ipmi, credential: &[(&str, &str)]) -> Self {
        Self::at(bmc.address(), credential)
    }

    pub fn at(address: impl ToString, credential: &[(&str, &str)]) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("releases/ipmi");
        Self(Alone::build(&folder, address, credential).unwrap())
    }

    pub async fn run(&self, action: &str, parameters: Json) -> Result<Answer, Failure> {
        let task = self.0.task(action, parameters).unwrap();
        self.0.carry_out(task).await
    }
}
