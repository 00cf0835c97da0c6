//! One POST by the browser's own fetch: the client half of `server_fn` would cost every page 9 kB.

#![cfg(target_arch = "wasm32")]

use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;
use web_sys::{Request, RequestInit, Response};

use super::answer::Answer;

/// Posts a body to a server function.
pub(super) async fn post(path: &str, content_type: &str, body: &str) -> Answer {
    match send(path, content_type, body).await {
        Ok((true, json)) => Answer::Done(json),
        Ok((false, json)) => Answer::Refused(json),
        Err(_) => Answer::Unreachable,
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
