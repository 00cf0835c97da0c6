//! One POST by the browser's own fetch: the client half of `server_fn` would cost every page 9 kB.

#![cfg(target_arch = "wasm32")]

use serde::de::DeserializeOwned;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, RequestInit, Response};

use crate::contract::Refusal;

/// Posts a body to a server function and reads its answer.
///
/// # Errors
/// What the function refused; `Unreachable` when there was no answer; `Failed` when it made no sense.
pub(super) async fn post<R, T>(path: &str, content_type: &str, body: &str) -> Result<R, Refusal<T>>
where
    R: DeserializeOwned,
    T: DeserializeOwned,
{
    let (ok, text) =
        send(path, content_type, body).await.map_err(|_: JsValue| Refusal::Unreachable)?;
    let unreadable = |_| Refusal::Failed { message: "The server's answer made no sense.".into() };
    if ok {
        serde_json::from_str(&text).map_err(unreadable)
    } else {
        Err(serde_json::from_str(&text).unwrap_or_else(|error| unreadable(error)))
    }
}

async fn send(path: &str, content_type: &str, body: &str) -> Result<(bool, String), JsValue> {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(&JsValue::from_str(body));
    let request = Request::new_with_str_and_init(path, &init)?;
    request.headers().set("Content-Type", content_type)?;
    // Without it a server function answers a form by a redirect.
    request.headers().set("Accept", "application/json")?;
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let response: Response =
        JsFuture::from(window.fetch_with_request(&request)).await?.unchecked_into();
    let text = JsFuture::from(response.text()?).await?;
    Ok((response.ok(), text.as_string().unwrap_or_default()))
}
