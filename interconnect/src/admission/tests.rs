use super::*;

fn admission(total: usize, per_peer: usize) -> Admission<u8> {
    Admission::new("test", Limits { total, per_peer })
}

/// Returns true if it has to make room.
fn is_pushed_out(place: &Slot<u8>) -> bool {
    place.leave.is_cancelled()
}

#[tokio::test]
async fn a_peer_with_its_share_pushes_out_itself_and_nobody_else() {
    let admission = admission(10, 2);
    let other = admission.admit(2).unwrap();
    let places: Vec<_> = (0..100).filter_map(|_| admission.admit(1)).collect();
    assert_eq!((places.len(), admission.count()), (100, 3));
    let gone = places.iter().filter(|place| is_pushed_out(place)).count();
    assert_eq!(gone, 98, "the last two stay");
    assert!(!is_pushed_out(&other) && !is_pushed_out(&places[99]));
    drop(places);
    assert_eq!(admission.count(), 1);
    admission.settled().await;
}

#[tokio::test]
async fn where_all_places_are_taken_the_peer_with_the_most_strangers_makes_room() {
    let admission = admission(6, 4);
    let few: Vec<_> = (0..2).map(|_| admission.admit(1).unwrap()).collect();
    let many: Vec<_> = (0..4).map(|_| admission.admit(2).unwrap()).collect();
    let new = admission.admit(3).unwrap();
    assert!(is_pushed_out(&many[0]), "it has waited longest");
    assert!(few.iter().chain([&new]).all(|place| !is_pushed_out(place)));
}

#[tokio::test]
async fn who_is_known_goes_after_strangers_and_who_is_served_never() {
    let admission = admission(3, 3);
    let [known, served, stranger] = [1, 1, 1].map(|peer| Arc::new(admission.admit(peer).unwrap()));
    known.know();
    served.know();
    let busy = [served.begin(), served.begin()];
    assert!(!known.is_stranger() && stranger.is_stranger());
    let second = Arc::new(admission.admit(2).unwrap());
    assert!(is_pushed_out(&stranger) && !is_pushed_out(&known));
    second.keep();
    let third = Arc::new(admission.admit(3).unwrap());
    assert!(
        is_pushed_out(&known),
        "nobody who is served, and no stranger is left"
    );
    third.keep();
    assert!(admission.admit(4).is_none(), "all are served");
    drop(busy);
    assert!(admission.admit(4).is_some());
    assert!(is_pushed_out(&served) && !is_pushed_out(&second));
}

#[tokio::test]
async fn who_is_counted_elsewhere_takes_no_place_and_is_not_pushed_out() {
    let admission = admission(1, 1);
    let first = admission.admit(1).unwrap();
    first.leave();
    assert!(!first.is_stranger());
    let second = admission.admit(1).unwrap();
    assert!(!is_pushed_out(&first));
    drop(first);
    assert_eq!(admission.count(), 1);
    drop(second);
    assert_eq!(admission.count(), 0);
}

#[tokio::test]
async fn nobody_is_accepted_while_too_many_are_still_going() {
    let admission = admission(1, 1);
    let places: Vec<_> = (0..MAX_LEAVING + 2)
        .filter_map(|_| admission.admit(1))
        .collect();
    let settled = tokio::spawn({
        let admission = admission.clone();
        async move { admission.settled().await }
    });
    tokio::task::yield_now().await;
    assert!(!settled.is_finished());
    drop(places);
    settled.await.unwrap();
}

#[test]
fn a_network_of_ipv6_is_one_peer_and_an_address_of_ipv4_another() {
    let same = |a: &str, b: &str| peer(a.parse().unwrap()) == peer(b.parse().unwrap());
    assert!(same("2001:db8::1", "2001:db8::ffff:1"));
    assert!(!same("2001:db8::1", "2001:db8:0:1::1"));
    assert!(same("::ffff:192.0.2.1", "192.0.2.1"));
    assert!(!same("192.0.2.1", "192.0.2.2"));
}
