//! The files of a small system in which `meshimg image check` finds nothing. Unit tests and tests of whole images make it worse from here.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Path and text; a text that begins with `-> ` is a link. What begins with `#!` is executable.
pub type Files = BTreeMap<String, String>;

/// The files.
pub fn sound() -> Files {
    let units = "usr/lib/systemd/system";
    let modules = "usr/lib/modules/6.1-amd64";
    let needed = [
        "net/openvswitch/openvswitch",
        "net/openvswitch/vport-gre",
        "net/openvswitch/vport-vxlan",
        "net/openvswitch/vport-geneve",
        "net/ipv4/gre",
        "drivers/net/vxlan/vxlan",
    ];
    let mut files: Files = BTreeMap::new();
    let mut add = |path: &str, text: &str| {
        files.insert(path.to_owned(), text.to_owned());
    };
    add("lib", "-> usr/lib");
    add(
        "usr/lib/os-release",
        "NAME=\"Debian GNU/Linux\"\nPRETTY_NAME=\"Debian GNU/Linux 13 (trixie)\"\n",
    );
    add("etc/os-release", "-> ../usr/lib/os-release");
    add("boot/vmlinuz-6.1-amd64", "kernel");
    add("boot/initrd.img-6.1-amd64", "initrd");
    add(
        "boot/grub/grub.cfg",
        "menuentry 'Debian' {\n\tlinux\t/boot/vmlinuz-6.1-amd64 root=UUID=1 ro console=tty0 console=ttyS0,115200\n}\n",
    );
    for module in needed {
        add(&format!("{modules}/kernel/{module}.ko.xz"), "module");
    }
    let dep: Vec<String> = needed
        .iter()
        .map(|module| format!("kernel/{module}.ko.xz: kernel/lib/libcrc32c.ko.xz\n"))
        .collect();
    add(&format!("{modules}/modules.dep"), &dep.concat());
    add(
        &format!("{modules}/modules.builtin"),
        "kernel/fs/ext4/ext4.ko\nkernel/drivers/net/geneve.ko\n",
    );
    add(&format!("{units}/default.target"), "-> multi-user.target");
    add(
        &format!("{units}/multi-user.target"),
        "[Unit]\nRequires=basic.target\nAfter=basic.target\n",
    );
    add(
        &format!("{units}/basic.target"),
        "[Unit]\nRequires=sysinit.target\nAfter=sysinit.target\n",
    );
    add(&format!("{units}/sysinit.target"), "[Unit]\nDescription=System Initialization\n");
    add(&format!("{units}/cloud-init.target"), "[Unit]\nDescription=Cloud-init target\n");
    for service in [
        "ssh",
        "networking",
        "cloud-init-network",
        "systemd-networkd",
        "systemd-networkd-wait-online",
    ] {
        add(
            &format!("{units}/{service}.service"),
            "[Unit]\nDefaultDependencies=no\n[Service]\nType=oneshot\nExecStart=/bin/true\n",
        );
    }
    for service in ["ssh", "networking"] {
        let link = format!("-> /{units}/{service}.service");
        add(&format!("etc/systemd/system/multi-user.target.wants/{service}.service"), &link);
    }
    let link = format!("-> /{units}/cloud-init-network.service");
    add("etc/systemd/system/cloud-init.target.wants/cloud-init-network.service", &link);
    add("usr/lib/systemd/system-generators/cloud-init-generator", "#!/bin/sh\n");
    add("usr/bin/cloud-init", "#!/usr/bin/python3\n");
    add("usr/bin/growpart", "#!/bin/sh\n");
    add("usr/sbin/sshd", "program");
    add("usr/sbin/ifup", "program");
    add("etc/cloud/cloud.cfg", "datasource_list: [ NoCloud, None ]\nusers:\n  - default\n");
    add(
        "etc/cloud/cloud.cfg.d/90_datasources.cfg",
        "datasource_list: [NoCloud, ConfigDrive, DigitalOcean, None]\n",
    );
    add("etc/machine-id", "uninitialized\n");
    add("var/lib/dbus/machine-id", "-> /etc/machine-id");
    add(
        "etc/passwd",
        "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1::/:/usr/sbin/nologin\nann:x:1000:1000::/home/ann:/bin/bash\n",
    );
    add(
        "etc/shadow",
        "root:*:20000:0:99999:7:::\ndaemon:*:20000::::::\nann:!$y$j9T$abc:20000::::::\n",
    );
    add("etc/ssh/sshd_config", "UsePAM yes\n");
    add("etc/network/interfaces", "auto lo\niface lo inet loopback\n");
    add("root/.bashrc", "alias l=ls\n");
    add("home/ann/.profile", "\n");
    add("var/lib/apt/lists/lock", "");
    files
}

/// Writes the files into a folder.
pub fn write(files: &Files, folder: &Path) {
    for (path, text) in files {
        let path = folder.join(path);
        std::fs::create_dir_all(path.parent().expect("a parent")).expect("a folder");
        match text.strip_prefix("-> ") {
            Some(target) => std::os::unix::fs::symlink(target, path).expect("a link"),
            None => {
                std::fs::write(&path, text).expect("a file");
                let mode = if text.starts_with("#!") { 0o755 } else { 0o644 };
                std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).expect("a mode");
            }
        }
    }
}
