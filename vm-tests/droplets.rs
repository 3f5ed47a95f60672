//! A Digital Ocean on this machine, that of the provider tests, with a QEMU guest behind each droplet: what `meshimg up` finds at the real one, as far
//! as it can be had without buying it.
//!
//! A guest is made when its droplet is asked for, and reads its user-data from a config drive (the volume `config-2`), as a droplet does. Its second NIC is
//! in the VPC, a switch of the lab in this process. On a port of 127.0.0.1 there is its ssh: a ssh_config(5) leads from the public address there.

#[allow(dead_code)]
#[path = "../tests/provider/fake.rs"]
mod fake;
#[allow(dead_code)]
#[path = "../tests/provider/http.rs"]
mod http;
#[allow(dead_code)]
#[path = "../tests/provider/images.rs"]
mod images;
#[allow(dead_code)]
#[path = "../tests/provider/objects.rs"]
mod objects;
#[allow(dead_code)]
#[path = "../tests/provider/specification.rs"]
mod specification;

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::time::Duration;

use libtest_mimic::Failed;
use meshimg::exec::{ExecError, Running, Tool};
use meshimg::image::{BaseImage, BaseRequest, Cache, Flavor, base};
use meshimg::lab::accel::{self, Wish};
use meshimg::lab::file::{GuestFile, LabFile, Nic};
use meshimg::lab::qemu;
use meshimg::lab::state::{names, state_folder};
use meshimg::lab::switch::Switch;
use meshimg::spec::Os;
use meshimg::ui::{Ui, Verbosity};
use serde_json::{Value, json};

pub use fake::Fake;

/// What the API is asked with.
pub const TOKEN: &str = "dop_v1_5ec7e7";

/// The number of the fake's first droplet, and how many may be made in all.
const FIRST: u64 = 101;
const DROPLETS_MAX: usize = 8;

/// As in the lab for more than three hosts, MiB.
const MEMORY_MIB: u32 = 768;

/// qemu-img and ssh-keygen take some milliseconds.
const TOOL_DEADLINE: Duration = Duration::from_secs(60);

/// The fake, its guests, and the folder of a user with a cluster.yaml, a key and a configuration for ssh.
pub struct Account {
    pub fake: Fake,
    folder: tempfile::TempDir,
    /// The line of the user's public key.
    pub public_key: String,
}

impl Account {
    pub fn new() -> Result<Self, Failed> {
        let folder = tempfile::tempdir()?;
        let arguments = ["-q", "-t", "ed25519", "-N", "", "-C", "operator@example", "-f", "id"];
        Tool::new("ssh-keygen", TOOL_DEADLINE)
            .arguments(arguments)
            .folder(folder.path())
            .run()?;
        let public_key = std::fs::read_to_string(folder.path().join("id.pub"))?.trim().to_owned();
        let ports = free_ports()?;
        std::fs::write(folder.path().join("ssh.conf"), ssh_config(folder.path(), &ports))?;
        let fake = Fake::start();
        fake.state().power = Some(Box::new(Guests::new(folder.path(), ports)?));
        Ok(Self { fake, folder, public_key })
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &str) -> Result<(), Failed> {
        Ok(std::fs::write(self.path(name), text)?)
    }

    /// A call of meshimg in the folder, for the fake.
    pub fn meshimg(&self, arguments: &[&str], deadline: Duration) -> Tool {
        Tool::new(env!("CARGO_BIN_EXE_meshimg"), deadline)
            .arguments(arguments.iter().copied())
            .folder(self.folder.path())
            .environment("DIGITALOCEAN_TOKEN", TOKEN)
            .environment("DIGITALOCEAN_API_URL", self.fake.address())
    }

    /// The ends of the guests' serial logs: what there is to see when a guest does not come up.
    pub fn consoles(&self) -> String {
        let mut text = String::new();
        for id in (FIRST..).take(DROPLETS_MAX) {
            let log = std::fs::read(self.path(&names::serial_log(&guest_name(id)))).unwrap_or_default();
            let log = String::from_utf8_lossy(&log);
            let lines: Vec<&str> = log.lines().collect();
            if !lines.is_empty() {
                let last = &lines[lines.len().saturating_sub(30)..];
                text += &format!("--- console of droplet {id}\n{}\n", last.join("\n"));
            }
        }
        text
    }
}

impl Drop for Account {
    fn drop(&mut self) {
        // The server goes on until the process ends, and what it has of guests with it.
        self.fake.state().power = None;
    }
}

/// Ports that nobody listens on, one for each droplet that may come to be.
fn free_ports() -> std::io::Result<Vec<u16>> {
    let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
    let listeners: Vec<TcpListener> = (0..DROPLETS_MAX).map(bind).collect::<Result<_, _>>()?;
    listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
}

/// From public addresses to guests. It says nothing of host keys: those are meshimg's matter.
fn ssh_config(folder: &Path, ports: &[u16]) -> String {
    let host = |(id, port): (u64, &u16)| format!("Host {}\n  HostName 127.0.0.1\n  Port {port}\n", public(id));
    let key = folder.join("id");
    let hosts: String = (FIRST..).zip(ports).map(host).collect();
    format!(
        "{hosts}Host *\n  IdentityFile {}\n  IdentitiesOnly yes\n  IdentityAgent none\n",
        key.display()
    )
}

fn guest_name(id: u64) -> String {
    format!("droplet-{id}")
}

/// Addresses as [`objects::networks`] has them.
fn public(id: u64) -> Ipv4Addr {
    Ipv4Addr::new(203, 0, 113, (id % 250) as u8)
}

fn private(id: u64) -> Ipv4Addr {
    Ipv4Addr::new(10, 110, 0, (id % 250) as u8)
}

/// Machines of droplets.
struct Guests {
    folder: PathBuf,
    lab: LabFile,
    image: BaseImage,
    switch: Switch,
    ports: Vec<u16>,
    running: BTreeMap<u64, Running>,
    starter: Sender<(Tool, Sender<Result<Running, ExecError>>)>,
}

/// A thread that starts programs and lives as long as anybody can ask it: one that is to end with its parent ends with the thread that has started it
/// (prctl(2), PR_SET_PDEATHSIG), and those of the fake live for a request.
fn starter() -> Sender<(Tool, Sender<Result<Running, ExecError>>)> {
    let (sender, receiver) = channel::<(Tool, Sender<Result<Running, ExecError>>)>();
    std::thread::spawn(move || {
        for (tool, answer) in receiver {
            let _ = answer.send(tool.spawn());
        }
    });
    sender
}

impl Guests {
    fn new(folder: &Path, ports: Vec<u16>) -> Result<Self, Failed> {
        let ui = Ui::new(Verbosity::Normal, false);
        let request = BaseRequest {
            os: Os::Debian13,
            archive: None,
            // A stock one would need the lab's way to the package archive; what a droplet installs is there already, then.
            flavor: Flavor::Full,
            open_vswitch: None,
        };
        let image = base(&request, &Cache::from_environment()?, &ui)?;
        let lab = LabFile {
            cluster: "droplets".to_owned(),
            accelerator: accel::choose(Wish::from_environment()?, &image, &state_folder()?, &ui)?,
            underlay_mtu: 1500,
            management: "198.51.100.0/24".parse()?,
            memory_mib: MEMORY_MIB,
            processors: 1,
            local_seed: false,
            stranger: None,
            archive: None,
            guests: Vec::new(),
        };
        Ok(Self {
            folder: folder.to_owned(),
            lab,
            image,
            switch: Switch::new(DROPLETS_MAX),
            ports,
            running: BTreeMap::new(),
            starter: starter(),
        })
    }

    fn start(&self, id: u64, wanted: &Value) -> Result<Running, Box<dyn std::error::Error>> {
        let port = usize::try_from(id - FIRST)?;
        let guest = GuestFile {
            name: guest_name(id),
            address: private(id).into(),
            ssh_port: *self.ports.get(port).ok_or("too many droplets for this test")?,
            boot: self.image.boot.clone(),
            management_interface: "eth0".to_owned(),
            underlay_interface: "eth1".to_owned(),
        };
        let drive = config_drive(&self.lab, &guest, id, wanted)?;
        std::fs::write(self.folder.join(names::seed(&guest.name)), drive)?;
        let overlay = qemu::overlay_arguments(
            &self.image.disk,
            &self.image.format,
            qemu::disk_size(&self.image.boot),
            &names::disk(&guest.name),
        );
        Tool::new("qemu-img", TOOL_DEADLINE).arguments(overlay).folder(&self.folder).run()?;
        let listener = UnixListener::bind(self.folder.join(names::switch_socket(port)))?;
        self.switch.serve(port, listener);
        let tool = Tool::new("setpriv", Duration::MAX)
            .arguments(["--pdeathsig", "KILL", "--", qemu::QEMU])
            .arguments(qemu::arguments(&self.lab, &guest, port))
            .folder(&self.folder)
            .log(self.folder.join(names::qemu_log(&guest.name)));
        let (sender, receiver) = channel();
        self.starter.send((tool, sender))?;
        Ok(receiver.recv()??)
    }
}

impl fake::Power for Guests {
    fn on(&mut self, id: u64, wanted: &Value) {
        match self.start(id, wanted) {
            Ok(running) => _ = self.running.insert(id, running),
            // Then nobody answers there, and the test says so.
            Err(error) => eprintln!("no guest for droplet {id}: {error}"),
        }
    }

    fn off(&mut self, id: u64) {
        if let Some(mut running) = self.running.remove(&id) {
            running.kill();
        }
    }
}

/// The volume that cloud-init's ConfigDrive reads
/// (<https://docs.cloud-init.io/en/latest/reference/datasources/configdrive.html>): user-data as it was asked for, and the droplet's networks.
fn config_drive(lab: &LabFile, guest: &GuestFile, id: u64, wanted: &Value) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let name = wanted["name"].as_str().unwrap_or_default();
    let link =
        |id: &str, nic| json!({ "id": id, "type": "phy", "ethernet_mac_address": lab.mac(&guest.name, nic).to_string(), "mtu": 1500 });
    let network = |id: &str, link: &str, address: Ipv4Addr, netmask: &str| json!({ "id": id, "link": link, "type": "ipv4", "ip_address": address, "netmask": netmask });
    let networks = json!({
        "links": [link("eth0", Nic::Management), link("eth1", Nic::Underlay)],
        "networks": [
            network("public", "eth0", lab.management_address(), "255.255.255.0"),
            network("private", "eth1", private(id), "255.255.240.0"),
        ],
        "services": [],
    });
    let meta_data = json!({ "uuid": format!("4d455348-0000-4000-8000-{id:012}"), "hostname": name, "name": name });
    // One kind of key is enough for an emulated processor, and the disk has its size.
    let settings = json!({ "ssh_genkeytypes": ["ed25519"], "growpart": { "mode": "off" }, "resize_rootfs": false });
    let vendor_data = json!({ "cloud-init": format!("#cloud-config\n{settings}\n") });
    let files = [
        ("meta_data.json", meta_data.to_string()),
        ("network_data.json", networks.to_string()),
        ("user_data", wanted["user_data"].as_str().unwrap_or_default().to_owned()),
        ("vendor_data.json", vendor_data.to_string()),
    ];
    let mut volume = Cursor::new(vec![0_u8; 1 << 20]);
    let options = fatfs::FormatVolumeOptions::new().volume_label(*b"config-2   ");
    fatfs::format_volume(&mut volume, options)?;
    {
        let file_system = fatfs::FileSystem::new(&mut volume, fatfs::FsOptions::new())?;
        let latest = file_system.root_dir().create_dir("openstack")?.create_dir("latest")?;
        for (name, content) in &files {
            latest.create_file(name)?.write_all(content.as_bytes())?;
        }
    }
    Ok(volume.into_inner())
}
