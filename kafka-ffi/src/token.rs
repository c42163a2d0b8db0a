//! Gives a client of librdkafka an OAuth token (SASL OAUTHBEARER, RFC 7628).
//!
//! rdkafka asks for tokens in a callback that only a polled consumer or producer serves; its admin client never does,
//! and would wait for a token for ever. So a token is set from outside, as soon as there is one.

use std::{
    ffi::{CStr, CString, c_char},
    time::{SystemTime, UNIX_EPOCH},
};

use rdkafka::{
    bindings::{rd_kafka_oauthbearer_set_token, rd_kafka_resp_err_t},
    client::{Client, ClientContext},
};

/// A token as brokers take it.
#[derive(Clone, Copy)]
pub struct Token<'a> {
    /// A JWT, mostly. No NUL.
    pub value: &'a str,
    /// Whose it is.
    pub principal: &'a str,
    pub expires: SystemTime,
    /// SASL extensions (RFC 7628, section 3.1): name and value.
    pub extensions: &'a [(String, String)],
}

/// Makes `token` the one that new connections of `client`, and renewals of those that are open, use. The error says
/// what is wrong with it, and does not hold its value.
#[expect(unsafe_code, reason = "the binding has no safe call")]
pub fn set_token<C: ClientContext>(client: &Client<C>, token: Token<'_>) -> Result<(), String> {
    let text = |what: &str, text: &str| CString::new(text).map_err(|_| format!("the {what} holds a NUL"));
    let (value, principal) = (text("token", token.value)?, text("principal", token.principal)?);
    let mut extensions = Vec::with_capacity(token.extensions.len() * 2);
    for (name, value) in token.extensions {
        extensions.extend([text("extension", name)?, text("extension", value)?]);
    }
    let mut pointers: Vec<*const c_char> = extensions.iter().map(|text| text.as_ptr()).collect();
    let since_epoch = token.expires.duration_since(UNIX_EPOCH).unwrap_or_default();
    let expires = i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX);
    let mut error: [c_char; 512] = [0; 512];
    // SAFETY: the client is alive for the whole call; librdkafka copies all that the pointers lead to, each of which is
    // a text that ends with a NUL and outlives the call; it writes at most `error.len()` bytes, the last of them a NUL.
    let code = unsafe {
        rd_kafka_oauthbearer_set_token(
            client.native_ptr(),
            value.as_ptr(),
            expires,
            principal.as_ptr(),
            pointers.as_mut_ptr(),
            pointers.len(),
            error.as_mut_ptr(),
            error.len(),
        )
    };
    if code == rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR {
        return Ok(());
    }
    // SAFETY: as above, the text ends within the array.
    let message = unsafe { CStr::from_ptr(error.as_ptr()) };
    Err(message.to_string_lossy().into_owned())
}
