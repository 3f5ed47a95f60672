use super::*;

fn words(script: &str) -> Vec<String> {
    calls(script)
        .into_iter()
        .map(|call| format!("{}: {}", call.line, call.words.join(" ")))
        .collect()
}

#[test]
fn commands_are_told_apart() {
    let script =
        "#!/bin/sh\n# a comment\nif test -d /x; then\n  a 'b c' \"d $e\" >/dev/null 2>&1 &&\n    f \\\n    g\nfi\nh=1 i | j; k `l`\n";
    assert_eq!(
        words(script),
        ["3: test -d /x", "4: a b c d $e", "5: f g", "7: fi", "8: i", "8: j", "8: k", "8: l"]
    );
}

#[test]
fn documents_and_quotes_are_no_commands() {
    assert_eq!(
        words("cat <<-'EOF' >x\n\ta; b\n\tEOF\nc 'd\ne'\nf\n"),
        ["1: cat", "4: c d\ne", "6: f"]
    );
    assert_eq!(words("echo \"a; b # c\" # d\n"), ["1: echo a; b # c"]);
    assert_eq!(words("a <<<x\nb"), ["1: a", "2: b"]);
}

#[test]
fn the_background_is_told_from_a_list() {
    let background: Vec<bool> = calls("a & b && c\n(d; e) & f\n{ g & }\nh >x 2>&1 &\n")
        .iter()
        .map(|call| call.in_background)
        .collect();
    assert_eq!(background, [true, false, false, true, true, false, true, false, true]);
}

#[test]
fn a_script_that_ends_early_needs_a_variable() {
    let needs = |script: &str| calls(script).last().unwrap().needs.clone();
    assert_eq!(needs("if [ -z \"${IF_OVS_TYPE}\" ]; then\n exit 0\nfi\na"), ["IF_OVS_TYPE"]);
    assert_eq!(needs("[ -n \"$IF_X\" ] || exit 0\na"), ["IF_X"]);
    assert_eq!(needs("test -z ${IF_X:-} && exit\na"), ["IF_X"]);
    assert_eq!(needs("[ -z \"$IFACE\" ] && exit\na"), Vec::<String>::new());
    assert_eq!(needs("[ -z \"$IF_X\" ] && echo\nexit 0\na"), Vec::<String>::new());
}

#[test]
fn variables_with_one_plain_value_are_filled_in() {
    assert_eq!(words("u=x.service\ns $u ${u} $v"), ["2: s x.service x.service $v"]);
    assert_eq!(words("u=x\nu=y\ns $u"), ["3: s $u"]);
    assert_eq!(words("u=$1\ns $u"), ["2: s $u"]);
}

#[test]
fn no_text_makes_it_fail() {
    for script in [
        "", "'", "\"", "$(", ")", "${", "<<", "<<EOF", "\\", "`", "a <<E\n", ")) & ((", "&", "x=$(",
    ] {
        calls(script);
    }
}
