use async_snmp::Value;

use super::*;

fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

fn columns(expected: &[usize]) -> Vec<Walked> {
    let column = |(at, expected): (u32, &usize)| {
        let mut column = Walked::new(oid("1.3.6.1").child(at));
        column.expected = *expected;
        column
    };
    (1..).zip(expected).map(column).collect()
}

fn cell(text: &str) -> VarBind {
    VarBind::new(oid(text), Value::Integer(1))
}

#[test]
fn a_request_takes_columns_of_like_length_and_one_row_more_than_expected() {
    for (expected, batch, asked, rows) in [
        (&[20, 20, 20][..], 100, 3, 21),
        (&[20; 11], 100, 11, 9),
        (&[3, 3, 100], 100, 2, 4),
        (&[1, 1, 1, 2, 2], 100, 5, 3),
        (&[0, 0], 60, 2, 2),
        (&[8; 60], 60, 40, 1),
    ] {
        let (chosen, chosen_rows) = next_request(&columns(expected), batch);
        assert_eq!((chosen.len(), chosen_rows), (asked, rows), "{expected:?}");
    }
}

#[test]
fn an_answer_goes_to_its_columns_and_ends_them() {
    let mut columns = columns(&[2, 2]);
    let answer = [
        "1.3.6.1.1.1",
        "1.3.6.1.2.1",
        "1.3.6.1.1.2",
        "1.3.6.1.3.1",
        "1.3.6.1.2.1",
    ];
    absorb(&mut columns, &[0, 1], answer.map(cell).to_vec(), 100).unwrap();
    assert_eq!(
        columns
            .iter()
            .map(|c| c.column.cells.len())
            .collect::<Vec<_>>(),
        [2, 1]
    );
    assert!(columns.iter().all(Walked::is_whole));
}

#[test]
fn an_answer_may_break_off_in_the_middle_of_a_row() {
    let mut columns = columns(&[2, 2]);
    absorb(&mut columns, &[0, 1], vec![cell("1.3.6.1.1.1")], 100).unwrap();
    assert_eq!(columns[0].place(), &oid("1.3.6.1.1.1"));
    assert_eq!(columns[1].place(), &oid("1.3.6.1.2"));
    assert!(columns.iter().all(|column| !column.is_whole()));
}

#[test]
fn an_answer_that_does_not_advance_or_says_nothing_is_garbage() {
    for answer in [
        &["1.3.6.1.1.2", "1.3.6.1.1.2"][..],
        &["1.3.6.1.1.2", "1.3.6.1.1.1"],
        &[],
    ] {
        let answer = answer.iter().map(|text| cell(text)).collect();
        let error = absorb(&mut columns(&[9]), &[0], answer, 100).unwrap_err();
        assert!(matches!(error, Error::Garbage { .. }), "{error}");
    }
}

#[test]
fn an_agent_of_v1_ends_the_column_that_it_names() {
    let mut columns = columns(&[9, 9]);
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
