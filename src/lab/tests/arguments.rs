use std::path::Path;

use super::{kernel, lab};
use crate::image::{BaseImage, Boot};
use crate::lab::file::Accelerator;
use crate::lab::{SshTarget, qemu};

#[test]
fn arguments_of_a_guest() {
    let lab = lab("192.0.2.1", "192.0.2.2");
    insta::assert_snapshot!(qemu::arguments(&lab, &lab.guests[1], 1).join("\n"), @r#"
    -name
    guest=meshimg:demo:host2
    -nodefaults
    -no-user-config
    -display
    none
    -machine
    q35,sata=off,smbus=off,i8042=off
    -accel
    tcg,thread=multi,tb-size=768
    -cpu
    Nehalem
    -smp
    2
    -m
    1024M
    -kernel
    /images/vmlinuz
    -append
    root=/dev/nvme0n1 rw console=ttyS0 mitigations=off init_on_alloc=0 hardened_usercopy=off randomize_kstack_offset=off psi=0 lsm=apparmor 8250.nr_uarts=1
    -chardev
    file,id=serial,append=on,path=host2.serial.log
    -serial
    chardev:serial
    -qmp
    unix:host2.qmp.sock,server=on,wait=off
    -blockdev
    driver=qcow2,node-name=disk,discard=unmap,file.driver=file,file.filename=host2.qcow2,file.cache.no-flush=on
    -blockdev
    driver=raw,node-name=seed,read-only=on,file.driver=file,file.read-only=on,file.filename=host2.seed.img
    -device
    nvme,serial=meshimg
    -device
    nvme-ns,drive=disk,nsid=1,write-cache=off
    -device
    nvme-ns,drive=seed,nsid=2
    -object
    rng-random,id=random,filename=/dev/urandom
    -device
    virtio-rng-pci,rng=random
    -netdev
    user,id=management,restrict=on,ipv6=off,net=10.0.2.0/24,hostfwd=tcp:127.0.0.1:40002-10.0.2.15:22
    -device
    virtio-net-pci,netdev=management,romfile=,mac=96:84:c1:0c:4f:e9
    -netdev
    stream,id=underlay,server=off,addr.type=unix,addr.path=switch-1.sock
    -device
    virtio-net-pci,netdev=underlay,romfile=,mac=22:ab:fd:59:3d:91
    "#);
}

#[test]
fn kvm_and_a_large_mtu() {
    let mut lab = lab("192.0.2.1", "192.0.2.2");
    lab.accelerator = Accelerator::Kvm;
    lab.underlay_mtu = 9000;
    lab.management = "192.168.0.0/24".parse().unwrap();
    let arguments = qemu::arguments(&lab, &lab.guests[0], 0);
    let different: Vec<&String> = arguments
        .iter()
        .filter(|word| ["kvm", "host", "mtu", "192.168"].iter().any(|part| word.contains(part)))
        .collect();
    insta::assert_debug_snapshot!(different, @r#"
    [
        "guest=meshimg:demo:host1",
        "kvm",
        "host",
        "file,id=serial,append=on,path=host1.serial.log",
        "unix:host1.qmp.sock,server=on,wait=off",
        "driver=qcow2,node-name=disk,discard=unmap,file.driver=file,file.filename=host1.qcow2,file.cache.no-flush=on",
        "driver=raw,node-name=seed,read-only=on,file.driver=file,file.read-only=on,file.filename=host1.seed.img",
        "user,id=management,restrict=on,ipv6=off,net=192.168.0.0/24,hostfwd=tcp:127.0.0.1:40001-192.168.0.15:22",
        "virtio-net-pci,netdev=underlay,romfile=,mac=fa:40:0b:be:a5:2d,host_mtu=9000",
    ]
    "#);
}

/// QEMU takes two commas for one, and splits the command as a shell would.
#[test]
fn a_way_to_the_archive_is_one_address_and_port() {
    let mut lab = lab("192.0.2.1", "192.0.2.2");
    lab.archive = Some(super::archive());
    let arguments = qemu::arguments(&lab, &lab.guests[1], 1);
    let management = arguments.iter().find(|word| word.starts_with("user,")).unwrap();
    insta::assert_snapshot!(management, @r"user,id=management,restrict=on,ipv6=off,net=10.0.2.0/24,hostfwd=tcp:127.0.0.1:40002-10.0.2.15:22,guestfwd=tcp:10.0.2.100:3142-cmd:'/home/o'\''neil/a,, b/meshimg' lab-archive archive-1.sock");
    assert_eq!(
        arguments.len(),
        qemu::arguments(&super::lab("192.0.2.1", "192.0.2.2"), &lab.guests[1], 1).len()
    );
}

#[test]
fn arguments_of_the_trial_and_of_qemu_img() {
    let base = |boot| BaseImage {
        disk: "/images/base,1.raw".into(),
        format: "raw".to_owned(),
        boot,
    };
    let kernel = base(kernel());
    let trial = qemu::trial_arguments(Accelerator::Kvm, &kernel, Path::new("/tmp/a,b"));
    insta::assert_snapshot!(trial.join("\n"), @r#"
    -name
    guest=meshimg:trial
    -nodefaults
    -no-user-config
    -display
    none
    -machine
    q35,sata=off,smbus=off,i8042=off
    -accel
    kvm
    -cpu
    host
    -m
    256M
    -no-reboot
    -kernel
    /images/vmlinuz
    -append
    console=ttyS0 earlyprintk=serial panic=-1
    -serial
    file:/tmp/a,,b
    "#);
    insta::assert_snapshot!(qemu::overlay_arguments(&kernel.disk, "raw", qemu::disk_size(&kernel.boot), "host1.qcow2").join(" "), @"create -q -f qcow2 -F raw -b /images/base,1.raw host1.qcow2");
    let disk = base(Boot::Bios);
    insta::assert_snapshot!(qemu::trial_arguments(Accelerator::Kvm, &disk, Path::new("/tmp/a")).join(" "), @"-name guest=meshimg:trial -nodefaults -no-user-config -display none -machine q35,sata=off,smbus=off,i8042=off -accel kvm -cpu host -m 1024M -no-reboot -drive if=none,id=disk,snapshot=on,format=raw,file=/images/base,,1.raw -device virtio-blk-pci,drive=disk,bootindex=0 -serial file:/tmp/a");
    insta::assert_snapshot!(qemu::overlay_arguments(&disk.disk, "qcow2", qemu::disk_size(&disk.boot), "host1.qcow2").join(" "), @"create -q -f qcow2 -F qcow2 -b /images/base,1.raw host1.qcow2 4G");
}

#[test]
fn arguments_of_a_guest_that_boots_from_its_disk() {
    let mut lab = lab("192.0.2.1", "192.0.2.2");
    lab.guests[0].boot = Boot::Bios;
    lab.guests[1].boot = Boot::Uefi {
        code: "/ovmf/code,1.fd".into(),
        variables: "/ovmf/variables.fd".into(),
    };
    for (name, port) in [("bios", 0), ("uefi", 1)] {
        insta::assert_snapshot!(name, qemu::arguments(&lab, &lab.guests[port], port).join("\n"));
    }
}

#[test]
fn arguments_of_ssh() {
    let target = SshTarget {
        host: "host1".into(),
        address: std::net::Ipv4Addr::LOCALHOST,
        port: 40001,
        user: "root",
        key: "/state/my lab/id_ed25519".into(),
        known_hosts: "/state/my lab/known_hosts".into(),
    };
    let words: Vec<String> = target.arguments().iter().map(|word| word.to_string_lossy().into_owned()).collect();
    insta::assert_snapshot!(words.join("\n"), @r#"
    -F
    /dev/null
    -o
    IdentityFile="/state/my lab/id_ed25519"
    -o
    UserKnownHostsFile="/state/my lab/known_hosts"
    -o
    IdentitiesOnly=yes
    -o
    BatchMode=yes
    -o
    StrictHostKeyChecking=yes
    -o
    GlobalKnownHostsFile=/dev/null
    -o
    LogLevel=ERROR
    -p
    40001
    root@127.0.0.1
    "#);
}

#[test]
fn configuration_of_ssh() {
    let target = SshTarget {
        host: "host1".into(),
        address: std::net::Ipv4Addr::LOCALHOST,
        port: 40001,
        user: "root",
        key: "/state/my lab/100%/id_ed25519".into(),
        known_hosts: "/state/my lab/100%/known_hosts".into(),
    };
    insta::assert_snapshot!(target.config("host1 192.0.2.1"), @r#"
    Host host1 192.0.2.1
      HostName 127.0.0.1
      Port 40001
      User root
      IdentityFile "/state/my lab/100%%/id_ed25519"
      IdentitiesOnly yes
      IdentityAgent none
      UserKnownHostsFile "/state/my lab/100%%/known_hosts"
      GlobalKnownHostsFile none
      StrictHostKeyChecking yes
    "#);
}

#[test]
fn no_two_nics_share_an_address() {
    let mut seen = std::collections::BTreeSet::new();
    for cluster in ["demo", "demo2"] {
        for host in ["host1", "host2"] {
            for nic in [crate::lab::file::Nic::Management, crate::lab::file::Nic::Underlay] {
                assert!(seen.insert(crate::lab::file::mac(cluster, host, nic)));
            }
        }
    }
}
