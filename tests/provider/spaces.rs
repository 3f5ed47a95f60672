//! A Spaces on this machine: one bucket that takes signed requests alone but to read what is public, and fails where a test wants it to.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use meshimg::provider::digital_ocean::Timing;
use meshimg::provider::digital_ocean::spaces::{Address, Limits, Spaces, SpacesKeys};

use super::http;
use super::signature::{Account, check};

pub const BUCKET: &str = "my-images";
pub const KEY_ID: &str = "DO00SPACESKEY5EC7E7";
pub const SECRET: &str = "s9aCe5/5ec7e7+5ec7e7";
const ACCOUNT: Account = Account {
    id: KEY_ID,
    secret: SECRET,
    region: "ams3",
};

/// What goes wrong with a request.
#[derive(Debug, Clone)]
pub enum Trouble {
    /// This status and code, and nothing is done.
    Instead(u16, &'static str),
    /// It is done, and the answer is this one.
    DoneBut(u16, &'static str),
    ResetBefore,
    ResetAfter,
    /// It is done after so long.
    Slow(Duration),
}

/// Key, parts, and when it was begun.
pub type Begun = (String, BTreeMap<u32, Vec<u8>>, String);

#[derive(Default)]
pub struct Store {
    /// Bytes, and when they were written.
    pub objects: BTreeMap<String, (Vec<u8>, String)>,
    /// What was begun, by its identifier.
    pub uploads: BTreeMap<String, Begun>,
    /// Keys of objects that everybody may read.
    pub public: BTreeSet<String>,
    /// The beginning of `lines`, how often, and how.
    pub troubles: Vec<(&'static str, usize, Trouble)>,
    /// `PUT key?partNumber`.
    pub lines: Vec<String>,
    begun: u32,
}

pub struct FakeSpaces {
    address: String,
    store: Arc<Mutex<Store>>,
}

/// Parts of as little as S3 allows, and little patience.
pub fn limits() -> Limits {
    Limits {
        part: 5 << 20,
        part_deadline: Duration::from_secs(5),
    }
}

struct Request {
    method: String,
    path: String,
    query: String,
    host: String,
    acl: Option<String>,
    body: Vec<u8>,
}

#[derive(Default)]
struct Answer {
    status: u16,
    etag: Option<String>,
    body: Vec<u8>,
}

impl FakeSpaces {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}", listener.local_addr().expect("an address"));
        let store = Arc::new(Mutex::new(Store::default()));
        let shared = Arc::clone(&store);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let store = Arc::clone(&shared);
                std::thread::spawn(move || serve(stream, &store));
            }
        });
        Self { address, store }
    }

    pub fn address(&self) -> &str {
        &self.address
    }

    pub fn client(&self, timing: Timing, limits: Limits) -> Spaces {
        let address = Address::new(Some(&self.address), BUCKET, "ams3").expect("an address on this machine");
        Spaces::new(address, SpacesKeys::new(KEY_ID, SECRET).expect("keys"), timing, limits)
    }

    pub fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().expect("no test has panicked with it")
    }

    pub fn fail(&self, line: &'static str, times: usize, trouble: Trouble) {
        self.store().troubles.push((line, times, trouble));
    }

    pub fn count(&self, line: &str) -> usize {
        self.store().lines.iter().filter(|found| found.starts_with(line)).count()
    }

    /// What is there, of both kinds.
    pub fn names(&self) -> Vec<String> {
        let store = self.store();
        let begun = store.uploads.values().map(|(key, ..)| format!("{key} (begun)"));
        store.objects.keys().cloned().chain(begun).collect()
    }
}

fn read(stream: &TcpStream) -> Option<Request> {
    let mut raw = http::read_raw(stream)?;
    assert!(!raw.headers.contains_key("transfer-encoding"), "S3 takes no chunks");
    Some(Request {
        host: raw.headers.remove("host").unwrap_or_default(),
        acl: raw.headers.remove("x-amz-acl"),
        method: raw.method,
        path: raw.path,
        query: raw.query,
        body: raw.body,
    })
}

impl Request {
    fn query(&self, name: &str) -> Option<String> {
        let pairs = self.query.split('&').filter_map(|pair| pair.split_once('='));
        let found = pairs.clone().find(|(key, _)| *key == name);
        found.map(|(_, value)| value.replace("%2F", "/"))
    }

    /// Without the bucket.
    fn key(&self) -> &str {
        let path = self.path.strip_prefix('/').and_then(|path| path.strip_prefix(BUCKET));
        path.expect("the bucket").trim_start_matches('/')
    }

    fn line(&self) -> String {
        let kind = ["partNumber", "uploads", "uploadId", "list-type"];
        let kind = kind.iter().find(|name| self.query(name).is_some());
        let kind = kind.map(|name| format!("?{name}")).unwrap_or_default();
        format!("{} {}{kind}", self.method, self.key())
    }
}

fn serve(stream: TcpStream, store: &Mutex<Store>) {
    let Some(request) = read(&stream) else { return };
    let line = request.line();
    let mut guard = store.lock().expect("no test has panicked with it");
    guard.lines.push(line.clone());
    let found = guard
        .troubles
        .iter_mut()
        .find(|(wanted, times, _)| *times > 0 && line.starts_with(wanted));
    let trouble = found.map(|(_, times, trouble)| {
        *times -= 1;
        trouble.clone()
    });
    if let Some(Trouble::Slow(time)) = trouble {
        drop(guard);
        // Nothing else than time is waited for here: this is what the trouble is.
        std::thread::park_timeout(time);
        guard = store.lock().expect("no test has panicked with it");
    }
    let answer = match trouble {
        Some(Trouble::Instead(status, code)) => Some(refused(status, code)),
        Some(Trouble::DoneBut(status, code)) => {
            guard.answer(&request);
            Some(refused(status, code))
        }
        Some(Trouble::ResetBefore) => None,
        Some(Trouble::ResetAfter) => {
            guard.answer(&request);
            None
        }
        Some(Trouble::Slow(_)) | None => Some(guard.answer(&request)),
    };
    drop(guard);
    match answer {
        None => http::reset(stream),
        Some(answer) => write(stream, &request, &answer),
    }
}

fn write(mut stream: TcpStream, request: &Request, answer: &Answer) {
    let etag = answer.etag.as_ref().map(|etag| format!("ETag: {etag}\r\n")).unwrap_or_default();
    let (status, length) = (answer.status, answer.body.len());
    let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{etag}Connection: close\r\n\r\n");
    let body = if request.method == "HEAD" { &[][..] } else { &answer.body };
    let _ = stream.write_all(&[head.as_bytes(), body].concat());
}

fn refused(status: u16, code: &str) -> Answer {
    let words = format!("These are the words of {code}.");
    Answer {
        status,
        body: format!("<?xml version=\"1.0\"?><Error><Code>{code}</Code><Message>{words}</Message></Error>").into_bytes(),
        ..Answer::default()
    }
}

fn fine(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Answer {
        status,
        body: body.into(),
        ..Answer::default()
    }
}

fn now() -> String {
    jiff::Timestamp::now().to_string()
}

impl Store {
    fn answer(&mut self, request: &Request) -> Answer {
        if !self.may_everybody(request) {
            let Request {
                method,
                path,
                query,
                host,
                acl,
                ..
            } = request;
            if let Err(code) = check(&ACCOUNT, method, path, query, host, acl.as_deref()) {
                return refused(403, code);
            }
        }
        if let Err(code) = self.set_access(request) {
            return refused(400, code);
        }
        let (key, id) = (request.key().to_owned(), request.query("uploadId"));
        match (request.method.as_str(), id) {
            ("GET", _) if key.is_empty() => self.list(request),
            ("GET" | "HEAD", _) => match self.objects.get(&key) {
                Some((bytes, _)) => fine(200, bytes.clone()),
                None => refused(404, "NoSuchKey"),
            },
            ("PUT", None) => {
                self.objects.insert(key, (request.body.clone(), now()));
                fine(200, "")
            }
            ("POST", None) => {
                self.begun += 1;
                let id = format!("2~{}", self.begun);
                self.uploads.insert(id.clone(), (key, BTreeMap::new(), now()));
                fine(
                    200,
                    format!("<InitiateMultipartUploadResult><UploadId>{id}</UploadId></InitiateMultipartUploadResult>"),
                )
            }
            ("PUT", Some(id)) => self.take_part(request, &id),
            ("POST", Some(id)) => self.complete(request, &id),
            ("DELETE", Some(id)) => match self.uploads.remove(&id.replace("%7E", "~")) {
                Some(_) => fine(204, ""),
                None => refused(404, "NoSuchUpload"),
            },
            ("DELETE", None) => {
                self.objects.remove(&key);
                fine(204, "")
            }
            _ => refused(405, "MethodNotAllowed"),
        }
    }

    fn may_everybody(&self, request: &Request) -> bool {
        let is_read = ["GET", "HEAD"].contains(&request.method.as_str());
        is_read && request.query.is_empty() && self.public.contains(request.key())
    }

    /// An object is public by the request that makes it, or that begins its parts; the next one of its name is not, for that.
    fn set_access(&mut self, request: &Request) -> Result<(), &'static str> {
        let key = request.key().to_owned();
        let makes = ["PUT", "POST"].contains(&request.method.as_str()) && request.query("uploadId").is_none();
        match request.acl.as_deref() {
            Some("public-read") if makes => drop(self.public.insert(key)),
            Some(_) => return Err("InvalidArgument"),
            None if makes || request.method == "DELETE" => drop(self.public.remove(&key)),
            None => {}
        }
        Ok(())
    }

    fn take_part(&mut self, request: &Request, id: &str) -> Answer {
        let number: u32 = request
            .query("partNumber")
            .and_then(|number| number.parse().ok())
            .expect("a number");
        let Some((_, parts, _)) = self.uploads.get_mut(id) else {
            return refused(404, "NoSuchUpload");
        };
        parts.insert(number, request.body.clone());
        Answer {
            etag: Some(format!("\"part-{number}\"")),
            ..fine(200, "")
        }
    }

    fn complete(&mut self, request: &Request, id: &str) -> Answer {
        let Some((key, parts, _)) = self.uploads.get(id).cloned() else {
            return refused(404, "NoSuchUpload");
        };
        let named = |number: &u32| format!("<PartNumber>{number}</PartNumber><ETag>\"part-{number}\"</ETag>");
        let wanted: String = parts.keys().map(|number| format!("<Part>{}</Part>", named(number))).collect();
        let wanted = format!("<CompleteMultipartUpload>{wanted}</CompleteMultipartUpload>");
        if String::from_utf8_lossy(&request.body).replace("&quot;", "\"") != wanted {
            return refused(400, "InvalidPart");
        }
        let too_small = parts.iter().rev().skip(1).any(|(_, part)| part.len() < 5 << 20);
        if too_small {
            return refused(400, "EntityTooSmall");
        }
        self.uploads.remove(id);
        self.objects.insert(key, (parts.into_values().flatten().collect(), now()));
        fine(
            200,
            "<CompleteMultipartUploadResult><ETag>\"0f-2\"</ETag></CompleteMultipartUploadResult>",
        )
    }

    fn list(&self, request: &Request) -> Answer {
        let prefix = request.query("prefix").unwrap_or_default();
        if request.query("uploads").is_some() {
            let begun = self.uploads.iter().filter(|(_, (key, ..))| key.starts_with(&prefix));
            let begun: String = begun
                .map(|(id, (key, _, time))| {
                    format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId><Initiated>{time}</Initiated></Upload>")
                })
                .collect();
            return fine(200, format!("<ListMultipartUploadsResult>{begun}</ListMultipartUploadsResult>"));
        }
        let objects = self.objects.iter().filter(|(key, _)| key.starts_with(&prefix));
        let objects: String = objects
            .map(|(key, (bytes, time))| {
                let size = bytes.len();
                format!("<Contents><Key>{key}</Key><LastModified>{time}</LastModified><Size>{size}</Size></Contents>")
            })
            .collect();
        fine(200, format!("<ListBucketResult>{objects}</ListBucketResult>"))
    }
}
