//! What goes wrong on the way of an image: each ends in success or in a clear error, and nothing is left of it.

use std::time::Duration;

use meshimg::provider::digital_ocean::push;
use meshimg::provider::digital_ocean::spaces::Limits;
use meshimg::ui::Ui;

use super::fake::Fault;
use super::http::Answer;
use super::push::Place;
use super::spaces::{Trouble, limits};
use super::{client, timing};

#[test]
fn what_fails_for_a_while_is_asked_again() {
    for mebibytes in [1, 6] {
        for trouble in [
            Trouble::Instead(500, "InternalError"),
            Trouble::Instead(503, "SlowDown"),
            Trouble::Instead(400, "RequestTimeout"),
            Trouble::ResetBefore,
            Trouble::ResetAfter,
            Trouble::DoneBut(502, "BadGateway"),
        ] {
            let place = Place::new(mebibytes);
            for line in ["PUT ", "POST ", "DELETE ", "GET ?uploads"] {
                place.spaces.fail(line, 2, trouble.clone());
            }
            // Its answer has no body that could say which code it is.
            if !matches!(trouble, Trouble::Instead(400, _)) {
                place.spaces.fail("HEAD ", 2, trouble);
            }
            place.assert_pushed();
        }
    }
}

#[test]
fn an_answer_that_is_lost_at_the_end_of_the_parts_is_no_failure() {
    let place = Place::new(6);
    let key = place.wanted().key();
    let line: &'static str = Box::leak(format!("POST {key}?uploadId").into_boxed_str());
    place.spaces.fail(line, 1, Trouble::ResetAfter);
    place.assert_pushed();
    assert_eq!(place.spaces.count(line), 2);
}

#[test]
fn slow_parts_are_given_up_and_sent_again() {
    let mut place = Place::new(6);
    place.limits.part_deadline = Duration::from_secs(1);
    place.spaces.fail("PUT ", 1, Trouble::Slow(Duration::from_secs(4)));
    place.assert_pushed();
}

#[test]
fn a_refusal_is_told_in_the_words_of_spaces_and_leaves_nothing() {
    let place = Place::new(6);
    place.spaces.fail("PUT ", 1, Trouble::Instead(403, "AccessDenied"));
    let key = place.wanted().key();
    assert_eq!(
        place.push().unwrap_err(),
        format!(
            "Spaces refused PUT my-images/{key}, part 1: 403 AccessDenied: These are the words of AccessDenied.; the key in SPACES_ACCESS_KEY_ID \
             must be allowed to list, write, read and delete in the bucket"
        )
    );
    assert_eq!(place.fake.count("POST /v2/images"), 0);
    place.assert_nothing();
}

#[test]
fn parts_that_do_not_come_together_are_a_failure() {
    let place = Place::new(6);
    let key = place.wanted().key();
    let line: &'static str = Box::leak(format!("POST {key}?uploadId").into_boxed_str());
    place.spaces.fail(line, 1, Trouble::Instead(200, "InternalError"));
    let error = place.push().unwrap_err();
    assert!(error.ends_with("InternalError: These are the words of InternalError."), "{error}");
    place.assert_nothing();
}

#[test]
fn a_spaces_that_is_down_ends_in_time() {
    let place = Place::new(1);
    place.spaces.fail("PUT ", usize::MAX, Trouble::Instead(503, "SlowDown"));
    let quick = super::Timing {
        deadline: Duration::from_millis(300),
        ..timing()
    };
    let hasty = Limits {
        part_deadline: Duration::from_millis(300),
        ..limits()
    };
    let (client, spaces) = (client(&place.fake, quick), place.spaces.client(quick, hasty));
    let error = push(&client, &spaces, &place.wanted(), None, &Ui::silent())
        .unwrap_err()
        .to_string();
    assert!(
        error.ends_with("of trying; last: 503 SlowDown: These are the words of SlowDown."),
        "{error}"
    );
    place.assert_nothing();
}

#[test]
fn an_answer_that_is_lost_makes_no_second_image() {
    for fault in [
        Fault::ResetAfter,
        Fault::DoneBut(Answer::error(504, "gateway_timeout", "")),
        Fault::ResetBefore,
        Fault::Instead(Answer::error(500, "server_error", "Unexpected server-side error")),
    ] {
        let place = Place::new(1);
        place.fake.fail("POST /v2/images", 1, fault);
        place.assert_pushed();
    }
}

#[test]
fn a_refusal_of_the_import_is_told_without_the_url() {
    let place = Place::new(1);
    let url = place.spaces.client(timing(), limits()).url_to_read("a", Duration::from_secs(9));
    let refusal = Answer::error(400, "bad_request", &format!("Your source URL is unreachable: {url}"));
    place.fake.fail("POST /v2/images", 1, Fault::Instead(refusal));
    let error = place.push().unwrap_err();
    assert!(
        error.starts_with(
            "Digital Ocean refused POST /v2/images for mesh: 400 bad_request: Your source URL is unreachable: http://127.0.0.1:"
        ) && error.contains("/my-images/a?***"),
        "{error}"
    );
    place.assert_nothing();
}

#[test]
fn an_upload_that_cannot_be_removed_is_told_and_removed_by_the_next_run() {
    let place = Place::new(1);
    place.spaces.fail("DELETE ", 1, Trouble::Instead(403, "AccessDenied"));
    let left = place
        .push()
        .unwrap_or_else(|error| panic!("{error}"))
        .left
        .expect("it is still there");
    let key = place.wanted().key();
    assert!(
        left.starts_with(&format!("my-images/{key}: Spaces refused DELETE my-images/{key}: 403 AccessDenied")),
        "{left}"
    );
    assert_eq!(place.spaces.names(), [key]);
    assert!(place.push().is_ok_and(|again| again.was_there && again.left.is_none()));
    place.assert_one();
}

#[test]
fn an_import_and_a_removal_that_fail_are_both_told() {
    let mut place = Place::new(1);
    place.import = Duration::from_secs(1);
    place.fake.state().images.never = true;
    place.fake.fail(
        "DELETE ",
        1,
        Fault::Instead(Answer::error(403, "forbidden", "You do not have access.")),
    );
    place.spaces.fail("DELETE ", 1, Trouble::Instead(403, "AccessDenied"));
    let error = place.push().unwrap_err();
    let lines: Vec<&str> = error.lines().collect();
    assert!(lines.len() == 4 && lines[0].ends_with("last seen: status NEW"), "{error}");
    assert_eq!(lines[1], "besides, this is left and could not be removed:");
    assert!(
        lines[2].starts_with("  image 38413969: Digital Ocean refused DELETE /v2/images/38413969 for mesh: 403 "),
        "{error}"
    );
    assert!(lines[3].starts_with("  my-images/meshimg-image-push/"), "{error}");
    // Where the URL is good no more, the next run finds that the import has failed, and the one after it begins anew.
    place.fake.state().images.never = false;
    place.fake.state().images.fails = Some("the URL answered 403");
    place.import = Duration::from_secs(2);
    let error = place.push().unwrap_err();
    assert!(error.contains("(image 38413969): it failed: "), "{error}");
    assert_eq!(place.spaces.names(), Vec::<String>::new());
    place.fake.state().images.fails = None;
    assert!(place.push().is_ok_and(|anew| !anew.was_there && anew.left.is_none()));
    assert_eq!(place.spaces.names(), Vec::<String>::new());
}
