//! Whatever stands in a room: a device that answers SNMP, a BMC, a gateway or a unit behind one, an upsd
//! or a UPS behind one.

use std::sync::Arc;

use serde::Serialize;

use crate::bmc::{self, Bmc};
use crate::control::{Detail, Equipment};
use crate::device::{self, Device};
use crate::fault::{Misfit, Order};
use crate::gateway::{self, Gateway, Unit};
use crate::upsd::{self, Told, Upsd};

/// Something with a name, faults and a truth about it.
#[derive(Debug)]
pub enum Thing {
    Device(Arc<Device>),
    Bmc(Arc<Bmc>),
    Gateway(Arc<Gateway>),
    Unit(Arc<Unit>),
    Upsd(Arc<Upsd>),
    Told(Arc<Told>),
}

impl Thing {
    /// Returns all that stands in a room.
    pub fn all(
        devices: Vec<Arc<Device>>,
        bmcs: &[Arc<Bmc>],
        gateways: &[Arc<Gateway>],
        upsds: &[Arc<Upsd>],
    ) -> Vec<Arc<Self>> {
        let units = gateways.iter().flat_map(|gateway| gateway.units());
        let told = upsds.iter().flat_map(|upsd| upsd.upses());
        let devices = devices.into_iter().map(Self::Device);
        let all = devices
            .chain(bmcs.iter().cloned().map(Self::Bmc))
            .chain(gateways.iter().cloned().map(Self::Gateway))
            .chain(units.cloned().map(Self::Unit))
            .chain(upsds.iter().cloned().map(Self::Upsd))
            .chain(told.cloned().map(Self::Told));
        all.map(Arc::new).collect()
    }
}

/// The ground truth about one of them.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Truth {
    Device(Box<device::Truth>),
    Bmc(Box<bmc::Truth>),
    Gateway(Box<gateway::Truth>),
    Unit(Box<gateway::UnitTruth>),
    Upsd(Box<upsd::Truth>),
    Told(Box<upsd::ToldTruth>),
}

impl Equipment for Thing {
    type Truth = Truth;

    fn name(&self) -> &str {
        match self {
            Self::Device(device) => &device.name,
            Self::Bmc(bmc) => bmc.name(),
            Self::Gateway(gateway) => gateway.name(),
            Self::Unit(unit) => unit.name(),
            Self::Upsd(upsd) => upsd.name(),
            Self::Told(ups) => ups.name(),
        }
    }

    fn order(&self, order: Order) -> Result<(), Misfit> {
        match self {
            Self::Device(device) => device.order(order),
            Self::Bmc(bmc) => bmc.order(order),
            Self::Gateway(gateway) => gateway.order(order),
            Self::Unit(unit) => unit.order(order),
            Self::Upsd(upsd) => upsd.order(order),
            Self::Told(ups) => ups.order(order),
        }
    }

    fn truth(&self, detail: Detail) -> Truth {
        match self {
            Self::Device(device) => Truth::Device(Box::new(device.truth(detail))),
            Self::Bmc(bmc) => Truth::Bmc(Box::new(bmc.truth(detail))),
            Self::Gateway(gateway) => Truth::Gateway(Box::new(gateway.truth(detail))),
            Self::Unit(unit) => Truth::Unit(Box::new(unit.truth(detail))),
            Self::Upsd(upsd) => Truth::Upsd(Box::new(upsd.truth(detail))),
            Self::Told(ups) => Truth::Told(Box::new(ups.truth(detail))),
        }
    }
}
