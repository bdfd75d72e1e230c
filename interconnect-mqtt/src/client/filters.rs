//! Subscriptions at the broker: the topics that any subscriber of this process wants.

use std::collections::BTreeMap;

use utakata_interconnect::{Interest, events::Zones, topic};

/// A topic filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    pub(super) path: String,
    /// True if retained messages are wanted, too.
    pub(super) retained: bool,
}

/// The wanted filters, each with the number of subscribers.
#[derive(Debug, Default)]
pub(super) struct Subscriptions(BTreeMap<String, (Filter, usize)>);

/// Returns the filters for an interest.
pub(super) fn filters(interest: &Interest) -> Vec<Filter> {
    let mut all = Vec::new();
    let mut add = |path: String, retained| all.push(Filter { path, retained });
    if interest.readings {
        add(topic::READINGS.into(), false);
        add(topic::DELETED.into(), false);
    }
    if interest.outcomes {
        add(topic::OUTCOMES.into(), false);
    }
    if interest.environments {
        add(topic::ENVIRONMENTS.into(), true);
    }
    if interest.notifications {
        add(topic::NOTIFICATIONS.into(), false);
    }
    match &interest.desired {
        Zones::None => {}
        Zones::One(zone) => add(topic::desired(zone), true),
        Zones::All => add(topic::DESIRED.into(), true),
    }
    if interest.alarms {
        add(topic::ALARMS.into(), false);
    }
    if interest.starts {
        add(topic::STARTS.into(), false);
        add(topic::FETCHES.into(), false);
        add(topic::DATAGRAMS.into(), false);
    }
    if let Some(environment) = &interest.answers {
        add(topic::Topic::Permit(environment.clone()).to_string(), false);
        add(
            topic::Topic::Recorded(environment.clone()).to_string(),
            false,
        );
        let content = topic::Topic::Content(environment.clone());
        add(content.to_string(), false);
        add(topic::Topic::Reply(environment.clone()).to_string(), false);
    }
    all
}

impl Subscriptions {
    /// Adds a subscriber to these; returns those that nobody wanted before.
    pub(super) fn add(&mut self, interest: &Interest) -> Vec<Filter> {
        let mut new = Vec::new();
        for filter in filters(interest) {
            let entry = self.0.entry(filter.path.clone());
            let (_, count) = entry.or_insert((filter.clone(), 0));
            if *count == 0 {
                new.push(filter);
            }
            *count += 1;
        }
        new
    }

    /// Removes a subscriber from these; returns those that nobody wants any more.
    pub(super) fn remove(&mut self, interest: &Interest) -> Vec<Filter> {
        let mut gone = Vec::new();
        for filter in filters(interest) {
            let Some((_, count)) = self.0.get_mut(&filter.path) else {
                continue;
            };
            *count -= 1;
            if *count == 0 {
                self.0.remove(&filter.path);
                gone.push(filter);
            }
        }
        gone
    }

    /// Returns all filters that anybody wants.
    pub(super) fn all(&self) -> Vec<Filter> {
        self.0.values().map(|(filter, _)| filter.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(filters: &[Filter]) -> Vec<&str> {
        filters
            .iter()
            .map(|filter| &filter.path[topic::ROOT.len()..])
            .collect()
    }

    #[test]
    fn each_interest_has_its_filters() {
        let of = |interest: &Interest| filters(interest);
        assert!(of(&Interest::NONE).is_empty());
        assert_eq!(
            paths(&of(&Interest::ALL)),
            [
                "reading/#",
                "deleted/#",
                "outcome/#",
                "environment/#",
                "notification/#",
                "desired/#",
                "alarm/#"
            ]
        );
        let answers = Interest {
            starts: true,
            answers: Some("wee-1".parse().unwrap()),
            desired: Zones::One("hall-1".parse().unwrap()),
            ..Interest::NONE
        };
        assert_eq!(
            paths(&of(&answers)),
            [
                "desired/hall-1",
                "start/#",
                "fetch/#",
                "datagram/#",
                "permit/wee-1",
                "recorded/wee-1",
                "content/wee-1",
                "reply/wee-1"
            ]
        );
    }

    #[test]
    fn what_several_want_is_subscribed_once_and_left_with_the_last() {
        let outcomes = Interest {
            outcomes: true,
            ..Interest::NONE
        };
        let mut wanted = Subscriptions::default();
        assert_eq!(wanted.add(&Interest::ALL).len(), 7);
        assert!(wanted.add(&outcomes).is_empty());
        assert_eq!(
            paths(&wanted.remove(&Interest::ALL)),
            [
                "reading/#",
                "deleted/#",
                "environment/#",
                "notification/#",
                "desired/#",
                "alarm/#"
            ]
        );
        assert_eq!(paths(&wanted.all()), ["outcome/#"]);
        assert_eq!(paths(&wanted.remove(&outcomes)), ["outcome/#"]);
        assert!(wanted.remove(&outcomes).is_empty());
    }
}
