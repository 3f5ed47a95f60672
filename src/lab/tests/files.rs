use super::lab;
use crate::lab::seed::{Keys, files};

const USER_DATA: &[u8] = b"#cloud-config\n# left as it is: \xc3\xa9\nwrite_files: []\n";

fn text(first: &str, second: &str, name: &str) -> String {
    let lab = lab(first, second);
    let keys = Keys {
        host_private: "-----BEGIN-----\nprivate\n-----END-----\n".into(),
        host_public: "ssh-ed25519 AAAAhost host1\n".into(),
        login_public: "ssh-ed25519 AAAAlogin meshimg lab demo\n".into(),
    };
    let files = files(&lab, &lab.guests[0], &keys, USER_DATA);
    assert_eq!(
        files.keys().copied().collect::<Vec<_>>(),
        ["meta-data", "network-config", "user-data", "vendor-data"]
    );
    assert_eq!(files["user-data"], USER_DATA);
    String::from_utf8(files[name].clone()).unwrap()
}

/// The parts of the vendor-data, as cloud-init sees them.
fn vendor_part(first: &str, second: &str, kind: &str) -> String {
    let vendor_data = text(first, second, "vendor-data");
    let archive = vendor_data.strip_prefix("#cloud-config-archive\n").unwrap();
    let parts: Vec<serde_json::Value> = serde_json::from_str(archive).unwrap();
    let part = parts.iter().find(|part| part["type"] == kind).unwrap();
    part["content"].as_str().unwrap().to_owned()
}

#[test]
fn meta_data_changes_with_the_content() {
    insta::assert_snapshot!(text("192.0.2.1", "192.0.2.2", "meta-data"), @r#"{"instance-id":"meshimg-lab-demo-host1-3467643d8e373a38","local-hostname":"host1"}"#);
    assert_ne!(
        text("192.0.2.1", "192.0.2.2", "meta-data"),
        text("192.0.2.1", "192.0.2.3", "meta-data")
    );
}

#[test]
fn a_local_seed_says_so() {
    let mut lab = lab("192.0.2.1", "192.0.2.2");
    let keys = Keys {
        host_private: String::new(),
        host_public: String::new(),
        login_public: String::new(),
    };
    let says = |lab: &crate::lab::file::LabFile| {
        let files = files(lab, &lab.guests[0], &keys, USER_DATA);
        String::from_utf8(files["meta-data"].clone())
            .unwrap()
            .contains(r#""dsmode":"local""#)
    };
    assert!(!says(&lab));
    lab.local_seed = true;
    assert!(says(&lab));
}

#[test]
fn a_stock_guest_knows_the_way_to_its_packages_from_vendor_data_alone() {
    let mut lab = lab("192.0.2.1", "192.0.2.2");
    lab.archive = Some(super::archive());
    let keys = Keys {
        host_private: String::new(),
        host_public: String::new(),
        login_public: String::new(),
    };
    let files = files(&lab, &lab.guests[0], &keys, USER_DATA);
    assert_eq!(files["user-data"], USER_DATA);
    let vendor_data = String::from_utf8(files["vendor-data"].clone()).unwrap();
    let parts: Vec<serde_json::Value> = serde_json::from_str(vendor_data.strip_prefix("#cloud-config-archive\n").unwrap()).unwrap();
    let boothook = parts[1]["content"].as_str().unwrap();
    let lines: Vec<&str> = boothook.lines().skip_while(|line| !line.contains("apt.conf.d")).take(6).collect();
    insta::assert_snapshot!(lines.join("\n"), @r#"
    cat > /etc/apt/apt.conf.d/90meshimg-lab <<'END'
    // The lab passes requests for packages, and nothing else.
    Acquire::http::Proxy "http://10.0.2.100:3142";
    Acquire::http::Timeout "900";
    Acquire::Check-Date "false";
    END
    "#);
    // And lab.json holds all of it.
    let json = serde_json::to_string(&lab).unwrap();
    assert_eq!(serde_json::from_str::<crate::lab::file::LabFile>(&json).unwrap(), lab);
}

#[test]
fn network_config_has_no_gateway_anywhere() {
    insta::assert_snapshot!(text("192.0.2.1", "192.0.2.2", "network-config"), @r#"{"config":[{"mac_address":"c2:e7:80:43:a5:a7","name":"eth0","subnets":[{"address":"10.0.2.15/24","type":"static"}],"type":"physical"},{"mac_address":"fa:40:0b:be:a5:2d","mtu":1500,"name":"eth1","subnets":[{"address":"192.0.2.1/32","type":"static"}],"type":"physical"}],"version":1}"#);
    let six = text("2001:db8::1", "2001:db8::2", "network-config");
    assert!(six.contains(r#"{"address":"2001:db8::1/128","type":"static6"}"#), "{six}");
    assert!(!six.contains("gateway"));
}

#[test]
fn vendor_data_sets_keys_routes_and_the_login() {
    insta::assert_snapshot!(vendor_part("192.0.2.1", "203.0.113.2", "text/cloud-config"), @r#"
    #cloud-config
    {"cloud_config_modules":["apt-configure","runcmd"],"cloud_final_modules":["write-files-deferred","scripts-user","final-message"],"disable_root":false,"growpart":{"mode":"off"},"resize_rootfs":false,"ssh_deletekeys":true,"ssh_genkeytypes":["ed25519"],"ssh_keys":{"ed25519_private":"-----BEGIN-----\nprivate\n-----END-----\n","ed25519_public":"ssh-ed25519 AAAAhost host1\n"}}
    "#);
    insta::assert_snapshot!(vendor_part("192.0.2.1", "203.0.113.2", "text/cloud-boothook"), @"
    #cloud-boothook
    #!/bin/sh
    # Made by meshimg for a guest of its lab; real hosts have none of this.
    set -eu
    if test -d /etc/network/interfaces.d; then
    cat > /etc/network/interfaces.d/60-meshimg-lab <<'END'
    # The other hosts are on the same wire, whatever their addresses look like.
    iface eth1 inet manual
        up ip -4 route replace 203.0.113.2/32 dev eth1
        up ip -4 route replace 203.0.113.254/32 dev eth1
    END
    fi
    # With a seed that is read after the network came up, for this one boot; before it, there is no link yet.
    ip -4 route replace 203.0.113.2/32 dev eth1 2>/dev/null || true
    ip -4 route replace 203.0.113.254/32 dev eth1 2>/dev/null || true
    mkdir -p /etc/ssh/sshd_config.d
    cat > /etc/ssh/meshimg-lab-login.pub <<'END'
    ssh-ed25519 AAAAlogin meshimg lab demo
    END
    cat > /etc/ssh/sshd_config.d/00-meshimg-lab.conf <<'END'
    Match User root
        AuthorizedKeysFile /etc/ssh/meshimg-lab-login.pub .ssh/authorized_keys
        PermitRootLogin prohibit-password
    END
    ");
    let six = vendor_part("2001:db8::1", "2001:db8:1::2", "text/cloud-boothook");
    assert!(
        six.contains("iface eth1 inet6 manual\n    up ip -6 route replace 2001:db8:1::2/128 dev eth1\n"),
        "{six}"
    );
}
