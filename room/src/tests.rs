use super::*;

const SECOND: Duration = Duration::from_secs(1);

fn demo() -> Room {
    Room::build(&Blueprint::load(None).unwrap()).unwrap()
}

fn advance(room: &mut Room, seconds: u32) {
    (0..seconds).for_each(|_| room.advance(SECOND));
}

fn near(left: f64, right: f64) -> bool {
    (left - right).abs() < 1e-6 * right.abs().max(1.0)
}

#[test]
fn a_server_on_two_feeds_draws_half_from_each() {
    let room = demo();
    let (a, b) = (&room.pdus[0].outlets[0], &room.pdus[1].outlets[0]);
    assert!(a.power.0 > 50.0);
    assert!(near(a.power.0, b.power.0));
    assert_eq!(a.name, "a1-compute-01");
}

#[test]
fn when_an_outlet_goes_off_the_other_feed_takes_the_load_over() {
    let mut room = demo();
    let (total, half) = (room.drawn(), room.pdus[1].outlets[0].power);
    assert!(room.switch(0, 0, Command::Off));
    assert!(near(room.pdus[0].outlets[0].power.0, 0.0));
    assert!(near(room.pdus[1].outlets[0].power.0, 2.0 * half.0));
    assert!(near(room.drawn().0, total.0));
    assert!(room.switch(1, 0, Command::Off));
    assert!(near(room.drawn().0, total.0 - 2.0 * half.0));
}

#[test]
fn an_outlet_that_is_cycled_is_off_and_after_its_delay_on_again() {
    let mut room = demo();
    assert!(room.switch(0, 3, Command::Cycle));
    let outlet = |room: &Room| {
        (
            room.pdus[0].outlets[3].is_on(),
            room.pdus[0].outlets[3].is_pending(),
        )
    };
    assert_eq!(outlet(&room), (false, true));
    advance(&mut room, 4);
    assert_eq!(outlet(&room), (false, true));
    advance(&mut room, 1);
    assert_eq!(outlet(&room), (true, false));
    assert_eq!(room.pdus[0].outlets[3].commands, 1);
}

#[test]
fn an_order_ends_a_cycle_that_is_under_way() {
    for (command, on) in [
        (Command::On, true),
        (Command::Off, false),
        (Command::Cancel, false),
    ] {
        let mut room = demo();
        room.switch(0, 3, Command::Cycle);
        room.switch(0, 3, command);
        advance(&mut room, 10);
        assert_eq!(room.pdus[0].outlets[3].is_on(), on, "{command:?}");
        assert_eq!(room.pdus[0].outlets[3].commands, 2);
    }
}

#[test]
fn an_outlet_that_is_not_there_cannot_be_switched() {
    let mut room = demo();
    assert!(!room.switch(0, 24, Command::Off));
    assert!(!room.switch(99, 0, Command::Off));
}

#[test]
fn current_is_power_by_voltage_and_energy_is_power_over_time() {
    let mut room = demo();
    let before = room.pdus[0].energy;
    let mut expected = 0.0;
    for _ in 0..3600 {
        room.advance(SECOND);
        expected += room.pdus[0].power().0 / 3600.0;
    }
    let pdu = &room.pdus[0];
    assert!(near(pdu.energy.0 - before.0, expected));
    assert!(near(
        pdu.current().0 * pdu.voltage.0 * units::POWER_FACTOR,
        pdu.power().0
    ));
}

#[test]
fn the_ups_of_a_feed_carries_its_pdus_and_drains_without_mains() {
    let mut room = demo();
    advance(&mut room, 5);
    let load: Watts = room
        .pdus
        .iter()
        .filter(|pdu| pdu.feed == "A")
        .map(Pdu::power)
        .sum();
    assert!(near(room.upses[0].load.0, load.0));
    assert_eq!(room.upses[0].source(), Source::Mains);

    room.set_input(0, Input::Lost);
    advance(&mut room, 60);
    let ups = &room.upses[0];
    assert_eq!((ups.source(), ups.input_losses), (Source::Battery, 1));
    assert_eq!(ups.on_battery.as_secs(), 60);
    assert!(ups.charge() < 1.0 && ups.charge() > 0.9, "{}", ups.charge());

    room.set_input(0, Input::Present);
    advance(&mut room, 600);
    assert_eq!(room.upses[0].source(), Source::Mains);
    assert!(near(room.upses[0].charge(), 1.0));
}

#[test]
fn a_quick_test_has_the_battery_carry_the_load_for_a_while() {
    let mut room = demo();
    room.test(0, TestOrder::Begin);
    assert_eq!(room.upses[0].source(), Source::Battery);
    assert!(room.upses[0].has_input());
    advance(&mut room, 9);
    assert!(matches!(room.upses[0].test, Test::Running(_)));
    advance(&mut room, 1);
    assert_eq!(
        (room.upses[0].test, room.upses[0].source()),
        (Test::Passed, Source::Mains)
    );
    assert!(room.upses[0].charge() < 1.0);

    room.test(0, TestOrder::Begin);
    room.test(0, TestOrder::Abort);
    assert_eq!(
        (room.upses[0].test, room.upses[0].source()),
        (Test::Aborted, Source::Mains)
    );
    room.test(0, TestOrder::Begin);
    room.set_input(0, Input::Lost);
    assert_eq!(
        (room.upses[0].test, room.upses[0].source()),
        (Test::Aborted, Source::Battery)
    );
}

#[test]
fn an_empty_battery_darkens_its_feed_and_the_other_carries_all() {
    let mut blueprint = Blueprint::load(None).unwrap();
    // Whose breaker would not carry it for long.
    let upses = blueprint.upses.iter_mut();
    upses.for_each(|ups| ups.breaker_watts = None);
    let mut room = Room::build(&blueprint).unwrap();
    room.set_input(0, Input::Lost);
    (0..7200).for_each(|_| room.advance(SECOND));
    assert_eq!(room.upses[0].source(), Source::Nothing);
    assert!(near(room.pdus[0].voltage.0, 0.0));
    assert!(near(room.pdus[0].power().0, 0.0));
    assert!(room.upses[1].load > Watts(6000.0) && room.upses[1].load < room.upses[1].rated);
    room.set_input(0, Input::Present);
    assert!(room.pdus[0].power() > Watts(500.0));
}

#[test]
fn a_rack_that_draws_less_cools_down_slowly() {
    let mut room = demo();
    let warm = room.racks[0].inlet;
    for pdu in 0..4 {
        for outlet in 0..room.pdus[pdu].outlets.len() {
            room.switch(pdu, outlet, Command::Off);
        }
    }
    advance(&mut room, 60);
    let after_a_minute = room.racks[0].inlet;
    assert!(
        after_a_minute < warm - Celsius(0.3),
        "{after_a_minute:?} of {warm:?}"
    );
    advance(&mut room, 3600);
    assert!((room.racks[0].inlet.0 - room.supply().0).abs() < 0.3);
    assert!(after_a_minute.0 > 21.5);
}

#[test]
fn one_seed_gives_one_life_and_loads_vary_slowly() {
    let (mut room, mut twin) = (demo(), demo());
    let mut other = Room::build(&Blueprint {
        seed: 21,
        ..Blueprint::load(None).unwrap()
    })
    .unwrap();
    let mut steepest: f64 = 0.0;
    let (mut least, mut max) = (f64::MAX, 0.0_f64);
    for _ in 0..1800 {
        let before = room.drawn().0;
        [&mut room, &mut twin, &mut other]
            .into_iter()
            .for_each(|room| room.advance(SECOND));
        steepest = steepest.max((room.drawn().0 / before - 1.0).abs());
        (least, max) = (least.min(room.drawn().0), max.max(room.drawn().0));
        assert!(near(room.drawn().0, twin.drawn().0));
    }
    assert!(!near(room.drawn().0, other.drawn().0));
    assert!(steepest < 0.02, "{steepest}");
    assert!(max / least > 1.03, "{least} to {max}");
}

#[test]
fn a_blueprint_with_a_mistake_is_refused_by_name() {
    let check = |change: &dyn Fn(&mut Blueprint), expect: Error| {
        let mut blueprint = Blueprint::load(None).unwrap();
        change(&mut blueprint);
        assert_eq!(Room::build(&blueprint).unwrap_err(), expect);
    };
    let text = str::to_owned;
    check(
        &|room| room.upses[0].name = text("pdu-a1-a"),
        Error::Twice(text("pdu-a1-a")),
    );
    check(
        &|room| room.pdus[0].rack = text("Z9"),
        Error::Rack(text("pdu-a1-a"), text("Z9")),
    );
    check(
        &|room| room.pdus[0].outlets = 65,
        Error::Outlets(text("pdu-a1-a"), 65),
    );
    check(
        &|room| room.upses[1].rated_watts = Watts(0.0),
        Error::Power(text("ups-b")),
    );
    check(
        &|room| room.servers[0].cords = vec![text("pdu-a1-a")],
        Error::Cord(text("a1-compute"), text("pdu-a1-a")),
    );
    check(
        &|room| room.servers[0].cords = vec![text("pdu-a1-a:0")],
        Error::Cord(text("a1-compute"), text("pdu-a1-a:0")),
    );
    check(
        &|room| room.servers[0].cords = vec![text("pdu-a1-a:20")],
        Error::Plug(text("a1-compute"), text("pdu-a1-a:25")),
    );
}

#[test]
fn equipment_is_in_the_conditions_that_it_was_put_into_until_they_end() {
    let mut room = demo();
    for condition in [
        Condition::Overload,
        Condition::BatteryDrained,
        Condition::TestFailed,
    ] {
        room.set_ups(0, condition).unwrap();
    }
    advance(&mut room, 5);
    let ups = &room.upses[0];
    assert!(ups.load_fraction() > 1.0 && ups.charge() < 0.06);
    assert_eq!((ups.test, ups.source()), (Test::Failed, Source::Mains));
    room.set_ups(0, Condition::Bypass).unwrap();
    assert_eq!(room.upses[0].source(), Source::Bypass);
    // What cannot pass anything on supplies nothing, and what it feeds is dead.
    room.set_ups(0, Condition::OutputOff).unwrap();
    assert_eq!(room.upses[0].source(), Source::Nothing);
    let feed = room.upses[0].feed.clone();
    assert!(
        room.pdus
            .iter()
            .filter(|pdu| pdu.feed == feed)
            .all(|pdu| !pdu.is_powered())
    );
    room.clear_ups(0);
    let ups = &room.upses[0];
    assert_eq!((ups.test, ups.source()), (Test::Never, Source::Mains));
    assert!(ups.charge() > 0.99 && ups.load_fraction() < 1.0);

    let of_kind = |room: &Room, kind| {
        let mut pdus = room.pdus.iter();
        let found = pdus.position(|pdu| pdu.kind == kind && pdu.power() > Watts(0.0));
        found.unwrap()
    };
    let apc = of_kind(&room, PduKind::ApcPdu);
    let raritan = of_kind(&room, PduKind::RaritanPdu);
    room.set_pdu(raritan, Condition::BreakerOpen).unwrap();
    assert_eq!(room.pdus[raritan].power(), Watts(0.0));
    room.heat(apc, Celsius(35.0));
    let rack = room.pdus[apc].rack;
    assert_eq!(room.racks[rack].inlet, Celsius(35.0));
    room.clear_pdu(apc);
    room.clear_pdu(raritan);
    assert!(room.racks[rack].inlet < Celsius(25.0));
    assert!(room.pdus[raritan].power() > Watts(0.0));
    for (refused, why) in [
        (room.set_ups(0, Condition::SignWrong), "UPS"),
        (room.set_pdu(apc, Condition::BreakerOpen), "no breaker"),
        (room.set_pdu(raritan, Condition::Overload), "apc-pdu"),
        (room.set_pdu(apc, Condition::Bypass), "PDU"),
    ] {
        assert!(refused.unwrap_err().contains(why));
    }
}

fn north() -> Room {
    Room::build(&Blueprint::parse(blueprint::NORTH, "north").unwrap()).unwrap()
}

fn advance_minutes(room: &mut Room, minutes: u32) {
    (0..minutes * 12).for_each(|_| room.advance(Duration::from_secs(5)));
}

#[test]
fn a_row_is_racks_with_a_pdu_on_each_feed_and_servers_on_both() {
    let room = north();
    assert_eq!((room.racks.len(), room.pdus.len()), (20, 40));
    assert_eq!(room.servers.len(), 200);
    let batch = room.servers.iter().find(|one| one.name == "n01-batch-01");
    let batch = batch.unwrap();
    assert_eq!(batch.labels["tier"], "batch");
    let outlets = batch.cords.iter();
    let outlets = outlets.map(|cord| (room.pdus[cord.pdu].name.as_str(), cord.outlet + 1));
    assert_eq!(
        outlets.collect::<Vec<_>>(),
        [("pdu-n01-a", 9), ("pdu-n01-b", 9)]
    );
}

#[test]
fn a_feed_that_carries_both_trips_after_minutes_and_the_room_is_dark() {
    let mut room = north();
    let whole = room.drawn();
    advance_minutes(&mut room, 10);
    assert!(room.breakers().all(|(_, breaker)| breaker.trips == 0));
    room.set_utility(1, Input::Lost);
    assert_eq!(room.upses[1].source(), Source::Battery);
    let mut minutes = 0;
    while room.upses[0].breaker.as_ref().unwrap().trips == 0 {
        advance_minutes(&mut room, 1);
        minutes += 1;
        assert!(minutes < 60, "{:?}", room.upses[0].breaker);
    }
    assert!(
        minutes > 8,
        "the battery carries feed B for a while: {minutes}"
    );
    assert!(room.drawn().0 < 0.01 * whole.0);
    room.set_utility(1, Input::Present);
    advance_minutes(&mut room, 1);
    assert!(room.drawn().0 > 0.9 * whole.0, "feed B carries all");
    room.clear_ups(0);
    assert_eq!(room.upses[0].source(), Source::Mains);
}

#[test]
fn inlets_follow_the_setpoint_and_get_warm_without_cooling() {
    let mut room = north();
    let inlet = |room: &Room| {
        room.racks
            .iter()
            .map(|rack| rack.inlet.0)
            .fold(0.0, f64::max)
    };
    advance_minutes(&mut room, 60);
    let before = inlet(&room);
    assert!((22.0..27.0).contains(&before), "{before}");
    for unit in 0..4 {
        assert!(room.set_setpoint(unit, Celsius(22.0), None));
    }
    advance_minutes(&mut room, 60);
    let warmer = inlet(&room);
    assert!((1.5..2.5).contains(&(warmer - before)), "{before} {warmer}");
    // Three carry the heat.
    room.set_cooling(0, Condition::CompressorFailed).unwrap();
    advance_minutes(&mut room, 90);
    assert!(inlet(&room) < warmer + 4.0, "{}", inlet(&room));
    for unit in 0..4 {
        room.set_cooling(unit, Condition::CompressorFailed).unwrap();
    }
    advance_minutes(&mut room, 10);
    assert!(inlet(&room) > warmer + 5.0, "{}", inlet(&room));
    (0..4).for_each(|unit| room.clear_cooling(unit));
    advance_minutes(&mut room, 120);
    assert!((inlet(&room) - warmer).abs() < 1.0, "{}", inlet(&room));
}

#[test]
fn a_compressor_keeps_its_minimum_times() {
    let mut room = demo();
    let mut is_on = room.cooling[0].is_running();
    let (mut since, mut shortest) = (None, u32::MAX);
    for second in 0..20_000_u32 {
        // Somebody turns the setpoint up and down.
        if second % 47 == 0 {
            let setpoint = if (second / 47) % 2 == 0 { 30.0 } else { 15.0 };
            room.set_setpoint(0, Celsius(setpoint), None);
        }
        room.advance(SECOND);
        let is_running = room.cooling[0].is_running();
        if is_running != is_on {
            is_on = is_running;
            shortest = since.map_or(shortest, |since| shortest.min(second - since));
            since = Some(second);
        }
    }
    assert!(room.cooling[0].starts > 3, "{}", room.cooling[0].starts);
    assert!(shortest >= 179, "{shortest}");
}

#[test]
fn one_unit_tells_its_failure_one_hides_it_and_one_goes_the_wrong_way() {
    let mut room = north();
    room.set_cooling(0, Condition::CompressorFailed).unwrap();
    room.set_cooling(1, Condition::HiddenFailure).unwrap();
    (0..4).for_each(|unit| assert!(room.set_setpoint(unit, Celsius(22.0), None)));
    advance_minutes(&mut room, 60);
    let units = &room.cooling;
    assert_eq!(units[0].status(), CoolingStatus::Failed);
    assert!(!units[0].is_running() && units[0].supply.0 > 28.0);
    assert_eq!(units[1].status(), CoolingStatus::Ok);
    assert!(!units[1].is_running() && units[1].tells_running());
    assert_eq!(units[1].told_supply(), Celsius(22.0));
    assert!(units[1].supply.0 > 28.0);
    let mut room = north();
    room.set_cooling(2, Condition::SignWrong).unwrap();
    (0..4).for_each(|unit| assert!(room.set_setpoint(unit, Celsius(21.0), None)));
    advance_minutes(&mut room, 60);
    let units = &room.cooling;
    assert!(
        units[2].supply.0 < units[3].supply.0 - 1.5,
        "{:?}",
        units[2]
    );
    assert_eq!(
        room.set_cooling(0, Condition::Bypass),
        Err("it is a cooling unit")
    );
}

#[test]
fn a_utility_takes_its_ups_and_its_cooling_units_along() {
    let mut room = north();
    room.set_utility(0, Input::Lost);
    advance_minutes(&mut room, 1);
    assert!(!room.upses[0].has_input() && room.upses[1].has_input());
    let moving: Vec<bool> = room.cooling.iter().map(Cooling::has_mains).collect();
    assert_eq!(moving, [false, true, false, true]);
    // Its own cable is another thing.
    room.set_input(0, Input::Lost);
    room.set_utility(0, Input::Present);
    assert!(!room.upses[0].has_input());
    room.set_input(0, Input::Present);
    assert!(room.upses[0].has_input());
}

#[test]
fn what_is_plugged_into_a_pdu_trips_its_own_breaker() {
    let mut room = north();
    room.burden(0, Watts(8000.0));
    advance_minutes(&mut room, 30);
    assert!(room.pdus[0].has_tripped());
    assert!(room.pdus[0].is_powered() && room.pdus[0].power().0 < 1.0);
    room.clear_pdu(0);
    advance_minutes(&mut room, 1);
    assert!(!room.pdus[0].has_tripped() && room.pdus[0].power().0 > 1000.0);
}

#[test]
fn a_server_that_is_off_or_limited_draws_less() {
    let mut room = demo();
    let server = room.bmcs[0].server;
    let full = room.servers[server].power;
    room.limit_server(server, Some(Watts(165.0)));
    assert_eq!(room.servers[server].power, Watts(165.0));
    assert!(near(room.pdus[0].outlets[0].power.0, 82.5));
    // Less than idle is not possible.
    room.limit_server(server, Some(Watts(20.0)));
    assert_eq!(room.servers[server].power, Watts(160.0));
    room.limit_server(server, None);
    assert!(near(room.servers[server].power.0, full.0));
    room.set_server(server, Command::Off);
    assert!(room.servers[server].power.0 < 20.0);
    assert_eq!(room.dark(), 0, "it has power, and is off");
    room.set_server(server, Command::On);
    assert!(near(room.servers[server].power.0, full.0));
}

#[test]
fn a_cord_has_the_voltage_of_its_pdu_while_its_outlet_is_on() {
    let mut room = demo();
    let server = room.bmcs[0].server;
    let cords = room.servers[server].cords.clone();
    assert!(cords.iter().all(|cord| room.voltage(*cord).0 > 200.0));
    room.switch(cords[0].pdu, cords[0].outlet, Command::Off);
    assert_eq!(room.voltage(cords[0]), Volts(0.0));
    assert!(room.voltage(cords[1]).0 > 200.0);
    room.switch(cords[1].pdu, cords[1].outlet, Command::Off);
    assert_eq!(room.servers[server].power, Watts(0.0));
}

#[test]
fn a_bmc_of_no_server_is_refused() {
    let text = "name = \"x\"\n[[bmc]]\nname = \"b\"\nserver = \"s\"";
    let error = Room::build(&Blueprint::parse(text, "x").unwrap()).unwrap_err();
    assert_eq!(error, Error::Server("b".into(), "s".into()));
}
