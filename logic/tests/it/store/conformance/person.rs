//! Requirements on every store: people, tokens and roles.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use utakata_logic::{
    store::{ConfirmedRow, PeopleChange, PeopleRows, PrincipalRow, Store, TokenRow},
    token::TokenHash,
};
use utakata_model::{Binding, PersonName, TokenName};

pub fn principal(name: &str) -> PrincipalRow {
    PrincipalRow {
        name: PersonName::new(name).unwrap(),
        service: name.starts_with('s'),
        made: Timestamp::UNIX_EPOCH,
        by: PersonName::admin(),
        link: None,
    }
}

fn token(owner: &str, name: &str, token: &str) -> TokenRow {
    TokenRow {
        hash: TokenHash::of(token),
        owner: PersonName::new(owner).unwrap(),
        name: TokenName::new(name).unwrap(),
        made: Timestamp::UNIX_EPOCH,
        by: PersonName::admin(),
        through: [PersonName::new("sec").unwrap()].into(),
        confirmed: Some(ConfirmedRow {
            by: PersonName::admin(),
            through: BTreeSet::new(),
            at: Timestamp::UNIX_EPOCH,
        }),
        ends: Some(Timestamp::UNIX_EPOCH + SignedDuration::from_hours(1)),
        used: None,
        login: None,
    }
}

fn binding(name: &str, selector: &str) -> Binding {
    serde_json::from_value(json!({
        "name": name, "who": "ana", "role": "operator", "selector": selector,
        "made": Timestamp::UNIX_EPOCH, "by": "ann", "through": ["sec"],
    }))
    .unwrap()
}

/// People, tokens and roles are those written, all of a change or nothing.
pub async fn people_are_those_that_were_written(store: &dyn Store) {
    let people = async || store.people().await.unwrap();
    assert_eq!(people().await, PeopleRows::default());
    let (ana, scrape) = (principal("ana"), principal("scrape"));
    let (first, laptop) = (token("ana", "first", "1"), token("ana", "laptop", "2"));
    let one = binding("ana-a1", "rack=A1");
    let changes = [
        PeopleChange::PutPrincipal(scrape.clone()),
        PeopleChange::PutPrincipal(ana.clone()),
        PeopleChange::PutToken(laptop.clone()),
        PeopleChange::PutToken(first.clone()),
        PeopleChange::PutBinding(one.clone()),
    ];
    store.change_people(&changes).await.unwrap();
    let mut expect = PeopleRows {
        principals: vec![ana.clone(), scrape.clone()],
        tokens: vec![first.clone(), laptop.clone()],
        bindings: vec![one],
    };
    assert_eq!(people().await, expect);
    let used = TokenRow {
        used: Some(Timestamp::UNIX_EPOCH),
        ..laptop
    };
    let other = binding("ana-a1", "");
    let gone = token("ana", "gone", "3");
    let changes = [
        PeopleChange::Used(used.clone()),
        // A token that was revoked meanwhile does not come back by its use.
        PeopleChange::Used(gone),
        PeopleChange::DeleteToken(first.hash),
        PeopleChange::PutBinding(other.clone()),
        PeopleChange::DeletePrincipal(scrape.name),
    ];
    store.change_people(&changes).await.unwrap();
    expect = PeopleRows {
        principals: vec![ana],
        tokens: vec![used],
        bindings: vec![other.clone()],
    };
    assert_eq!(people().await, expect);
    let changes = [PeopleChange::DeleteBinding(other.name)];
    store.change_people(&changes).await.unwrap();
    assert_eq!(people().await.bindings, []);
}
