//! The promises about events with desired state.

use utakata_interconnect::{Event, Interest, Zones};

use super::{Deviation, Setup, expect, marks, only_the_marker_is_left, samples, take, words};

pub(super) async fn the_last_comes_first(
    Setup { events, slack, .. }: Setup,
) -> Result<(), Deviation> {
    let samples = samples()?;
    let published = vec![
        samples.desired("hall-1", 1)?,
        samples.desired("hall-2", 2)?,
        samples.desired("hall-1", 3)?,
    ];
    events.publish(published.clone()).await?;
    let mut subscriber = events.subscribe(Interest::ALL).await?;
    if slack.forgets_statuses {
        events.publish(published[1..].to_vec()).await?;
    }
    events.publish(vec![samples.readings(4)?]).await?;
    let came = take(subscriber.as_mut(), 3).await?;
    let mut first: Vec<String> = came.iter().map(|event| format!("{event:?}")).collect();
    let last = first.pop();
    first.sort();
    let expected = [&published[2], &published[1]].map(|event| format!("{event:?}"));
    expect("first", &first, &expected.to_vec())?;
    let is_reading = came.last().map(|event| matches!(event, Event::Readings(_)));
    expect(
        &format!("whether {last:?} is a reading"),
        &is_reading,
        &Some(true),
    )?;
    only_the_marker_is_left(&events, &samples, subscriber.as_mut()).await
}

pub(super) async fn only_that_of_the_zone_comes(
    Setup { events, slack, .. }: Setup,
) -> Result<(), Deviation> {
    let samples = samples()?;
    let before = vec![samples.desired("hall-1", 1)?, samples.desired("hall-2", 2)?];
    if !slack.forgets_statuses {
        events.publish(before.clone()).await?;
    }
    let nothing = Interest {
        starts: true,
        ..Interest::NONE
    };
    let one = Interest {
        desired: Zones::One(samples.zone.clone()),
        ..nothing.clone()
    };
    let all = Interest {
        desired: Zones::All,
        ..nothing.clone()
    };
    let mut uninterested = events.subscribe(nothing).await?;
    let mut of_one = events.subscribe(one).await?;
    let mut of_all = events.subscribe(all).await?;
    if slack.forgets_statuses {
        events.publish(before).await?;
    }
    let after = vec![
        samples.desired("hall-2", 3)?,
        samples.desired("hall-1", 4)?,
        samples.start("wee-1", 5)?,
    ];
    events.publish(after).await?;
    let came = marks(&take(uninterested.as_mut(), 1).await?);
    expect("for one who wants none", &came, &words(["start wee-1 5"]))?;
    let came = marks(&take(of_one.as_mut(), 3).await?);
    let expected = ["desired hall-1 1", "desired hall-1 4", "start wee-1 5"];
    expect("of one zone", &came, &words(expected))?;
    let mut came = marks(&take(of_all.as_mut(), 5).await?);
    came[..2].sort();
    let expected = [
        "desired hall-1 1",
        "desired hall-2 2",
        "desired hall-2 3",
        "desired hall-1 4",
        "start wee-1 5",
    ];
    expect("of all zones", &came, &words(expected))
}
