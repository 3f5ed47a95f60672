//! Artifacts read as those read them that they are for: a real shell, PyYAML, and systemd's and ifupdown's own rules.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

fn output_of(program: &str, arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
    let mut child = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .ok()?;
    let mut pipe = child.stdin.take().expect("a pipe");
    let input = input.to_owned();
    // Beside the reading of its output: both pipes may be full.
    let writer = std::thread::spawn(move || pipe.write_all(&input));
    let output = child.wait_with_output().expect("it ends");
    let _ = writer.join().expect("it writes");
    output.status.success().then_some(output.stdout)
}

/// Variables of host.conf, as a shell has them that has read it.
pub fn host_conf(text: &str, names: &[&str]) -> Vec<String> {
    let words: String = names.iter().map(|name| format!(" \"${name}\"")).collect();
    let script = format!("set -eu\n{text}\nprintf '%s\\0'{words}\n");
    let output = output_of("sh", &["-s"], script.as_bytes()).expect("sh reads it");
    let text = String::from_utf8(output).expect("UTF-8");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// Each document as PyYAML reads it, which is what cloud-init reads with; `None` where there is no PyYAML.
pub fn python_yaml(documents: &[&[u8]]) -> Option<Vec<Value>> {
    let script = "import sys, json, yaml\nfor text in json.load(sys.stdin): print(json.dumps(yaml.safe_load(text)))";
    if output_of("python3", &["-c", "import yaml"], b"").is_none() {
        let required = std::env::var("MESHIMG_REQUIRE").is_ok_and(|tools| tools.split(',').any(|tool| tool == "python"));
        assert!(
            !required,
            "PyYAML is missing, and MESHIMG_REQUIRE wants it: apt-get install python3-yaml"
        );
        eprintln!("not read by PyYAML: there is none");
        return None;
    }
    let texts: Vec<&str> = documents.iter().map(|bytes| std::str::from_utf8(bytes).expect("UTF-8")).collect();
    let output = output_of("python3", &["-c", script], &serde_json::to_vec(&texts).expect("JSON")).expect("PyYAML reads every document");
    let output = String::from_utf8(output).expect("UTF-8");
    Some(output.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect())
}

/// The words of a unit's setting: quotes and escapes of systemd.syntax(7), specifiers of systemd.unit(5).
fn unit_words(value: &str) -> Vec<String> {
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    let mut signs = value.chars().peekable();
    while let Some(sign) = signs.next() {
        match sign {
            '%' => {
                assert_eq!(signs.next(), Some('%'), "a specifier in {value}");
                word.get_or_insert_default().push('%');
            }
            '\\' => panic!("an escape in {value}"),
            '"' | '\'' if quote == Some(sign) => quote = None,
            '"' | '\'' if quote.is_none() && word.is_none() => {
                quote = Some(sign);
                word = Some(String::new());
            }
            ' ' | '\t' if quote.is_none() => words.extend(word.take()),
            _ => word.get_or_insert_default().push(sign),
        }
    }
    assert_eq!(quote, None, "an open quote in {value}");
    words.extend(word);
    words
}

/// EXCLUDE_INTERFACES of ifupdown's unit, as its script splits it.
pub fn exclude_interfaces(unit: &str) -> Vec<String> {
    let setting = unit
        .lines()
        .find_map(|line| line.strip_prefix("Environment="))
        .expect("Environment=");
    let words = unit_words(setting);
    let [assignment] = &words[..] else { panic!("{words:?}") };
    let list = assignment.strip_prefix("EXCLUDE_INTERFACES=").expect("the variable");
    list.split(' ').map(str::to_owned).collect()
}

/// The interfaces that have a stanza: the second word of each line whose first is `iface` (interfaces(5)).
pub fn interfaces(text: &str) -> Vec<String> {
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let stanzas = text
        .lines()
        .map(words)
        .filter(|words| words.first().is_some_and(|word| word == "iface"));
    stanzas.map(|words| words[1].clone()).collect()
}

#[test]
fn unit_words_are_systemds() {
    assert_eq!(unit_words(r#"A=1 "B=2 3" 'C=%%d'"#), ["A=1", "B=2 3", "C=%d"]);
    assert!(std::panic::catch_unwind(|| unit_words("A=%i")).is_err());
    assert!(std::panic::catch_unwind(|| unit_words("\"A=1")).is_err());
}
