use super::*;
use crate::blueprint::Blueprint;

fn demo() -> Room {
    Room::build(&Blueprint::load(None).unwrap()).unwrap()
}

fn labels() -> Labels {
    Labels {
        contact: "ops".into(),
        name: "here".into(),
        location: "demo".into(),
    }
}

fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

const APC: Part = Part::Pdu(0);
const RARITAN: Part = Part::Pdu(2);
const UPS: Part = Part::Ups(0);

#[test]
fn a_walk_of_every_device_goes_forward_and_ends() {
    let room = demo();
    for part in [APC, RARITAN, UPS] {
        let view = view(&room, part, &labels());
        let mut at = oid("1.3");
        let mut count = 0;
        while let Some((next, _)) = view.next(&at) {
            assert!(*next > at);
            at = next.clone();
            count += 1;
        }
        assert_eq!(count, view.iter().count());
        assert!(count > 40, "{part:?} has {count}");
        let middle = middle(&room, part).unwrap();
        assert!(!view.get(&middle).is_exception(), "{part:?}");
    }
}

#[test]
fn readings_have_the_units_of_their_mibs() {
    let mut room = demo();
    room.switch(0, 2, Command::Off);
    let check = |part: Part, object: &str, expect: f64, unit: f64| {
        let read = view(&room, part, &labels())
            .get(&oid(object))
            .as_f64()
            .unwrap()
            * unit;
        assert!(
            (read - expect).abs() <= unit * 0.5001,
            "{object}: {read} for {expect}"
        );
    };
    let (apc, px, ups) = (&room.pdus[0], &room.pdus[2], &room.upses[0]);
    check(
        APC,
        "1.3.6.1.4.1.318.1.1.12.2.3.1.1.2.1",
        apc.current().0,
        0.1,
    );
    check(APC, "1.3.6.1.4.1.318.1.1.26.4.3.1.5.1", apc.power().0, 10.0);
    check(APC, "1.3.6.1.4.1.318.1.1.26.4.3.1.9.1", apc.energy.0, 100.0);
    check(
        APC,
        "1.3.6.1.4.1.318.1.1.26.9.4.3.1.7.1",
        apc.outlets[0].power.0,
        1.0,
    );
    check(
        APC,
        "1.3.6.1.4.1.318.1.1.26.10.2.2.1.8.1",
        room.racks[0].inlet.0,
        0.1,
    );
    check(APC, "1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.3", 2.0, 1.0);
    check(APC, "1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.3", 1.0, 1.0);
    check(APC, "1.3.6.1.4.1.318.1.1.26.9.2.3.1.5.4", 2.0, 1.0);
    check(
        RARITAN,
        "1.3.6.1.4.1.13742.6.5.2.3.1.4.1.1.1",
        px.current().0,
        0.001,
    );
    check(
        RARITAN,
        "1.3.6.1.4.1.13742.6.5.4.3.1.4.1.2.5",
        px.outlets[1].power.0,
        1.0,
    );
    check(RARITAN, "1.3.6.1.4.1.13742.6.4.1.2.1.3.1.1", 7.0, 1.0);
    check(UPS, "1.3.6.1.2.1.33.1.4.4.1.4.1", ups.load.0, 1.0);
    check(
        UPS,
        "1.3.6.1.2.1.33.1.4.4.1.5.1",
        100.0 * ups.load.0 / ups.rated.0,
        1.0,
    );
    check(UPS, "1.3.6.1.2.1.33.1.2.4.0", 100.0, 1.0);
}

#[test]
fn what_is_not_there_is_said_to_be_missing_in_the_right_way() {
    let view = view(&demo(), APC, &labels());
    assert_eq!(
        view.get(&oid("1.3.6.1.4.1.318.1.1.12.3.5.1.1.4.99")),
        Value::NoSuchInstance
    );
    assert_eq!(view.get(&oid("1.3.6.1.4.1.9999.1.0")), Value::NoSuchObject);
}

#[test]
fn a_ups_on_battery_says_so_in_source_and_alarms() {
    let mut room = demo();
    room.set_input(0, crate::room::Input::Lost);
    room.advance(Duration::from_secs(5));
    let view = view(&room, UPS, &labels());
    let read = |object: &str| view.get(&oid(object)).as_i32();
    assert_eq!(read("1.3.6.1.2.1.33.1.4.1.0"), Some(5));
    assert_eq!(read("1.3.6.1.2.1.33.1.2.2.0"), Some(5));
    assert_eq!(view.get(&oid("1.3.6.1.2.1.33.1.6.1.0")), Value::Gauge32(2));
    assert_eq!(
        view.get(&oid("1.3.6.1.2.1.33.1.6.2.1.2.2")),
        Value::ObjectIdentifier(oid("1.3.6.1.2.1.33.1.6.3.2"))
    );
}

#[test]
fn a_set_is_taken_or_refused_as_the_mib_has_it() {
    let room = demo();
    let check = |part: Part, object: &str, value: Value, expect: Result<Change, Refusal>| {
        assert_eq!(
            write(&room, part, &oid(object), &value),
            expect,
            "{object} {value:?}"
        );
    };
    let switch = |outlet, command| Ok(Change::Switch { outlet, command });
    let command = "1.3.6.1.4.1.318.1.1.12.3.3.1.1.4";
    check(
        APC,
        &format!("{command}.3"),
        Value::Integer(3),
        switch(2, Command::Cycle),
    );
    check(
        APC,
        &format!("{command}.24"),
        Value::Integer(2),
        switch(23, Command::Off),
    );
    check(
        APC,
        &format!("{command}.25"),
        Value::Integer(2),
        Err(Refusal::NoCreation),
    );
    check(
        APC,
        &format!("{command}.0"),
        Value::Integer(2),
        Err(Refusal::NoCreation),
    );
    check(
        APC,
        &format!("{command}.1"),
        Value::Integer(8),
        Err(Refusal::WrongValue),
    );
    check(
        APC,
        &format!("{command}.1"),
        Value::Gauge32(1),
        Err(Refusal::WrongType),
    );
    check(
        APC,
        "1.3.6.1.4.1.318.1.1.26.9.2.4.1.5.1",
        Value::Integer(1),
        switch(0, Command::On),
    );
    check(
        APC,
        "1.3.6.1.4.1.318.1.1.12.3.4.1.1.6.1",
        Value::Integer(61),
        Err(Refusal::WrongValue),
    );
    check(
        APC,
        "1.3.6.1.4.1.318.1.1.12.3.4.1.1.6.1",
        Value::Integer(9),
        Ok(Change::CycleDelay {
            outlet: 0,
            delay: Duration::from_secs(9),
        }),
    );
    check(
        APC,
        "1.3.6.1.4.1.318.1.1.12.1.5.0",
        Value::Integer(1),
        Err(Refusal::NotWritable),
    );
}

#[test]
fn a_set_of_the_other_makes_is_taken_or_refused_as_the_mib_has_it() {
    let room = demo();
    let check = |part: Part, object: &str, value: Value, expect: Result<Change, Refusal>| {
        assert_eq!(
            write(&room, part, &oid(object), &value),
            expect,
            "{object} {value:?}"
        );
    };
    let switch = |outlet, command| Ok(Change::Switch { outlet, command });
    let test = |number| Value::ObjectIdentifier(oid(&format!("1.3.6.1.2.1.33.1.7.7.{number}")));
    let test_id = "1.3.6.1.2.1.33.1.7.1.0";
    check(UPS, test_id, test(4), Ok(Change::Test(TestOrder::Begin)));
    check(UPS, test_id, test(2), Ok(Change::Test(TestOrder::Abort)));
    check(UPS, test_id, test(5), Err(Refusal::WrongValue));
    check(UPS, test_id, Value::Integer(4), Err(Refusal::WrongType));
    let operation = "1.3.6.1.4.1.13742.6.4.1.2.1.2.1";
    check(
        RARITAN,
        &format!("{operation}.1"),
        Value::Integer(0),
        switch(0, Command::Off),
    );
    check(
        RARITAN,
        &format!("{operation}.12"),
        Value::Integer(2),
        switch(11, Command::Cycle),
    );
    check(
        RARITAN,
        &format!("{operation}.12"),
        Value::Integer(3),
        Err(Refusal::WrongValue),
    );
    check(
        UPS,
        "1.3.6.1.2.1.33.1.9.1.0",
        Value::Integer(1),
        Err(Refusal::NotWritable),
    );
    let name = |text: &str| Value::OctetString(text.to_owned().into());
    check(
        UPS,
        "1.3.6.1.2.1.1.5.0",
        name("new"),
        Ok(Change::Name("new".into())),
    );
    check(
        UPS,
        "1.3.6.1.2.1.1.5.0",
        Value::Integer(1),
        Err(Refusal::WrongType),
    );
    check(
        UPS,
        "1.3.6.1.2.1.1.5.0",
        name(&"x".repeat(256)),
        Err(Refusal::WrongLength),
    );
    check(
        UPS,
        "1.3.6.1.2.1.1.1.0",
        name("new"),
        Err(Refusal::NotWritable),
    );
}
