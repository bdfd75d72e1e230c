//! Values as devices send them, good and bad.

use proptest::prelude::*;
use utakata_model::{Quality, ReadingValue};

use super::{Interpretation, Meaning, Scaling};
use crate::{
    form::{Keyed, Value},
    keys,
    raw::Raw,
};

keys! {
    /// A protocol without keys of its own.
    pub struct Nothing {}
}

fn compile(text: &str) -> Result<Meaning, String> {
    let form: Keyed<Nothing, Value> = toml::from_str(text).map_err(|error| error.to_string())?;
    Meaning::compile(&form.shared, &Default::default())
}

fn meaning(text: &str) -> Meaning {
    compile(text).unwrap()
}

fn shown(seen: &Interpretation) -> String {
    match seen {
        Interpretation::Reading(value, Quality::Good) => value.to_string(),
        Interpretation::Reading(value, _) => format!("{value} suspect"),
        Interpretation::Nothing => "nothing".into(),
        Interpretation::NoNumber => "no number".into(),
    }
}

const CELSIUS: &str = "metric = \"hw.temperature\"\nunit = \"Cel\"\n";
const WATT: &str = "metric = \"hw.power\"\nunit = \"W\"\n";

fn int(number: i64) -> Raw<'static> {
    Raw::Integer(number)
}

fn gauge(number: u32) -> Raw<'static> {
    Raw::Unsigned(number.into(), 32)
}

fn bytes(text: &str) -> Raw<'_> {
    Raw::Bytes(text.as_bytes())
}

fn check(keys: &str, more: &str, raw: &Raw<'_>, expect: &str) {
    let seen = meaning(&format!("{keys}{more}")).read(raw, &Scaling::NONE);
    assert_eq!(shown(&seen), expect, "{more} {raw:?}");
}

#[test]
fn what_means_none_is_no_reading_and_what_cannot_be_is_suspect() {
    const VOLT: &str = "metric = \"hw.voltage\"\nunit = \"V\"\n";
    const LEFT: &str = "metric = \"hw.battery.time_left\"\nunit = \"s\"\n";
    const SPEED: &str = "metric = \"hw.network.bandwidth.limit\"\nunit = \"By/s\"\n";
    const ENERGY: &str = "metric = \"hw.energy\"\nunit = \"J\"\n";
    const MTU: &str = "metric = \"hw.network.mtu\"\nunit = \"By\"\n";
    for (keys, more, raw, expect) in [
        (WATT, "", int(230), "230"),
        (WATT, "", int(-1), "nothing"),
        (WATT, "factor = 10.0", gauge(u32::MAX), "nothing"),
        (
            WATT,
            "factor = 10.0\ninvalid = -1",
            gauge(u32::MAX),
            "nothing",
        ),
        (WATT, "", int(-5), "-5 suspect"),
        (WATT, "", int(65_535), "65535 suspect"),
        (WATT, "", int(65_534), "65534"),
        (WATT, "", int(-1_000_000_000), "nothing"),
        // The speed of a port of 1 Gbit/s.
        (SPEED, "factor = 0.125", int(1_000_000_000), "125000000"),
        (VOLT, "", int(2_313), "2313 suspect"),
        (VOLT, "max = 3000.0", int(2_313), "2313"),
        (VOLT, "", int(65_535), "nothing"),
        (LEFT, "factor = 60.0", int(65_535), "nothing"),
        (LEFT, "factor = 60.0", int(30), "1800"),
        (CELSIUS, "", int(-1), "-1"),
        (CELSIUS, "factor = 0.1", gauge(4_294_967_246), "-5"),
        (
            CELSIUS,
            "factor = 0.1",
            gauge(4_294_964_565),
            "-273.1 suspect",
        ),
        (CELSIUS, "factor = 0.1", int(-32_768), "nothing"),
        (CELSIUS, "invalid = { below = 0 }", int(-7), "nothing"),
        (
            CELSIUS,
            "invalid = { below = 0 }",
            gauge(4_294_967_246),
            "nothing",
        ),
        (CELSIUS, "invalid = [{ above = 99 }, 5]", int(5), "nothing"),
        (
            CELSIUS,
            "invalid = { matches = \"^n/?a$\" }",
            bytes("na"),
            "nothing",
        ),
        (CELSIUS, "valid = [0, 80]", int(81), "nothing"),
        (CELSIUS, "valid = [0, 80]", int(80), "80"),
        (CELSIUS, "valid = [-300, 300]", int(250), "250 suspect"),
        (CELSIUS, "", bytes("-3276.8"), "nothing"),
        (CELSIUS, "", Raw::Float(f64::NAN), "nothing"),
        (ENERGY, "", gauge(65_535), "65535"),
        (ENERGY, "", int(2_147_483_647), "2147483647"),
        (
            ENERGY,
            "factor = 360000.0\ninvalid = -1",
            gauge(u32::MAX),
            "nothing",
        ),
        (ENERGY, "", gauge(u32::MAX), "nothing"),
        (ENERGY, "", gauge(u32::MAX - 1), "4294967294"),
        (MTU, "", int(65_535), "65535"),
        (MTU, "max = 1e12", int(-2_000_000_000), "2294967296 suspect"),
        (MTU, "", int(-1), "nothing"),
    ] {
        check(keys, more, &raw, expect);
    }
}

#[test]
fn a_number_in_a_text_is_read_as_the_profile_says_or_suspect_or_reported() {
    for (more, text, expect) in [
        ("", "23.5", "23.5"),
        ("", " 24.1\n", "24.1"),
        ("", "26.0\0\0", "26"),
        ("", "23.5 C", "23.5 suspect"),
        ("", "60 degree Celsius", "60 suspect"),
        ("", "77F", "25 suspect"),
        ("", "25,5", "25.5 suspect"),
        ("", "25 bananas", "no number"),
        ("", "N/A", "no number"),
        ("", "0x1a", "no number"),
        ("", "nan", "no number"),
        ("", "", "no number"),
        ("number = \"first\"", "25 C (77.00 F)", "25"),
        ("number = \"unit\"", "77 F", "25"),
        ("number = \"unit\"", "77 bananas", "no number"),
        (
            "number = \"F: ([0-9]+)\"\nconvert = \"fahrenheit\"",
            "C: 25, F: 77",
            "25",
        ),
        ("factor = 0.1", "235", "23.5"),
        ("factor = 0.1", "235 C", "23.5 suspect"),
        ("factor = 0.1", "235 F", "no number"),
    ] {
        check(CELSIUS, more, &bytes(text), expect);
    }
    check(
        "metric = \"hw.current\"\nunit = \"A\"\n",
        "number = \"first\"\nfactor = 0.001",
        &bytes("6.582 mA: Normal"),
        "0.006582",
    );
    check(
        "metric = \"hw.load\"\nunit = \"1\"\n",
        "factor = 0.01",
        &bytes("98%"),
        "0.98 suspect",
    );
}

#[test]
fn a_conversion_makes_the_unit_that_the_metric_has() {
    let optical = "metric = \"hw.optical_power\"\nunit = \"dB[mW]\"\n";
    check(
        optical,
        "factor = 0.001\nconvert = \"mW-to-dBm\"",
        &int(1000),
        "0",
    );
    check(optical, "convert = \"mW-to-dBm\"", &int(0), "nothing");
    check(CELSIUS, "convert = \"fahrenheit\"", &int(212), "100");
}

#[test]
fn mistakes_in_a_value_are_reported() {
    for (keys, more, part) in [
        (CELSIUS, "convert = \"mW-to-dBm\"", "makes dB[mW]"),
        (CELSIUS, "convert = \"kelvn\"", "did you mean \"kelvin\"?"),
        (CELSIUS, "valid = [5, 1]", "leave nothing"),
        (CELSIUS, "valid = [5]", "invalid length"),
        (CELSIUS, "min = 500", "leave nothing"),
        (CELSIUS, "invalid = { belo = 0 }", "unknown field `belo`"),
        (CELSIUS, "invalid = {}", "needs \"below\""),
        (
            CELSIUS,
            "invalid = { matches = \"(\" }",
            "not a regular expression",
        ),
        (CELSIUS, "number = \"last\"", "first"),
        (
            "metric = \"a\"\n",
            "states = \"psu\"",
            "there are no [states.psu]",
        ),
        ("unit = \"W\"\n", "", "needs its name"),
    ] {
        let error = compile(&format!("{keys}{more}")).unwrap_err();
        assert!(error.contains(part), "{more}: {error}");
    }
}

/// Numbers that mean "there is none" in a type of that many bits.
fn sentinel() -> impl Strategy<Value = i128> {
    let bits = prop::sample::select(vec![16_u32, 32, 64]);
    (bits, 0..4).prop_map(|(bits, which)| match which {
        0 => (1_i128 << bits) - 1,
        1 => -1,
        2 => -(1_i128 << (bits - 1)),
        _ => (1_i128 << (bits - 1)) - 1,
    })
}

/// Returns the ways in which a whole number can be sent.
fn sent(number: i128) -> Vec<Raw<'static>> {
    let mut ways = vec![
        Raw::Text(number.to_string().into()),
        Raw::Float(number as f64),
    ];
    ways.extend(i64::try_from(number).map(Raw::Integer));
    for bits in [32_u32, 64] {
        let wrapped = number.rem_euclid(1_i128 << bits);
        if wrapped == number || (-(1_i128 << (bits - 1))..0).contains(&number) {
            ways.extend(u64::try_from(wrapped).map(|number| Raw::Unsigned(number, bits)));
        }
    }
    ways
}

proptest! {
    #[test]
    fn no_sentinel_of_any_width_sign_and_scale_is_ever_good(
        number in sentinel(),
        factor in prop::sample::select(vec![0.001, 0.01, 0.1, 1.0, 10.0, 60.0]),
        exponent in -3..4,
        of in prop::sample::select(vec![
            ("hw.power", "W"), ("hw.voltage", "V"), ("hw.current", "A"), ("hw.humidity", "1"),
            ("hw.battery.time_left", "s"), ("hw.fan.speed", "rpm"), ("hw.frequency", "Hz"),
        ]),
    ) {
        let (metric, unit) = of;
        let meaning = meaning(&format!("metric = \"{metric}\"\nunit = \"{unit}\"\nfactor = {factor:?}\n"));
        for raw in sent(number) {
            let seen = meaning.read(&raw, &Scaling { exponent, ..Scaling::NONE });
            let is_good = matches!(seen, Interpretation::Reading(_, Quality::Good));
            prop_assert!(!is_good, "{raw:?}: {seen:?}");
        }
    }

    #[test]
    fn any_value_is_read_without_a_panic_and_never_as_more_than_there_is(
        bytes in prop::collection::vec(any::<u8>(), 0..24),
        number in any::<i64>(),
        unsigned in any::<u64>(),
        float in any::<f64>(),
    ) {
        let meaning = meaning(CELSIUS);
        for raw in [Raw::Bytes(&bytes), Raw::Integer(number), Raw::Unsigned(unsigned, 64), Raw::Float(float)] {
            if let Interpretation::Reading(ReadingValue::Number(number), quality) = meaning.read(&raw, &Scaling::NONE) {
                prop_assert!(number.is_finite());
                prop_assert!(quality == Quality::Suspect || (-60.0..=200.0).contains(&number));
            }
        }
    }

    #[test]
    fn a_plausible_number_is_good_however_it_is_sent(number in -59_i64..200) {
        let meaning = meaning(CELSIUS);
        for raw in sent(number.into()) {
            let is_wide = matches!(raw, Raw::Unsigned(_, 64)) && number < 0;
            // Devices send all ones without a sign for "there is none".
            let is_none = matches!(raw, Raw::Unsigned(..)) && number == -1;
            let seen = meaning.read(&raw, &Scaling::NONE);
            let expect = match is_none {
                true => Interpretation::Nothing,
                false => Interpretation::Reading(ReadingValue::Number(number as f64), Quality::Good),
            };
            prop_assert!(seen == expect || is_wide, "{raw:?}: {seen:?}");
        }
    }
}
