//! Custom images of the fake: an import fetches what its URL names, when it is first asked how far it is. As the real one is said to, it asks by HEAD
//! first, and wants a URL that ends with the name of a file.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use super::fake::{deleted, not_found, page};
use super::http::{Answer, Request};
use super::objects;

#[derive(Default)]
pub struct Images {
    /// By number.
    pub there: BTreeMap<u64, Import>,
    /// Why imports fail, if they do; `URL` in it stands for their own.
    pub fails: Option<&'static str>,
    /// Whether imports never end.
    pub never: bool,
    /// Whether they are done before they are asked about.
    pub at_once: bool,
    /// Whether a URL may have a query, and HEAD need not be answered.
    pub takes_signed: bool,
}

pub struct Import {
    /// The body of the request.
    pub wanted: Value,
    /// What was fetched.
    pub bytes: Option<Vec<u8>>,
    error: String,
}

impl Images {
    pub fn answer(&mut self, request: &Request) -> Answer {
        let parts: Vec<&str> = request.path.split('/').skip(3).collect();
        let id = parts.first().and_then(|id| id.parse().ok()).unwrap_or_default();
        match (request.method.as_str(), parts.as_slice()) {
            ("GET", []) => {
                let tag = request.query("tag_name").unwrap_or_default();
                let is_tagged = |import: &Import| import.wanted["tags"].as_array().into_iter().flatten().any(|own| own == tag);
                let all = self.there.iter().filter(|(_, import)| is_tagged(import));
                page(request, "images", all.map(|(id, import)| import.shown(*id)).collect())
            }
            ("POST", []) => self.import(request.body.clone().unwrap_or_default()),
            ("GET", [_]) => {
                let (fails, takes_signed, never, at_once) = (self.fails, self.takes_signed, self.never, self.at_once);
                let Some(import) = self.there.get_mut(&id) else {
                    return not_found();
                };
                if at_once {
                    import.fetch(fails, takes_signed);
                }
                let answer = Answer::new(200, json!({ "image": import.shown(id) }));
                if !never {
                    import.fetch(fails, takes_signed);
                }
                answer
            }
            ("DELETE", [_]) => deleted(self.there.remove(&id).is_some()),
            _ => not_found(),
        }
    }

    fn import(&mut self, wanted: Value) -> Answer {
        let id = 38_413_969 + self.there.len() as u64;
        let mut import = Import {
            wanted,
            bytes: None,
            error: String::new(),
        };
        if self.at_once {
            import.fetch(self.fails, self.takes_signed);
        }
        let answer = Answer::new(202, json!({ "image": import.shown(id) }));
        self.there.insert(id, import);
        answer
    }
}

impl Import {
    /// One that was imported long ago, by the body of that request.
    pub fn available(wanted: Value) -> Self {
        let bytes = Some(Vec::new());
        let error = String::new();
        Self { wanted, bytes, error }
    }

    fn shown(&self, id: u64) -> Value {
        let status = match (&self.bytes, self.error.as_str()) {
            (Some(_), _) => "available",
            (None, "") => "NEW",
            (None, _) => "deleted",
        };
        objects::custom_image(id, &self.wanted, status, &self.error)
    }

    /// As an importer does: with the URL alone.
    fn fetch(&mut self, fails: Option<&str>, takes_signed: bool) {
        if self.bytes.is_some() || !self.error.is_empty() {
            return;
        }
        let url = self.wanted["url"].as_str().unwrap_or_default();
        if let Some(words) = fails {
            self.error = words.replace("URL", url);
            return;
        }
        if !takes_signed {
            let status = ask("HEAD", url).0;
            if url.contains('?') || status != 200 {
                self.error = format!("the URL answered {status} to HEAD");
                return;
            }
        }
        match get(url) {
            (200, bytes) => self.bytes = Some(bytes),
            (status, _) => self.error = format!("the URL answered {status}"),
        }
    }
}

/// Status and body of what is at an address on this machine.
pub fn get(url: &str) -> (u16, Vec<u8>) {
    ask("GET", url)
}

fn ask(method: &str, url: &str) -> (u16, Vec<u8>) {
    let rest = url.strip_prefix("http://").expect("an address on this machine");
    let (host, target) = rest.split_once('/').expect("a path");
    let mut stream = TcpStream::connect(host).expect("somebody listens");
    let request = format!("{method} /{target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("the request can be sent");
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).expect("an answer");
    let end = answer
        .windows(4)
        .position(|four| four == b"\r\n\r\n")
        .expect("the end of the headers");
    let head = String::from_utf8_lossy(&answer[..end]).into_owned();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
    (status, answer.split_off(end + 4))
}
