//! What to do after an answer, or after none: the one place that decides whether a call is made again. Pure.

use std::time::Duration;

/// What came of sending a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Answer {
        status: u16,
        body: String,
        limits: Limits,
    },
    /// No whole answer.
    Lost {
        why: String,
        /// Whether the request may have reached the other side.
        sent: bool,
    },
}

/// What the headers of an answer say about the next request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Limits {
    /// `retry-after`.
    pub retry_after: Option<Duration>,
    /// `ratelimit-remaining`.
    pub remaining: Option<u64>,
    /// `ratelimit-reset`, counted from now.
    pub reset: Option<Duration>,
}

impl Limits {
    /// How long no request is to be made.
    pub fn pause(&self) -> Option<Duration> {
        match self.remaining {
            Some(0) => self.retry_after.or(self.reset),
            _ => self.retry_after,
        }
    }
}

/// What to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// It is done.
    Done,
    /// The same again, after so long if the answer says how long, else after the usual pause.
    Again(Option<Duration>, String),
    /// It may have been done, and must not be done twice.
    Uncertain(String),
    Refused {
        status: u16,
        message: String,
    },
}

/// Judges `outcome`. `repeatable`: whether doing it twice is the same as doing it once.
pub fn verdict(outcome: &Outcome, repeatable: bool) -> Verdict {
    let (status, body, limits) = match outcome {
        Outcome::Answer { status, body, limits } => (*status, body, limits),
        Outcome::Lost { why, sent: false } => return Verdict::Again(None, why.clone()),
        Outcome::Lost { why, .. } if repeatable => return Verdict::Again(None, why.clone()),
        Outcome::Lost { why, .. } => return Verdict::Uncertain(why.clone()),
    };
    let message = message(body);
    let said = format!("{status} {message}");
    match status {
        200..=299 => Verdict::Done,
        // It was not carried out.
        429 => Verdict::Again(limits.retry_after.or(limits.reset), said),
        422 if says_try_again(&message) => Verdict::Again(limits.retry_after, said),
        408 | 500..=599 if repeatable => Verdict::Again(limits.retry_after, said),
        408 | 500..=599 => Verdict::Uncertain(said),
        _ => Verdict::Refused { status, message },
    }
}

/// Of a 422, which else means that the request will never be right.
fn says_try_again(message: &str) -> bool {
    let message = message.to_ascii_lowercase();
    ["try again", "pending event"].iter().any(|words| message.contains(words))
}

/// The API's own words in an answer that is no success: `{"id": ..., "message": ..., "request_id": ...}`, on one line.
pub fn message(body: &str) -> String {
    #[derive(serde::Deserialize)]
    struct Said {
        id: String,
        message: String,
        request_id: Option<String>,
    }
    const SHOWN_MAX: usize = 500;
    let text = match serde_json::from_str::<Said>(body) {
        Ok(Said { id, message, request_id }) => {
            let request = request_id.map(|id| format!(" (request {id})")).unwrap_or_default();
            format!("{id}: {message}{request}")
        }
        Err(_) if body.trim().is_empty() => "without a word".to_owned(),
        Err(_) => body.to_owned(),
    };
    let line = text.chars().map(|c| if c.is_control() { ' ' } else { c });
    line.take(SHOWN_MAX).collect::<String>().trim().to_owned()
}

/// The usual pause before the try number `tries` (1 is the second one): twice as long each time, up to `longest`; and of that a part between a half
/// and the whole, as `chance` (any number) says, so that those who failed together do not come back together.
pub fn pause(tries: u32, first: Duration, longest: Duration, chance: u64) -> Duration {
    let whole = first.saturating_mul(2_u32.saturating_pow(tries.saturating_sub(1))).min(longest);
    let part = (chance % 1000) as u32;
    whole / 2 + whole / 2 * part / 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, body: &str) -> Outcome {
        Outcome::Answer {
            status,
            body: body.to_owned(),
            limits: Limits::default(),
        }
    }

    #[test]
    fn what_is_done_again() {
        let lost = |sent| Outcome::Lost {
            why: "reset".to_owned(),
            sent,
        };
        let again = |outcome: &Outcome, repeatable| matches!(verdict(outcome, repeatable), Verdict::Again(..));
        let uncertain = |outcome: &Outcome| matches!(verdict(outcome, false), Verdict::Uncertain(_));
        for status in [500, 502, 503, 504, 408] {
            assert!(again(&answer(status, ""), true) && uncertain(&answer(status, "")), "{status}");
        }
        assert!(again(&lost(true), true) && uncertain(&lost(true)));
        assert!(again(&lost(false), false), "what was never sent was not done");
        assert!(again(&answer(429, ""), false), "what was too much was not done");
        for status in [400, 401, 403, 404, 409, 410] {
            assert!(matches!(verdict(&answer(status, ""), true), Verdict::Refused { .. }), "{status}");
        }
        assert_eq!(verdict(&answer(202, ""), false), Verdict::Done);
    }

    #[test]
    fn unprocessable_is_done_again_only_when_it_says_so() {
        let body = |message: &str| format!(r#"{{"id": "unprocessable_entity", "message": "{message}"}}"#);
        let pending = answer(422, &body("Droplet already has a pending event."));
        assert!(matches!(verdict(&pending, false), Verdict::Again(None, _)));
        let wrong = answer(422, &body("You specified an invalid size for Droplet creation."));
        assert_eq!(
            verdict(&wrong, true),
            Verdict::Refused {
                status: 422,
                message: "unprocessable_entity: You specified an invalid size for Droplet creation.".to_owned()
            }
        );
    }

    #[test]
    fn headers_say_how_long() {
        let seconds = Duration::from_secs;
        let limits = Limits {
            retry_after: None,
            remaining: Some(0),
            reset: Some(seconds(90)),
        };
        let too_many = |limits| Outcome::Answer {
            status: 429,
            body: String::new(),
            limits,
        };
        assert_eq!(
            verdict(&too_many(limits), true),
            Verdict::Again(Some(seconds(90)), "429 without a word".to_owned())
        );
        let burst = Limits {
            retry_after: Some(seconds(7)),
            ..limits
        };
        assert_eq!(
            verdict(&too_many(burst), true),
            Verdict::Again(Some(seconds(7)), "429 without a word".to_owned())
        );
        assert_eq!(
            (limits.pause(), burst.pause(), Limits::default().pause()),
            (Some(seconds(90)), Some(seconds(7)), None)
        );
        let plenty = Limits {
            remaining: Some(4000),
            ..limits
        };
        assert_eq!(plenty.pause(), None);
    }

    #[test]
    fn messages_are_one_line_of_the_apis_words() {
        assert_eq!(
            message(r#"{"id": "not_found", "message": "No such thing.\nReally.", "request_id": "4d9d"}"#),
            "not_found: No such thing. Really. (request 4d9d)"
        );
        assert_eq!(message("<html>\n502</html>"), "<html> 502</html>");
        assert_eq!(message(" "), "without a word");
        assert_eq!(message(&"x".repeat(9000)).len(), 500);
    }

    #[test]
    fn pauses_grow_and_differ() {
        let (first, longest) = (Duration::from_secs(1), Duration::from_secs(30));
        let of = |tries, chance| pause(tries, first, longest, chance);
        assert_eq!((of(1, 0), of(1, 999)), (Duration::from_millis(500), Duration::from_micros(999_500)));
        assert_eq!(of(4, 0), Duration::from_secs(4));
        assert!(of(40, 999) < longest && of(u32::MAX, 0) == longest / 2);
    }
}
