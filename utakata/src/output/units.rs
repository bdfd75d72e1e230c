//! Numbers in familiar units: percent, GiB, minutes, rounded. Pure.
//!
//! Readings arrive in the units of OpenTelemetry and UCUM: a share as `1`, a size in bytes, a time
//! in seconds. `-o json` keeps them; everything that people read goes through here.

/// The metrics of unit `1` that are shares of something, by the end of their name. Others of that
/// unit (a load average, a power factor, a count) are plain numbers.
const SHARES: [&str; 7] = [
    "charge",
    "charge.limit",
    "humidity",
    "hw.load",
    "ratio",
    "utilization",
    "endurance",
];
/// The prefixes of bytes, in powers of 1024.
const BINARY: [&str; 6] = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];
/// The prefixes of everything else, in powers of 1000.
const DECIMAL: [&str; 4] = ["", "k", "M", "G"];

const MINUTE: f64 = 60.0;
const HOUR: f64 = 60.0 * MINUTE;
const DAY: f64 = 24.0 * HOUR;
/// The number of joules in a kilowatt hour.
const KILOWATT_HOUR: f64 = 3.6e6;

/// Formats a number of a metric, with its unit. If the metric is unknown, `1` is a plain number.
pub fn number(metric: Option<&str>, number: f64, unit: &str) -> String {
    if !number.is_finite() {
        return number.to_string();
    }
    match unit {
        "1" | "" if metric.is_some_and(is_share) => format!("{} %", rounded(number * 100.0)),
        "1" | "" => rounded(number),
        "%" => format!("{} %", rounded(number)),
        "Cel" => format!("{} °C", rounded_to(number, 1)),
        // In networks, frames are measured in bytes and lines in bits.
        "By" if metric.is_some_and(|metric| metric.ends_with(".mtu")) => {
            format!("{} B", rounded(number))
        }
        "By/s" => decimal(number * 8.0, "bit/s"),
        "By" | "KiBy" | "MiBy" | "GiBy" => bytes(number, unit),
        "s" => duration(number),
        "ms" => format!("{} ms", rounded(number)),
        "J" if number.abs() >= KILOWATT_HOUR => {
            format!("{} kWh", rounded(number / KILOWATT_HOUR))
        }
        "W" | "V.A" | "J" | "Hz" | "bit/s" => decimal(number, unit),
        "m3/min" => format!("{} m³/min", rounded(number)),
        unit => format!("{} {}", rounded(number), plain(unit)),
    }
}

/// Formats a number with at most three decimal places, and no more digits than are significant.
pub fn rounded(number: f64) -> String {
    let digits = match number.abs() {
        100.0.. => 1,
        10.0.. => 2,
        _ => 3,
    };
    rounded_to(number, digits)
}

fn is_share(metric: &str) -> bool {
    SHARES.iter().any(|end| {
        let before = metric.strip_suffix(end);
        before.is_some_and(|before| before.is_empty() || before.ends_with(['.', '_']))
    })
}

fn rounded_to(number: f64, digits: usize) -> String {
    let text = format!("{number:.digits$}");
    let text = match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.'),
        false => &text,
    };
    match text {
        "-0" => "0".into(),
        text => text.into(),
    }
}

fn bytes(number: f64, unit: &str) -> String {
    let factor = match unit {
        "KiBy" => 1024.0,
        "MiBy" => 1024.0 * 1024.0,
        "GiBy" => 1024.0 * 1024.0 * 1024.0,
        _ => 1.0,
    };
    let (number, prefix) = scaled(number * factor, 1024.0, 1024.0, &BINARY);
    let text = match prefix {
        "" => rounded(number),
        _ => rounded_to(number, 1),
    };
    format!("{text} {prefix}B")
}

/// Uses kilo only from ten thousand on: 1,200 W, but 12 kW.
fn decimal(number: f64, unit: &str) -> String {
    let (number, prefix) = scaled(number, 1000.0, 10_000.0, &DECIMAL);
    let unit = match unit {
        "V.A" => "VA",
        unit => unit,
    };
    format!("{} {prefix}{unit}", rounded(number))
}

fn scaled(mut number: f64, step: f64, from: f64, prefixes: &[&'static str]) -> (f64, &'static str) {
    let mut prefix = "";
    // The first step comes where people begin to use it, each further one at once.
    let mut least = from;
    for next in prefixes.iter().skip(1) {
        if number.abs() < least {
            break;
        }
        number /= step;
        least = step;
        prefix = next;
    }
    (number, prefix)
}

/// Formats a length of time in its two largest units: `49 min`, `3 h 20 min`, `12 d 4 h`.
fn duration(seconds: f64) -> String {
    let parts = |large: f64, name: &str, small: f64, small_name: &str| {
        let all = (seconds.abs() / small).round();
        let ratio = (large / small).round();
        let (whole, rest) = ((all / ratio).floor(), all % ratio);
        let sign = if seconds < 0.0 { "-" } else { "" };
        match rest {
            0.0 => format!("{sign}{whole} {name}"),
            rest => format!("{sign}{whole} {name} {rest} {small_name}"),
        }
    };
    match seconds.abs() {
        ..120.0 => format!("{} s", rounded(seconds)),
        ..600.0 => parts(MINUTE, "min", 1.0, "s"),
        ..HOUR => format!("{} min", (seconds / MINUTE).round()),
        ..DAY => parts(HOUR, "h", MINUTE, "min"),
        _ => parts(DAY, "d", HOUR, "h"),
    }
}

/// Returns the common form of a UCUM unit: an annotation is the thing that is counted.
fn plain(unit: &str) -> &str {
    match unit {
        "dB[mW]" => "dBm",
        "{rev}/min" => "rpm",
        unit => unit.trim_matches(['{', '}']),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(metric: &str, cases: &[(f64, &str, &str)]) {
        for (value, unit, expect) in cases {
            assert_eq!(
                number(Some(metric), *value, unit),
                *expect,
                "{value} {unit}"
            );
        }
    }

    #[test]
    fn shares_are_percent_and_other_numbers_are_not() {
        check(
            "hw.battery.charge",
            &[(1.0, "1", "100 %"), (0.005, "1", "0.5 %")],
        );
        check(
            "hw.humidity",
            &[(0.63, "1", "63 %"), (0.637, "1", "63.7 %")],
        );
        check(
            "hw.load",
            &[
                (0.26, "1", "26 %"),
                (0.53, "1", "53 %"),
                (1.2, "1", "120 %"),
            ],
        );
        check("system.cpu.utilization", &[(0.071_23, "1", "7.123 %")]);
        check("hw.fan.speed_ratio", &[(0.5, "1", "50 %")]);
        check("hw.power_factor", &[(0.98, "1", "0.98")]);
        check(
            "system.load_average",
            &[(0.53, "1", "0.53"), (12.0, "1", "12")],
        );
        check(
            "hw.network.mtu",
            &[(1500.0, "By", "1500 B"), (65_536.0, "By", "65536 B")],
        );
        check("drill.count", &[(3.0, "1", "3")]);
        check("mine", &[(42.0, "%", "42 %")]);
        assert_eq!(number(None, 0.53, "1"), "0.53");
    }

    #[test]
    fn sizes_times_and_large_numbers_are_in_the_unit_that_fits() {
        check(
            "any",
            &[
                (25_276_510_208.0, "By", "23.5 GiB"),
                (512.0, "By", "512 B"),
                (1024.0, "By", "1 KiB"),
                (125_000_000.0, "By/s", "1 Gbit/s"),
                (1_250_000.0, "By/s", "10 Mbit/s"),
                (2940.0, "s", "49 min"),
                (45.0, "s", "45 s"),
                (0.25, "s", "0.25 s"),
                (119.6, "s", "119.6 s"),
                (150.0, "s", "2 min 30 s"),
                (12_000.0, "s", "3 h 20 min"),
                (7200.0, "s", "2 h"),
                (86_399.0, "s", "24 h"),
                (1_051_200.0, "s", "12 d 4 h"),
                (-150.0, "s", "-2 min 30 s"),
                (1840.0, "W", "1840 W"),
                (12_345.0, "W", "12.35 kW"),
                (50.0, "Hz", "50 Hz"),
                (2_400_000.0, "Hz", "2.4 MHz"),
                (900.0, "V.A", "900 VA"),
                (1.8e9, "J", "500 kWh"),
                (3600.0, "J", "3600 J"),
            ],
        );
    }

    #[test]
    fn no_number_has_more_digits_than_it_means() {
        check(
            "any",
            &[
                (239.899_999_999_999_98, "Cel", "239.9 °C"),
                (22.900_000_000_000_002, "Cel", "22.9 °C"),
                (230.0, "V", "230 V"),
                (231.4567, "V", "231.5 V"),
                (0.123_456, "A", "0.123 A"),
                (12.345_6, "A", "12.35 A"),
                (-0.000_1, "A", "0 A"),
                (3.0, "{outlet}", "3 outlet"),
                (4200.0, "rpm", "4200 rpm"),
                (-3.21, "dB[mW]", "-3.21 dBm"),
                (f64::NAN, "W", "NaN"),
            ],
        );
    }
}
