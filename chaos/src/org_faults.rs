//! The faults of the org, as its control page takes them (`sandbox/src/faults/script.rs`).
//!
//! A call that gets no answer is applied never, at once, or late. At least a third of the hung and cut calls are
//! applied late: before their hold is over, less a second for a busy machine. Where a member may die in the middle of a
//! call, none is.

use rand::{Rng, RngExt as _};
use serde_json::{Value, json};

use crate::{fault::Fault, scenario::Times};

const TIMES: Times = Times::SCALED;
/// The longest latency, in milliseconds, of a call that is applied at once.
const AT_ONCE: u64 = 600;

/// The script of a fault. `late`: whether calls may be applied after their caller has abandoned them.
pub(crate) fn script(random: &mut impl Rng, fault: Fault, late: bool) -> Value {
    // The next few calls; three answers in a row that fit nothing would stop a replica, rightly.
    let few = random.random_range(1..=3);
    let many = random.random_range(2..=12);
    match fault {
        Fault::Latency => latency(random, many, late),
        Fault::Error => {
            status(500, few, envelope("UNKNOWN_EXCEPTION", "An unexpected error occurred"), random.random())
        }
        Fault::Gateway => {
            let page = json!({"body": "<html><body>502 Bad Gateway</body></html>", "content_type": "text/html"});
            status(502, few, page, random.random())
        }
        Fault::Maintenance => status(503, many, envelope("SERVER_UNAVAILABLE", "Server is too busy"), false),
        Fault::Page => {
            let page = json!({"body": "<html><body>Down for maintenance</body></html>", "from": "edge"});
            status(503, many, page, false)
        }
        Fault::Redirect => {
            let moved = json!({"kind": "status", "status": 302, "headers": {"Location": "https://new.example.com/"}});
            json!([
                on("data", many, &moved),
                on("login", random.random_range(0..=2), &moved),
                on("data", 1, &json!({"kind": "expire_sessions"}))
            ])
        }
        Fault::Edge => status(420, many, json!({"body": "no routing", "content_type": "text/plain"}), false),
        Fault::Concurrent => {
            let text = "ConcurrentPerOrgLongTxn Limit exceeded.";
            status(403, many, envelope("REQUEST_LIMIT_EXCEEDED", text), false)
        }
        Fault::Lock => {
            let rows = json!((0..random.random_range(1..8)).map(|row| row * 2).collect::<Vec<_>>());
            let text = "unable to obtain exclusive access to this record";
            let action = json!({"kind": "row_error", "code": "UNABLE_TO_LOCK_ROW", "message": text, "rows": rows});
            on("write", many, &action)
        }
        Fault::Cut => on("write", few, &cut(random, late)),
        Fault::Truncate => on("write", 1, &json!({"kind": "truncate", "bytes": random.random_range(0..40)})),
        Fault::Garbage => {
            on("write", 1, &json!({"kind": "garbage", "body": "<!doctype html>", "apply": random.random::<bool>()}))
        }
        Fault::Short => on("write", 1, &json!({"kind": "fewer_results", "by": 1})),
        Fault::Hang => on("write", few, &hang(random, late)),
        Fault::Trickle => on("write", few, &json!({"kind": "trickle", "ms_per_byte": random.random_range(1..60)})),
        Fault::Login => {
            let action =
                json!({"kind": "oauth_error", "error": "server_error", "description": "try later", "status": 500});
            // The daemon logs in only after a session has ended.
            json!([
                on("login", random.random_range(1..=4), &action),
                on("data", 1, &json!({"kind": "expire_sessions"}))
            ])
        }
        other => unreachable!("{other:?} is not a fault of the org's script"),
    }
}

fn latency(random: &mut impl Rng, times: u64, late: bool) -> Value {
    let longest = match random.random_range(0..10) {
        _ if !late => random.random_range(1..AT_ONCE),
        0..3 => later(random),
        _ => random.random_range(1..TIMES.request.as_millis() as u64),
    };
    on("write", if longest > 1_000 { 2 } else { times }, &json!({"kind": "latency", "ms": longest}))
}

/// Milliseconds after the receipt of a call.
fn later(random: &mut impl Rng) -> u64 {
    random.random_range(1..=TIMES.hold.as_millis() as u64 - 1_000)
}

fn cut(random: &mut impl Rng, late: bool) -> Value {
    match random.random_range(0..if late { 9 } else { 3 }) {
        0 => json!({"kind": "cut", "when": "before"}),
        1 => json!({"kind": "cut", "when": "after"}),
        2 => json!({"kind": "cut", "when": "mid_answer"}),
        _ => json!({"kind": "apply_later", "ms": later(random), "answer": "cut"}),
    }
}

fn hang(random: &mut impl Rng, late: bool) -> Value {
    match random.random_range(0..if late { 6 } else { 2 }) {
        0 => json!({"kind": "hang", "apply": false}),
        1 => json!({"kind": "hang", "apply": true}),
        _ => json!({"kind": "apply_later", "ms": later(random), "answer": "hang"}),
    }
}

fn envelope(code: &str, message: &str) -> Value {
    json!({"error": {"code": code, "message": message}})
}

fn status(status: u16, times: u64, mut action: Value, apply: bool) -> Value {
    action["kind"] = "status".into();
    action["status"] = status.into();
    action["apply"] = apply.into();
    on("write", times, &action)
}

fn on(calls: &str, times: u64, action: &Value) -> Value {
    json!({"on": calls, "times": times, "do": action})
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn late_calls_are_applied_before_their_hold_ends_and_none_is_late_where_none_may_be() {
        let mut random = StdRng::seed_from_u64(1);
        let mut delays = |fault, late| -> Vec<_> {
            (0..300).filter_map(|_| script(&mut random, fault, late)["do"]["ms"].as_u64()).collect()
        };
        for fault in [Fault::Hang, Fault::Cut, Fault::Latency] {
            let late = delays(fault, true);
            assert!(late.len() > 100 && late.iter().all(|ms| (1..=3_000).contains(ms)), "{fault:?}: {late:?}");
        }
        assert!(delays(Fault::Hang, false).is_empty() && delays(Fault::Cut, false).is_empty());
        assert!(delays(Fault::Latency, false).iter().all(|ms| *ms < AT_ONCE));
    }
}
