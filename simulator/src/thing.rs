//! Whatever stands in a room: a device that answers SNMP, or a BMC.

use std::sync::Arc;

use serde::Serialize;

use crate::bmc::{self, Bmc};
use crate::control::{Detail, Equipment};
use crate::device::{self, Device};
use crate::fault::{Misfit, Order};

/// A device or a BMC.
#[derive(Debug)]
pub enum Thing {
    Device(Arc<Device>),
    Bmc(Arc<Bmc>),
}

/// The ground truth about either.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Truth {
    Device(Box<device::Truth>),
    Bmc(Box<bmc::Truth>),
}

impl Equipment for Thing {
    type Truth = Truth;

    fn name(&self) -> &str {
        match self {
            Self::Device(device) => &device.name,
            Self::Bmc(bmc) => bmc.name(),
        }
    }

    fn order(&self, order: Order) -> Result<(), Misfit> {
        match self {
            Self::Device(device) => device.order(order),
            Self::Bmc(bmc) => bmc.order(order),
        }
    }

    fn truth(&self, detail: Detail) -> Truth {
        match self {
            Self::Device(device) => Truth::Device(Box::new(device.truth(detail))),
            Self::Bmc(bmc) => Truth::Bmc(Box::new(bmc.truth(detail))),
        }
    }
}
