//! How the call that a record goes into is made: as its route says, and as its own headers say where the route lets
//! them.

use std::sync::Arc;

use super::{Route, operation::unquoted};
use crate::record::{Action, CallOptions, OptionHeader, Reason, Record, Rejection, Stage};

pub(super) fn options(route: &Route, record: &Record, action: Action) -> Result<Arc<CallOptions>, Rejection> {
    let options = match action {
        Action::Update | Action::Upsert => &route.changing_options,
        Action::Create | Action::Delete => &route.options,
    };
    let mut options = options.clone();
    if !route.options_from_headers {
        return Ok(options);
    }
    for header in OptionHeader::ALL {
        let name = header.name();
        // As in HTTP, where case does not count.
        let mut found = record.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let value = match (found.next(), found.next()) {
            (None, _) => continue,
            (Some(_), Some(_)) => return Err(invalid(format!("the header {name} is there more than once"))),
            (Some(header), None) => header.value.as_deref(),
        };
        let text = match value.map(std::str::from_utf8) {
            Some(Ok(text)) => unquoted(text.trim()).trim(),
            None => return Err(invalid(format!("the header {name} is null"))),
            Some(Err(_)) => {
                let rejection = invalid(format!("the header {name} is not UTF-8"));
                return Err(Rejection { stage: Stage::HeaderConverter, ..rejection });
            }
        };
        Arc::make_mut(&mut options)
            .set(header, text)
            .map_err(|error| invalid(format!("the header {name}: {error}")))?;
    }
    Ok(options)
}

fn invalid(message: String) -> Rejection {
    Rejection::put(Reason::InvalidOption, message)
}
