//! Causes, by relations of any form.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use utakata_alarm::{Explanation, Parent, Standing, Topology, explain};
use utakata_model::{AlarmId, RelationKind, TargetName};

#[derive(Default)]
struct Site {
    parents: BTreeMap<TargetName, Vec<TargetName>>,
    names: Vec<TargetName>,
}

impl Topology for Site {
    fn parents(&self, target: &TargetName, relation: RelationKind) -> Vec<Parent<'_>> {
        if relation != RelationKind::Feeds {
            return Vec::new();
        }
        let found = self.parents.get(target).into_iter().flatten();
        found
            .map(|target| Parent {
                target,
                outlet: None,
            })
            .collect()
    }
}

impl Site {
    fn of(edges: &[(u8, u8)]) -> Self {
        let name = |number: u8| TargetName::new(format!("t{number}")).unwrap();
        let mut site = Self::default();
        for (from, to) in edges {
            site.parents.entry(name(*to)).or_default().push(name(*from));
        }
        site.names = (0..8).map(name).collect();
        site
    }

    fn explain(&self, target: usize, standings: &[Standing]) -> Explanation {
        let because = [RelationKind::Reaches, RelationKind::Feeds];
        explain(&because, self, &self.names[target], |parent, _| {
            let at = self.names.iter().position(|name| name == parent.target);
            standings[at.unwrap()]
        })
    }
}

fn alarm(number: u8) -> AlarmId {
    AlarmId::from_bytes([number; 16])
}

#[test]
fn what_has_two_feeds_is_explained_only_if_both_are_down() {
    use Standing::{Down, Unsure, Unwatched, Up};
    // 1 and 2 feed 0; 3 feeds 1; 4 feeds 2.
    let site = Site::of(&[(1, 0), (2, 0), (3, 1), (4, 2)]);
    let ask = |names: &[&str]| {
        Explanation::Ask(
            names
                .iter()
                .map(|name| name.parse().unwrap())
                .collect::<BTreeSet<_>>(),
        )
    };
    for (standings, expect) in [
        ([Up, Up, Up, Up, Up], Explanation::None),
        ([Up, Down(alarm(1)), Up, Up, Up], Explanation::None),
        (
            [Up, Down(alarm(1)), Down(alarm(2)), Up, Up],
            Explanation::Cause(alarm(1)),
        ),
        ([Up, Down(alarm(1)), Unsure, Up, Up], ask(&["t2"])),
        ([Up, Unsure, Unsure, Up, Up], ask(&["t1", "t2"])),
        ([Up, Unsure, Up, Up, Up], Explanation::None),
        // What nobody watches passes on what it hangs on.
        (
            [Up, Unwatched, Down(alarm(2)), Down(alarm(3)), Up],
            Explanation::Cause(alarm(3)),
        ),
        (
            [Up, Unwatched, Unwatched, Unsure, Down(alarm(4))],
            ask(&["t3"]),
        ),
        (
            [Up, Unwatched, Unwatched, Unwatched, Unwatched],
            Explanation::None,
        ),
    ] {
        let mut all = standings.to_vec();
        all.resize(8, Up);
        assert_eq!(site.explain(0, &all), expect, "{standings:?}");
    }
    assert_eq!(Site::default().parents.len(), 0);
}

fn standing() -> impl Strategy<Value = Standing> {
    prop_oneof![
        (0_u8..8).prop_map(|number| Standing::Down(alarm(number))),
        Just(Standing::Up),
        Just(Standing::Unsure),
        Just(Standing::Unwatched),
    ]
}

proptest! {
    /// Relations of any form, circles too: the search ends, and a cause is an alarm of something
    /// above that is down.
    #[test]
    fn an_explanation_ends_and_is_an_alarm_of_something_above(
        edges in prop::collection::vec((0_u8..8, 0_u8..8), 0..24),
        standings in prop::collection::vec(standing(), 8),
        target in 0_usize..8,
    ) {
        let site = Site::of(&edges);
        let found = site.explain(target, &standings);
        if let Explanation::Cause(cause) = &found {
            prop_assert!(standings.contains(&Standing::Down(*cause)));
        }
        // It un-explains: with everything well, nothing is the cause.
        prop_assert_eq!(site.explain(target, &[Standing::Up; 8]), Explanation::None);
    }
}
