//! Argument lists of qemu-system-x86_64 and qemu-img (qemu(1), qemu-img(1)). Pure. They hold for QEMU 7.2 to 10.
//!
//! QEMU runs in the lab's folder, so that socket names stay short (a socket's path has at most 108 bytes, unix(7)).

use std::path::Path;

use super::archive::{ArchiveFile, CARRY_VERB, PORT};
use super::file::{Accelerator, GuestFile, LabFile, Nic};
use super::state::names;
use crate::image::{BaseImage, Boot};

/// The program.
pub const QEMU: &str = "qemu-system-x86_64";

/// The largest MTU a NIC has unless told otherwise, bytes.
const ETHERNET_MTU: u16 = 1500;

/// The label by which everything of a guest is found again.
pub fn label(cluster: &str, host: &str) -> String {
    format!("guest=meshimg:{cluster}:{host}")
}

/// The arguments that set how instructions run. Translated code may take 768 MiB: a host's first boot and a round of probes make 540 MiB of
/// it. When the buffer is full QEMU throws all of it away, and the host all but stands still while it is made anew; three hosts that do the
/// same come to that at the same time, and BFD takes links for dead that are well. A processor without AVX is the faster one to emulate:
/// programs that find wide registers use them, and a Debian 13 host took 42 s to the end of its boot with Nehalem, 50 s with max.
pub fn accelerator(accelerator: Accelerator) -> [&'static str; 4] {
    match accelerator {
        Accelerator::Kvm => ["-accel", "kvm", "-cpu", "host"],
        Accelerator::Tcg => ["-accel", "tcg,thread=multi,tb-size=768", "-cpu", "Nehalem"],
    }
}

/// Without the controllers that no guest of ours has a device at: each would load drivers for them.
const MACHINE: &str = "q35,sata=off,smbus=off,i8042=off";

/// Settings of the kernel that cost an emulated processor time and give a guest of ours nothing: it is alone on its machine, and nobody attacks
/// it from inside. With them a boot takes 57 s of processor time instead of 61. AppArmor stays, which Docker uses.
const KERNEL_SETTINGS: &str = "mitigations=off init_on_alloc=0 hardened_usercopy=off randomize_kstack_offset=off psi=0 lsm=apparmor \
                               8250.nr_uarts=1";

/// A value inside an option list, where a comma is written twice.
fn value(text: &str) -> String {
    text.replace(',', ",,")
}

/// A rule of user networking that leads one address and port to a program, started for each connection. QEMU splits the command line
/// as a shell would (g_shell_parse_argv).
fn guest_forward(archive: &ArchiveFile, port: usize) -> String {
    let program = archive.program.to_string_lossy().replace('\'', r"'\''");
    let command = format!("'{program}' {CARRY_VERB} {}", names::archive_socket(port));
    format!(",guestfwd=tcp:{}:{PORT}-cmd:{}", archive.address, value(&command))
}

/// The arguments that lead to a kernel; `settings` are added to its command line where QEMU gives it one.
fn boot(boot: &Boot, settings: &str) -> Vec<String> {
    let flash = |file: &Path, options: &str| format!("if=pflash,format=raw,{options}=on,file={}", value(&file.to_string_lossy()));
    match boot {
        Boot::Kernel { kernel, command_line } => {
            let words = [command_line, settings].map(str::to_owned);
            vec![
                "-kernel".into(),
                kernel.to_string_lossy().into_owned(),
                "-append".into(),
                words.join(" ").trim_start().to_owned(),
            ]
        }
        Boot::Bios => Vec::new(),
        Boot::Uefi { code, variables } => vec![
            "-drive".into(),
            flash(code, "readonly"),
            "-drive".into(),
            flash(variables, "snapshot"),
        ],
    }
}

/// All arguments for `guest`, whose port of the switch is `port`.
pub fn arguments(lab: &LabFile, guest: &GuestFile, port: usize) -> Vec<String> {
    let host = &guest.name;
    let mut arguments: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(|word| (*word).to_owned()));
    add(&[
        "-name",
        &label(&lab.cluster, host),
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
    ]);
    add(&["-machine", MACHINE]);
    add(&accelerator(lab.accelerator));
    add(&["-smp", &lab.processors.to_string(), "-m", &format!("{}M", lab.memory_mib)]);
    add(&boot(&guest.boot, &format!("console=ttyS0 {KERNEL_SETTINGS}"))
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>());
    add(&[
        "-chardev",
        &format!("file,id=serial,append=on,path={}", names::serial_log(host)),
        "-serial",
        "chardev:serial",
    ]);
    add(&["-qmp", &format!("unix:{},server=on,wait=off", names::qmp_socket(host))]);
    // The overlay keeps its order of writes when QEMU is killed, because a flush of the guest still reaches the file; only the
    // wait for the platter is left out, which no death of a process needs.
    let disk = format!(
        "driver=qcow2,node-name=disk,discard=unmap,file.driver=file,file.filename={},file.cache.no-flush=on",
        names::disk(host)
    );
    let seed = format!(
        "driver=raw,node-name=seed,read-only=on,file.driver=file,file.read-only=on,file.filename={}",
        names::seed(host)
    );
    add(&["-blockdev", &disk, "-blockdev", &seed]);
    match guest.boot {
        // Debian's kernel for clouds has the driver of NVMe built in, and that of virtio as a module: an initrd, made for nothing but to load it,
        // would take an emulated host six seconds.
        Boot::Kernel { .. } => {
            add(&["-device", "nvme,serial=meshimg"]);
            // QEMU's NVMe does not heed Force Unit Access (NVM Command Set, Write), with which ext4 writes the end of a transaction: where that
            // block was the first of a cluster, a kill lost what had been flushed. Without a write cache each write is on record at once.
            add(&["-device", "nvme-ns,drive=disk,nsid=1,write-cache=off"]);
            add(&["-device", "nvme-ns,drive=seed,nsid=2"]);
        }
        // What clouds have.
        Boot::Bios | Boot::Uefi { .. } => {
            add(&["-device", "virtio-blk-pci,drive=disk,bootindex=0"]);
            add(&["-device", "virtio-blk-pci,drive=seed"]);
        }
    }
    add(&[
        "-object",
        "rng-random,id=random,filename=/dev/urandom",
        "-device",
        "virtio-rng-pci,rng=random",
    ]);
    let archive = lab
        .archive
        .as_ref()
        .map_or_else(String::new, |archive| guest_forward(archive, port));
    let management = format!(
        "user,id=management,restrict=on,ipv6=off,net={},hostfwd=tcp:127.0.0.1:{}-{}:22{archive}",
        lab.management,
        guest.ssh_port,
        lab.management_address()
    );
    add(&["-netdev", &management]);
    // No boot from the network, so no ROM: it costs time and a package of its own.
    add(&[
        "-device",
        &format!("virtio-net-pci,netdev=management,romfile=,mac={}", lab.mac(host, Nic::Management)),
    ]);
    add(&[
        "-netdev",
        &format!(
            "stream,id=underlay,server=off,addr.type=unix,addr.path={}",
            names::switch_socket(port)
        ),
    ]);
    let mtu = if lab.underlay_mtu > ETHERNET_MTU {
        format!(",host_mtu={}", lab.underlay_mtu)
    } else {
        String::new()
    };
    add(&[
        "-device",
        &format!("virtio-net-pci,netdev=underlay,romfile=,mac={}{mtu}", lab.mac(host, Nic::Underlay)),
    ]);
    arguments
}

/// Arguments of the trial boot that shows whether an accelerator works: the first line of a kernel is enough, so it has no disk where QEMU
/// itself loads it.
pub fn trial_arguments(accelerator_kind: Accelerator, image: &BaseImage, serial: &Path) -> Vec<String> {
    let mut arguments: Vec<String> = Vec::new();
    let mut add = |words: &[&str]| arguments.extend(words.iter().map(|word| (*word).to_owned()));
    add(&[
        "-name",
        "guest=meshimg:trial",
        "-nodefaults",
        "-no-user-config",
        "-display",
        "none",
        "-machine",
        MACHINE,
    ]);
    add(&accelerator(accelerator_kind));
    let memory = match &image.boot {
        Boot::Kernel { .. } => "256M",
        // GRUB loads an initrd with the drivers of all machines.
        Boot::Bios | Boot::Uefi { .. } => "1024M",
    };
    add(&["-m", memory, "-no-reboot"]);
    let trial = match &image.boot {
        Boot::Kernel { kernel, .. } => &Boot::Kernel {
            kernel: kernel.clone(),
            command_line: String::new(),
        },
        other => {
            let disk = value(&image.disk.to_string_lossy());
            let drive = format!("if=none,id=disk,snapshot=on,format={},file={disk}", image.format);
            add(&["-drive", &drive, "-device", "virtio-blk-pci,drive=disk,bootindex=0"]);
            other
        }
    };
    add(&boot(trial, "console=ttyS0 earlyprintk=serial panic=-1")
        .iter()
        .map(String::as_str)
        .collect::<Vec<_>>());
    add(&["-serial", &format!("file:{}", value(&serial.to_string_lossy()))]);
    arguments
}

/// The disk of a host that boots as real ones do: larger than the image, whose root file system grows at the first boot.
const GROWN_DISK: &str = "4G";

/// The size of a host's disk, where it is not that of the image.
pub fn disk_size(boot: &Boot) -> Option<&'static str> {
    match boot {
        Boot::Kernel { .. } => None,
        Boot::Bios | Boot::Uefi { .. } => Some(GROWN_DISK),
    }
}

/// Arguments of qemu-img that make a disk of `size` on top of a shared one, which has `format`.
pub fn overlay_arguments(base: &Path, format: &str, size: Option<&str>, overlay: &str) -> Vec<String> {
    let base = base.to_string_lossy();
    let arguments = ["create", "-q", "-f", "qcow2", "-F", format, "-b", &base, overlay];
    arguments.into_iter().chain(size).map(str::to_owned).collect()
}
