use async_snmp::Value;

use super::*;

fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

/// The OIDs of so many columns.
fn oids(count: usize) -> Vec<Oid> {
    let entry = oid("1.3.6.1");
    (1..).take(count).map(|at| entry.child(at)).collect()
}

/// Columns that are expected to have so many rows.
fn columns<'a>(oids: &'a [Oid], expected: &[usize]) -> Vec<Walked<'a>> {
    let column = |(oid, expected): (&'a Oid, &usize)| {
        let mut column = Walked::new(oid);
        column.expected = *expected;
        column
    };
    oids.iter().zip(expected).map(column).collect()
}

fn cell(text: &str) -> VarBind {
    VarBind::new(oid(text), Value::Integer(1))
}

fn put(columns: &mut [Walked<'_>], asked: &[usize], answer: &[&str]) -> Result<(), Error> {
    let answer = answer.iter().map(|text| cell(text)).collect();
    absorb(columns, asked, Bindings::Decoded(answer), 0, 1000)
}

#[test]
fn a_request_takes_the_columns_that_bring_the_most_cells() {
    let interfaces = [[20; 10].as_slice(), &[10; 5], &[8; 3]].concat();
    let first = |count: usize| (0..count).collect::<Vec<_>>();
    for (expected, batch, most_rows, asked, rows) in [
        (&[20, 20, 20][..], 100, 1000, first(3), 21),
        (&[20; 11], 100, 1000, first(10), 10),
        (&[3, 3, 100], 100, 1000, vec![2], 100),
        (&[3, 50, 3], 100, 1000, vec![1], 51),
        (&[1, 1, 1, 2, 2], 100, 1000, first(5), 3),
        (&[0, 0], 60, 1000, first(2), 2),
        (&interfaces, 100, 1000, first(10), 10),
        (&[9, 0, 9], 100, 1, first(3), 1),
        (&[8; 3], 1, 1000, first(3), 1),
        (&[8; 60], 60, 1, first(40), 1),
    ] {
        let oids = oids(expected.len());
        let (chosen, chosen_rows) = next_request(&columns(&oids, expected), batch, most_rows);
        assert_eq!((chosen, chosen_rows), (asked, rows), "{expected:?}");
    }
}

#[test]
fn columns_of_any_lengths_are_walked_in_few_messages() {
    let device = [[20; 10].as_slice(), &[10; 5], &[8; 3], &[3, 3, 2, 1, 1]].concat();
    for (lengths, messages) in [(&*device, 5), (&[48; 12], 7), (&[1; 60], 2), (&[500], 6)] {
        let oids = oids(lengths.len());
        let mut columns = columns(&oids, lengths);
        let mut sent = 0;
        while !columns.iter().all(Walked::is_whole) {
            let (asked, rows) = next_request(&columns, 100, 1000);
            let answer = (1..=rows).flat_map(|row| {
                let columns = &columns;
                asked.iter().map(move |at| {
                    let row = columns[*at].column.len() + row;
                    let beyond = u32::from(row > lengths[*at]);
                    VarBind::new(
                        oid("1.3.6.1")
                            .child(u32::try_from(*at).unwrap() + 1 + beyond)
                            .child(u32::try_from(row).unwrap()),
                        Value::Integer(1),
                    )
                })
            });
            let answer = Bindings::Decoded(answer.collect());
            absorb(&mut columns, &asked, answer, 0, 1000).unwrap();
            sent += 1;
        }
        let found: Vec<usize> = columns.iter().map(|column| column.column.len()).collect();
        assert_eq!(found, lengths);
        assert!(sent <= messages, "{lengths:?}: {sent} messages");
    }
}

#[test]
fn an_answer_goes_to_its_columns_and_ends_them() {
    let oids = oids(2);
    let mut columns = columns(&oids, &[2, 2]);
    let answer = [
        "1.3.6.1.1.1",
        "1.3.6.1.2.1",
        "1.3.6.1.1.2",
        "1.3.6.1.3.1",
        "1.3.6.1.2.1",
    ];
    put(&mut columns, &[0, 1], &answer).unwrap();
    let found: Vec<usize> = columns.iter().map(|column| column.column.len()).collect();
    assert_eq!(found, [2, 1]);
    assert!(columns.iter().all(Walked::is_whole));
}

#[test]
fn an_answer_may_break_off_in_the_middle_of_a_row() {
    let oids = oids(2);
    let mut columns = columns(&oids, &[2, 2]);
    put(&mut columns, &[0, 1], &["1.3.6.1.1.1"]).unwrap();
    assert_eq!(columns[0].place(), oid("1.3.6.1.1.1"));
    assert_eq!(columns[1].place(), oid("1.3.6.1.2"));
    assert!(columns.iter().all(|column| !column.is_whole()));
}

#[test]
fn an_answer_that_does_not_advance_or_says_nothing_is_garbage() {
    for answer in [
        &["1.3.6.1.1.2", "1.3.6.1.1.2"][..],
        &["1.3.6.1.1.2", "1.3.6.1.1.1"],
        &["1.3.6.1.1"],
        &[],
    ] {
        let oids = oids(1);
        let error = put(&mut columns(&oids, &[9]), &[0], answer).unwrap_err();
        assert!(matches!(error, Error::Garbage { .. }), "{error}");
    }
}

#[test]
fn an_agent_of_v1_ends_the_column_that_it_names() {
    let oids = oids(2);
    let mut columns = columns(&oids, &[9, 9]);
    let error = Error::Refused {
        status: ErrorStatus::NoSuchName,
        oid: None,
        index: 2,
    };
    give_up(&mut columns, &[0, 1], &error);
    assert_eq!(
        [columns[0].is_whole(), columns[1].is_whole()],
        [false, true]
    );
}
