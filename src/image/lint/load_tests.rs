use super::*;
use crate::image::tree::tests::tree;

#[test]
fn etc_has_the_last_word_and_templates_stand_for_their_instances() {
    let (_folder, tree) = tree(&[
        ("usr/lib/systemd/system/a.service", "[Unit]\nAfter=lib\n"),
        ("etc/systemd/system/a.service", "[Unit]\nAfter=etc\n"),
        ("usr/lib/systemd/system/t@.service", "[Unit]\nAfter=%i\n"),
        (
            "etc/systemd/system/x.target.wants/t@one.service",
            "-> /usr/lib/systemd/system/t@.service",
        ),
        ("usr/lib/systemd/system/x.target", "[Unit]\n"),
        ("usr/lib/systemd/system/masked.service", "[Unit]\n"),
        ("etc/systemd/system/masked.service", "-> /dev/null"),
        ("usr/lib/systemd/system/empty.service", ""),
        ("etc/systemd/system/other.service", "-> ../../../usr/lib/systemd/system/a.service"),
    ]);
    let units = Units::new(Root(&tree));
    assert_eq!(units.get("a.service").unwrap().names("After")[0].0, "etc");
    assert_eq!(units.get("t@one.service").unwrap().names("After")[0].0, "one");
    assert_eq!(units.get("x.target").unwrap().wanted.iter().collect::<Vec<_>>(), ["t@one.service"]);
    assert_eq!(units.get("other.service").unwrap().name, "a.service");
    for name in ["masked.service", "empty.service", "none.service", "x.device", "x"] {
        assert_eq!(units.get(name), None, "{name}");
    }
}

#[test]
fn drop_ins_apply_in_the_order_of_their_names() {
    let (_folder, tree) = tree(&[
        ("usr/lib/systemd/system/a-b@.service", "[Service]\nType=simple\n"),
        ("etc/systemd/system/a-b@1.service.d/30.conf", "[Service]\nExecStart=30\n"),
        ("etc/systemd/system/service.d/20.conf", "[Service]\nExecStart=20\n"),
        ("usr/lib/systemd/system/a-.service.d/10.conf", "[Service]\nExecStart=10\n"),
        ("run/systemd/system/a-b@.service.d/40.conf", "[Service]\nExecStart=40\n"),
        // The same name, in a folder that comes before.
        ("etc/systemd/system/a-b@.service.d/40.conf", "[Service]\nExecStart=41\n"),
        ("etc/systemd/system/a-b@.service.d/readme", "[Service]\nExecStart=no\n"),
    ]);
    let unit = Units::new(Root(&tree)).get("a-b@1.service").unwrap();
    let values: Vec<&str> = unit
        .all("Service", "ExecStart")
        .into_iter()
        .map(|setting| setting.value.as_str())
        .collect();
    assert_eq!(values, ["10", "20", "30", "41"]);
}
