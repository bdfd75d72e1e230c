use super::session::{Answer, Session};
use super::*;
use crate::blueprint::Blueprint;
use crate::room::Condition;

const LINE: &str = include_str!("../../../room/rooms/line.toml");

fn build(text: &str) -> Result<Room, crate::room::Error> {
    Room::build(&Blueprint::parse(text, "a test").unwrap())
}

fn server() -> (Arc<Mutex<Room>>, Arc<Upsd>) {
    let room = Arc::new(Mutex::new(build(LINE).unwrap()));
    let upsd = Upsd::build_all(&room, Instant::now()).remove(0);
    (room, upsd)
}

/// The lines that a client is answered to each of its own.
fn talk(upsd: &Upsd, lines: &[&str]) -> Vec<String> {
    let mut session = Session::default();
    let answer = |line: &&str| {
        let words: Vec<&str> = line.split(' ').collect();
        match session.answer(upsd, &words) {
            Answer::Lines(lines) => lines.trim_end().to_owned(),
            Answer::Goodbye => "goodbye".to_owned(),
        }
    };
    lines.iter().map(answer).collect()
}

fn variable(upsd: &Upsd, name: &str) -> String {
    let told = talk(upsd, &[&format!("GET VAR ups-a {name}")]).remove(0);
    let value = told.strip_prefix(&format!("VAR ups-a {name} \""));
    value
        .and_then(|value| value.strip_suffix('"'))
        .unwrap_or(&told)
        .to_owned()
}

fn add(equipment: &impl Equipment, fault: &str) -> Result<(), Misfit> {
    equipment.order(fault.parse().unwrap())
}

#[test]
fn the_variables_are_those_of_the_ups_and_its_lies_are_its_own() {
    let (room, upsd) = server();
    let told = &upsd.upses()[0];
    assert_eq!(variable(&upsd, "ups.status"), "OL");
    assert_eq!(variable(&upsd, "battery.charge"), "100");
    room.lock().set_ups(0, Condition::BatteryDrained).unwrap();
    room.lock().set_input(0, crate::room::Input::Lost);
    assert!(variable(&upsd, "ups.status").starts_with("OB DISCHRG LB"));
    add(&**told, "stuck-status").unwrap();
    assert_eq!(variable(&upsd, "ups.status"), "OL");
    let charge: f64 = variable(&upsd, "battery.charge").parse().unwrap();
    assert!(charge < 20.0);
    assert!(told.truth(Detail::Summary).status.starts_with("OB"));
    add(&**told, "no-numbers").unwrap();
    for name in ["battery.charge", "ups.load", "input.voltage"] {
        let value = variable(&upsd, name);
        let is_number = value.parse::<f64>().is_ok_and(f64::is_finite);
        assert!(!is_number, "{name} {value}");
    }
    add(&**told, "stale").unwrap();
    assert_eq!(variable(&upsd, "ups.status"), "ERR DATA-STALE");
    assert_eq!(talk(&upsd, &["LIST VAR ups-a"]), ["ERR DATA-STALE"]);
    add(&**told, "none").unwrap();
    add(&**told, "frozen").unwrap();
    room.lock().set_input(0, crate::room::Input::Present);
    assert!(variable(&upsd, "ups.status").starts_with("OB"));
    assert!(add(&**told, "input-lost").is_err());
    assert!(add(&*upsd, "stale").is_err());
}

#[test]
fn lists_have_a_beginning_and_an_end_and_mistakes_their_codes() {
    let (_, upsd) = server();
    let told = talk(
        &upsd,
        &[
            "LIST UPS",
            "LIST CMD ups-a",
            "LIST RW ups-a",
            "LIST VAR ups-b",
            "GET VAR ups-a no.such",
            "SET VAR ups-a battery.charge 5",
            "LIST",
            "JUMP",
            "USERNAME a",
            "USERNAME b",
            "LOGOUT",
        ],
    );
    let expect = [
        "BEGIN LIST UPS\nUPS ups-a \"UPS of the room\"\nEND LIST UPS",
        "BEGIN LIST CMD ups-a\nCMD ups-a test.battery.start.quick\nCMD ups-a test.battery.stop\n\
         END LIST CMD ups-a",
        "BEGIN LIST RW ups-a\nEND LIST RW ups-a",
        "ERR UNKNOWN-UPS",
        "ERR VAR-NOT-SUPPORTED",
        "ERR READONLY",
        "ERR INVALID-ARGUMENT",
        "ERR UNKNOWN-COMMAND",
        "OK",
        "ERR ALREADY-SET-USERNAME",
        "goodbye",
    ];
    assert_eq!(told, expect);
    let variables = talk(&upsd, &["LIST VAR ups-a"]).remove(0);
    assert!(variables.starts_with("BEGIN LIST VAR ups-a\nVAR ups-a battery.charge \"100\"\n"));
}

#[test]
fn a_command_is_for_its_user_and_one_that_lies_does_nothing() {
    let (_, upsd) = server();
    let told = &upsd.upses()[0];
    let begin = "INSTCMD ups-a test.battery.start.quick";
    let login = ["USERNAME demo", "PASSWORD demo-ups-pass"];
    assert_eq!(talk(&upsd, &[begin]), ["ERR USERNAME-REQUIRED"]);
    let wrong = talk(&upsd, &["USERNAME demo", "PASSWORD x", begin]);
    assert_eq!(wrong[2], "ERR ACCESS-DENIED");
    assert_eq!(upsd.truth(Detail::Summary).counts.denied, 2);
    add(&**told, "lying").unwrap();
    let id = "00000000-0000-4000-8000-000000000001";
    let result = format!("GET TRACKING {id}");
    let lines = [
        &login[..],
        &["SET TRACKING ON", begin, &result, "GET TRACKING x"],
    ]
    .concat();
    let answers = talk(&upsd, &lines);
    let accepted = format!("OK TRACKING {id}");
    assert_eq!(answers[3..], [accepted.as_str(), "SUCCESS", "ERR UNKNOWN"]);
    assert_eq!(variable(&upsd, "ups.test.result"), "No test initiated");
    add(&**told, "none").unwrap();
    let lines = [&login[..], &[begin, "INSTCMD ups-a load.off"]].concat();
    assert_eq!(talk(&upsd, &lines)[2..], ["OK", "ERR CMD-NOT-SUPPORTED"]);
    assert_eq!(variable(&upsd, "ups.test.result"), "In progress");
    let truth = told.truth(Detail::Summary);
    assert_eq!((truth.received, truth.done), (2, 1));
}

#[test]
fn a_server_of_a_ups_that_is_not_there_is_refused() {
    let error = build(&LINE.replace("upses = [\"ups-a\"]", "upses = [\"ups-z\"]"));
    let error = error.unwrap_err().to_string();
    assert!(error.contains("`nut-1` tells of `ups-z`"), "{error}");
}
