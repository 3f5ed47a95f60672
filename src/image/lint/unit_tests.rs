use super::*;

fn unit(name: &str, text: &str) -> Unit {
    Unit {
        name: name.to_owned(),
        settings: parse(text, "/etc/x"),
        ..Unit::default()
    }
}

#[test]
fn lines_go_on_after_a_backslash_and_comments() {
    let unit = unit(
        "a.service",
        "# one\n[Unit]\nAfter=b.service \\\n; between\n  c.service\nnonsense\n[Service]\nExecStart=/bin/x \\\n -a\n[Unit]\nAfter=\nAfter=d.service\n",
    );
    let after: Vec<String> = unit.names("After").into_iter().map(|(name, _)| name).collect();
    assert_eq!(after, ["b.service", "c.service", "d.service"]);
    assert_eq!(unit.last("Service", "ExecStart"), Some("/bin/x   -a"));
    assert_eq!(unit.last("Service", "After"), None);
}

#[test]
fn an_empty_value_resets_commands() {
    let unit = unit(
        "a.service",
        "[Service]\nExecStart=/bin/x\nExecStart=\nExecStart=/bin/y\nExecStart=/bin/z\n",
    );
    let values: Vec<&str> = unit
        .all("Service", "ExecStart")
        .into_iter()
        .map(|setting| setting.value.as_str())
        .collect();
    assert_eq!(values, ["/bin/y", "/bin/z"]);
}

#[test]
fn instances_fill_in_their_names() {
    let unit = unit(
        "ifup@eth0.service",
        "[Unit]\nAfter=sys-subsystem-net-devices-%i.device %p.target %n 5%%\n",
    );
    let after: Vec<String> = unit.names("After").into_iter().map(|(name, _)| name).collect();
    assert_eq!(
        after,
        ["sys-subsystem-net-devices-eth0.device", "ifup.target", "ifup@eth0.service", "5%"]
    );
    assert_eq!(template("ifup@eth0.service").as_deref(), Some("ifup@.service"));
    assert_eq!((template("ifup@.service"), template("ssh.service")), (None, None));
}
