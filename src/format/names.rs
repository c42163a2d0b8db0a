//! Finds duplicate names in an object. Salesforce compares names without case, and silently keeps one of two equal
//! ones. So every object is checked, and the check must be cheap.

use std::collections::HashSet;

use crate::record::AnyCase;

/// Returns the index of the first name that equals an earlier one without case. It takes linear time for any names.
pub(super) fn first_duplicate<'a>(count: usize, name: impl Fn(usize) -> &'a str) -> Option<usize> {
    const FEW: usize = 16;
    if count <= FEW {
        let mut prints = [0; FEW];
        (0..count).for_each(|at| prints[at] = fingerprint(name(at)));
        let same = |a: usize, b: usize| prints[a] == prints[b] && name(a).eq_ignore_ascii_case(name(b));
        return (1..count).find(|at| (0..*at).any(|earlier| same(earlier, *at)));
    }
    let mut table = vec![(0_u64, 0_usize); (count * 2).next_power_of_two()];
    let mask = table.len() - 1;
    // In Fibonacci hashing the highest bits are mixed best.
    let shift = 64 - table.len().trailing_zeros();
    let mut steps = 0;
    for at in 0..count {
        let print = fingerprint(name(at));
        let mut slot = (print.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> shift) as usize;
        while table[slot].1 > 0 {
            if table[slot].0 == print && name(table[slot].1 - 1).eq_ignore_ascii_case(name(at)) {
                return Some(at);
            }
            slot = (slot + 1) & mask;
            steps += 1;
            if steps > 4 * count + 64 {
                // Names that were chosen to collide here: use a set with a random hash.
                let mut seen = HashSet::new();
                return (0..count).find(|at| !seen.insert(AnyCase(name(*at))));
            }
        }
        table[slot] = (print, at + 1);
    }
    None
}

/// Returns a number that is equal for names that are equal without case. It is made from the length and up to eight
/// bytes of both ends, without the bit of case.
pub(super) fn fingerprint(name: &str) -> u64 {
    const CASE: u64 = 0x2020_2020_2020_2020;
    let bytes = name.as_bytes();
    let part = |part: &[u8]| {
        let mut eight = [0; 8];
        eight[..part.len()].copy_from_slice(part);
        u64::from_le_bytes(eight) | CASE
    };
    let head = part(&bytes[..bytes.len().min(8)]);
    let tail = part(&bytes[bytes.len().saturating_sub(8)..]);
    head ^ tail.rotate_left(29) ^ ((bytes.len() as u64) << 56)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(names: &[&str]) -> Option<usize> {
        first_duplicate(names.len(), |at| names[at])
    }

    #[test]
    fn names_are_compared_without_case() {
        assert_eq!(found(&["a", "b", "A"]), Some(2));
        assert_eq!(found(&["a", "b", "c", "d", "e", "f"]), None);
        assert_eq!(found(&["Name", "b", "c", "d", "e", "nAME"]), Some(5));
        assert_eq!(found(&["", "b", "c", "d", "e", ""]), Some(5));
        assert_eq!(found(&["é", "b", "c", "d", "e", "É"]), None, "only the letters of API names have a case");
        assert_eq!(found(&["a@", "a`", "c", "d", "e", "f"]), None);
    }

    #[test]
    fn names_with_equal_fingerprints_take_linear_time() {
        let names: Vec<_> = (0..20_000).map(|n| format!("beginning-{n:08}-the end")).collect();
        assert_eq!(first_duplicate(names.len(), |at| &names[at]), None);
        let names: Vec<_> = names.iter().map(String::as_str).chain(["BEGINNING-00000007-the end"]).collect();
        assert_eq!(found(&names), Some(20_000));
    }

    proptest::proptest! {
        #[test]
        fn first_duplicate_agrees_with_a_set(names in proptest::collection::vec("[aAbB@`é]{0,3}|[a-zA-Z]{8,9}", 0..40)) {
            let mut seen = HashSet::new();
            let expected = names.iter().position(|name| !seen.insert(AnyCase(name)));
            proptest::prop_assert_eq!(first_duplicate(names.len(), |at| &names[at]), expected);
        }
    }
}
