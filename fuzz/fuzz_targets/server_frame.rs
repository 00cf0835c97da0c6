//! Arbitrary bytes for `server_frame`; what must hold is in `properties.rs`.

#![no_main]

#[allow(dead_code)]
#[path = "../properties.rs"]
mod properties;

libfuzzer_sys::fuzz_target!(|text: &str| properties::server_frame(text));
