use super::{faults::Bulk, *};

#[test]
fn a_seed_bends_an_agent_always_in_the_same_way() {
    let of = |seed| Faults::compose(seed, &[]);
    assert_eq!(of(7), of(7));
    let all: Vec<Faults> = (0..200).map(of).collect();
    assert!(all.iter().any(|faults| faults.shuffles));
    assert!(all.iter().any(|faults| faults.loops.is_some()));
    assert!(all.iter().any(|faults| faults.bulk == Bulk::Silent));
    let cells = (0..200).map(|seed| Faults::compose(seed, &[Only::Cells]));
    assert!(
        cells
            .into_iter()
            .all(|faults| faults.largest.is_none() && faults.loses == 0)
    );
}

#[test]
fn a_walk_of_an_agent_without_faults_comes_to_every_object() {
    let faults = Faults::default();
    let objects = Objects::build(1, &faults);
    let mut at = async_snmp::Oid::from_slice(&[1, 3]);
    let mut count = 0;
    while let Some(object) = objects.next(&at, &faults) {
        at = object.oid.clone();
        count += 1;
    }
    assert_eq!(count, objects.truth(&faults).len());
}
