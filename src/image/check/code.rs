//! The stable codes of what is found in images. A code never changes its meaning; scripts may rely on it.

use std::fmt;

use serde::{Serialize, Serializer};

use super::finding::Severity;

macro_rules! codes {
    ($($name:ident = $severity:ident $text:literal $meaning:literal,)*) => {
        /// What was found, for a program; serialised as its text, `area::problem`.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Code { $(#[doc = $meaning] $name,)* }

        impl Code {
            /// Every code there is.
            pub const ALL: &'static [Code] = &[$(Code::$name,)*];

            /// The text, `area::problem`.
            pub fn as_str(self) -> &'static str {
                match self { $(Code::$name => $text,)* }
            }

            /// How bad it is, unless the one who asked says that it does not matter.
            pub fn severity(self) -> Severity {
                match self { $(Code::$name => Severity::$severity,)* }
            }

            /// When it is found: a line of the reference in docs/images.md.
            pub fn meaning(self) -> &'static str {
                match self { $(Code::$name => $meaning,)* }
            }
        }
    };
}

codes! {
    Empty = Error "image::empty" "The file has no bytes.",
    Damaged = Error "image::damaged" "The image, its decompressed bytes or its root file system cannot be read to the end.",
    Encrypted = Error "image::encrypted" "The image, or its root partition, is encrypted.",
    OtherFiles = Error "image::other-files" "The image takes bytes from other files: a backing file, a data file or extents.",
    Compression = Error "image::compression" "Compressed, and not by gzip.",
    Format = Warning "image::format" "A format that Digital Ocean does not import.",
    TooLarge = Error "image::too-large" "The disk is as large as the size limit, or larger.",
    NoTable = Error "partitions::no-table" "No partition table: a file of another kind, or a file system without one.",
    PartitionOutside = Error "partitions::outside" "A partition ends beyond the disk: the file was cut off.",
    RootNotLast = Warning "partitions::root-not-last" "A partition lies behind the root partition, which then cannot grow.",
    Misaligned = Warning "partitions::misaligned" "A partition does not begin on a multiple of 1 MiB.",
    NoRoot = Error "partitions::no-root" "No partition has a Linux system.",
    RootFilesystem = Error "partitions::root-file-system" "The root file system is not ext4, which is all that Digital Ocean takes and this check reads.",
    NoBootCode = Error "bios::no-boot-code" "Sector 0 has no boot loader.",
    NoBiosPartition = Error "bios::no-partition" "GPT without a BIOS boot partition, where GRUB has its core.",
    BiosPartitionEmpty = Error "bios::partition-empty" "There is nothing in the BIOS boot partition.",
    NoEsp = Error "uefi::no-esp" "No EFI system partition.",
    EspUnreadable = Error "uefi::esp-unreadable" "The EFI system partition has no FAT file system that can be read.",
    NoUefiLoader = Error "uefi::no-loader" "The EFI system partition has no EFI/BOOT/BOOTX64.EFI, the one file that firmware without settings looks for.",
    NoKernel = Error "kernel::none" "No kernel in /boot.",
    NoKernelModules = Error "kernel::no-modules" "A kernel without its folder in /lib/modules.",
    MissingModule = Error "kernel::missing-module" "A kernel without a module that the mesh needs: openvswitch, gre, vport-gre, vxlan, vport-vxlan, geneve, vport-geneve.",
    NoRootDriver = Error "kernel::no-root-driver" "No initrd, and the drivers of ext4 or of every common disk are not built in.",
    NoBootConfiguration = Warning "kernel::no-configuration" "No boot loader's configuration with a kernel's command line was found.",
    NoSerialConsole = Warning "kernel::no-serial-console" "The kernel's command line has no serial console (console=ttyS0).",
    NoVgaConsole = Warning "kernel::no-vga-console" "The kernel's command line has consoles, but not the screen (console=tty0).",
    NoCloudInit = Error "cloud-init::none" "cloud-init is not installed.",
    CloudInitDisabled = Error "cloud-init::disabled" "cloud-init is installed, and is not run at boot.",
    DatasourcesUnset = Warning "cloud-init::datasources-unset" "No datasource_list: which datasources are tried is left to a guess.",
    DatasourceMissing = Error "cloud-init::datasource-missing" "The datasource_list lacks ConfigDrive or NoCloud.",
    DatasourceOrder = Error "cloud-init::datasource-order" "None is not the last in the datasource_list, or DigitalOcean comes before ConfigDrive.",
    NoGrowpart = Warning "cloud-init::no-growpart" "growpart is missing: the root partition keeps its size on a larger disk.",
    CloudInitState = Error "cloud-init::state" "What cloud-init keeps of an earlier boot: it takes this one for a later one.",
    NoRenderer = Error "network::no-renderer" "Nothing that brings the network up is enabled.",
    Renderers = Warning "network::renderers" "More than one program brings NICs up at boot.",
    IdleWait = Warning "network::idle-wait" "A unit waits at boot for a program that brings no NIC up.",
    NetplanBesideIfupdown = Warning "network::netplan-beside-ifupdown" "netplan and ifupdown are installed both: cloud-init writes for one of them alone.",
    NoSshd = Error "ssh::none" "sshd is not installed.",
    SshdDisabled = Error "ssh::disabled" "sshd is installed, and not enabled.",
    HostKeys = Error "ssh::host-keys" "ssh host keys: all machines from this image would have the same.",
    AuthorizedKeys = Error "ssh::authorized-keys" "An authorized_keys file: whoever has the key gets into all machines from this image.",
    MachineId = Error "identity::machine-id" "/etc/machine-id is set, or missing: machines would share it, or have a new one at every boot.",
    DbusMachineId = Error "identity::dbus-machine-id" "/var/lib/dbus/machine-id is a file of its own, not a link to /etc/machine-id.",
    RandomSeed = Error "identity::random-seed" "A random seed: all machines would begin with the same.",
    OpenVSwitchDatabase = Error "identity::open-vswitch-database" "An Open vSwitch database: all machines would have its identifier, bridges and MAC addresses.",
    Passwords = Error "access::password" "A user with a password.",
    EmptyPassword = Error "access::empty-password" "A user who needs no password.",
    ShellHistory = Warning "leftovers::shell-history" "A shell's history.",
    AptLists = Warning "leftovers::apt-lists" "Package lists of apt, out of date when the image is used, and most of 100 MB.",
    Deadlock = Error "boot-order::deadlock" "A service that waits for a unit which waits for the service.",
    LatentDeadlock = Warning "boot-order::latent-deadlock" "The same, once /etc/network/interfaces has a stanza that a hook is for.",
    Cycle = Warning "boot-order::cycle" "Units that wait for each other: systemd starts one of them too early, or not at all.",
    NoBootTarget = Error "boot-order::no-target" "systemd has no default.target, or nothing is to be started with it.",
    NoLogin = Error "boot::no-login" "No login prompt came on the serial console in time.",
}

impl fmt::Display for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
