//! Peers of every kind, on sockets.

use std::net::Shutdown;

use super::*;

const PACKAGE: &str = "GET http://archive.example/debian/pool/a.deb HTTP/1.1\r\nHost: archive.example\r\n\r\n";

/// A forwarder for one guest; the content of a file is its URL, but for these names.
fn shared(folder: &Path) -> Arc<Shared> {
    let fetch = |url: &str, target: &Path| match url {
        _ if url.ends_with("absent.deb") => Err(FetchError::NotFound),
        _ if url.ends_with("silent.deb") => Err(FetchError::Failed("no route\r\nSet-Cookie: \u{1b}[31m".to_owned())),
        _ => std::fs::write(target, url).map_err(|error| FetchError::Failed(error.to_string())),
    };
    Arc::new(Shared {
        sources: vec![Source {
            authority: "archive.example".to_owned(),
            path: "/debian/".to_owned(),
            upstreams: vec!["http://mirror.example/".to_owned()],
        }],
        store: Store::new(&folder.join("cache"), 1 << 20).unwrap(),
        fetch: Box::new(fetch),
        modes: vec![Mutex::new(Mode::Open)],
        log: Log::new(&folder.join("log")).unwrap(),
        open: AtomicUsize::new(0),
    })
}

const SHORT: Patience = Patience {
    idle: Duration::from_millis(200),
    head: Duration::from_millis(200),
};

/// What a guest gets that sends `bytes` and then says no more, and the log.
fn talk_in(mode: Mode, bytes: &[u8]) -> (String, String) {
    let folder = tempfile::tempdir().unwrap();
    let shared = shared(folder.path());
    *shared.modes[0].lock().unwrap() = mode;
    let (mut guest, ours) = UnixStream::pair().unwrap();
    let log = folder.path().join("log");
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let _ = Connection::new(&shared, 0, "host1", ours).run(SHORT);
        });
        // A peer that is refused in the middle of its words may find the door shut.
        let _ = guest.write_all(bytes);
        let mut answer = Vec::new();
        // What was sent to a closed door makes the end an error.
        let _ = guest.read_to_end(&mut answer);
        (String::from_utf8(answer).unwrap(), std::fs::read_to_string(&log).unwrap())
    })
}

fn talk(bytes: &[u8]) -> (String, String) {
    talk_in(Mode::Open, bytes)
}

/// The status lines of an answer, in order.
fn statuses(answer: &str) -> Vec<&str> {
    // A body may end without a new line.
    let starts = answer.match_indices("HTTP/1.1 ").map(|(start, _)| &answer[start..]);
    starts.filter_map(|text| text.split("\r\n").next()).collect()
}

#[test]
fn requests_of_one_connection_are_answered_in_order() {
    let second = PACKAGE.replace("a.deb", "b.deb");
    let third = PACKAGE.replace("a.deb", "absent.deb");
    let (answer, log) = talk(format!("{PACKAGE}{second}{third}{PACKAGE}").as_bytes());
    assert_eq!(
        statuses(&answer),
        ["HTTP/1.1 200 OK", "HTTP/1.1 200 OK", "HTTP/1.1 404 Not Found", "HTTP/1.1 200 OK"]
    );
    let places: Vec<_> = ["mirror.example/pool/a.deb", "mirror.example/pool/b.deb", "404 Not Found"]
        .map(|text| answer.find(text).unwrap())
        .into();
    assert!(places.is_sorted(), "{answer}");
    assert!(answer.contains("\r\nContent-Length: 32\r\n"), "{answer}");
    let outcomes: Vec<&str> = log.lines().map(|line| line.split(' ').nth(2).unwrap()).collect();
    assert_eq!(outcomes, ["200", "200", "404", "200"], "{log}");
    assert!(log.lines().next().unwrap().contains("host1 200 fetched 32 bytes"), "{log}");
    assert!(log.lines().last().unwrap().contains("200 kept 32 bytes"), "{log}");
}

#[test]
fn what_is_refused_is_told_why_written_down_and_cut_off() {
    for (request, status) in [
        (
            "GET http://other.example/debian/pool/a.deb HTTP/1.1\r\n\r\n",
            "403 Not one of this host's package archives: other.example",
        ),
        ("CONNECT archive.example:443 HTTP/1.1\r\n\r\n", "403 No tunnels here"),
        (
            "POST http://archive.example/debian/pool/a.deb HTTP/1.1\r\n\r\n",
            "403 Only GET here",
        ),
        (
            "GET http://archive.example/debian/pool/../x HTTP/1.1\r\n\r\n",
            "403 No path of a package archive",
        ),
        ("GET / HTTP/1.1\r\n\r\n", "403 This is a proxy"),
        ("\r\n\r\n", "400 Not a request"),
        ("SSH-2.0-client\r\n\r\n", "400 Not a request"),
        (
            "GET http://archive.example/ HTTP/1.1\r\nContent-Length: 9\r\n\r\nGET http:",
            "400 A request with a body",
        ),
    ] {
        let (answer, log) = talk(format!("{request}{PACKAGE}").as_bytes());
        let found = statuses(&answer);
        assert!(
            found.len() == 1 && found[0].starts_with(&format!("HTTP/1.1 {status}")),
            "{request}: {answer}"
        );
        assert!(answer.contains("\r\nConnection: close\r\n"), "{answer}");
        assert!(log.contains(status) && log.lines().count() == 1, "{log}");
    }
}

#[test]
fn a_refused_head_request_gets_no_body() {
    let (answer, _) = talk(b"HEAD http://archive.example/debian/pool/a.deb HTTP/1.1\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 403") && answer.ends_with("\r\n\r\n"), "{answer}");
}

#[test]
fn a_head_without_end_is_cut_off() {
    let (answer, _) = talk(&[b'a'; HEAD_MAX + 5000]);
    assert_eq!(statuses(&answer), ["HTTP/1.1 431 Too much of a request"]);
    let header = format!(
        "GET http://archive.example/debian/pool/a.deb HTTP/1.1\r\nX: {}\r\n\r\n",
        "y".repeat(2 * HEAD_MAX)
    );
    let (answer, _) = talk(header.as_bytes());
    assert_eq!(statuses(&answer), ["HTTP/1.1 431 Too much of a request"]);
}

#[test]
fn who_says_half_and_waits_is_not_waited_for() {
    let (answer, log) = talk(b"GET http://archive.example/");
    assert_eq!(statuses(&answer), ["HTTP/1.1 408 Too slow"]);
    assert!(log.contains("408"), "{log}");
    let (answer, log) = talk(b"");
    assert_eq!((answer.as_str(), log.as_str()), ("", ""));
}

/// One byte at a time, each within the patience for a read, but not the whole.
#[test]
fn a_slow_head_does_not_earn_patience_byte_by_byte() {
    let folder = tempfile::tempdir().unwrap();
    let shared = shared(folder.path());
    let (mut guest, ours) = UnixStream::pair().unwrap();
    let started = Instant::now();
    std::thread::scope(|scope| {
        let connection = scope.spawn(|| Connection::new(&shared, 0, "host1", ours).run(SHORT));
        while !connection.is_finished() && started.elapsed() < Duration::from_secs(10) {
            let _ = guest.write_all(b"a");
            crate::exec::interrupt::pause(Duration::from_millis(20));
        }
    });
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_connection_ends_when_it_is_to() {
    for request in [
        PACKAGE.replace("Host:", "Connection: close\r\nHost:"),
        PACKAGE.replace("HTTP/1.1", "HTTP/1.0"),
    ] {
        let (answer, _) = talk(format!("{request}{PACKAGE}").as_bytes());
        assert_eq!(statuses(&answer), ["HTTP/1.1 200 OK"], "{request}");
        assert!(answer.contains("Connection: close"), "{answer}");
    }
}

#[test]
fn an_archive_that_is_not_reached_is_no_absent_package() {
    let (answer, log) = talk(PACKAGE.replace("a.deb", "silent.deb").as_bytes());
    assert_eq!(
        statuses(&answer),
        ["HTTP/1.1 502 The archive was not reached: no routeSet-Cookie: [31m"],
        "and no header of somebody else's"
    );
    assert!(log.contains("502 The archive was not reached"), "{log}");
}

#[test]
fn modes_do_what_they_say() {
    let (answer, log) = talk_in(Mode::Away, PACKAGE.as_bytes());
    assert_eq!(answer, "");
    assert!(log.contains("host1 away: GET http://archive.example"), "{log}");
    let both = format!("{PACKAGE}{}", PACKAGE.replace("a.deb", "b.deb"));
    let (answer, _) = talk_in(Mode::Without("/a.".to_owned()), both.as_bytes());
    assert_eq!(statuses(&answer), ["HTTP/1.1 404 Not Found", "HTTP/1.1 200 OK"]);
}

#[test]
fn a_log_has_an_end_and_no_control_characters() {
    let folder = tempfile::tempdir().unwrap();
    let log = Log::new(&folder.path().join("log")).unwrap();
    log.line("host1", "403 x", "GET \u{1b}[2Jhttp://\r\nfoo");
    let text = std::fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(text.ends_with(" host1 403 x: GET ?[2Jhttp://??foo\n"), "{text}");
    log.file.lock().unwrap().1 = LOG_MAX;
    log.line("host1", "403 x", "GET y");
    assert_eq!(std::fs::read_to_string(folder.path().join("log")).unwrap(), text);
}

/// More connections than there are places: the others go on.
#[test]
fn idle_peers_do_not_keep_others_out_for_good() {
    let folder = tempfile::tempdir().unwrap();
    let shared = shared(folder.path());
    let path = folder.path().join("socket");
    serve(Arc::clone(&shared), 0, "host1".to_owned(), UnixListener::bind(&path).unwrap());
    let idle: Vec<UnixStream> = (0..CONNECTIONS_MAX + 8).map(|_| UnixStream::connect(&path).unwrap()).collect();
    // The last ones are closed at once, as all places are taken.
    let mut last = idle.last().unwrap();
    assert_eq!(last.read(&mut [0; 1]).unwrap(), 0);
    drop(idle);
    let asked = crate::wait::until("a place", Duration::from_secs(10), Duration::from_millis(10), || {
        let mut guest = UnixStream::connect(&path).unwrap();
        let _ = guest.write_all(PACKAGE.as_bytes());
        let _ = guest.shutdown(Shutdown::Write);
        let mut answer = String::new();
        let _ = guest.read_to_string(&mut answer);
        if answer.starts_with("HTTP/1.1 200") {
            crate::wait::Look::Ready(())
        } else {
            crate::wait::Look::Pending(answer)
        }
    });
    asked.unwrap();
}
