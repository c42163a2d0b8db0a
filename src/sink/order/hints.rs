//! What follows from the answer that refuses a call as a whole.
//!
//! A hint is believed once. The rows that the answer names are tried first, each alone, and the others wait for the
//! result: if one of them is refused alone, the others go together again, and what their answer names is believed.
//! If all of them are innocent, nothing is believed any more, and the guilty row is searched for: a smaller part goes,
//! and if it passes, the larger one holds the guilty row and is divided without being sent.
//!
//! A field that the answer names may be held by many rows: the first of them is tried, and speaks for all.

use crate::record::Suspicion;

/// Whether answers that refuse rows are believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Trust {
    #[default]
    Believed,
    /// One of them has named innocent rows only.
    Disproved,
}

/// The next step for the rows of a refused call.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next<R> {
    /// Nothing is known of the guilty row.
    Halve(Vec<R>),
    /// Some go first, and the others wait for their result.
    Try(Tried<R>),
}

/// The rows of a refused call, divided into those that go first and those that wait.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Tried<R> {
    /// The groups that go first, each in a call of its own.
    pub(super) first: Vec<Vec<R>>,
    /// Rows that are rejected without a call, if the one that goes first is refused for the same field.
    pub(super) spoken_for: Vec<R>,
    pub(super) rest: Vec<R>,
    pub(super) hint: bool,
}

/// The result of the rows that went first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Finding {
    Guilty,
    Innocent,
    /// They have shown nothing: they are gone with their lanes, for example.
    Nothing,
}

/// The next step for the rows that waited.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Then<R> {
    /// They go as one call; `rejected` are not sent.
    Together { rows: Vec<R>, trust: Trust, rejected: Vec<R> },
    /// The guilty row is among them, if there is one.
    Search(Tried<R>),
}

/// Decides on `rows`, which were refused as one call of at least two rows.
pub(super) fn refused<R>(rows: Vec<(R, Suspicion)>, trust: Trust) -> Next<R> {
    let field = rows.iter().find_map(|(_, named)| match named {
        Suspicion::Field(field) => Some(field.clone()),
        Suspicion::NotNamed | Suspicion::Row => None,
    });
    // A row speaks only for those that are named by the same field.
    let is_named = |named: &Suspicion| match &field {
        Some(field) => matches!(named, Suspicion::Field(other) if other == field),
        None => *named != Suspicion::NotNamed,
    };
    if trust == Trust::Disproved {
        return Next::Try(search(rows.into_iter().map(|(row, _)| row).collect()));
    }
    if !rows.iter().any(|(_, named)| is_named(named)) {
        return Next::Halve(rows.into_iter().map(|(row, _)| row).collect());
    }
    let (named, rest): (Vec<_>, Vec<_>) = rows.into_iter().partition(|(_, named)| is_named(named));
    let mut named = named.into_iter().map(|(row, _)| row);
    let rest = rest.into_iter().map(|(row, _)| row).collect();
    let (first, spoken_for) = match field {
        Some(_) => (named.next().into_iter().map(|row| vec![row]).collect(), named.collect()),
        None => (named.map(|row| vec![row]).collect(), Vec::new()),
    };
    Next::Try(Tried { first, spoken_for, rest, hint: true })
}

/// Decides on the rows that waited, once the result of those that went first is known.
pub(super) fn tried<R>(waiting: Tried<R>, finding: Finding) -> Then<R> {
    let Tried { mut spoken_for, rest, hint, .. } = waiting;
    match finding {
        Finding::Guilty => {
            let trust = if hint { Trust::Believed } else { Trust::Disproved };
            Then::Together { rows: rest, trust, rejected: spoken_for }
        }
        Finding::Innocent => {
            spoken_for.extend(rest);
            Then::Search(search(spoken_for))
        }
        Finding::Nothing => {
            spoken_for.extend(rest);
            Then::Together { rows: spoken_for, trust: Trust::Disproved, rejected: Vec::new() }
        }
    }
}

/// Divides rows that hold a guilty one. The part that goes first is the smaller one: if it is refused, the other has to
/// go as well.
fn search<R>(mut rows: Vec<R>) -> Tried<R> {
    let small = if rows.len() > 1 { (rows.len() * 2 / 5).max(1) } else { rows.len() };
    let rest = rows.split_off(small);
    let first = if rows.is_empty() { Vec::new() } else { vec![rows] };
    Tried { first, spoken_for: Vec::new(), rest, hint: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field() -> Suspicion {
        Suspicion::Field("stray__c".into())
    }

    #[test]
    fn named_rows_go_first_as_long_as_hints_are_believed() {
        use Suspicion::{NotNamed as No, Row};
        let rows = |named: [Suspicion; 4]| (1..).zip(named).collect::<Vec<_>>();
        let tried = |first: &[&[i32]], spoken_for: &[i32], rest: &[i32], hint| {
            let first = first.iter().map(|rows| rows.to_vec()).collect();
            Next::Try(Tried { first, spoken_for: spoken_for.to_vec(), rest: rest.to_vec(), hint })
        };
        for (named, trust, expected) in [
            ([No, No, No, No], Trust::Believed, Next::Halve(vec![1, 2, 3, 4])),
            ([No, Row, No, No], Trust::Believed, tried(&[&[2]], &[], &[1, 3, 4], true)),
            ([No, Row, No, Row], Trust::Believed, tried(&[&[2], &[4]], &[], &[1, 3], true)),
            ([No, field(), No, field()], Trust::Believed, tried(&[&[2]], &[4], &[1, 3], true)),
            ([field(), field(), field(), field()], Trust::Believed, tried(&[&[1]], &[2, 3, 4], &[], true)),
            (
                [field(), Suspicion::Field("other__c".into()), field(), Row],
                Trust::Believed,
                tried(&[&[1]], &[3], &[2, 4], true),
            ),
            ([No, Row, No, No], Trust::Disproved, tried(&[&[1]], &[], &[2, 3, 4], false)),
        ] {
            assert_eq!(refused(rows(named.clone()), trust), expected, "{named:?} {trust:?}");
        }
    }

    #[test]
    fn what_waited_follows_from_what_went_first() {
        let waiting = |hint| Tried { first: Vec::new(), spoken_for: vec![1, 2], rest: vec![3, 4], hint };
        let together = |rows: &[i32], trust, rejected: &[i32]| Then::Together {
            rows: rows.to_vec(),
            trust,
            rejected: rejected.to_vec(),
        };
        assert_eq!(tried(waiting(true), Finding::Guilty), together(&[3, 4], Trust::Believed, &[1, 2]));
        assert_eq!(tried(waiting(false), Finding::Guilty), together(&[3, 4], Trust::Disproved, &[1, 2]));
        assert_eq!(tried(waiting(true), Finding::Nothing), together(&[1, 2, 3, 4], Trust::Disproved, &[]));
        let divided = Tried { first: vec![vec![1]], spoken_for: Vec::new(), rest: vec![2, 3, 4], hint: false };
        assert_eq!(tried(waiting(true), Finding::Innocent), Then::Search(divided));
    }

    /// How many calls are made after the one that was refused, until every row has its outcome.
    fn calls(rows: usize, guilty: &[usize], names: impl Fn(&[usize]) -> Vec<Suspicion>) -> usize {
        let refuses = |rows: &[usize]| rows.iter().any(|row| guilty.contains(row));
        let hinted = |rows: Vec<usize>| names(&rows).into_iter().zip(rows).map(|(named, row)| (row, named)).collect();
        let mut calls = 0;
        // Refused as a whole; calls that are to be made; and what is tried.
        let mut to_send: Vec<(Vec<usize>, Trust)> = Vec::new();
        let mut to_try: Vec<Tried<usize>> = Vec::new();
        let mut refused_calls = vec![((0..rows).collect::<Vec<_>>(), Trust::Believed)];
        loop {
            if let Some((rows, trust)) = refused_calls.pop() {
                match refused(hinted(rows), trust) {
                    Next::Halve(mut rows) => {
                        let tail = rows.split_off(rows.len().div_ceil(2));
                        to_send.extend([(rows, trust), (tail, trust)]);
                    }
                    Next::Try(tried) => to_try.push(tried),
                }
            } else if let Some(mut waiting) = to_try.pop() {
                let trust = if waiting.hint { Trust::Believed } else { Trust::Disproved };
                let mut finding = Finding::Innocent;
                for first in std::mem::take(&mut waiting.first) {
                    calls += 1;
                    if refuses(&first) {
                        finding = Finding::Guilty;
                        refused_calls.extend((first.len() > 1).then_some((first, trust)));
                    }
                }
                match tried(waiting, finding) {
                    Then::Together { rows, trust, .. } => to_send.extend((!rows.is_empty()).then_some((rows, trust))),
                    Then::Search(tried) if tried.first.is_empty() => {}
                    Then::Search(tried) => to_try.push(tried),
                }
            } else if let Some((rows, trust)) = to_send.pop() {
                calls += 1;
                if rows.len() > 1 && refuses(&rows) {
                    refused_calls.push((rows, trust));
                }
            } else {
                return calls;
            }
        }
    }

    /// Less the call that the rows would have taken without the guilty one, and its own.
    #[test]
    fn one_guilty_row_costs_at_most_two_calls_for_each_halving() {
        type Hint = fn(&[usize]) -> Vec<Suspicion>;
        // Twice the logarithm, rounded up.
        let most = |rows: usize| (rows * rows).next_power_of_two().ilog2() as usize;
        let innocents: [(&str, Hint); 4] = [
            ("the first row", |rows| {
                (0..rows.len()).map(|at| if at == 0 { Suspicion::Row } else { Suspicion::NotNamed }).collect()
            }),
            ("two rows", |rows| {
                (0..rows.len()).map(|at| if at < 2 { Suspicion::Row } else { Suspicion::NotNamed }).collect()
            }),
            ("a field that all rows hold", |rows| vec![field(); rows.len()]),
            ("no row", |rows| vec![Suspicion::NotNamed; rows.len()]),
        ];
        for (names, hint) in innocents {
            for rows in [4, 8, 11, 20, 64, 199, 200] {
                let worst = (0..rows).map(|guilty| calls(rows, &[guilty], hint)).max().unwrap();
                assert!(worst - 1 <= most(rows), "{names}: {worst} calls for {rows} rows");
            }
        }
        for rows in [2, 3, 200] {
            for guilty in 0..rows {
                let right = |rows: &[usize]| {
                    rows.iter().map(|row| if *row == guilty { Suspicion::Row } else { Suspicion::NotNamed }).collect()
                };
                assert_eq!(calls(rows, &[guilty], right), 2, "its own, and the others again");
            }
        }
    }

    #[test]
    fn every_guilty_row_is_found_and_a_field_costs_one_call() {
        let none = |rows: &[usize]| vec![Suspicion::NotNamed; rows.len()];
        let first = |rows: &[usize]| {
            (0..rows.len()).map(|at| if at == 0 { Suspicion::Row } else { Suspicion::NotNamed }).collect()
        };
        for guilty in [&[0, 1][..], &[3, 77, 150], &[199], &[]] {
            assert!(calls(200, guilty, none) < 50 && calls(200, guilty, first) < 50, "{guilty:?}");
        }
        let all: Vec<_> = (0..200).collect();
        assert_eq!(calls(200, &all, |rows| vec![field(); rows.len()]), 1, "the first speaks for all");
    }
}
