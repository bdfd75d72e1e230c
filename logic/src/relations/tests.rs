use super::*;

fn target(name: &str, kind: &str, labels: &[(&str, &str)]) -> Target {
    let mut target = Target::new(name.parse().unwrap(), kind.parse().unwrap(), "a".into());
    for (key, value) in labels {
        target.labels.insert((*key).into(), (*value).into());
    }
    target
}

fn relation(text: &str) -> Relation {
    let words: Vec<&str> = text.splitn(3, ' ').collect();
    Relation {
        relation: serde_json::from_str(&format!("\"{}\"", words[0])).unwrap(),
        from: words[1].parse().unwrap(),
        to: words[2].parse().unwrap(),
    }
}

fn site() -> Vec<Target> {
    vec![
        target("ups-a", "ups", &[("feed", "A"), ("room", "n")]),
        target(
            "pdu-a",
            "apc-pdu",
            &[("feed", "A"), ("rack", "R1"), ("room", "n")],
        ),
        target(
            "pdu-b",
            "apc-pdu",
            &[("feed", "B"), ("rack", "R1"), ("room", "n")],
        ),
        target("bmc-1", "redfish", &[("rack", "R1"), ("room", "n")]),
        target("bmc-2", "redfish", &[("rack", "R1"), ("room", "s")]),
        target(
            "sw-1",
            "snmp",
            &[("rack", "R1"), ("role", "switch"), ("room", "n")],
        ),
    ]
}

fn graph(relations: &[&str]) -> Graph {
    let relations: Vec<Relation> = relations.iter().map(|text| relation(text)).collect();
    let targets = site();
    Graph::build(targets.iter(), relations.iter())
}

fn above(graph: &Graph, name: &str) -> Vec<String> {
    let mut found: Vec<String> = graph
        .above(&name.parse().unwrap())
        .iter()
        .map(|one| {
            let outlet = one
                .outlet
                .map(|outlet| format!(":{outlet}"))
                .unwrap_or_default();
            format!("{} {}{outlet}", one.relation.as_str(), one.target)
        })
        .collect();
    found.sort();
    found
}

#[test]
fn labels_give_the_obvious_relations() {
    let graph = graph(&[]);
    assert_eq!(
        above(&graph, "bmc-1"),
        ["feeds pdu-a", "feeds pdu-b", "reaches sw-1"]
    );
    assert_eq!(above(&graph, "pdu-a"), ["feeds ups-a", "reaches sw-1"]);
    assert_eq!(above(&graph, "pdu-b"), ["reaches sw-1"]);
    assert_eq!(above(&graph, "ups-a"), [""; 0]);
    // Another room has a rack of the same name.
    assert_eq!(above(&graph, "bmc-2"), [""; 0]);
    assert_eq!(above(&graph, "nobody"), [""; 0]);
    assert_eq!(graph.below(&"pdu-a".parse().unwrap()).len(), 2);
}

#[test]
fn what_is_declared_takes_the_place_of_what_labels_imply() {
    let graph = graph(&[
        "feeds pdu-a:3 bmc-1",
        "reaches sw-1 rack=R1",
        "cools nobody bmc-1",
    ]);
    assert_eq!(above(&graph, "bmc-1"), ["feeds pdu-a:3", "reaches sw-1"]);
    assert_eq!(above(&graph, "bmc-2"), ["reaches sw-1"]);
    assert_eq!(above(&graph, "sw-1"), ["feeds pdu-a", "feeds pdu-b"]);
    assert_eq!(graph.circle(RelationKind::Reaches), None);
}

#[test]
fn a_circle_is_found_with_its_members() {
    let circle = |relations: &[&str], kind| graph(relations).circle(kind);
    let found = circle(
        &["feeds pdu-a pdu-b", "feeds pdu-b pdu-a"],
        RelationKind::Feeds,
    );
    let found: Vec<String> = found.unwrap().iter().map(ToString::to_string).collect();
    assert_eq!(found, ["pdu-a", "pdu-b", "pdu-a"]);
    assert!(circle(&["feeds kind=apc-pdu rack=R1"], RelationKind::Feeds).is_some());
    let far = [
        "cools ups-a pdu-a",
        "cools pdu-a pdu-b",
        "cools pdu-b bmc-1",
        "cools bmc-1 ups-a",
    ];
    assert_eq!(circle(&far, RelationKind::Cools).unwrap().len(), 5);
    assert_eq!(circle(&far[..3], RelationKind::Cools), None);
    assert_eq!(circle(&far, RelationKind::Feeds), None);
}
