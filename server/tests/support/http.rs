//! Plain HTTP/1.1 without redirects, cookies or a library: what a browser without JavaScript sends.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::PATIENCE;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub location: Option<String>,
    pub retry_after: Option<u64>,
    pub set_cookie: Option<String>,
    /// All of them, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// Every cookie that is set, in order.
    pub set_cookies: Vec<String>,
    pub body: String,
}

impl Answer {
    /// The value of a header; of several, all.
    pub fn header(&self, name: &str) -> Option<String> {
        let found = self.headers.iter().filter(|(other, _)| other == name);
        let values: Vec<_> = found.map(|(_, value)| value.as_str()).collect();
        (!values.is_empty()).then(|| values.join(", "))
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }
}

/// A page, as a browser asks for it.
pub async fn get(address: SocketAddr, path: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nAccept: text/html\r\n");
    request(address, &head, b"").await.expect("the server answers")
}

/// JSON from another server, with a line of headers for each of `headers`.
pub async fn post_body(address: SocketAddr, path: &str, headers: &[&str], body: &str) -> Answer {
    let mut head = format!("POST {path} HTTP/1.1\r\nContent-Type: application/json\r\n");
    for header in headers {
        head += &format!("{header}\r\n");
    }
    request(address, &head, body.as_bytes()).await.expect("the server answers")
}

/// The same with a cookie.
pub async fn get_as(address: SocketAddr, path: &str, cookie: &str) -> Answer {
    let head = format!("GET {path} HTTP/1.1\r\nAccept: text/html\r\nCookie: {cookie}\r\n");
    request(address, &head, b"").await.expect("the server answers")
}

/// A form that a browser without JavaScript sends from the page `referer`.
pub async fn post_form(
    address: SocketAddr,
    path: &str,
    referer: &str,
    fields: &[(&str, &str)],
) -> Answer {
    let head = format!(
        "POST {path} HTTP/1.1\r\nAccept: text/html\r\nReferer: http://{address}{referer}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n"
    );
    request(address, &head, urlencoded(fields).as_bytes()).await.expect("the server answers")
}

/// A call of a server function as the page's own code makes it: a form's fields, JSON back.
/// Fails when the server cannot be reached or dies over it.
pub async fn post_json(
    address: SocketAddr,
    path: &str,
    fields: &[(&str, &str)],
) -> std::io::Result<Answer> {
    let head = format!(
        "POST {path} HTTP/1.1\r\nAccept: application/json\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n"
    );
    request(address, &head, urlencoded(fields).as_bytes()).await
}

/// A list with its position, from a server function such as `todos/model/list_todos`.
pub async fn snapshot(address: SocketAddr, function: &str) -> std::io::Result<Value> {
    let head = format!(
        "POST /api/app/{function} HTTP/1.1\r\nAccept: application/json\r\n\
         Content-Type: application/json\r\n"
    );
    let answer = request(address, &head, b"{}").await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Ok(answer.json())
}

/// One request with these lines and this body, over a connection of its own.
pub async fn request(address: SocketAddr, head: &str, body: &[u8]) -> std::io::Result<Answer> {
    let text = format!(
        "{head}Host: {address}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let exchange = async {
        let mut tcp = TcpStream::connect(address).await?;
        tcp.write_all(text.as_bytes()).await?;
        tcp.write_all(body).await?;
        let mut bytes = Vec::new();
        tcp.read_to_end(&mut bytes).await?;
        parse(&bytes).ok_or_else(|| std::io::Error::other("the answer is cut off"))
    };
    timeout(PATIENCE, exchange).await.expect("an answer in time")
}

fn parse(bytes: &[u8]) -> Option<Answer> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).ok()?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.split(' ').nth(1)?.parse().ok()?;
    let headers: Vec<(String, &str)> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let header = |name| headers.iter().find(|(n, _)| n == name).map(|(_, value)| *value);
    let all = |name| {
        let found = headers.iter().filter(|(n, _)| n == name);
        found.map(|(_, value)| (*value).to_owned()).collect()
    };
    let rest = &bytes[end + 4..];
    let body = match (header("transfer-encoding"), header("content-length")) {
        (Some("chunked"), _) => unchunked(rest)?,
        (_, Some(length)) => rest.get(..length.parse().ok()?)?.to_vec(),
        _ => rest.to_vec(),
    };
    let location = header("location").map(str::to_owned);
    let retry_after = header("retry-after").and_then(|seconds| seconds.parse().ok());
    Some(Answer {
        status,
        location,
        retry_after,
        set_cookie: header("set-cookie").map(str::to_owned),
        headers: headers.iter().map(|(name, value)| (name.clone(), (*value).to_owned())).collect(),
        set_cookies: all("set-cookie"),
        body: String::from_utf8_lossy(&body).into_owned(),
    })
}

fn unchunked(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|two| two == b"\r\n")?;
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?, 16).ok()?;
        if size == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(line + 2..line + 2 + size)?);
        rest = rest.get(line + 4 + size..)?;
    }
}

pub(super) fn urlencoded(fields: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        fields.iter().map(|(n, v)| format!("{}={}", escaped(n), escaped(v))).collect();
    pairs.join("&")
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' | b'.' => out.push(byte.into()),
            b' ' => out.push('+'),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}
