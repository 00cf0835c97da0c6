//! A browser without JavaScript: it keeps cookies, posts forms, and follows where they lead.

use std::{collections::BTreeMap, net::SocketAddr};

use super::{Answer, Socket, http::urlencoded, request};

const AGENT: &str = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0";

/// One browser with its cookies. A clone is a thief who has copied them.
#[derive(Clone)]
pub struct Browser {
    address: SocketAddr,
    pub cookies: BTreeMap<String, String>,
}

impl Browser {
    /// A browser that has never been here.
    pub fn new(address: SocketAddr) -> Self {
        Self { address, cookies: BTreeMap::new() }
    }

    /// The same that has looked at a page, and is a guest.
    pub async fn guest(address: SocketAddr) -> Self {
        let mut browser = Self::new(address);
        browser.get("/").await;
        browser
    }

    /// The same that has made an account.
    pub async fn user(address: SocketAddr, name: &str, login: &str) -> Self {
        let mut browser = Self::guest(address).await;
        let answer = browser.sign_up(name, login).await;
        assert_eq!(answer.location.as_deref(), Some("/"), "{answer:?}");
        browser
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\nAccept: text/html\r\n"), "").await
    }

    /// Posts a form of the page `from`.
    pub async fn post(&mut self, function: &str, from: &str, fields: &[(&str, &str)]) -> Answer {
        let address = self.address;
        let head = format!(
            "POST /api/app/{function} HTTP/1.1\r\nAccept: text/html\r\n\
             Referer: http://{address}{from}\r\nOrigin: http://{address}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\n"
        );
        self.send(&head, &urlencoded(fields)).await
    }

    /// Posts a form of accounts.
    pub async fn form(&mut self, form: &str, from: &str, fields: &[(&str, &str)]) -> Answer {
        self.post(&format!("accounts/forms/{form}"), from, fields).await
    }

    pub async fn sign_up(&mut self, name: &str, login: &str) -> Answer {
        let fields = [("name", name), ("login", login), ("password", PASSWORD)];
        self.form("sign_up", "/sign-up", &fields).await
    }

    pub async fn sign_in(&mut self, login: &str, password: &str) -> Answer {
        self.form("sign_in", "/sign-in", &[("login", login), ("password", password)]).await
    }

    /// The page that an answer leads to.
    pub async fn follow(&mut self, answer: &Answer) -> Answer {
        assert_eq!(answer.status, 302, "{answer:?}");
        let location = answer.location.as_deref().expect("a location");
        let path = location.strip_prefix(&format!("http://{}", self.address)).unwrap_or(location);
        assert!(path.starts_with('/'), "{location}");
        self.get(path).await
    }

    /// What the server knows about this browser's account, as a script asks; `None` for a guest.
    pub async fn account(&mut self) -> Option<serde_json::Value> {
        let head = "POST /api/app/accounts/forms/my_account HTTP/1.1\r\nAccept: application/json\r\n\
                    Content-Type: application/json\r\n";
        let answer = self.send(head, "{}").await;
        match answer.status {
            200 => Some(answer.json()["value"].clone()),
            401 => None,
            _ => panic!("{answer:?}"),
        }
    }

    /// The socket of this browser's page.
    pub async fn connect(&self) -> Socket {
        let cookies = self.cookie_line();
        let headers = [("cookie", cookies.as_str())];
        let attempt = Socket::attempt(self.address, &headers).await;
        attempt.unwrap_or_else(|refused| panic!("turned away: {refused:?}"))
    }

    pub fn session(&self) -> Option<&str> {
        self.cookies.get("tidewire_session").map(String::as_str)
    }

    pub fn guest_cookie(&self) -> Option<&str> {
        self.cookies.get("tidewire_guest").map(String::as_str)
    }

    fn cookie_line(&self) -> String {
        let pairs = self.cookies.iter().map(|(name, value)| format!("{name}={value}"));
        pairs.collect::<Vec<_>>().join("; ")
    }

    async fn send(&mut self, head: &str, body: &str) -> Answer {
        let cookies = self.cookie_line();
        let head = format!("{head}User-Agent: {AGENT}\r\nCookie: {cookies}\r\n");
        let answer =
            request(self.address, &head, body.as_bytes()).await.expect("the server answers");
        for cookie in &answer.set_cookies {
            let (pair, rest) = cookie.split_once(';').expect("attributes");
            let (name, value) = pair.split_once('=').expect("a name");
            if rest.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
        answer
    }
}

/// What everybody in these tests signs in with.
pub const PASSWORD: &str = "correct horse battery";
