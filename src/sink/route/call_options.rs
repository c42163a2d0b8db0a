//! Decides the options of the call that a record's row goes into: those of its route, and those of its own headers if
//! the route allows them.

use std::sync::Arc;

use super::{
    header::{self, unquoted},
    settings::Settings,
};
use crate::record::{Action, CallOptions, OptionHeader, Reason, Record, Rejection};

pub(super) fn options(route: &Settings, record: &Record, action: Action) -> Result<Arc<CallOptions>, Rejection> {
    let mut options = match action {
        Action::Update | Action::Upsert => route.changing_options.clone(),
        Action::Create | Action::Delete => route.options.clone(),
    };
    if !route.options_from_headers {
        return Ok(options);
    }
    for &option in OptionHeader::ALL {
        let name = option.name();
        // The names of these headers are compared without case, as in HTTP.
        let headers = record.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
        let found = header::text(headers, |one, other| unquoted(one) == unquoted(other))
            .map_err(|error| error.rejection(Reason::InvalidOption, &format!("the header {name}")))?;
        let Some(text) = found else { continue };
        Arc::make_mut(&mut options)
            .set(option, unquoted(&text))
            .map_err(|error| invalid(format!("the header {name}: {error}")))?;
    }
    Ok(options)
}

fn invalid(message: String) -> Rejection {
    Rejection::new(Reason::InvalidOption, message)
}
