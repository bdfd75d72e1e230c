use super::*;

#[test]
fn faults_are_read_as_they_are_written() {
    for text in [
        "slow=3000ms",
        "flapping=2000ms",
        "silent",
        "garbage",
        "lying",
        "mute-sets=0.1",
        "late=500ms",
        "frozen",
        "half-table",
        "input-lost",
        "warm=35",
        "bypass",
        "output-off",
        "battery-drained",
        "test-failed",
        "overload",
        "near-overload",
        "supply-failed",
        "breaker-open",
        "utility-lost",
        "compressor-failed",
        "hidden-failure",
        "sign-wrong",
        "extra-load=3000",
        "slow-part=30000ms",
        "truncated",
        "refusing",
        "sessions-full",
        "basic-refused",
        "moody=0.2",
        "restart=60000ms",
        "certificate-changed",
        "fan-failed",
        "hung",
        "stale",
        "stuck-status",
        "no-numbers",
    ] {
        let order: Order = text.parse().unwrap();
        let Order::Add(fault) = order else {
            panic!("{text}")
        };
        assert_eq!(fault.to_string(), text);
    }
    assert_eq!("none".parse(), Ok(Order::Clear));
    assert_eq!("flapping".parse(), Ok(Order::Add(Fault::Flapping(FLAP))));
    assert_eq!(
        "mute-sets".parse(),
        Ok(Order::Add(Fault::MuteSets(Chance::ALWAYS)))
    );
}

#[test]
fn a_misspelt_fault_is_refused_with_what_there_is() {
    assert_eq!("slow".parse::<Order>(), Err(Error::HowLong("slow")));
    assert_eq!("late".parse::<Order>(), Err(Error::HowLong("late")));
    assert!(matches!(
        "mute-sets=often".parse::<Order>(),
        Err(Error::Chance(..))
    ));
    assert_eq!(
        "silent=1s".parse::<Order>(),
        Err(Error::NoValue("silent".to_owned()))
    );
    assert!(
        "lame"
            .parse::<Order>()
            .unwrap_err()
            .to_string()
            .contains("half-table")
    );
    for wrong in ["warm", "warm=hot", "warm=500"] {
        assert_eq!(wrong.parse::<Order>(), Err(Error::Degrees), "{wrong}");
    }
    for wrong in ["extra-load", "extra-load=0", "extra-load=much"] {
        assert_eq!(wrong.parse::<Order>(), Err(Error::Load), "{wrong}");
    }
    assert!(matches!(
        "slow=soon".parse::<Order>(),
        Err(Error::Duration(..))
    ));
}

#[test]
fn a_request_meets_the_faults_of_its_moment() {
    let at = Duration::from_millis;
    let flapping = Order::Add(Fault::Flapping(at(100)));
    let slow = Order::Add(Fault::Slow(at(30)));
    let check = |orders: &[Order], now, expect| {
        let faults = orders
            .iter()
            .fold(Faults::default(), |faults, order| faults.ordered(*order));
        assert_eq!(faults.reply(now), expect, "{orders:?} at {now:?}");
    };
    check(&[], at(0), Reply::After(at(0)));
    check(&[slow], at(0), Reply::After(at(30)));
    check(
        &[slow, Order::Add(Fault::Slow(at(40)))],
        at(0),
        Reply::After(at(40)),
    );
    check(&[slow, Order::Clear], at(0), Reply::After(at(0)));
    check(&[flapping], at(50), Reply::After(at(0)));
    check(&[flapping], at(150), Reply::Never);
    check(&[flapping, slow], at(250), Reply::After(at(30)));
    check(&[Order::Add(Fault::Garbage), slow], at(0), Reply::Garbage);
    check(
        &[Order::Add(Fault::Silent), Order::Add(Fault::Garbage)],
        at(0),
        Reply::Never,
    );
    check(
        &[Order::Add(Fault::Flapping(at(0)))],
        at(5),
        Reply::After(at(0)),
    );
    check(&[Order::Add(Fault::Lying)], at(5), Reply::After(at(0)));
}
