use utakata_model::{Target, Zone};

use super::{
    super::sighting::tests::{at, seen},
    *,
};

fn target(name: &str, kind: &str, address: &str) -> Target {
    Target::new(name.parse().unwrap(), kind.parse().unwrap(), address.into())
}

/// The proposals: each with its state, its name, its kinds and what was.
fn check(kept: &[Sighting], targets: &[Target], answered: Option<i64>, expect: &[&str]) {
    let around = Surroundings {
        targets: targets.iter().collect(),
        relatives: &|sighting| match sighting.kind.as_str() {
            "snmp" => vec!["apc-pdu".parse().unwrap()],
            _ => Vec::new(),
        },
        answered: &|_| answered.map(at),
        rank: &|sighting| usize::from(sighting.kind.as_str() != "redfish"),
    };
    let proposals = propose(kept, &around);
    let shown: Vec<String> = proposals.iter().map(shown).collect();
    assert_eq!(shown, expect);
    let ids: HashSet<&String> = proposals.iter().map(|one| &one.id).collect();
    assert_eq!(ids.len(), proposals.len(), "each has an id of its own");
}

fn shown(proposal: &Proposal) -> String {
    let kinds: Vec<&str> = proposal
        .ways
        .iter()
        .map(|way| way.sighting.kind.as_str())
        .collect();
    let kinds = kinds.join("+");
    let (state, name) = (proposal.state.as_str(), &proposal.name);
    let was = proposal.was.as_ref().map(|was| format!(" was {was}"));
    let alike = match proposal.alike.is_empty() {
        true => String::new(),
        false => format!(" alike {}", proposal.alike.join(",")),
    };
    format!("{state} {name} {kinds}{}{alike}", was.unwrap_or_default())
}

#[test]
fn one_thing_seen_by_two_protocols_is_one_proposal_with_two_ways_in() {
    let kept = [
        seen("ipmi", "10.0.3.7", &["uuid:a"], 0),
        seen(
            "redfish",
            "10.0.3.7",
            &["uuid:root", "uuid:a", "serial:s"],
            0,
        ),
        // Of the machine itself, by its own address.
        seen("libvirt", "10.0.9.7", &["uuid:a"], 0),
        seen("ipmi", "10.0.3.8", &[], 0),
    ];
    let expect = [
        "new redfish-10-0-3-7 redfish+ipmi+libvirt",
        "new ipmi-10-0-3-8 ipmi",
    ];
    check(&kept, &[], None, &expect);
}

#[test]
fn an_identifier_that_two_of_a_kind_have_proves_nothing() {
    let kept = [
        seen("snmp", "10.0.3.1", &["engine:e"], 0),
        seen("snmp", "10.0.3.2", &["engine:e"], 0),
    ];
    let expect = [
        "new snmp-10-0-3-1 snmp alike 10.0.3.2",
        "new snmp-10-0-3-2 snmp alike 10.0.3.1",
    ];
    check(&kept, &[], None, &expect);
}

#[test]
fn what_is_a_target_is_known_by_its_place_in_whatever_form_it_is_written() {
    let mut kept = [
        seen("redfish", "10.0.3.7", &["uuid:a"], 0),
        seen("ipmi", "10.0.3.7", &["uuid:a"], 0),
        seen("snmp", "10.0.3.9", &[], 0),
    ];
    kept[0].found.also = vec!["https://10.0.3.7".into()];
    let targets = [
        target("server-a1", "redfish", "HTTPS://10.0.3.7/"),
        // A more exact kind of the same protocol.
        target("pdu-a1", "apc-pdu", "10.0.3.9"),
    ];
    let expect = ["known server-a1 redfish+ipmi", "known pdu-a1 snmp"];
    check(&kept, &targets, None, &expect);
    // In another zone it is another place.
    let mut elsewhere = targets;
    elsewhere[0].zone = Zone::new("far").unwrap();
    let expect = ["new redfish-10-0-3-7 redfish+ipmi", "known pdu-a1 snmp"];
    check(&kept, &elsewhere, None, &expect);
}

#[test]
fn a_thing_that_left_its_place_has_moved_and_one_that_is_still_there_has_a_twin() {
    let targets = [target("server-a1", "redfish", "10.0.3.7")];
    let kept = [
        seen("redfish", "10.0.3.7", &["uuid:a"], 0),
        seen("redfish", "10.0.3.8", &["uuid:a"], 60),
    ];
    let expect = [
        "known server-a1 redfish",
        "moved server-a1 redfish was 10.0.3.7",
    ];
    check(&kept, &targets, None, &expect);
    check(&kept, &targets, Some(30), &expect);
    // The target has answered since.
    let expect = [
        "known server-a1 redfish",
        "new redfish-10-0-3-8 redfish alike 10.0.3.7",
    ];
    check(&kept, &targets, Some(90), &expect);
    let mut still_there = kept;
    still_there[0].last = at(60);
    let expect = [
        "known server-a1 redfish alike 10.0.3.8",
        "new redfish-10-0-3-8 redfish alike 10.0.3.7",
    ];
    check(&still_there, &targets, None, &expect);
}

#[test]
fn a_thing_that_nobody_has_accepted_is_where_it_was_found_last() {
    let kept = [
        seen("redfish", "10.0.3.7", &["uuid:a"], 0),
        seen("redfish", "10.0.3.8", &["uuid:a"], 60),
    ];
    check(&kept, &[], None, &["new redfish-10-0-3-8 redfish"]);
}

#[test]
fn another_thing_at_the_address_of_a_target_has_replaced_it_until_somebody_decides() {
    let targets = [target("server-a1", "redfish", "10.0.3.7")];
    let mut kept = [
        seen("redfish", "10.0.3.7", &["uuid:a"], 0),
        seen("redfish", "10.0.3.7", &["uuid:b"], 60),
    ];
    let expect = ["replaced server-a1 redfish was uuid:a"];
    check(&kept, &targets, Some(90), &expect);
    kept[1].dismissed = Some("ann".parse().unwrap());
    check(&kept, &targets, Some(90), &["known server-a1 redfish"]);
}

#[test]
fn what_was_dismissed_is_not_proposed_and_names_are_given_once() {
    let mut kept = [
        seen("ipmi", "10.0.3.7", &["uuid:a"], 0),
        seen("ipmi", "10.0.3.8", &["uuid:b"], 0),
        seen("ipmi", "10.0.3.9", &["uuid:c"], 0),
    ];
    kept[0].dismissed = Some("ann".parse().unwrap());
    kept[1].found.name = Some("DB.example".into());
    kept[2].found.name = Some("db".into());
    let targets = [target("other", "ipmi", "10.0.9.9")];
    let expect = [
        "dismissed ipmi-10-0-3-7 ipmi",
        "new db ipmi",
        "new db-2 ipmi",
    ];
    check(&kept, &targets, None, &expect);
}
