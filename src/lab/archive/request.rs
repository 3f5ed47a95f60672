//! What a guest asks for (RFC 9112), and whether it may have it. Pure.

use super::sources::{Source, authority_of};

/// The longest head of a request, bytes; apt's have some 200.
pub const HEAD_MAX: usize = 16 * 1024;

/// The longest path, bytes: those of the archive have at most some 300.
const PATH_MAX: usize = 2048;

/// A request line and the headers that matter.
#[derive(Debug, PartialEq, Eq)]
pub struct Head {
    pub method: String,
    pub target: String,
    /// Whether the connection ends with the answer.
    pub close: bool,
    /// Whether what was kept is not good enough (RFC 9111 section 5.2.1.4).
    pub no_cache: bool,
}

/// Why a request is not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    pub status: u16,
    /// apt shows this to its user.
    pub reason: String,
}

fn refusal<T>(status: u16, reason: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal {
        status,
        reason: reason.into(),
    })
}

/// What is wanted, and from where.
#[derive(Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The same for every spelling of the same URL.
    pub name: String,
    pub kind: Kind,
    /// URLs for this machine's apt, to be tried in this order.
    pub urls: Vec<String>,
}

/// Whether a file may change under its name.
#[derive(Debug, PartialEq, Eq)]
pub enum Kind {
    /// The name is the content's SHA-256, in hexadecimal.
    ByHash(String),
    /// A package: another version has another name.
    Package,
    /// Anything else.
    Index,
}

/// The head in `bytes`, without the empty line at its end.
///
/// # Errors
/// [`Refusal`]; nothing that follows on the connection can be understood then.
pub fn parse(bytes: &[u8]) -> Result<Head, Refusal> {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return refusal(400, "Not a request");
    };
    let mut lines = text.split("\r\n");
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let &[method, target, version] = words.as_slice() else {
        return refusal(400, "Not a request");
    };
    let token = |text: &str| {
        !text.is_empty()
            && text
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"-_!#$%&'*+.^`|~".contains(&byte))
    };
    if !token(method) || target.is_empty() || target.bytes().any(|byte| !byte.is_ascii_graphic()) {
        return refusal(400, "Not a request");
    }
    let mut close = match version {
        "HTTP/1.1" => false,
        "HTTP/1.0" => true,
        _ => return refusal(505, "Only HTTP/1.1 and HTTP/1.0"),
    };
    let mut no_cache = false;
    for line in lines {
        let Some((name, value)) = line.split_once(':').filter(|(name, _)| token(name)) else {
            return refusal(400, "A header that is none");
        };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_ascii_lowercase());
        match name.as_str() {
            // A body would be taken for the next request.
            "transfer-encoding" => return refusal(400, "A request with a body"),
            "content-length" if value != "0" => return refusal(400, "A request with a body"),
            "connection" | "proxy-connection" => close |= value.split(',').any(|word| word.trim() == "close"),
            "cache-control" => no_cache |= value.split(',').any(|word| matches!(word.trim(), "no-cache" | "max-age=0")),
            _ => {}
        }
    }
    Ok(Head {
        method: method.to_owned(),
        target: target.to_owned(),
        close,
        no_cache,
    })
}

/// Whether `head` asks for a file of one of `sources`.
///
/// # Errors
/// [`Refusal`] otherwise.
pub fn decide(head: &Head, sources: &[Source]) -> Result<Wanted, Refusal> {
    if head.method == "CONNECT" {
        return refusal(
            403,
            "No tunnels here: the lab fetches packages itself, so write http: in the sources",
        );
    }
    if head.method != "GET" {
        return refusal(403, "Only GET here: the lab passes requests for packages alone");
    }
    let Some((scheme, rest)) = head.target.split_once("://") else {
        return refusal(403, "This is a proxy for the package archive, and has no pages of its own");
    };
    if !scheme.eq_ignore_ascii_case("http") {
        return refusal(403, "Only http: here");
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let authority = authority_of(authority);
    let Some(path) = plain_path(path) else {
        return refusal(403, "No path of a package archive");
    };
    let within = |source: &&Source| source.authority == authority && path.starts_with(&source.path);
    // The longest base is the archive that is meant, should one lie in another.
    let Some(source) = sources.iter().filter(within).max_by_key(|source| source.path.len()) else {
        return refusal(403, format!("Not one of this host's package archives: {}", shown(&authority)));
    };
    let rest = &path[source.path.len()..];
    if !rest.starts_with("dists/") && !rest.starts_with("pool/") {
        return refusal(403, "Only dists/ and pool/ of the package archive");
    }
    Ok(Wanted {
        name: format!("{authority}{path}"),
        kind: kind(rest),
        urls: source.upstreams.iter().map(|uri| format!("{uri}{}", encoded(rest))).collect(),
    })
}

/// At most so much of somebody else's text.
fn shown(text: &str) -> String {
    text.chars().filter(char::is_ascii_graphic).take(80).collect()
}

fn kind(path: &str) -> Kind {
    let mut parts = path.rsplit('/');
    let (last, folder, above) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let digest = last.len() == 64 && last.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if digest && folder == Some("SHA256") && above == Some("by-hash") {
        Kind::ByHash(last.to_owned())
    } else if path.starts_with("pool/") && last.ends_with(".deb") {
        Kind::Package
    } else {
        Kind::Index
    }
}

/// Of what names in an archive consist.
fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+:=@,".contains(&byte)
}

/// The path with its percent signs resolved; `None` if anything in it could lead elsewhere: empty segments, `.` and `..`, queries,
/// encoded slashes, and whatever occurs in no archive.
fn plain_path(path: &str) -> Option<String> {
    if path.len() > PATH_MAX || !path.starts_with('/') {
        return None;
    }
    let mut decoded = String::with_capacity(path.len());
    let mut bytes = path.bytes();
    while let Some(byte) = bytes.next() {
        let byte = match byte {
            b'/' => {
                decoded.push('/');
                continue;
            }
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
                u8::try_from(digit(bytes.next())? * 16 + digit(bytes.next())?).ok()?
            }
            byte => byte,
        };
        if !plain(byte) {
            return None;
        }
        decoded.push(char::from(byte));
    }
    let sound = decoded[1..].split('/').all(|segment| !matches!(segment, "" | "." | ".."));
    sound.then_some(decoded)
}

/// As apt itself would write it (QuoteString of apt-pkg): `+`, `~` and the like are spelt out, for servers that are not sure of them.
fn encoded(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'+' | b'~' | b':' | b'=' | b'@' | b',' => format!("%{byte:02x}"),
            byte => char::from(byte).to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

    fn sources() -> Vec<Source> {
        vec![Source {
            authority: "archive.example".to_owned(),
            path: "/debian/".to_owned(),
            upstreams: vec!["https://mirror.example/d/".to_owned(), "http://archive.example/debian/".to_owned()],
        }]
    }

    fn get(target: &str) -> Result<Wanted, Refusal> {
        let head = parse(format!("GET {target} HTTP/1.1\r\nHost: archive.example").as_bytes())?;
        decide(&head, &sources())
    }

    #[test]
    fn a_package_is_fetched_from_this_machines_mirror() {
        let wanted = get("http://archive.example/debian/pool/main/g/g%2b%2b/g++_1%3a2~3_amd64.deb").unwrap();
        assert_eq!(
            wanted,
            Wanted {
                name: "archive.example/debian/pool/main/g/g++/g++_1:2~3_amd64.deb".to_owned(),
                kind: Kind::Package,
                urls: vec![
                    "https://mirror.example/d/pool/main/g/g%2b%2b/g%2b%2b_1%3a2%7e3_amd64.deb".to_owned(),
                    "http://archive.example/debian/pool/main/g/g%2b%2b/g%2b%2b_1%3a2%7e3_amd64.deb".to_owned(),
                ],
            }
        );
    }

    #[test]
    fn only_what_cannot_change_is_kept() {
        let kind = |rest: &str| get(&format!("http://ARCHIVE.example:80/debian/{rest}")).unwrap().kind;
        assert_eq!(kind(&format!("dists/x/main/by-hash/SHA256/{HASH}")), Kind::ByHash(HASH.to_owned()));
        assert_eq!(kind(&format!("dists/x/main/by-hash/MD5Sum/{HASH}")), Kind::Index);
        assert_eq!(kind("dists/x/InRelease"), Kind::Index);
        assert_eq!(kind("dists/x/a.deb"), Kind::Index);
        assert_eq!(kind("pool/a.deb"), Kind::Package);
    }

    #[test]
    fn nothing_else_is_passed() {
        let refused = [
            "http://other.example/debian/pool/a.deb",
            "http://archive.example/",
            "http://archive.example",
            "http://archive.example/debian/",
            "http://archive.example/debian/README",
            "http://archive.example/debianx/pool/a.deb",
            "http://archive.example:8080/debian/pool/a.deb",
            "http://user@archive.example/debian/pool/a.deb",
            "http://archive.example@other.example/debian/pool/a.deb",
            "http://127.0.0.1/debian/pool/a.deb",
            "https://archive.example/debian/pool/a.deb",
            "file:///etc/passwd",
            "/debian/pool/a.deb",
            "*",
            "http://archive.example/debian/pool/../../etc/a.deb",
            "http://archive.example/debian/pool/%2e%2e/%2E./a.deb",
            "http://archive.example/debian/pool/./a.deb",
            "http://archive.example/debian/pool//a.deb",
            "http://archive.example//debian/pool/a.deb",
            "http://archive.example/debian/pool/..%2fa.deb",
            "http://archive.example/debian/pool/%252e%252e/a.deb",
            "http://archive.example/debian/pool/a.deb?x=/debian/pool/",
            "http://archive.example/debian/pool/a.deb#x",
            "http://archive.example/debian/pool/a%00.deb",
            "http://archive.example/debian/pool/a%0d%0aX:.deb",
            "http://archive.example/debian/pool/a%.deb",
            "http://archive.example/debian/pool/a\\b.deb",
            "http://archive.example/debian/pool/-o%20Dir::x",
        ];
        for target in refused {
            assert_eq!(get(target).map_err(|refusal| refusal.status), Err(403), "{target}");
        }
        let long = format!("http://archive.example/debian/pool/{}", "a/".repeat(PATH_MAX));
        assert_eq!(get(&long).unwrap_err().status, 403);
    }

    #[test]
    fn other_methods_are_refused_by_name() {
        let refused = |line: &str| decide(&parse(line.as_bytes()).unwrap(), &sources()).unwrap_err();
        let connect = refused("CONNECT archive.example:443 HTTP/1.1");
        assert!(connect.status == 403 && connect.reason.contains("tunnels"), "{connect:?}");
        for method in ["HEAD", "POST", "PUT", "OPTIONS", "get"] {
            let refusal = refused(&format!("{method} http://archive.example/debian/pool/a.deb HTTP/1.1"));
            assert!(refusal.status == 403 && refusal.reason.contains("GET"), "{refusal:?}");
        }
    }

    #[test]
    fn heads_are_read_as_rfc_9112_has_them() {
        let head = parse(b"GET http://a/b HTTP/1.1\r\nCache-Control: max-age=0\r\nConnection: x, Close").unwrap();
        assert!(head.close && head.no_cache);
        assert!(parse(b"GET /b HTTP/1.0").unwrap().close);
        let head = parse(b"GET http://a/b HTTP/1.1\r\nContent-Length: 0\r\nX:").unwrap();
        assert!(!head.close && !head.no_cache);
        let status = |text: &[u8]| parse(text).unwrap_err().status;
        for text in [
            &b""[..],
            b"GET",
            b"GET  http://a/ HTTP/1.1",
            b"GET http://a/b c HTTP/1.1",
            b"G\0T http://a/ HTTP/1.1",
            b"GET http://a/\xff HTTP/1.1",
            "GET http://a/\u{202e} HTTP/1.1".as_bytes(),
            b"GET http://a/ HTTP/1.1\r\nno header",
            b"GET http://a/ HTTP/1.1\r\n folded: x",
            b"GET http://a/ HTTP/1.1\r\nContent-Length: 5",
            b"GET http://a/ HTTP/1.1\r\nTransfer-Encoding: chunked",
            b"GET http://a/ HTTP/1.1\nHost: x",
        ] {
            let status = status(text);
            assert!(matches!(status, 400 | 505), "{}: {status}", String::from_utf8_lossy(text));
        }
        assert_eq!(status(b"GET http://a/ HTTP/2.0"), 505);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..300)) {
            if let Ok(head) = parse(&bytes) {
                let _ = decide(&head, &sources());
            }
        }

        /// Whatever follows the archive's own prefix, what is fetched lies below one of its upstreams, word for word.
        #[test]
        fn no_path_leads_out(rest in "(dists|pool)/[-a-z./%2eEfF?#@:\\\\+~]{0,40}") {
            if let Ok(wanted) = get(&format!("http://archive.example/debian/{rest}")) {
                let escapes = |url: &String| url.contains("/../") || url.ends_with("/..") || url.contains("/./") || url.contains(['?', '#', '\\']);
                assert!(!wanted.urls.iter().any(escapes), "{wanted:?}");
                assert!(wanted.urls[0].starts_with("https://mirror.example/d/"));
            }
        }
    }
}
