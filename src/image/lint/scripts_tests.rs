use super::*;

#[test]
fn command_lines_of_units_are_split_as_systemd_does() {
    assert_eq!(
        exec_words("-@/bin/sh -c 'a \"b\"' c\\ d \"e f\""),
        ["/bin/sh", "-c", "a \"b\"", "c d", "e f"]
    );
    assert_eq!(exec_words(""), Vec::<String>::new());
    assert_eq!(exec_words("+!/x ''"), ["/x", ""]);
}

#[test]
fn what_only_runs_a_command_is_looked_through() {
    let words = |line: &str| line.split(' ').map(str::to_owned).collect::<Vec<_>>();
    for line in [
        "exec systemctl start x",
        "env A=b timeout --foreground 30 systemctl start x",
        "sudo nohup systemctl start x",
    ] {
        let words = words(line);
        let (program, arguments) = bare(&words).unwrap();
        assert_eq!((program, arguments.join(" ").as_str()), ("systemctl", "start x"), "{line}");
    }
    assert_eq!(bare(&words("exec")), None);
}
