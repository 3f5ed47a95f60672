//! Signature Version 4 in the query of a URL, computed after its description alone
//! (<https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-query-string-auth.html>): what checks the client's has no line in common with it.

use sha2::{Digest, Sha256};

/// Whose requests are let in.
pub struct Account {
    pub id: &'static str,
    pub secret: &'static str,
    pub region: &'static str,
}

/// Why a request is not let in, in S3's words. `query`: as it came, encoded; `acl`: the header x-amz-acl, which is signed where it is sent.
pub fn check(account: &Account, method: &str, path: &str, query: &str, host: &str, acl: Option<&str>) -> Result<(), &'static str> {
    let (names, encoded) = match acl {
        Some(_) => ("host;x-amz-acl", "host%3Bx-amz-acl"),
        None => ("host", "host"),
    };
    let acl = acl.map(|acl| format!("x-amz-acl:{acl}\n")).unwrap_or_default();
    let mut pairs: Vec<(&str, &str)> = query.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, ""))).collect();
    let of = |name: &str| {
        pairs
            .iter()
            .find(|(key, _)| *key == name)
            .map(|(_, value)| *value)
            .unwrap_or_default()
    };
    let (date, signature) = (of("X-Amz-Date").to_owned(), of("X-Amz-Signature").to_owned());
    if signature.is_empty() {
        return Err("AccessDenied");
    }
    let day = date.get(..8).unwrap_or_default();
    let scope = format!("{day}/{}/s3/aws4_request", account.region);
    if of("X-Amz-Credential") != format!("{}/{scope}", account.id).replace('/', "%2F") {
        return Err("InvalidAccessKeyId");
    }
    if of("X-Amz-Algorithm") != "AWS4-HMAC-SHA256" || of("X-Amz-SignedHeaders") != encoded {
        return Err("AuthorizationQueryParametersError");
    }
    let expires: i64 = of("X-Amz-Expires").parse().map_err(|_| "AuthorizationQueryParametersError")?;
    if !(1..=604_800).contains(&expires) {
        return Err("AuthorizationQueryParametersError");
    }
    let signed = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", &date).and_then(|time| time.to_zoned(jiff::tz::TimeZone::UTC));
    let signed = signed.map_err(|_| "AuthorizationQueryParametersError")?.timestamp().as_second();
    let now = jiff::Timestamp::now().as_second();
    if signed > now + 900 || signed + expires < now {
        return Err("AccessDenied");
    }
    pairs.retain(|(key, _)| *key != "X-Amz-Signature");
    pairs.sort_unstable();
    let canonical: Vec<String> = pairs.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let request = format!(
        "{method}\n{path}\n{}\nhost:{host}\n{acl}\n{names}\nUNSIGNED-PAYLOAD",
        canonical.join("&")
    );
    let text = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(request)));
    let mut key = hmac(format!("AWS4{}", account.secret).as_bytes(), day.as_bytes());
    for step in [account.region, "s3", "aws4_request"] {
        key = hmac(&key, step.as_bytes());
    }
    match hex(&hmac(&key, text.as_bytes())) == signature {
        true => Ok(()),
        false => Err("SignatureDoesNotMatch"),
    }
}

/// RFC 2104, with SHA-256.
fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut block = [0_u8; 64];
    match key.len() {
        0..=64 => block[..key.len()].copy_from_slice(key),
        _ => block[..32].copy_from_slice(&Sha256::digest(key)),
    }
    let with = |pad: u8| block.map(|byte| byte ^ pad);
    let inner = Sha256::new().chain_update(with(0x36)).chain_update(text).finalize();
    Sha256::new().chain_update(with(0x5c)).chain_update(inner).finalize().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// RFC 4231, test cases 2 and 6, and a request that was altered.
#[test]
fn the_check_is_right_and_can_fail() {
    let sum = hex(&hmac(b"Jefe", b"what do ya want for nothing?"));
    assert_eq!(sum, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    let sum = hex(&hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First"));
    assert_eq!(sum, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    let fake = super::spaces::FakeSpaces::start();
    let url = fake
        .client(super::timing(), super::spaces::limits())
        .url_to_read("a", std::time::Duration::from_secs(60));
    let status = |url: &str| super::images::get(url).0;
    assert_eq!(status(&url), 404, "it is let in, and there is no such object");
    for (from, to) in [("/a?", "/b?"), ("Expires=60", "Expires=61"), ("aws4_request", "aws4_requesd")] {
        assert!(url.contains(from), "{url}");
        assert_eq!(status(&url.replace(from, to)), 403, "{to}");
    }
    assert_eq!(status(url.split('?').next().expect("an address")), 403, "nothing is public");
}
