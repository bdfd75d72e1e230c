use super::registers::Registers;
use super::*;
use crate::blueprint::Blueprint;

const LINE: &str = include_str!("../../../room/rooms/line.toml");

fn build(text: &str) -> Result<Room, crate::room::Error> {
    Room::build(&Blueprint::parse(text, "a test").unwrap())
}

fn line() -> (Arc<Mutex<Room>>, Arc<Gateway>) {
    let room = Arc::new(Mutex::new(build(LINE).unwrap()));
    let gateway = Gateway::build_all(&room, Instant::now()).remove(0);
    (room, gateway)
}

fn add(equipment: &impl Equipment, fault: &str) -> Result<(), Misfit> {
    equipment.order(fault.parse().unwrap())
}

/// The answer of a unit that gives one at once.
fn answer(unit: &Unit, request: &[u8]) -> Vec<u8> {
    let (after, answer) = unit.answer(request).unwrap();
    assert_eq!(after, Duration::ZERO);
    answer
}

#[test]
fn the_registers_say_what_the_cooling_unit_does() {
    let (room, gateway) = line();
    let unit = &gateway.units()[0];
    let told = |at: u8| {
        let answer = answer(unit, &[4, 0, at, 0, 1]);
        assert_eq!(answer[..2], [4, 2]);
        i16::from_be_bytes([answer[2], answer[3]])
    };
    let (supply, power) = {
        let room = room.lock();
        let cooling = &room.cooling[0];
        (cooling.supply.0, cooling.power().0)
    };
    assert!((f64::from(told(3)) / 10.0 - supply).abs() < 0.06);
    assert!((f64::from(told(11)) - power).abs() < 1.0 && told(10) == 0);
    assert_eq!(told(0), 1);
    room.lock()
        .set_cooling(0, crate::room::Condition::CompressorFailed)
        .unwrap();
    assert_eq!(told(0), 2);
    assert_eq!(answer(unit, &[2, 0, 0, 0, 1]), [2, 1, 1]);
    let name = answer(unit, &[3, 0, 100, 0, 8]);
    assert_eq!(&name[2..], b"UTAKATA CU-1    ");
    let identity = answer(unit, &[43, 14, 1, 0]);
    assert!(identity.ends_with(b"\x02\x031.0"), "{identity:?}");
}

#[test]
fn a_setpoint_that_is_written_moves_the_air_of_its_own_unit() {
    let (room, gateway) = line();
    let [first, second] = gateway.units() else {
        panic!("{gateway:?}")
    };
    let setpoints = || [0, 1].map(|unit| room.lock().cooling[unit].setpoint.0);
    let before = setpoints();
    let write = [6, 0, 0, 0, 235];
    assert_eq!(answer(second, &write), write);
    assert_eq!(setpoints(), [before[0], 23.5]);
    assert_eq!(
        answer(first, &[16, 0, 0, 0, 1, 2, 0, 180]),
        [16, 0, 0, 0, 1]
    );
    assert_eq!(setpoints(), [18.0, 23.5]);
    assert_eq!(answer(first, &[3, 0, 0, 0, 1]), [3, 2, 0, 180]);
    add(&**first, "lying").unwrap();
    assert_eq!(answer(first, &write), write);
    assert_eq!(setpoints(), [18.0, 23.5]);
    assert_eq!(first.truth(Detail::Summary).writes, 2);
}

#[test]
fn what_there_is_not_is_refused_by_its_code() {
    let (_, gateway) = line();
    let unit = &gateway.units()[0];
    for (request, code) in [
        (&[3, 0, 1, 0, 1][..], 2),
        (&[4, 0, 4, 0, 2], 2),
        (&[4, 0xff, 0xff, 0, 2], 2),
        (&[3, 0, 0, 0, 0], 3),
        (&[3, 0, 0, 0, 126], 3),
        (&[3, 0, 0], 3),
        (&[6, 0, 0, 0, 99], 3),
        (&[6, 0, 100, 0, 1], 2),
        (&[6, 0, 0], 3),
        (&[16, 0, 0, 0, 2, 4, 0, 180, 0, 1], 2),
        (&[16, 0, 0, 0, 1, 9, 0, 180], 3),
        (&[43, 14, 4, 0], 3),
        (&[1, 0, 0, 0, 1], 1),
        (&[8, 0, 0], 1),
    ] {
        assert_eq!(
            answer(unit, request),
            [request[0] | 0x80, code],
            "{request:?}"
        );
    }
    // Nothing that can be sent is too much for it.
    let registers = Registers::of(&build(LINE).unwrap().cooling[0]);
    for function in 0..=u8::MAX {
        for length in 0..10 {
            let request = [&[function][..], &vec![0xff; length][..]].concat();
            assert!(registers.answer(&request).0.len() >= 2);
        }
    }
    assert_eq!(registers.answer(&[]).0, [0x80, 1]);
}

#[tokio::test(start_paused = true)]
async fn the_line_waits_for_a_unit_that_is_silent_and_says_so() {
    let (_, gateway) = line();
    let read = [4, 0, 0, 0, 1];
    add(&*gateway.units()[1], "silent").unwrap();
    let began = Instant::now();
    // The one that answers has to wait for the one that does not.
    let (silent, sound) = tokio::join!(gateway.ask(2, &read), gateway.ask(1, &read));
    assert_eq!((silent, sound), (vec![0x84, 11], vec![4, 2, 0, 1]));
    assert_eq!(began.elapsed(), Duration::from_millis(300));
    assert_eq!(gateway.ask(9, &read).await, [0x84, 11]);
    add(&*gateway.units()[1], "none").unwrap();
    add(&*gateway.units()[1], "slow=200ms").unwrap();
    let began = Instant::now();
    assert_eq!(gateway.ask(2, &read).await, [4, 2, 0, 1]);
    assert_eq!(began.elapsed(), Duration::from_millis(200));
    // It does what it is told, and nobody hears that it has.
    add(&*gateway.units()[1], "slow=2s").unwrap();
    assert_eq!(gateway.ask(2, &[6, 0, 0, 0, 250]).await, [0x86, 11]);
    let truth = gateway.units()[1].truth(Detail::Summary);
    assert_eq!((truth.setpoint, truth.writes), (25.0, 1));
    assert_eq!(gateway.truth(Detail::Summary).counts.silences, 3);
}

#[test]
fn one_that_is_frozen_shows_what_was_and_others_have_faults_of_their_own() {
    let (_, gateway) = line();
    let unit = &gateway.units()[0];
    let before = answer(unit, &[3, 0, 0, 0, 1]);
    add(&**unit, "frozen").unwrap();
    answer(unit, &[6, 0, 0, 1, 0]);
    assert_eq!(answer(unit, &[3, 0, 0, 0, 1]), before);
    assert_eq!(unit.truth(Detail::Summary).setpoint, 25.6);
    add(&**unit, "none").unwrap();
    assert_eq!(answer(unit, &[3, 0, 0, 0, 1]), [3, 2, 1, 0]);
    assert!(add(&**unit, "compressor-failed").is_err());
    assert!(add(&*gateway, "lying").is_err());
}

#[test]
fn a_line_that_cannot_be_is_refused() {
    for (of, with, says) in [
        ("number = 2", "number = 1", "`cu-2` has the number 1"),
        ("number = 2", "number = 250", "`cu-2` has the number 250"),
        (
            "cooling = \"crac-2\"",
            "cooling = \"crac-9\"",
            "`cu-2` is the controller of `crac-9`",
        ),
        ("\"cu-2\"", "\"cu-1\"", "cu-1"),
        ("connections = 2", "connections = 0", "takes no connection"),
    ] {
        let error = build(&LINE.replace(of, with)).unwrap_err().to_string();
        assert!(error.contains(says), "{error}");
    }
}
