//! Whether two names of one object are the same name. Salesforce compares without case, and keeps one of the two in
//! silence; so this is asked of every object, and has to cost little.

use std::collections::HashSet;

use crate::record::AnyCase;

/// The place of a name that is there before, without case. In linear time, whatever the names are.
pub(super) fn twice<'a>(count: usize, name: impl Fn(usize) -> &'a str) -> Option<usize> {
    const FEW: usize = 16;
    if count <= FEW {
        let mut prints = [0; FEW];
        (0..count).for_each(|at| prints[at] = fingerprint(name(at)));
        let same = |a: usize, b: usize| prints[a] == prints[b] && name(a).eq_ignore_ascii_case(name(b));
        return (1..count).find(|at| (0..*at).any(|earlier| same(earlier, *at)));
    }
    let mut table = vec![(0_u64, 0_usize); (count * 2).next_power_of_two()];
    let mask = table.len() - 1;
    // Fibonacci hashing: the highest bits are mixed best.
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
                // Names that were chosen to be alike here.
                let mut seen = HashSet::new();
                return (0..count).find(|at| !seen.insert(AnyCase(name(*at))));
            }
        }
        table[slot] = (print, at + 1);
    }
    None
}

/// Equal for names that are equal without case: the length, and up to eight bytes of both ends, less the bit of case.
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
        twice(names.len(), |at| names[at])
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
    fn names_that_are_alike_cost_no_more() {
        let names: Vec<_> = (0..20_000).map(|n| format!("beginning-{n:08}-the end")).collect();
        assert_eq!(twice(names.len(), |at| &names[at]), None);
        let names: Vec<_> = names.iter().map(String::as_str).chain(["BEGINNING-00000007-the end"]).collect();
        assert_eq!(found(&names), Some(20_000));
    }

    proptest::proptest! {
        #[test]
        fn as_a_set_would_say(names in proptest::collection::vec("[aAbB@`é]{0,3}|[a-zA-Z]{8,9}", 0..40)) {
            let mut seen = HashSet::new();
            let expected = names.iter().position(|name| !seen.insert(AnyCase(name)));
            proptest::prop_assert_eq!(twice(names.len(), |at| &names[at]), expected);
        }
    }
}
