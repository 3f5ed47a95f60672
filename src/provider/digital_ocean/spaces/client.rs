//! Requests to Spaces: signed, repeated where that is right, and with the keys in nothing that is told.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Read};
use std::time::{Duration, Instant, SystemTime};

use jiff::Timestamp;
use rusty_s3::{Method, signing};

use super::super::client::{Timing, agent, limits, lost, may_have_been_sent};
use super::super::retry::{Outcome, Verdict, pause, verdict};
use super::address::Address;
use super::answers;
use super::error::SpacesError;
use super::keys::SpacesKeys;
use crate::exec::interrupt;

/// For how long a signature of ours is good: until the request is there, and the clocks differ by some minutes.
const SIGNATURE: Duration = Duration::from_secs(60 * 60);

/// An answer has at most 1000 keys of at most 1 KiB each.
const ANSWER_MAX: u64 = 4 << 20;

/// How an object is sent.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Bytes of a part; what has no more than one is sent at once. At least 5 MiB (S3), and 10,000 parts hold what is imported at most.
    pub part: u64,
    /// For a part and its answer. What is slower than this is taken for lost.
    pub part_deadline: Duration,
}

impl Default for Limits {
    /// 32 MiB, of which a line of 0.5 Mbit/s carries one in time, and no more is sent twice when a connection is lost.
    fn default() -> Self {
        Self {
            part: 32 << 20,
            part_deadline: Duration::from_secs(10 * 60),
        }
    }
}

/// A bucket, and the keys to it.
pub struct Spaces {
    agent: ureq::Agent,
    pub(super) address: Address,
    pub(super) keys: SpacesKeys,
    timing: Timing,
    pub(super) limits: Limits,
}

/// One request. All of them may be made twice: what that leaves is found when the upload is removed.
pub(super) struct Request<'a> {
    pub method: Method,
    /// Empty: the bucket itself.
    pub key: &'a str,
    /// Sorted by name.
    pub query: Vec<(&'static str, &'a str)>,
    pub body: Option<&'a [u8]>,
    /// Whether the object that it makes may be read by everybody.
    pub is_public: bool,
}

/// In small letters, as it is signed. Ceph, which Spaces are, reads it from a header alone, not from the query.
const PUBLIC: (&str, &str) = ("x-amz-acl", "public-read");

/// What is used of an answer.
#[derive(Debug, Default)]
pub(super) struct Answer {
    pub body: String,
    pub etag: Option<String>,
    pub length: Option<u64>,
}

impl<'a> Request<'a> {
    pub fn new(method: Method, key: &'a str) -> Self {
        Self {
            method,
            key,
            query: Vec::new(),
            body: None,
            is_public: false,
        }
    }

    pub fn query(self, query: Vec<(&'static str, &'a str)>) -> Self {
        Self { query, ..self }
    }

    pub fn body(self, body: &'a [u8]) -> Self {
        Self { body: Some(body), ..self }
    }

    pub fn public(self, is_public: bool) -> Self {
        Self { is_public, ..self }
    }

    fn headers(&self) -> impl Iterator<Item = (&'static str, &'static str)> + Clone + use<> {
        self.is_public.then_some(PUBLIC).into_iter()
    }
}

impl Spaces {
    /// The bucket at `address`.
    pub fn new(address: Address, keys: SpacesKeys, timing: Timing, limits: Limits) -> Self {
        Self {
            agent: agent(timing.request),
            address,
            keys,
            timing,
            limits,
        }
    }

    /// A URL that lets whoever has it read the object `key` for so long, and do nothing else.
    pub fn url_to_read(&self, key: &str, valid: Duration) -> String {
        self.signed(&Request::new(Method::Get, key), valid)
    }

    /// `text` without keys, and without what makes a URL a key.
    pub fn hide(&self, text: &str) -> String {
        self.keys.hide(text)
    }

    /// `bucket/key`.
    pub fn name(&self, key: &str) -> String {
        self.address.name(key)
    }

    /// Where the object `key` is, without a signature.
    pub fn url(&self, key: &str) -> String {
        self.address.url(key)
    }

    fn signed(&self, request: &Request<'_>, valid: Duration) -> String {
        let bucket = &self.address.bucket;
        let url = match request.key {
            "" => bucket.base_url().clone(),
            key => bucket.object_url(key),
        };
        let (id, secret) = (self.keys.id(), self.keys.secret());
        let query = request.query.iter().copied();
        let now = Timestamp::now();
        let headers: Vec<(&str, &str)> = request.headers().collect();
        signing::sign(
            &now,
            request.method,
            url,
            id,
            secret,
            None,
            bucket.region(),
            valid.as_secs(),
            query,
            headers.iter().copied(),
        )
        .into()
    }

    /// `PUT my-images/meshimg-image-push/...`.
    pub(super) fn shown(&self, request: &Request<'_>) -> String {
        let part = request.query.iter().find(|(name, _)| *name == "partNumber");
        let part = part.map(|(_, number)| format!(", part {number}")).unwrap_or_default();
        format!("{} {}{part}", request.method.to_str(), self.address.name(request.key))
    }

    /// Makes `request`, as often as it takes.
    ///
    /// # Errors
    /// [`SpacesError`].
    pub(super) fn call(&self, request: &Request<'_>) -> Result<Answer, SpacesError> {
        let started = Instant::now();
        // Each try of what is long has its own time.
        let deadline = match request.body {
            Some(body) if !body.is_empty() => self.timing.deadline.max(self.limits.part_deadline),
            _ => self.timing.deadline,
        };
        let mut tries = 0_u32;
        loop {
            let interrupted = || SpacesError::Interrupted { call: self.shown(request) };
            if interrupt::requested() {
                return Err(interrupted());
            }
            tries = tries.saturating_add(1);
            let (outcome, answer) = self.send(request);
            let (wait, last) = match verdict(&outcome, true) {
                Verdict::Done => return Ok(answer),
                Verdict::Again(wait, why) => (wait, self.hide(&why)),
                Verdict::Uncertain(why) => (None, self.hide(&why)),
                Verdict::Refused { status, message } => {
                    return Err(SpacesError::Refused {
                        call: self.shown(request),
                        status,
                        message: self.hide(&message),
                        variable: self.keys.variable(),
                    });
                }
            };
            let chance = RandomState::new().hash_one(tries);
            let pause = wait.unwrap_or_else(|| pause(tries, self.timing.first_pause, self.timing.longest_pause, chance));
            if pause >= deadline.saturating_sub(started.elapsed()) {
                return Err(SpacesError::Deadline {
                    call: self.shown(request),
                    deadline,
                    last,
                });
            }
            interrupt::pause(pause);
        }
    }

    fn send(&self, request: &Request<'_>) -> (Outcome, Answer) {
        let url = self.signed(request, SIGNATURE);
        let body = request.body.unwrap_or_default();
        let mut watched = Watched(body);
        let length = body.len().to_string();
        let with_body = |builder: ureq::RequestBuilder<ureq::typestate::WithBody>, watched: &mut Watched<'_>| {
            let time = if body.is_empty() {
                self.timing.request
            } else {
                self.limits.part_deadline
            };
            let mut builder = builder.config().timeout_global(Some(time)).build();
            for (name, value) in request.headers() {
                builder = builder.header(name, value);
            }
            // S3 takes no chunks: the length is told, although the body is a reader.
            builder.header("Content-Length", &length).send(ureq::SendBody::from_reader(watched))
        };
        let result = match request.method {
            Method::Get => self.agent.get(&url).call(),
            Method::Head => self.agent.head(&url).call(),
            Method::Delete => self.agent.delete(&url).call(),
            Method::Put => with_body(self.agent.put(&url), &mut watched),
            Method::Post => with_body(self.agent.post(&url), &mut watched),
        };
        let mut answer = match result {
            Ok(answer) => answer,
            Err(error) => return (lost(&error, may_have_been_sent(&error)), Answer::default()),
        };
        let header = |name: &str| answer.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (etag, length) = (header("etag"), header("content-length"));
        let limits = limits(answer.headers(), SystemTime::now());
        let mut status = answer.status().as_u16();
        match answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string() {
            Err(error) => (lost(&error, true), Answer::default()),
            Ok(text) => {
                let mut words = text.clone();
                if let Some((code, told)) = answers::error(&text) {
                    // What was too slow is asked again, as everywhere else; S3 has no status of its own for it.
                    status = if code == "RequestTimeout" { 408 } else { status };
                    words = told;
                }
                let answer = Answer {
                    body: text,
                    etag,
                    length: length.and_then(|length| length.parse().ok()),
                };
                (
                    Outcome::Answer {
                        status,
                        body: words,
                        limits,
                    },
                    answer,
                )
            }
        }
    }

    /// Reads an answer in XML.
    ///
    /// # Errors
    /// [`SpacesError`].
    pub(super) fn read<T: serde::de::DeserializeOwned>(&self, request: &Request<'_>) -> Result<T, SpacesError> {
        let answer = self.call(request)?;
        answers::read(&answer.body).map_err(|why| self.nonsense(request, &why))
    }

    pub(super) fn nonsense(&self, request: &Request<'_>, why: &str) -> SpacesError {
        SpacesError::Nonsense {
            call: self.shown(request),
            why: self.hide(why),
        }
    }
}

/// What is sent; it ends with an error on Ctrl-C, which a long request would not notice.
struct Watched<'a>(&'a [u8]);

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match interrupt::requested() {
            true => Err(io::Error::other("interrupted")),
            false => self.0.read(buffer),
        }
    }
}
