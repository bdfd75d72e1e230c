use async_snmp::{Value, VarBind};

use super::absorb::Absorbed;

use super::*;

fn oid(text: &str) -> Oid {
    Oid::parse(text).unwrap()
}

/// The OIDs of this many columns.
fn oids(count: usize) -> Vec<Oid> {
    let entry = oid("1.3.6.1");
    (1..).take(count).map(|at| entry.child(at)).collect()
}

/// Columns expected to have this many rows.
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

/// Returns the effect of an answer with these bindings, and the missing parts.
fn take(
    columns: &mut [Walked<'_>],
    asked: (&[usize], usize),
    answer: Vec<VarBind>,
) -> (Absorbed, Vec<Missed>) {
    let mut walk = Walk {
        columns,
        queue: VecDeque::new(),
        missed: Vec::new(),
        limit: 1000,
        has_answered: false,
        has_lied: false,
        is_silent: false,
        is_anew: false,
    };
    let absorbed = absorb(&mut walk, asked, Bindings::Decoded(answer), 0);
    (absorbed, walk.missed)
}

fn put(columns: &mut [Walked<'_>], asked: &[usize], answer: &[&str]) -> Absorbed {
    let cells = answer.iter().map(|text| cell(text)).collect();
    take(columns, (asked, 99), cells).0
}

fn size(cells: usize, is_bulk: bool) -> Size {
    Size {
        names: 40,
        cells,
        is_bulk,
    }
}

fn next(columns: &[Walked<'_>], size: Size) -> (Vec<usize>, usize) {
    let request = next_request(columns, size, false, |_| false).unwrap();
    (request.columns, request.rows)
}

fn cells(column: &Walked<'_>) -> Vec<u32> {
    column.column.iter().map(|(index, _)| index[0]).collect()
}

#[test]
fn a_request_takes_the_columns_that_bring_the_most_cells() {
    let interfaces = [[20; 10].as_slice(), &[10; 5], &[8; 3]].concat();
    let first = |count: usize| (0..count).collect::<Vec<_>>();
    for (expected, size, asked, rows) in [
        (&[20, 20, 20][..], size(100, true), first(3), 21),
        (&[20; 11], size(100, true), first(10), 10),
        (&[3, 3, 100], size(100, true), vec![2], 100),
        (&[3, 50, 3], size(100, true), vec![1], 51),
        (&[1, 1, 1, 2, 2], size(100, true), first(5), 3),
        (&[0, 0], size(60, true), first(2), 2),
        (&interfaces, size(100, true), first(10), 10),
        (&[9, 0, 9], size(100, false), first(3), 1),
        (&[8; 3], size(1, true), vec![0], 1),
        (&[8; 60], size(60, false), first(40), 1),
    ] {
        let oids = oids(expected.len());
        assert_eq!(
            next(&columns(&oids, expected), size),
            (asked, rows),
            "{expected:?}"
        );
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
            let (asked, rows) = next(&columns, size(100, true));
            let answer = (1..=rows).flat_map(|row| {
                let columns = &columns;
                asked.iter().map(move |at| {
                    let row = columns[*at].column.len() + row;
                    // The beginning of the next column follows the end of a column.
                    let beyond = u32::from(row > lengths[*at]);
                    let row = if beyond > 0 { row - lengths[*at] } else { row };
                    VarBind::new(
                        oid("1.3.6.1")
                            .child(u32::try_from(*at).unwrap() + 1 + beyond)
                            .child(u32::try_from(row).unwrap()),
                        Value::Integer(1),
                    )
                })
            });
            let answer = answer.collect();
            take(&mut columns, (&asked, rows), answer);
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
    put(&mut columns, &[0, 1], &answer);
    let found: Vec<usize> = columns.iter().map(|column| column.column.len()).collect();
    assert_eq!(found, [2, 1]);
    assert!(columns.iter().all(Walked::is_whole));
}

#[test]
fn an_answer_may_break_off_in_the_middle_of_a_row() {
    let oids = oids(2);
    let mut columns = columns(&oids, &[2, 2]);
    put(&mut columns, &[0, 1], &["1.3.6.1.1.1"]);
    assert_eq!(columns[0].reached(), [1]);
    assert!(columns[1].reached().is_empty());
    assert!(columns.iter().all(|column| !column.is_whole()));
}

/// Assigns rows one by one.
fn put_rows(column: &mut [Walked<'_>], rows: &[u32]) {
    for row in rows {
        let answer = vec![cell(&format!("1.3.6.1.1.{row}"))];
        take(column, (&[0], 1), answer);
    }
}

#[test]
fn an_answer_whose_rows_do_not_come_one_after_the_other_is_not_taken() {
    for rows in [&[3, 1, 2][..], &[1, 2, 5, 3], &[1, 2, 2], &[1, 2, 3, 1]] {
        let oids = oids(1);
        let mut columns = columns(&oids, &[9]);
        let rows: Vec<String> = rows.iter().map(|row| format!("1.3.6.1.1.{row}")).collect();
        let rows: Vec<&str> = rows.iter().map(String::as_str).collect();
        assert_eq!(put(&mut columns, &[0], &rows), Absorbed::Disordered);
        assert!(columns[0].is_going() && columns[0].reached().is_empty());
    }
}

#[test]
fn a_column_of_which_a_row_comes_again_breaks_off_and_keeps_what_came() {
    for rows in [&[2, 2][..], &[2, 3, 2], &[2, 5, 3, 5]] {
        let oids = oids(1);
        let mut columns = columns(&oids, &[9]);
        put_rows(&mut columns, rows);
        assert_eq!(columns[0].state, State::Broken);
        assert_eq!(columns[0].column.len(), rows.len() - 1);
    }
    let oids = oids(1);
    let mut empty = columns(&oids, &[9]);
    assert_eq!(put(&mut empty, &[0], &[]), Absorbed::Nothing);
}

#[test]
fn rows_out_of_order_are_all_kept_and_put_in_order() {
    let oids = oids(1);
    let mut columns = columns(&oids, &[9]);
    put_rows(&mut columns, &[1, 2, 5, 3, 4, 6]);
    assert_eq!(columns[0].reached(), [6]);
    columns[0].put_in_order();
    assert_eq!(cells(&columns[0]), [1, 2, 3, 4, 5, 6]);
}

#[test]
fn what_is_behind_a_hole_is_read() {
    for hole in [Value::Null, Value::NoSuchInstance, Value::NoSuchObject] {
        let oids = oids(1);
        let mut columns = columns(&oids, &[9]);
        let answer = vec![
            cell("1.3.6.1.1.1"),
            VarBind::new(oid("1.3.6.1.1.2"), hole),
            cell("1.3.6.1.1.3"),
        ];
        let (_, missed) = take(&mut columns, (&[0], 3), answer);
        assert_eq!((cells(&columns[0]), missed.len()), (vec![1, 3], 0));
        assert!(columns[0].is_going());
    }
}

#[test]
fn an_answer_in_another_order_is_not_taken() {
    for answer in [
        // Two columns, swapped.
        &["1.3.6.1.2.1", "1.3.6.1.1.1"][..],
        // The first cell is left out, and all others are shifted by one.
        &["1.3.6.1.2.1", "1.3.6.1.1.2", "1.3.6.1.2.2"],
    ] {
        let oids = oids(2);
        let mut columns = columns(&oids, &[9, 9]);
        assert_eq!(put(&mut columns, &[0, 1], answer), Absorbed::Mixed);
        assert!(
            columns
                .iter()
                .all(|column| column.is_going() && column.column.is_empty())
        );
    }
}

#[test]
fn what_is_behind_the_end_of_a_column_comes_after_it() {
    let oids = oids(1);
    let mut columns = columns(&oids, &[9]);
    let answer = ["1.3.6.1.1.1", "1.3.6.1.2.1", "1.3.6.1.1.2"];
    assert_eq!(put(&mut columns, &[0], &answer), Absorbed::Mixed);
}

/// A device that refuses any request that would return these cells: column and row.
fn refuses(bad: &[(usize, u32)], request: &Request, columns: &[Walked<'_>], rows: u32) -> bool {
    request.columns.iter().any(|at| {
        let from = columns[*at].reached().first().copied().unwrap_or(0) + 1;
        let to = (from + u32::try_from(request.rows).unwrap()).min(rows + 1);
        (from..to).any(|row| bad.contains(&(*at, row)))
    })
}

#[test]
fn a_refusal_is_narrowed_down_to_its_cells_and_all_others_are_read() {
    let all = |rows| (0..5).map(|column| (column, rows)).collect::<Vec<_>>();
    for bad in [
        vec![(2, 7)],
        vec![(0, 1)],
        vec![(4, 12)],
        vec![(2, 3), (2, 4), (4, 4)],
        // A whole row: its index is unknown, and guessed.
        all(6),
    ] {
        let oids = oids(5);
        let mut columns = columns(&oids, &[12; 5]);
        let mut walk = Walk {
            columns: &mut columns,
            queue: VecDeque::new(),
            missed: Vec::new(),
            limit: 1000,
            has_answered: true,
            has_lied: true,
            is_silent: false,
            is_anew: false,
        };
        let mut sent = 0;
        loop {
            let queued = walk.queue.pop_front();
            let next =
                queued.or_else(|| next_request(walk.columns, size(60, true), false, |_| false));
            let Some(request) = next else {
                match walk.unstick() {
                    true => continue,
                    false => break,
                }
            };
            sent += 1;
            if refuses(&bad, &request, walk.columns, 12) {
                let size = size(60, !request.by_next);
                walk.refused(&request, size, &Why::Refused(ErrorStatus::GenErr), 0);
                continue;
            }
            let mut answer = Vec::new();
            for row in 1..=request.rows {
                for at in &request.columns {
                    let from = walk.columns[*at].reached().first().copied().unwrap_or(0);
                    let row = from + u32::try_from(row).unwrap();
                    let (beyond, row) = if row > 12 { (1, row - 12) } else { (0, row) };
                    let column = u32::try_from(*at).unwrap() + 1 + beyond;
                    answer.push(VarBind::new(
                        oid("1.3.6.1").child(column).child(row),
                        Value::Integer(1),
                    ));
                }
            }
            let asked = (&*request.columns, request.rows);
            absorb(&mut walk, asked, Bindings::Decoded(answer), 0);
        }
        assert!(sent < 60, "{bad:?}: {sent}");
        let mut missed: Vec<(Oid, u32)> = walk
            .missed
            .iter()
            .map(|missed| match &missed.part {
                Part::Row(row) => (missed.oid.clone(), row[0]),
                part => panic!("{part:?}"),
            })
            .collect();
        missed.sort();
        let expected: Vec<(Oid, u32)> = bad
            .iter()
            .map(|(at, row)| (oids[*at].clone(), *row))
            .collect();
        assert_eq!(missed, expected);
        for (at, column) in columns.iter().enumerate() {
            let good = (1..=12).filter(|row| !bad.contains(&(at, *row)));
            assert_eq!(cells(column), good.collect::<Vec<_>>(), "{bad:?}");
            assert!(column.is_whole());
        }
    }
}
