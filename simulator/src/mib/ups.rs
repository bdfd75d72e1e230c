//! Uninterruptible power supply: UPS-MIB (RFC 1628), one line in and one line out.

use async_snmp::{Oid, Value};

use super::system::Agent;
use super::view::{ViewBuilder, gauge, integer, rounded, text};
use super::{Change, Refusal};
use crate::room::{NOMINAL, Room, Source, Test, TestOrder, Ups};

const UPS: [u32; 8] = [1, 3, 6, 1, 2, 1, 33, 1];
/// The tests of upsWellKnownTests: upsTestNoTestsInitiated, upsTestAbortTestInProgress,
/// upsTestQuickBatteryTest.
const NO_TEST: u32 = 1;
const ABORT_TEST: u32 = 2;
const QUICK_BATTERY_TEST: u32 = 4;
/// Charge below which a battery counts as low.
const LOW: f64 = 0.2;
/// Voltage of a full battery, and the voltage drop of an empty one.
const BATTERY_VOLTS: (f64, f64) = (245.0, 35.0);

/// Adds the objects of `ups`.
pub fn put_objects(room: &Room, ups: &Ups, builder: &mut ViewBuilder) -> Agent {
    identity(ups, builder);
    battery(ups, builder);
    input(ups, builder);
    output(ups, builder);
    alarms(room, ups, builder);
    tests(ups, builder);
    configuration(ups, builder);
    Agent {
        description: "Simulated UPS, network management card 1.0".to_owned(),
        object: UPS[..7].to_vec(),
    }
}

/// The last object of upsOutput before its table is complete.
pub fn middle() -> Oid {
    Oid::new(UPS.into_iter().chain([4, 4, 1, 3, 1]))
}

fn identity(ups: &Ups, builder: &mut ViewBuilder) {
    let mut put = |object: u32, value| builder.put(&UPS, &[1, object, 0], value);
    put(1, text("Simulated"));
    put(2, text("On-line UPS"));
    put(3, text("1.0"));
    put(4, text("1.0"));
    put(5, text(&ups.name));
    put(6, text(&format!("feed {}", ups.feed)));
}

fn battery(ups: &Ups, builder: &mut ViewBuilder) {
    let volts = BATTERY_VOLTS.0 - BATTERY_VOLTS.1 * (1.0 - ups.charge());
    let on_battery = ups.source() == Source::Battery;
    let amperes = if on_battery { ups.load.0 / volts } else { 0.0 };
    let warmth = if on_battery {
        8.0 * ups.load_fraction()
    } else {
        0.0
    };
    let mut put = |object: u32, value| builder.put(&UPS, &[2, object, 0], value);
    put(1, integer(battery_status(ups)));
    put(2, integer(ups.on_battery.as_secs() as i32));
    put(3, rounded((ups.runtime().as_secs_f64() / 60.0).floor()));
    put(4, rounded((ups.charge() * 100.0).floor()));
    put(5, rounded(volts * 10.0));
    put(6, rounded(amperes * 10.0));
    put(7, rounded(24.0 + warmth));
}

/// Returns upsBatteryStatus: normal(2), low(3) or depleted(4).
fn battery_status(ups: &Ups) -> i32 {
    match ups.charge() {
        charge if charge <= 0.0 => 4,
        charge if charge < LOW => 3,
        _ => 2,
    }
}

fn input(ups: &Ups, builder: &mut ViewBuilder) {
    let voltage = ups.input_voltage();
    let power = ups.input_power();
    let frequency = if voltage.0 > 0.0 { 500 } else { 0 };
    builder.put(&UPS, &[3, 1, 0], Value::Counter32(ups.input_losses));
    builder.put(&UPS, &[3, 2, 0], integer(1));
    builder.row(
        (&UPS, &[3, 3, 1]),
        &[1],
        [
            (2, integer(frequency)),
            (3, rounded(voltage.0)),
            (4, rounded(power.current(voltage).0 * 10.0)),
            (5, rounded(power.0)),
        ],
    );
    builder.put(&UPS, &[5, 1, 0], integer(frequency));
    builder.put(&UPS, &[5, 2, 0], integer(1));
    builder.row(
        (&UPS, &[5, 3, 1]),
        &[1],
        [(2, rounded(voltage.0)), (3, integer(0)), (4, integer(0))],
    );
}

fn output(ups: &Ups, builder: &mut ViewBuilder) {
    let voltage = ups.output_voltage();
    builder.put(&UPS, &[4, 1, 0], integer(output_source(ups)));
    builder.put(
        &UPS,
        &[4, 2, 0],
        integer(if voltage.0 > 0.0 { 500 } else { 0 }),
    );
    builder.put(&UPS, &[4, 3, 0], integer(1));
    builder.row(
        (&UPS, &[4, 4, 1]),
        &[1],
        [
            (2, rounded(voltage.0)),
            (3, rounded(ups.load.current(voltage).0 * 10.0)),
            (4, rounded(ups.load.0)),
            (5, rounded(ups.load_fraction() * 100.0)),
        ],
    );
}

/// Returns upsOutputSource: none(2), normal(3), bypass(4) or battery(5).
fn output_source(ups: &Ups) -> i32 {
    match ups.source() {
        Source::Nothing => 2,
        Source::Mains => 3,
        Source::Bypass => 4,
        Source::Battery => 5,
    }
}

/// upsAlarm: the table has a row for each condition present, by the number of its well-known alarm.
fn alarms(room: &Room, ups: &Ups, builder: &mut ViewBuilder) {
    let source = ups.source();
    let conditions = [
        (2, source == Source::Battery),
        (3, battery_status(ups) == 3),
        (4, battery_status(ups) == 4),
        (6, !ups.has_input()),
        (7, source == Source::Nothing),
        (8, ups.load_fraction() > 1.0),
        (9, source == Source::Bypass),
    ];
    let began = room.clock().saturating_sub(ups.on_battery).as_millis() / 10;
    let present = conditions.into_iter().filter(|(_, is_present)| *is_present);
    let mut count = 0.0;
    for (alarm, _) in present {
        count += 1.0;
        let description = Oid::new(UPS.into_iter().chain([6, 3, alarm]));
        builder.row(
            (&UPS, &[6, 2, 1]),
            &[alarm],
            [
                (2, Value::ObjectIdentifier(description)),
                (3, Value::TimeTicks(began as u32)),
            ],
        );
    }
    builder.put(&UPS, &[6, 1, 0], gauge(count));
}

/// upsTest, without its spin lock: the last test and its result.
fn tests(ups: &Ups, builder: &mut ViewBuilder) {
    let (summary, detail) = match ups.test {
        Test::Passed => (1, "battery passed"),
        Test::Failed => (3, "battery failed"),
        Test::Aborted => (4, "aborted"),
        Test::Running(_) => (5, "battery under test"),
        Test::Never => (6, ""),
    };
    let known = if ups.test == Test::Never {
        NO_TEST
    } else {
        QUICK_BATTERY_TEST
    };
    let began = (ups.test_began.as_millis() / 10) as u32;
    let mut put = |object: u32, value| builder.put(&UPS, &[7, object, 0], value);
    put(1, Value::ObjectIdentifier(well_known_test(known)));
    put(3, integer(summary));
    put(4, text(detail));
    put(5, Value::TimeTicks(began));
}

/// Returns the change made by writing upsTestId; `None` if `oid` is another object.
pub fn write(oid: &[u32], value: &Value) -> Option<Result<Change, Refusal>> {
    if oid.strip_prefix(&UPS)? != [7, 1, 0] {
        return None;
    }
    let Value::ObjectIdentifier(test) = value else {
        return Some(Err(Refusal::WrongType));
    };
    Some(match test {
        test if *test == well_known_test(QUICK_BATTERY_TEST) => Ok(Change::Test(TestOrder::Begin)),
        test if *test == well_known_test(ABORT_TEST) => Ok(Change::Test(TestOrder::Abort)),
        _ => Err(Refusal::WrongValue),
    })
}

fn well_known_test(number: u32) -> Oid {
    Oid::new(UPS.into_iter().chain([7, 7, number]))
}

fn configuration(ups: &Ups, builder: &mut ViewBuilder) {
    let mut put = |object: u32, value| builder.put(&UPS, &[9, object, 0], value);
    put(1, rounded(NOMINAL.0));
    put(2, integer(500));
    put(3, rounded(NOMINAL.0));
    put(4, integer(500));
    put(5, rounded(ups.rated.apparent()));
    put(6, rounded(ups.rated.0));
    put(7, integer(2));
    put(8, integer(2));
}
