//! Tests of every shipped profile, and of the guide.

use utakata_profile::{condition::Expectation, form, form::Keys, meaning::Kind, raw::Literal};
use utakata_worker_sdk::model::{quantity::Plausible, reading};

use crate::profile::{Attribute, Condition, Library, Meaning, Operand, Profile, Source, file};

const GUIDE: &str = include_str!("../../../../../docs/guide/profile-language.md");

/// A meaning, its conditions, and those of them on its own column.
type Meant<'a> = (&'a Meaning, Vec<&'a Condition>, Vec<&'a Condition>);

fn meanings(profile: &Profile) -> Vec<Meant<'_>> {
    let scalars = profile.content.scalars.iter();
    let scalars = scalars.map(|scalar| (&scalar.meaning, scalar.when.iter().collect(), Vec::new()));
    let tables = profile.content.tables.iter().flat_map(|table| {
        table.metrics.iter().map(|metric| {
            let when = table.when.iter().chain(&metric.when);
            let is_own = |condition: &&Condition| {
                matches!(condition.of, Operand::Column(column) if metric.columns.contains(&column))
            };
            let own = when.clone().filter(is_own).collect();
            (&metric.meaning, when.collect(), own)
        })
    });
    scalars.chain(tables).collect()
}

fn each(mut check: impl FnMut(&Profile, Meant<'_>) -> Option<String>) {
    let library = Library::shipped().unwrap();
    let found = library.iter().flat_map(|profile| {
        let found: Vec<String> = meanings(profile)
            .into_iter()
            .filter_map(|meant| check(profile, meant))
            .map(|what| format!("{}: {what}", profile.name))
            .collect();
        found
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_number_of_a_shipped_profile_has_a_plausible_range() {
    each(|_, (meaning, ..)| {
        let Kind::Number(number) = &meaning.kind else {
            return None;
        };
        let (metric, unit) = (&meaning.metric, &meaning.unit);
        let is_bound = number.range.0.is_finite() && number.range.1.is_finite();
        let is_known = Plausible::of(metric.as_str(), unit).is_known();
        (!is_bound || !is_known).then(|| format!("{metric} in {unit} may be anything"))
    });
}

/// A state that a profile does not name would show as a bare number.
#[test]
fn every_state_of_a_shipped_profile_is_named_or_said_to_be_none() {
    each(|_, (meaning, _, own)| {
        let Kind::State { names, other: None } = &meaning.kind else {
            return None;
        };
        let number = |literal: &Literal| match literal {
            Literal::Number(number) => Some(*number),
            _ => None,
        };
        let named = names.0.iter().filter_map(|(literal, _)| number(literal));
        let none = meaning.missing.values.iter().filter_map(number);
        let left_out = own
            .iter()
            .flat_map(|condition| match &condition.test.wanted {
                Expectation::NoneOf(values) => values.as_slice(),
                _ => &[],
            });
        let left_out = left_out.filter_map(number);
        let known: Vec<i64> = named.chain(none).chain(left_out).collect();
        let (first, last) = (known.iter().min()?, known.iter().max()?);
        // Raritan's enumeration has no 13.
        let is_gap = |number: &i64| *number == 13 && *last == 36;
        let lost = (*first..=*last).find(|number| !known.contains(number) && !is_gap(number));
        lost.map(|number| format!("{} does not name {number}", meaning.metric))
    });
}

#[test]
fn every_row_of_a_shipped_profile_is_identified_by_what_no_name_changes() {
    let library = Library::shipped().unwrap();
    for profile in library.iter() {
        for table in &profile.content.tables {
            let is_fixed = |(key, attribute): &(std::sync::Arc<str>, Attribute)| {
                let is_from_row = matches!(attribute, Attribute::Row { .. });
                is_from_row && !reading::is_description(key)
            };
            let has_name = table
                .attributes
                .iter()
                .any(|(key, _)| reading::is_description(key));
            let is_identified = table
                .attributes
                .iter()
                .any(|(key, _)| reading::is_identifier(key));
            assert!(
                table.attributes.iter().any(is_fixed) && (is_identified || !has_name),
                "{}: {}",
                profile.name,
                table.columns[0]
            );
        }
    }
}

/// A sensor with a neighbouring state "not present" has no value then.
#[test]
fn a_value_next_to_a_state_that_says_not_present_asks_for_it() {
    let library = Library::shipped().unwrap();
    for profile in library.iter() {
        for table in &profile.content.tables {
            let states = table.metrics.iter().filter(|metric| {
                matches!(metric.meaning.kind, Kind::State { .. })
                    && !metric.meaning.missing.values.is_empty()
                    && metric.meaning.attributes.is_empty()
            });
            for state in states {
                let asks = |condition: &Condition| matches!(condition.of, Operand::Column(column) if state.columns.contains(&column));
                let numbers = table.metrics.iter().filter(|metric| {
                    let is_of_all = metric.when.is_empty() && table.when.is_empty();
                    matches!(metric.meaning.kind, Kind::Number(_)) && is_of_all
                });
                for number in numbers {
                    assert!(
                        number.when.iter().any(asks),
                        "{}: {}",
                        profile.name,
                        number.meaning.metric
                    );
                }
            }
        }
    }
}

/// The TOML blocks in the guide.
fn blocks() -> Vec<&'static str> {
    let parts = GUIDE.split("```toml\n").skip(1);
    parts.filter_map(|part| part.split("```").next()).collect()
}

#[test]
fn every_example_in_the_guide_is_a_profile() {
    assert!(blocks().len() > 8);
    for block in blocks() {
        let text = match block.starts_with("description") {
            true => block.to_owned(),
            false => format!("description = \"x\"\n{block}"),
        };
        if let Err(error) = Profile::compile("guide", "profile-language.md", &text) {
            panic!("{error}\n{block}");
        }
    }
}

#[test]
fn every_key_has_its_example_in_the_guide() {
    let all = [
        form::Value::KEYS,
        form::Condition::KEYS,
        file::MetricKeys::KEYS,
        file::Operand::KEYS,
        file::Units::KEYS,
    ];
    let examples = blocks().join("\n");
    for key in all.iter().flat_map(|keys| keys.iter()) {
        // Kelvin is spelt like Fahrenheit.
        let is_there = examples.contains(&format!("{key} = ")) || *key == "kelvin";
        assert!(is_there, "{key}");
    }
}

#[test]
fn lasers_and_supplies_are_told_apart_by_their_names() {
    let library = Library::shipped().unwrap();
    for profile in library.iter() {
        for (meaning, when, _) in meanings(profile) {
            let is_by_type =
                when.len() > 1 && ["entity-sensor", "cisco-env"].contains(&&*profile.name);
            let is_power = meaning.metric.as_str() == "hw.power" && is_by_type;
            let looks_at_name = when
                .iter()
                .any(|condition| matches!(condition.test.wanted, Expectation::Unlike(_)));
            assert!(!is_power || looks_at_name, "{}", profile.name);
        }
    }
}

#[test]
fn descriptions_are_the_last_attributes_of_a_row() {
    let library = Library::shipped().unwrap();
    for table in library.iter().flat_map(|profile| &profile.content.tables) {
        let is_description: Vec<bool> = table
            .attributes
            .iter()
            .map(|(key, _)| reading::is_description(key))
            .collect();
        assert!(is_description.is_sorted(), "{:?}", table.attributes);
    }
}

#[test]
fn a_join_to_a_column_of_the_same_table_is_fetched_once() {
    let library = Library::shipped().unwrap();
    let profiles = library.resolve(["entity-sensor"]).unwrap();
    let table = &profiles[0].content.tables[0];
    let joins = table.attributes.iter().filter(|(_, attribute)| {
        matches!(
            attribute,
            Attribute::Row {
                source: Source::Join(_),
                ..
            }
        )
    });
    assert_eq!(joins.count(), 1);
    assert!(table.joined.iter().all(Option::is_some));
}
