//! Loads that vary slowly, smoothly, and the same way every time for one seed.

use std::f64::consts::TAU;
use std::time::Duration;

/// How busy `name` is at `clock`, 0 to 1: a slow tide of its own and a quicker ripple on it.
pub fn fraction(seed: u64, name: &str, clock: Duration) -> f64 {
    let own = mix(seed ^ hash(name));
    let period = 600.0 + 1200.0 * unit(own);
    let tide = (TAU * (clock.as_secs_f64() / period + unit(mix(own)))).sin();
    let ripple = wave(seed, name, clock, Duration::from_secs(20));
    (0.5 + 0.3 * tide + 0.4 * (ripple - 0.5)).clamp(0.0, 1.0)
}

/// A smooth random curve, 0 to 1, that takes a new direction every `turn`.
pub fn wave(seed: u64, name: &str, clock: Duration, turn: Duration) -> f64 {
    let position = clock.as_secs_f64() / turn.as_secs_f64();
    let own = seed ^ hash(name);
    let (before, after) = (
        knot(own, position.floor()),
        knot(own, position.floor() + 1.0),
    );
    let way = position.fract();
    before + (after - before) * way * way * (3.0 - 2.0 * way)
}

fn knot(own: u64, position: f64) -> f64 {
    unit(mix(own.wrapping_add(
        (position as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15),
    )))
}

fn unit(bits: u64) -> f64 {
    (bits >> 11) as f64 / (1_u64 << 53) as f64
}

/// FNV-1a.
fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The finalizer of SplitMix64.
fn mix(bits: u64) -> u64 {
    let bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
