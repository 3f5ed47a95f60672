//! As much of HTTP/1.1 (RFC 9112) as one request and one answer for each connection take.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

use serde_json::Value;

/// A request as it came.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub path: String,
    /// In its order.
    pub query: Vec<(String, String)>,
    pub authorization: String,
    pub body: Option<Value>,
}

impl Request {
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `POST /v2/droplets`.
    pub fn line(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An answer as it goes.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Option<Value>,
}

impl Answer {
    pub fn new(status: u16, body: Value) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: Some(body),
        }
    }

    pub fn empty(status: u16) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: None,
        }
    }

    /// An error in the API's form.
    pub fn error(status: u16, id: &str, message: &str) -> Self {
        Self::new(
            status,
            serde_json::json!({ "id": id, "message": message, "request_id": "4d9d8375" }),
        )
    }
}

/// One request as its bytes are.
pub struct Raw {
    pub method: String,
    pub path: String,
    /// Behind the question mark.
    pub query: String,
    /// By their names in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: Vec<u8>,
}

/// Reads one request; `None` when the other side went away.
pub fn read_raw(stream: &TcpStream) -> Option<Raw> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace();
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = BTreeMap::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim().split_once(':') else {
            break;
        };
        headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
    }
    let length = headers.get("content-length").map_or(Ok(0), |length| length.parse()).ok()?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Some(Raw {
        method,
        path: path.to_owned(),
        query: query.to_owned(),
        headers,
        body,
    })
}

/// The same as the API understands it.
pub fn read(stream: &TcpStream) -> Option<Request> {
    let mut raw = read_raw(stream)?;
    let pairs = raw.query.split('&').filter_map(|pair| pair.split_once('='));
    Some(Request {
        query: pairs.map(|(key, value)| (key.to_owned(), value.replace("%3A", ":"))).collect(),
        method: raw.method,
        path: raw.path,
        authorization: raw.headers.remove("authorization").unwrap_or_default(),
        body: (!raw.body.is_empty()).then(|| serde_json::from_slice(&raw.body).expect("a body of JSON")),
    })
}

/// Writes an answer; whether anybody still wants it is no matter.
pub fn write(mut stream: &TcpStream, answer: &Answer) {
    let body = answer.body.as_ref().map(Value::to_string).unwrap_or_default();
    let mut text = format!(
        "HTTP/1.1 {} X\r\nContent-Length: {}\r\nConnection: close\r\n",
        answer.status,
        body.len()
    );
    if answer.body.is_some() {
        text += "Content-Type: application/json\r\n";
    }
    for (name, value) in &answer.headers {
        text += &format!("{name}: {value}\r\n");
    }
    let _ = stream.write_all(format!("{text}\r\n{body}").as_bytes());
}

/// Ends the connection as a machine does that has lost it: with RST instead of FIN.
pub fn reset(stream: TcpStream) {
    rustix::net::sockopt::set_socket_linger(&stream, Some(std::time::Duration::ZERO)).expect("SO_LINGER");
}
