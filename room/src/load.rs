//! Loads that vary slowly, smoothly, and reproducibly for a seed.

use std::f64::consts::TAU;
use std::time::Duration;

use crate::chance::{draw, unit, wave};

/// Returns the load of `name` at `clock`, from 0 to 1: a slow tide with a quicker ripple on it.
pub fn fraction(seed: u64, name: &str, clock: Duration) -> f64 {
    let period = 600.0 + 1200.0 * unit(draw(seed, name, 0));
    let phase = unit(draw(seed, name, u64::MAX));
    let tide = (TAU * (clock.as_secs_f64() / period + phase)).sin();
    let ripple = wave(seed, name, clock, Duration::from_secs(20));
    (0.5 + 0.3 * tide + 0.4 * (ripple - 0.5)).clamp(0.0, 1.0)
}
