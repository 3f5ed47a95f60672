//! Kernels, their modules, what they are started with.

use std::collections::BTreeSet;

use super::finding::{Code, Finding};
use crate::image::tree::{Root, file_name};

/// Modules that Open vSwitch loads for the tunnels of a mesh, with `_` for `-` as the kernel has it.
const NEEDED: [&str; 7] = ["openvswitch", "gre", "vport_gre", "vxlan", "vport_vxlan", "geneve", "vport_geneve"];

/// Without an initrd a kernel mounts its root with what is built in: the file system, and the disk of QEMU and Digital Ocean.
const BUILT_IN: [&str; 3] = ["ext4", "virtio_blk", "virtio_pci"];

/// Where boot loaders keep a kernel's command line, and the word before it in a line.
const CONFIGURATIONS: [(&str, &str); 3] = [
    ("/boot/grub/grub.cfg", "linux"),
    ("/boot/extlinux/extlinux.conf", "append"),
    ("/boot/syslinux/syslinux.cfg", "append"),
];

/// What is wrong with the kernels of `root`.
pub fn check(root: Root<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let names = root.names("/boot");
    let versions: Vec<&str> = names.iter().filter_map(|name| name.strip_prefix("vmlinuz-")).collect();
    if versions.is_empty() {
        findings.push(Finding::new(
            Code::NoKernel,
            "/boot has no kernel (vmlinuz-VERSION)",
            "install one in the image: apt-get install linux-image-amd64",
        ));
    }
    for version in versions {
        findings.extend(of_version(root, version));
    }
    findings.extend(consoles(root));
    findings
}

fn of_version(root: Root<'_>, version: &str) -> Vec<Finding> {
    let folder = format!("/lib/modules/{version}");
    if root.names(&folder).is_empty() {
        return vec![Finding::new(
            Code::NoKernelModules,
            format!("kernel {version} has no modules in {folder}"),
            "install the kernel's package whole, or take the kernel away",
        )];
    }
    let mut findings = Vec::new();
    let built_in = modules(&root.text_or_empty(&format!("{folder}/modules.builtin")));
    let files = files(root, &folder);
    let missing: Vec<&str> = NEEDED
        .into_iter()
        .filter(|name| !built_in.contains(*name) && !files.contains(*name))
        .collect();
    if !missing.is_empty() {
        findings.push(Finding::new(
            Code::MissingModule,
            format!("kernel {version} lacks {}", missing.join(", ")),
            "take a kernel of the distribution that has them: apt-get install linux-image-cloud-amd64",
        ));
    }
    let initrds = [format!("initrd.img-{version}"), format!("initramfs-{version}.img")];
    let has_initrd = initrds
        .iter()
        .any(|name| root.entry(&format!("/boot/{name}")).is_some_and(|entry| entry.size > 0));
    let lacking: Vec<&str> = BUILT_IN.into_iter().filter(|name| !built_in.contains(*name)).collect();
    if !has_initrd && !lacking.is_empty() {
        findings.push(Finding::new(
            Code::NoRootDriver,
            format!("kernel {version} has no initrd, and {} not built in", lacking.join(", ")),
            format!("make one in the image: update-initramfs -c -k {version}"),
        ));
    }
    findings
}

/// The modules in modules.dep or modules.builtin (depmod(8)): a path in each line, up to a colon.
fn modules(list: &str) -> BTreeSet<String> {
    list.lines()
        .map(|line| name_of(line.split(':').next().unwrap_or_default()))
        .collect()
}

/// `vport_gre` of `kernel/net/openvswitch/vport-gre.ko.xz`.
fn name_of(path: &str) -> String {
    let name = file_name(path);
    name.split_once(".ko").map_or(name, |(name, _)| name).replace('-', "_")
}

/// Modules that modules.dep lists and that are there.
fn files(root: Root<'_>, folder: &str) -> BTreeSet<String> {
    let list = root.text_or_empty(&format!("{folder}/modules.dep"));
    let paths = list.lines().filter_map(|line| line.split(':').next());
    let needed = paths.filter(|path| NEEDED.contains(&name_of(path).as_str()));
    needed
        .filter(|path| root.is_file(&format!("{folder}/{path}")))
        .map(name_of)
        .collect()
}

/// The command line with which the first entry of the boot loader starts the kernel.
pub fn command_line(root: Root<'_>) -> Option<String> {
    let entries = root
        .names("/boot/loader/entries")
        .into_iter()
        .map(|name| format!("/boot/loader/entries/{name}"));
    let entries: Vec<(String, &str)> = entries.map(|path| (path, "options")).collect();
    let configurations = CONFIGURATIONS.iter().map(|(path, word)| ((*path).to_owned(), *word));
    for (path, word) in configurations.chain(entries) {
        let text = root.text_or_empty(&path);
        let lines = text.lines().filter_map(|line| line.trim_start().split_once(char::is_whitespace));
        // GRUB's older scripts have linux16 and linuxefi.
        let mut lines = lines.filter(|(key, _)| key.to_ascii_lowercase() == word || (word == "linux" && key.starts_with("linux")));
        if let Some((_, line)) = lines.next() {
            return Some(line.trim().to_owned());
        }
    }
    root.text("/etc/kernel/cmdline").map(|text| text.trim().to_owned())
}

fn consoles(root: Root<'_>) -> Vec<Finding> {
    let Some(line) = command_line(root) else {
        return vec![Finding::new(
            Code::NoBootConfiguration,
            "no boot loader's configuration was found (/boot/grub/grub.cfg, /boot/loader/entries)",
            "install a boot loader in the image: apt-get install grub-pc; update-grub",
        )];
    };
    let consoles: Vec<&str> = line.split_whitespace().filter_map(|word| word.strip_prefix("console=")).collect();
    let grub = "in /etc/default/grub, then update-grub";
    let mut findings = Vec::new();
    if !consoles
        .iter()
        .any(|console| console.starts_with("ttyS0") || console.starts_with("hvc0"))
    {
        findings.push(Finding::new(
            Code::NoSerialConsole,
            "the kernel has no serial console: a server that does not come up says nothing",
            format!("add console=ttyS0 to GRUB_CMDLINE_LINUX {grub}"),
        ));
    }
    // Without any console= the screen is one (kernel-parameters, console=).
    if !consoles.is_empty()
        && !consoles
            .iter()
            .any(|console| console.starts_with("tty") && !console.starts_with("ttyS"))
    {
        findings.push(Finding::new(
            Code::NoVgaConsole,
            "the kernel has consoles, but not the screen: a provider's web console stays dark",
            format!("add console=tty0 before console=ttyS0 to GRUB_CMDLINE_LINUX {grub}"),
        ));
    }
    findings
}
