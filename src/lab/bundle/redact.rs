//! Logs without the private keys that somebody may have printed into them.

/// In place of a key.
const LEFT_OUT: &[u8] = b"[a private key was here, and was left out]";

/// `text` without PEM blocks of private keys (RFC 7468; OpenSSH's are alike), whatever stands before each of their lines. One whose end is
/// missing takes all that follows with it.
pub fn redact(text: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(text.len());
    let mut inside = false;
    for line in text.split_inclusive(|byte| *byte == b'\n') {
        let begins = !inside && is_mark(line, b"-----BEGIN ");
        let ends = is_mark(line, b"-----END ");
        if begins {
            kept.extend_from_slice(LEFT_OUT);
            kept.push(b'\n');
        } else if !inside {
            kept.extend_from_slice(line);
        }
        inside = (inside || begins) && !ends;
    }
    kept
}

/// Whether the line has `mark` and, behind it, what kind of key it is about.
fn is_mark(line: &[u8], mark: &[u8]) -> bool {
    let find = |text: &[u8], wanted: &[u8]| text.windows(wanted.len()).position(|window| window == wanted);
    find(line, mark).is_some_and(|start| find(&line[start..], b"PRIVATE KEY-----").is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn private_keys_are_left_out_and_all_else_stays() {
        for kind in ["OPENSSH PRIVATE KEY", "RSA PRIVATE KEY", "PRIVATE KEY", "ENCRYPTED PRIVATE KEY"] {
            let text =
                format!("before\nNov 24 x[1]: -----BEGIN {kind}-----\nNov 24 x[1]: c2VjcmV0\nNov 24 x[1]: -----END {kind}-----\nafter");
            let wanted = "before\n[a private key was here, and was left out]\nafter";
            assert_eq!(String::from_utf8(redact(text.as_bytes())).unwrap(), wanted);
        }
        // In one line, as JSON has it; without an end; and public ones.
        let line = b"{\"key\": \"-----BEGIN PRIVATE KEY-----\\nc2VjcmV0\\n-----END PRIVATE KEY-----\"}\nafter\n";
        assert_eq!(redact(line), [LEFT_OUT, b"\nafter\n"].concat());
        assert_eq!(redact(b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0"), [LEFT_OUT, b"\n"].concat());
        let public = b"-----BEGIN SSH HOST KEY KEYS-----\nssh-ed25519 AAAA\n-----END SSH HOST KEY KEYS-----\n";
        assert_eq!(redact(public), public);
    }

    proptest! {
        #[test]
        fn what_has_no_key_stays_as_it_is(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            prop_assert_eq!(redact(&bytes), bytes);
        }
    }
}
