use std::collections::BTreeSet;

use proptest::prelude::*;
use utakata_model::Incarnation;

use super::*;
use crate::store::Held;

/// A store of leases and members that beat, in steps of a tenth of a second.
struct World {
    terms: Terms,
    now: Duration,
    leases: BTreeMap<String, Row>,
    members: Vec<Living>,
    /// The number of leases that changed hands, besides those of members.
    moves: usize,
}

struct Row {
    by: Option<Member>,
    since: Duration,
    until: Duration,
    epoch: u64,
}

struct Living {
    member: Member,
    next: Duration,
}

const STEP: Duration = Duration::from_millis(100);

fn member(number: u8) -> Member {
    Member {
        environment: EnvironmentId::new(format!("le-{number}")).unwrap(),
        incarnation: Incarnation::from_bytes([number; 16]),
    }
}

impl World {
    fn new(shards: u16) -> Self {
        Self {
            terms: Terms {
                shards,
                ..Terms::default()
            },
            now: Duration::from_secs(100),
            leases: BTreeMap::new(),
            members: Vec::new(),
            moves: 0,
        }
    }

    fn join(&mut self, number: u8) {
        let member = member(number);
        if self.members.iter().all(|one| one.member != member) {
            let next = self.now + STEP * u32::from(number % 20);
            self.members.push(Living { member, next });
        }
    }

    fn die(&mut self, number: u8) {
        self.members.retain(|one| one.member != member(number));
    }

    fn seen(&self) -> Vec<Lease> {
        let lease = |(name, row): (&String, &Row)| Lease {
            name: name.clone(),
            epoch: row.epoch,
            held: row.by.clone().map(|by| Held {
                by,
                address: String::new(),
                proof: String::new(),
                since: self.now.saturating_sub(row.since),
                ends_in: row.until.saturating_sub(self.now),
            }),
        };
        self.leases.iter().map(lease).collect()
    }

    /// As the store does it: all of one's own are renewed, then what is planned is done.
    fn beat(&mut self, me: &Member) {
        let (now, until) = (self.now, self.now + self.terms.lasts);
        for row in self.leases.values_mut() {
            if row.by.as_ref() == Some(me) {
                if row.until <= now {
                    row.since = now;
                }
                row.until = until;
            }
        }
        for action in plan(&self.seen(), me, &self.terms) {
            let (name, is_taken) = match action {
                Action::Take(name) => (name, true),
                Action::Release(name) => (name, false),
            };
            let row = self.leases.entry(name.clone()).or_insert(Row {
                by: None,
                since: now,
                until: now,
                epoch: 0,
            });
            let is_free = row.by.is_none() || row.until <= now;
            assert!(
                !is_taken || is_free,
                "{me:?} wants {name}, which is not free"
            );
            assert!(
                is_taken || row.by.as_ref() == Some(me),
                "not its own: {name}"
            );
            row.by = is_taken.then(|| me.clone());
            (row.since, row.until) = (now, until);
            row.epoch += u64::from(is_taken);
            self.moves += usize::from(!name.starts_with(MEMBER));
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            for at in 0..self.members.len() {
                if self.members[at].next <= self.now {
                    let me = self.members[at].member.clone();
                    self.members[at].next = self.now + self.terms.beat;
                    self.beat(&me);
                }
            }
        }
    }

    fn holder(&self, name: &str) -> Option<&Member> {
        let row = self.leases.get(name)?;
        row.by.as_ref().filter(|_| row.until > self.now)
    }

    /// Returns the number of shards of each member.
    fn parts(&self) -> Vec<usize> {
        let names: Vec<String> = (0..self.terms.shards)
            .map(|at| self.terms.shard(at))
            .collect();
        let part = |one: &Living| {
            let has = names
                .iter()
                .filter(|name| self.holder(name) == Some(&one.member));
            has.count()
        };
        self.members.iter().map(part).collect()
    }

    fn check_settled(&self) {
        let parts = self.parts();
        let all = parts.iter().sum::<usize>();
        assert_eq!(all, usize::from(self.terms.shards), "{parts:?}");
        let (least, max) = (parts.iter().min().unwrap(), parts.iter().max().unwrap());
        assert!(max - least <= 1, "{parts:?}");
        let of_ledger = self.holder(LEDGER).unwrap();
        assert!(self.members.iter().any(|one| one.member == *of_ledger));
    }
}

#[test]
fn one_has_all_and_a_second_gets_half_when_it_has_lived_for_a_while() {
    let mut world = World::new(16);
    world.join(1);
    world.pass(Duration::from_secs(5));
    assert_eq!(world.parts(), [16]);
    world.join(2);
    world.pass(Duration::from_secs(4));
    assert_eq!(world.parts(), [16, 0]);
    world.pass(Duration::from_secs(8));
    assert_eq!(world.parts(), [8, 8]);
    assert_eq!(world.holder(LEDGER), Some(&member(1)), "the ledger stays");
}

#[test]
fn what_a_dead_member_had_is_taken_within_ten_seconds() {
    for phase in 0..20 {
        let mut world = World::new(16);
        for number in 1..=3 {
            world.join(number);
        }
        world.pass(Duration::from_secs(20) + STEP * phase);
        world.check_settled();
        world.die(1);
        world.pass(Duration::from_secs(10));
        world.check_settled();
        assert_ne!(world.holder(LEDGER), Some(&member(1)));
    }
}

#[test]
fn one_that_comes_and_goes_moves_nothing() {
    let mut world = World::new(16);
    world.join(1);
    world.join(2);
    world.pass(Duration::from_secs(20));
    let moves = world.moves;
    for _ in 0..10 {
        world.join(3);
        world.pass(Duration::from_secs(4));
        world.die(3);
        // The store forgets it: the next life begins anew.
        world.pass(Duration::from_secs(7));
    }
    assert_eq!(world.moves, moves);
}

#[test]
fn who_does_not_live_takes_nothing_and_another_life_waits() {
    let terms = Terms::default();
    let own = of_member(&member(1).environment);
    assert_eq!(plan(&[], &member(1), &terms), [Action::Take(own.clone())]);
    let other = Member {
        incarnation: Incarnation::from_bytes([9; 16]),
        ..member(1)
    };
    let held = |ends_in| Lease {
        name: own.clone(),
        epoch: 1,
        held: Some(Held {
            by: other.clone(),
            address: String::new(),
            proof: String::new(),
            since: Duration::ZERO,
            ends_in,
        }),
    };
    let lives = held(Duration::from_secs(1));
    assert_eq!(plan(&[lives], &member(1), &terms), []);
    let ended = held(Duration::ZERO);
    assert_eq!(plan(&[ended], &member(1), &terms), [Action::Take(own)]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn whatever_comes_and_goes_everything_is_held_fairly_soon_after(
        shards in 1_u16..40,
        events in proptest::collection::vec((0_u8..8, any::<bool>(), 0_u64..9000), 1..25),
    ) {
        let mut world = World::new(shards);
        world.join(20);
        for (number, joins, pause) in events {
            if joins { world.join(number) } else { world.die(number) }
            world.pass(Duration::from_millis(pause));
        }
        // Every lease of the dead ends, then what is free is taken, then it is evened out.
        world.pass(Duration::from_secs(30));
        world.check_settled();
        let (moves, parts) = (world.moves, world.parts());
        world.pass(Duration::from_secs(60));
        prop_assert_eq!(world.moves, moves, "it goes on moving: {:?}", parts);
        let holders: BTreeSet<&Member> = world.members.iter().map(|one| &one.member).collect();
        prop_assert_eq!(holders.len(), world.members.len());
    }
}
