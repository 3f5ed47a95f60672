//! Requests and answers: paced, repeated where that is right, and with the token in one header and nowhere else.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use serde::de::DeserializeOwned;
use ureq::http::HeaderMap;

use super::calls::{Call, Method};
use super::error::ApiError;
use super::retry::{Limits, Outcome, Verdict, pause, verdict};
use super::token::Token;
use super::types::{Listed, Page};
use crate::exec::interrupt;
use crate::wait::{self, Look, WaitError};

/// Where the API is.
const ADDRESS: &str = "https://api.digitalocean.com";

/// The variable that names another address; other programs for Digital Ocean know it too.
const ADDRESS_VARIABLE: &str = "DIGITALOCEAN_API_URL";

/// Most items of a page that the API gives.
const PER_PAGE: u32 = 200;

/// How many droplets are worked on at a time.
pub(super) const AT_A_TIME: usize = 32;

/// More pages than any account has.
const PAGES_MAX: u32 = 500;

/// An answer has some hundred kilobytes at the most: 200 droplets.
const ANSWER_MAX: u64 = 16 << 20;

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct Timing {
    /// One request and its answer.
    pub request: Duration,
    /// A call with all its repetitions.
    pub deadline: Duration,
    /// Before the second try; each later one takes twice as long.
    pub first_pause: Duration,
    pub longest_pause: Duration,
    /// Between two looks at something that takes its time.
    pub poll: Duration,
    /// For a droplet to become active: minutes as a rule.
    pub active: Duration,
    /// For what was asked for to be seen, when no answer came.
    pub appear: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            request: seconds(30),
            deadline: seconds(5 * 60),
            first_pause: seconds(1),
            longest_pause: seconds(30),
            poll: seconds(5),
            active: seconds(10 * 60),
            appear: seconds(30),
        }
    }
}

/// Makes requests that take at most `request`, whose answers of whatever status are read. It follows no answer elsewhere: what is signed, or has a token,
/// is for one place.
pub(in crate::provider::digital_ocean) fn agent(request: Duration) -> ureq::Agent {
    let config = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .max_redirects(0)
        .max_redirects_will_error(false)
        .timeout_global(Some(request))
        .user_agent(concat!("meshimg/", env!("CARGO_PKG_VERSION")));
    config.build().into()
}

/// Digital Ocean, for one account.
pub struct Client {
    agent: ureq::Agent,
    address: String,
    token: Token,
    pub(super) timing: Timing,
    /// Before this no thread sends anything: the API has said so.
    not_before: Mutex<Option<Instant>>,
}

impl Client {
    /// At the address that the environment names, else the real one.
    ///
    /// # Errors
    /// [`ApiError::Address`].
    pub fn from_environment(token: Token, timing: Timing) -> Result<Self, ApiError> {
        let address = std::env::var(ADDRESS_VARIABLE).ok().filter(|address| !address.is_empty());
        Self::new(address.as_deref().unwrap_or(ADDRESS), token, timing)
    }

    /// At `address`, which has TLS or is on this machine.
    ///
    /// # Errors
    /// [`ApiError::Address`].
    pub fn new(address: &str, token: Token, timing: Timing) -> Result<Self, ApiError> {
        let address = address.trim_end_matches('/');
        if !is_safe(address) {
            return Err(ApiError::Address(address.to_owned()));
        }
        Ok(Self {
            agent: agent(timing.request),
            address: address.to_owned(),
            token,
            timing,
            not_before: Mutex::new(None),
        })
    }

    /// Makes `call`, as often as it takes, and reads the answer.
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn call<T: DeserializeOwned>(&self, call: &Call) -> Result<T, ApiError> {
        let text = self.text(call)?;
        serde_json::from_str(&text).map_err(|error| ApiError::Nonsense {
            call: call.to_string(),
            why: error.to_string(),
        })
    }

    /// All items of a list, `query` (`name=host1`) restricts it.
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn list<T: Listed>(&self, query: Option<&str>) -> Result<Vec<T>, ApiError> {
        let mut items = Vec::new();
        for number in 1..=PAGES_MAX {
            let query = query.map(|query| format!("{query}&")).unwrap_or_default();
            let page: Page<T::List> = self.call(&Call::get(format!("{}?{query}page={number}&per_page={PER_PAGE}", T::PATH)))?;
            let more = page.has_next();
            items.extend(T::items(page.list));
            if !more {
                return Ok(items);
            }
        }
        Err(ApiError::Nonsense {
            call: format!("GET {}", T::PATH),
            why: format!("the list has more than {PAGES_MAX} pages"),
        })
    }

    /// Looks until something is ready; an error of the API ends it.
    pub(super) fn wait_for<T, E: From<ApiError> + From<WaitError>>(
        &self,
        what: &str,
        deadline: Duration,
        mut look: impl FnMut() -> Result<Look<T>, ApiError>,
    ) -> Result<T, E> {
        let mut failure = None;
        let found = wait::until(what, deadline, self.timing.poll, || {
            look().unwrap_or_else(|error| {
                let why = error.to_string();
                failure = Some(error);
                Look::Gone(why)
            })
        });
        match failure {
            Some(error) => Err(error.into()),
            None => Ok(found?),
        }
    }

    /// Makes `call`, as often as it takes; the body of the answer.
    ///
    /// # Errors
    /// [`ApiError`].
    pub fn text(&self, call: &Call) -> Result<String, ApiError> {
        let started = Instant::now();
        let mut last = "the rate limit was used up".to_owned();
        let mut tries = 0_u32;
        loop {
            tries = tries.saturating_add(1);
            self.wait_for_turn(call, started, &last)?;
            let outcome = self.send(call);
            if let Outcome::Answer { limits, .. } = &outcome {
                self.obey(limits);
            }
            let wait = match verdict(&outcome, call.repeatable) {
                Verdict::Done => return Self::body(outcome, call),
                Verdict::Again(wait, why) => {
                    last = self.token.hide(&why);
                    wait
                }
                Verdict::Uncertain(why) => {
                    return Err(ApiError::Uncertain {
                        call: call.to_string(),
                        why: self.token.hide(&why),
                    });
                }
                Verdict::Refused { status, message } => {
                    return Err(ApiError::Refused {
                        call: call.to_string(),
                        status,
                        message: self.token.hide(&message),
                    });
                }
            };
            let usual = pause(
                tries,
                self.timing.first_pause,
                self.timing.longest_pause,
                RandomState::new().hash_one(tries),
            );
            self.pause(wait.unwrap_or(usual), call, started, &last)?;
        }
    }

    fn body(outcome: Outcome, call: &Call) -> Result<String, ApiError> {
        match outcome {
            Outcome::Answer { body, .. } => Ok(body),
            Outcome::Lost { why, .. } => Err(ApiError::Nonsense {
                call: call.to_string(),
                why,
            }),
        }
    }

    /// Waits for `pause`, unless the deadline of the call comes first.
    fn pause(&self, pause: Duration, call: &Call, started: Instant, last: &str) -> Result<(), ApiError> {
        let left = self.timing.deadline.saturating_sub(started.elapsed());
        if pause >= left {
            return Err(ApiError::Deadline {
                call: call.to_string(),
                deadline: self.timing.deadline,
                last: last.to_owned(),
            });
        }
        interrupt::pause(pause);
        match interrupt::requested() {
            true => Err(ApiError::Interrupted { call: call.to_string() }),
            false => Ok(()),
        }
    }

    fn wait_for_turn(&self, call: &Call, started: Instant, last: &str) -> Result<(), ApiError> {
        let not_before = *self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        let left = not_before.map(|moment| moment.saturating_duration_since(Instant::now()));
        match left.filter(|left| !left.is_zero()) {
            Some(left) => self.pause(left, call, started, last),
            None => Ok(()),
        }
    }

    /// Notes how long nothing is to be sent.
    fn obey(&self, limits: &Limits) {
        let Some(until) = limits.pause().and_then(|pause| Instant::now().checked_add(pause)) else {
            return;
        };
        let mut not_before = self.not_before.lock().unwrap_or_else(PoisonError::into_inner);
        *not_before = Some(not_before.map_or(until, |other| other.max(until)));
    }

    fn send(&self, call: &Call) -> Outcome {
        let url = format!("{}{}", self.address, call.path);
        let token = self.token.header();
        let result = match (call.method, &call.body) {
            (Method::Get, _) => self.agent.get(&url).header("Authorization", token).call(),
            (Method::Delete, _) => self.agent.delete(&url).header("Authorization", token).call(),
            (Method::Post, body) => {
                let body = body.as_ref().map(ToString::to_string).unwrap_or_default();
                let post = self.agent.post(&url).header("Authorization", token);
                post.header("Content-Type", "application/json").send(body)
            }
        };
        match result {
            Ok(mut answer) => {
                let (status, limits) = (answer.status().as_u16(), limits(answer.headers(), SystemTime::now()));
                match answer.body_mut().with_config().limit(ANSWER_MAX).read_to_string() {
                    Ok(body) => Outcome::Answer { status, body, limits },
                    Err(error) => lost(&error, true),
                }
            }
            Err(error) => lost(&error, may_have_been_sent(&error)),
        }
    }
}

pub(super) fn lost(error: &ureq::Error, sent: bool) -> Outcome {
    Outcome::Lost {
        why: error.to_string(),
        sent,
    }
}

/// Whether the other side may have got the request.
pub(super) fn may_have_been_sent(error: &ureq::Error) -> bool {
    use ureq::{Error, Timeout};
    match error {
        Error::HostNotFound | Error::ConnectionFailed | Error::BadUri(_) | Error::Tls(_) => false,
        Error::Timeout(at) => !matches!(at, Timeout::Resolve | Timeout::Connect),
        Error::Io(error) => error.kind() != std::io::ErrorKind::ConnectionRefused,
        _ => true,
    }
}

/// What the headers say of the next request.
pub(super) fn limits(headers: &HeaderMap, now: SystemTime) -> Limits {
    let number = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()?.trim().parse::<u64>().ok());
    let since_1970 = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    Limits {
        retry_after: number("retry-after").map(Duration::from_secs),
        remaining: number("ratelimit-remaining"),
        reset: number("ratelimit-reset").map(|moment| Duration::from_secs(moment.saturating_sub(since_1970))),
    }
}

/// Whether a token may be sent there: by TLS, or to this machine itself.
pub(super) fn is_safe(address: &str) -> bool {
    // A name before it is no part of the host, and none is wanted here.
    if address.contains('@') {
        return false;
    }
    let Some(rest) = address.strip_prefix("http://") else {
        return address.strip_prefix("https://").is_some_and(|rest| !rest.is_empty());
    };
    let authority = rest.split('/').next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    ["127.0.0.1", "localhost", "[::1]"].contains(&host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_by_tls_or_not_beyond_this_machine() {
        for safe in [
            "https://api.digitalocean.com",
            "http://127.0.0.1:8080",
            "http://[::1]:80/x",
            "http://localhost",
        ] {
            assert!(is_safe(safe), "{safe}");
        }
        for unsafe_one in [
            "http://api.digitalocean.com",
            "http://127.0.0.1.example",
            "http://127.0.0.1:80@example.org",
            "https://api.digitalocean.com@example.org",
            "ftp://localhost",
            "https://",
            "",
        ] {
            assert!(!is_safe(unsafe_one), "{unsafe_one}");
        }
    }

    #[test]
    fn headers_are_read() {
        let mut headers = HeaderMap::new();
        for (name, value) in [("retry-after", "7"), ("ratelimit-remaining", "0"), ("ratelimit-reset", "1090")] {
            headers.insert(name, value.parse().unwrap());
        }
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let wanted = Limits {
            retry_after: Some(Duration::from_secs(7)),
            remaining: Some(0),
            reset: Some(Duration::from_secs(90)),
        };
        assert_eq!(limits(&headers, now), wanted);
        headers.insert("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT".parse().unwrap());
        assert_eq!(limits(&headers, now).retry_after, None);
    }
}
