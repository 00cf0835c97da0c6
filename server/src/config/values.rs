//! How the text of a setting is read, where that says more than a number.

use std::net::IpAddr;

use ipnet::IpNet;

/// What the server itself answers: a connection there would take the place of something else.
const TAKEN: [&str; 6] = ["api", "pkg", "metrics", "healthz", "readyz", "favicon.ico"];

pub(super) fn on_or_off(text: &str) -> Result<bool, &'static str> {
    match text {
        "on" => Ok(true),
        "off" => Ok(false),
        _ => Err("on or off"),
    }
}

pub(super) fn path(text: &str) -> Result<String, String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
    let segment = |segment: &str| {
        // Browsers take segments of dots for folders.
        !matches!(segment, "" | "." | "..") && segment.bytes().all(plain)
    };
    let rest = text.strip_prefix('/').filter(|rest| rest.split('/').all(segment));
    let rest = rest.ok_or("a path such as /realtime")?;
    let first = rest.split('/').next().unwrap_or_default();
    if TAKEN.contains(&first) {
        return Err(format!("/{first} is taken by the server itself"));
    }
    Ok(text.to_owned())
}

pub(super) fn network(text: &str) -> Result<IpNet, &'static str> {
    let network = text.trim().parse().or_else(|_| text.trim().parse::<IpAddr>().map(IpNet::from));
    network.map_err(|_| "neither an address nor a network such as 10.0.0.0/8")
}

pub(super) fn origin(text: &str) -> Result<String, &'static str> {
    let wrong = "not as browsers write it: https://app.example.com, with a port if there is one";
    let text = text.trim();
    let site = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let site = site.ok_or(wrong)?;
    let plain = |byte: u8| byte.is_ascii_graphic() && !b"/?#@\\,".contains(&byte);
    if site.is_empty() || !site.bytes().all(plain) {
        return Err(wrong);
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spec_sy7_proxies_are_addresses_or_networks() {
        let read = |text| network(text).map(|network| network.to_string()).ok();
        assert_eq!(read("10.0.0.0/8").as_deref(), Some("10.0.0.0/8"));
        assert_eq!(read("::1").as_deref(), Some("::1/128"));
        assert_eq!(read(" 192.0.2.1").as_deref(), Some("192.0.2.1/32"));
        assert_eq!(read("proxy"), None);
    }

    #[test]
    fn spec_bq8_what_the_server_answers_itself_is_no_path_for_connections() {
        for taken in
            ["/metrics", "/healthz", "/readyz", "/pkg", "/pkg/x", "/api/x", "/metrics/x", "/a/.."]
        {
            assert!(path(taken).is_err(), "{taken}");
        }
        for free in ["/realtime", "/metrics2", "/live/metrics", "/a/b.c"] {
            assert_eq!(path(free).as_deref(), Ok(free));
        }
    }

    #[test]
    fn origins_are_written_as_browsers_do() {
        for right in ["https://app.example.com", "http://127.0.0.1:3000", "http://[::1]:80"] {
            assert_eq!(origin(right).as_deref(), Ok(right));
        }
        for wrong in ["app.example.com", "https://", "https://a/", "null", "*", "https://u@a"] {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
    }
}
