//! How the call that a record goes into is made: as its route says, and as its own headers say where the route lets
//! them.

use std::sync::Arc;

use super::{
    header::{self, unquoted},
    settings::Settings,
};
use crate::record::{Action, CallOptions, OptionHeader, Reason, Record, Rejection};

pub(super) fn options(route: &Settings, record: &Record, action: Action) -> Result<Arc<CallOptions>, Rejection> {
    let options = match action {
        Action::Update | Action::Upsert => &route.changing_options,
        Action::Create | Action::Delete => &route.options,
    };
    let mut options = options.clone();
    if !route.options_from_headers {
        return Ok(options);
    }
    for &option in OptionHeader::ALL {
        let name = option.name();
        // As in HTTP, where case does not count.
        let found = record.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let text = header::text(found, |one, other| unquoted(one) == unquoted(other))
            .map_err(|error| error.rejection(Reason::InvalidOption, &format!("the header {name}")))?;
        let Some(text) = text else { continue };
        Arc::make_mut(&mut options)
            .set(option, unquoted(&text))
            .map_err(|error| invalid(format!("the header {name}: {error}")))?;
    }
    Ok(options)
}

fn invalid(message: String) -> Rejection {
    Rejection::at_delivery(Reason::InvalidOption, message)
}
