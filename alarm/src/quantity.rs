//! The type of a metric's values in expressions.

use utakata_expression::{Type, Unit};
use utakata_model::quantity::Quantity;

/// The metrics whose values are texts or states by name.
const TEXTS: [&str; 17] = [
    "hw.status",
    "hw.model",
    "hw.vendor",
    "hw.serial_number",
    "hw.firmware_version",
    "hw.network.up",
    "hw.network.admin",
    "system.name",
    "system.location",
    "system.contact",
    "system.description",
    "system.object",
    "utakata.outlet.state",
    "utakata.sensor.state",
    "utakata.ups.source",
    "utakata.ups.test",
    "utakata.ups.battery",
];

/// The metrics of utakata itself, and their units.
pub(crate) const OWN: [(&str, &str); 4] = [
    ("utakata.self.disk.free", "1"),
    ("utakata.self.queue.age", "s"),
    ("utakata.self.lag", "s"),
    ("utakata.self.store.failing", "s"),
];

/// Returns the type of a metric's values: that of a rule's own unit, if it names one.
pub fn of(metric: &str, unit: Option<&str>) -> Type {
    if let Some(unit) = unit {
        return Type::Number(Unit::of(unit));
    }
    if let Some((_, unit)) = OWN.iter().find(|(known, _)| *known == metric) {
        return Type::Number(Unit::of(*unit));
    }
    if TEXTS.contains(&metric) {
        return Type::Text;
    }
    match Quantity::find(metric).filter(|known| known.metric == metric) {
        Some(known) => Type::Number(Unit::of(known.unit)),
        None => Type::Unknown,
    }
}
