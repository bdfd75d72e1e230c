//! Requirements on every store: people.

use jiff::Timestamp;
use utakata_model::PersonName;

use utakata_logic::{
    store::{PersonRow, Store},
    token::TokenHash,
};

/// People are those written, each with the last token only.
pub async fn people_are_those_that_were_written(store: &dyn Store) {
    let row = |name: &str, token: &str| PersonRow {
        name: PersonName::new(name).unwrap(),
        token_hash: TokenHash::of(token),
        made: Timestamp::now(),
    };
    assert_eq!(store.people().await.unwrap(), []);
    let (bo, ana) = (row("bo", "1"), row("ana", "2"));
    store.put_person(&bo).await.unwrap();
    store.put_person(&ana).await.unwrap();
    assert_eq!(store.people().await.unwrap(), [ana.clone(), bo.clone()]);
    let again = row("bo", "3");
    store.put_person(&again).await.unwrap();
    assert_eq!(store.people().await.unwrap(), [ana.clone(), again]);
    store.delete_person(&ana.name).await.unwrap();
    store.delete_person(&ana.name).await.unwrap();
    assert_eq!(store.people().await.unwrap().len(), 1);
    // A token has one owner: nobody else gets it.
    assert!(store.put_person(&row("cy", "3")).await.is_err());
    assert_eq!(store.people().await.unwrap().len(), 1);
}
