use super::super::unit::parse;
use super::*;

#[test]
fn limits_are_those_of_the_kind_of_service() {
    let limit = |text: &str| {
        start_limit(&Unit {
            name: "a.service".to_owned(),
            settings: parse(text, ""),
            ..Unit::default()
        })
    };
    assert_eq!(limit("[Service]\nExecStart=/x\n").as_deref(), Some("90 s"));
    assert_eq!(limit("[Service]\nType=oneshot\nExecStart=/x\n"), None);
    assert_eq!(limit("[Service]\nType=oneshot\nTimeoutStartSec=5min\n").as_deref(), Some("5min"));
    assert_eq!(limit("[Service]\nExecStart=/x\nTimeoutSec=300\n").as_deref(), Some("300 s"));
    assert_eq!(limit("[Service]\nExecStart=/x\nTimeoutStartSec=infinity\n"), None);
}

#[test]
fn a_socket_comes_before_what_it_starts() {
    let unit = |name: &str, text: &str| Unit {
        name: name.to_owned(),
        settings: parse(text, ""),
        ..Unit::default()
    };
    assert_eq!(triggered(&unit("a.socket", "")).as_deref(), Some("a.service"));
    assert_eq!(
        triggered(&unit("a.timer", "[Timer]\nUnit=b.service\n")).as_deref(),
        Some("b.service")
    );
    assert_eq!(triggered(&unit("a.service", "")), None);
}
