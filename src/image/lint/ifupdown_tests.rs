use super::*;
use crate::image::tree::Folder;

fn read_text(text: &str) -> Interfaces {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("etc/network/interfaces.d")).unwrap();
    std::fs::write(folder.path().join("etc/network/interfaces"), text).unwrap();
    std::fs::write(
        folder.path().join("etc/network/interfaces.d/one"),
        "auto br0\niface br0 inet manual\n ovs-type OVSBridge\n",
    )
    .unwrap();
    read(Root(&Folder(folder.path().to_owned())))
}

const TEXT: &str = "# none\nauto lo eth0\niface lo inet loopback\nallow-hotplug eth1\niface eth0 inet dhcp\n  up a \\\n  b\nauto v=log\niface log inet static\n\
                    iface eth1 inet dhcp\nsource interfaces.d/*\nsource /etc/network/interfaces\n";

fn names(arguments: &[&str], excluded: &[&str]) -> Vec<String> {
    let interfaces = read_text(TEXT.strip_suffix("source /etc/network/interfaces\n").unwrap());
    let arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
    let excluded: Vec<String> = excluded.iter().map(|word| (*word).to_owned()).collect();
    let stanzas = brought_up(&interfaces, &arguments, &excluded);
    stanzas.into_iter().map(|stanza| stanza.name.clone()).collect()
}

#[test]
fn ifup_takes_what_its_arguments_say() {
    assert_eq!(names(&["-a"], &["eth*"]), ["lo", "eth0", "log", "br0"]);
    assert_eq!(names(&["-a", "--read-environment"], &["eth*", "br0"]), ["lo", "log"]);
    assert_eq!(names(&["-a", "--exclude=lo", "-X", "v"], &[]), ["eth0", "br0"]);
    assert_eq!(names(&["-a", "--allow=hotplug"], &[]), ["eth1"]);
    assert_eq!(names(&["--allow", "hotplug", "eth1"], &[]), ["eth1"]);
    assert_eq!(names(&["br0"], &[]), ["br0"]);
    assert_eq!(names(&["$BRIDGE"], &[]).len(), 5);
}

#[test]
fn options_have_their_lines_and_hooks_their_variables() {
    let interfaces = read_text(TEXT.strip_suffix("source /etc/network/interfaces\n").unwrap());
    let option = &interfaces.stanzas[1].options[0];
    assert_eq!((option.key.as_str(), option.value.as_str(), option.line), ("up", "a    b", 7));
    let bridge = interfaces.stanzas.last().unwrap();
    assert!(bridge.sets("IF_OVS_TYPE") && !bridge.sets("IF_OVS_PORTS"));
    assert_eq!((bridge.file.as_str(), bridge.line), ("/etc/network/interfaces.d/one", 2));
}

#[test]
fn a_file_that_includes_itself_has_an_end() {
    assert!(!read_text(TEXT).stanzas.is_empty());
}
