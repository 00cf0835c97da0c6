//! One request over HTTP/1.0, whose answer ends with its connection.

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::Failure;

/// The body of `GET path`.
pub async fn get(address: &str, path: &str) -> Result<String, Failure> {
    request(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n")).await
}

/// The answer of a server function to JSON arguments.
pub async fn call(address: &str, path: &str, json: &str) -> Result<String, Failure> {
    let length = json.len();
    request(
        address,
        &format!(
            "POST {path} HTTP/1.0\r\nHost: {address}\r\nAccept: application/json\r\n\
             Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{json}"
        ),
    )
    .await
}

/// A number of `/metrics`, by its name with labels; `None` when it is not there.
pub async fn metric(address: &str, name: &str) -> Result<Option<f64>, Failure> {
    let text = get(address, "/metrics").await?;
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    Ok(line.map(str::parse).transpose()?)
}

async fn request(address: &str, text: &str) -> Result<String, Failure> {
    let mut stream = TcpStream::connect(address).await?;
    stream.write_all(text.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    let (head, body) = answer.split_once("\r\n\r\n").ok_or("no HTTP answer")?;
    let status = head.split(' ').nth(1).unwrap_or_default();
    if status != "200" {
        let start: String = body.chars().take(200).collect();
        return Err(format!("{status}: {start}").into());
    }
    Ok(body.into())
}
