use super::*;
use crate::profile::Library;

fn plan(names: &[&str], filter: &[&str]) -> Plan {
    let library = Library::shipped().unwrap();
    let profiles = library.resolve(names.iter().copied()).unwrap();
    Plan::build(
        &profiles,
        &Filter(filter.iter().map(|name| (*name).into()).collect()),
    )
}

#[test]
fn a_filter_names_metrics_or_what_stands_above_them() {
    for (filter, metric, expect) in [
        (&[][..], "hw.power", true),
        (&["hw.power"], "hw.power", true),
        (&["hw"], "hw.power", true),
        (&["hw."], "hw.power", true),
        (&["hw.power"], "hw.power_factor", false),
        (&["hw.power"], "hw.power.apparent", true),
        (&["hw.fan", "hw.power"], "hw.temperature", false),
    ] {
        let filter = Filter(filter.iter().map(|name| (*name).into()).collect());
        assert_eq!(filter.wants(metric), expect, "{filter:?} {metric}");
    }
}

#[test]
fn a_filtered_plan_fetches_no_more_than_it_needs() {
    let plan = plan(&["apc-pdu"], &["utakata.outlet.state"]);
    assert!(plan.oids.is_empty());
    assert_eq!(plan.tables.len(), 1);
    assert_eq!(plan.tables[0].columns.len(), 4);
}

#[test]
fn metrics_that_two_sources_tell_are_known() {
    let plan = plan(&["apc-pdu"], &[]);
    let shared: Vec<&str> = plan.shared.iter().map(MetricName::as_str).collect();
    assert!(shared.contains(&"hw.current"), "{shared:?}");
    assert!(!shared.contains(&"utakata.outlet.state"), "{shared:?}");
}

#[test]
fn what_is_not_there_gives_an_empty_plan() {
    assert!(plan(&["system"], &["hw.nonsense"]).is_empty());
}
