use bytes::Bytes;
use reqwest::StatusCode;

use super::*;

const BUSY: &str = r#"[{"errorCode":"SERVER_UNAVAILABLE","message":"m"}]"#;
const LOCKED: &str = r#"[{"errorCode":"UNABLE_TO_LOCK_ROW","message":"m"}]"#;
const FULL: &str = r#"[{"errorCode":"STORAGE_LIMIT_EXCEEDED","message":"m"}]"#;
const LACKING: &str = r#"[{"errorCode":"NOT_FOUND","message":"m"}]"#;
const NOT_KNOWN: &str = r#"[{"errorCode":"UNKNOWN_EXCEPTION","message":"m"}]"#;
const WRONG: &str = r#"[{"errorCode":"JSON_PARSER_ERROR","message":"m"}]"#;

fn answer(status: u16, body: &'static str) -> Answer {
    Answer::plain(StatusCode::from_u16(status).unwrap(), Bytes::from_static(body.as_bytes()))
}

/// Reads a part whose results are to be `fits`: the failure and the verdict in short.
fn judge(purpose: Purpose, part: &Answer) -> (&'static str, String) {
    let fit = |body: &[u8]| if body == b"fits" { Ok(()) } else { Err(Cause::new("does not fit")) };
    let Err(failure) = read(purpose, part, fit) else { return ("taken", String::new()) };
    let name = match &failure {
        PartFailure::Failed { is_orgs_word: true, .. } => "the org's word",
        PartFailure::Failed { is_orgs_word: false, .. } => "failed",
        PartFailure::TooLong(_) => "too long",
        PartFailure::Mismatch(_) => "mismatch",
    };
    let verdict = match failure.into_verdict(purpose) {
        Verdict::Unknown { doubt, .. } => format!("{doubt:?}"),
        Verdict::Retry { kind, .. } => format!("{kind:?}"),
        other => panic!("{other:?}"),
    };
    (name, verdict)
}

#[test]
fn a_part_has_results_or_one_verdict_for_all_of_its_rows() {
    const ORG: &str = "Org(Unavailable)";
    const PLACE: &str = "Place";
    const REJECTED: &str = "Smaller { suspicion: Some(NotNamed) }";
    let cut = Answer { cut: true, ..answer(200, "fits") };
    let unfit = Answer { unfit: Some(Cause::new("not distilled")), ..answer(200, "fits") };
    for (part, name, of_write, of_read, of_describe) in [
        (answer(200, "fits"), "taken", "", "", ""),
        (answer(200, "<html>"), "mismatch", "Lost", ORG, ORG),
        (unfit, "mismatch", "Lost", ORG, ORG),
        (answer(201, "fits"), "mismatch", "Lost", ORG, ORG),
        (cut, "too long", "TooLong", REJECTED, REJECTED),
        (answer(503, BUSY), "the org's word", ORG, ORG, ORG),
        (answer(429, ""), "failed", ORG, ORG, ORG),
        (answer(401, ""), "failed", "Org(Session)", "Org(Session)", "Org(Session)"),
        (answer(400, LOCKED), "the org's word", "Backoff", "Backoff", PLACE),
        (answer(400, FULL), "the org's word", "Storage", "Storage", PLACE),
        (answer(404, LACKING), "the org's word", PLACE, ORG, REJECTED),
        (answer(403, "<html>"), "failed", PLACE, ORG, PLACE),
        (answer(302, LACKING), "failed", PLACE, ORG, PLACE),
        (answer(400, WRONG), "the org's word", REJECTED, REJECTED, REJECTED),
        (answer(500, NOT_KNOWN), "the org's word", "Lost", ORG, ORG),
        (answer(502, ""), "failed", "Lost", ORG, ORG),
        (answer(504, ""), "failed", "TimedOut", ORG, ORG),
    ] {
        for (purpose, verdict) in
            [(Purpose::Write, of_write), (Purpose::Read, of_read), (Purpose::Describe, of_describe)]
        {
            assert_eq!(judge(purpose, &part), (name, verdict.to_owned()), "{purpose:?} {part:?}");
        }
    }
}
