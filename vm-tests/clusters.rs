//! The labs that the tests share.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use libtest_mimic::Failed;
use meshimg::exec::interrupt;
use meshimg::image::{BaseRequest, Cache, Flavor, base, of_file};
use meshimg::lab::LabRequest;
use meshimg::lab::archive::{Mode, Upstream};
use meshimg::lab::session::{Session, Size, request};
use meshimg::machine::probe::Verdict;
use meshimg::plan::{Plan, plan};
use meshimg::render::{self, Artifacts};
use meshimg::spec;
use meshimg::ui::{Ui, Verbosity};

use crate::built;

/// A running lab, or why there is none.
type Slot = Mutex<Option<Result<Session<'static>, String>>>;

/// What hosts boot from.
pub enum Images {
    /// Base images, with these packages.
    Base(Flavor),
    /// The image of [`built`].
    Built,
}

impl Images {
    /// Whether Open vSwitch and Docker are not in the image: cloud-init has to install them.
    fn is_stock(&self) -> bool {
        matches!(self, Self::Base(flavor) if flavor.is_stock())
    }
}

/// A cluster, and the images its hosts boot from.
pub struct Cluster {
    pub name: &'static str,
    /// Its cluster.yaml.
    text: fn() -> Result<String, Box<dyn std::error::Error>>,
    images: Images,
    /// A host that does not reach the package archive from the start. Where there is one, the tests get the hosts as soon as ssh is there.
    pub archive_is_away_for: Option<&'static str>,
    slot: Slot,
}

pub static THREE_HOSTS: Cluster = Cluster {
    name: "three-hosts",
    text: || Ok(std::fs::read_to_string(example("three-hosts"))?),
    images: Images::Base(Flavor::Full),
    archive_is_away_for: None,
    slot: Mutex::new(None),
};
/// Two hosts as one buys them, of two releases: one that gets ifupdown beside its netplan, and one that does without.
pub static MIXED: Cluster = Cluster {
    name: "mixed",
    text: || Ok(MIXED_TEXT.to_owned()),
    images: Images::Base(Flavor::Stock),
    archive_is_away_for: Some("alpha"),
    slot: Mutex::new(None),
};
pub const MIXED_TEXT: &str = "version: 1
name: mixed
mesh: {tunnel: vxlan, loop-protection: stp}
containers: {subnet: 10.20.0.0/16}
hosts:
  - {name: alpha, address: '2001:db8:1::a', os: debian-12}
  - {name: gamma, address: '2001:db8:3::c', os: debian-13, network: systemd}
";
/// Five hosts, of which not each has a link to each; two have not got ifupdown, and one of these is the root, for faults happen to it.
pub static SPARSE: Cluster = Cluster {
    name: "sparse",
    text: || Ok(SPARSE_TEXT.to_owned()),
    images: Images::Base(Flavor::Full),
    archive_is_away_for: None,
    slot: Mutex::new(None),
};
const SPARSE_TEXT: &str = "version: 1
name: sparse
hosts:
  - {name: host1, address: 192.0.2.1}
  - {name: host2, address: 192.0.2.2}
  - {name: host3, address: 192.0.2.3, network: systemd}
  - {name: host4, address: 192.0.2.4, network: systemd}
  - {name: host5, address: 192.0.2.5}
mesh: {topology: sparse, root: host3, stand-in: host1}
";
pub static BUILT: Cluster = Cluster {
    name: "built",
    text: built::text,
    images: Images::Built,
    archive_is_away_for: None,
    slot: Mutex::new(None),
};

const ALL: [&Cluster; 4] = [&THREE_HOSTS, &MIXED, &SPARSE, &BUILT];

/// The file of an example.
pub fn example(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
        .join("cluster.yaml")
}

/// An example, checked.
pub fn spec_of(name: &str) -> Result<spec::Spec, Box<dyn std::error::Error>> {
    spec_in(name, &std::fs::read(example(name))?)
}

fn spec_in(name: &str, bytes: &[u8]) -> Result<spec::Spec, Box<dyn std::error::Error>> {
    let (spec, _) = spec::load(bytes).map_err(|problems| spec::render(name, bytes, &problems, false))?;
    Ok(spec)
}

impl Cluster {
    /// Runs `test` on the cluster's lab, which is booted if it does not run yet. Where the boot failed, every test fails.
    pub fn with(&'static self, test: impl FnOnce(&mut Session<'static>) -> Result<(), Failed>) -> Result<(), Failed> {
        if interrupt::requested() {
            return Err("interrupted".into());
        }
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        let session = slot.get_or_insert_with(|| {
            end_others(Some(self));
            self.boot().map_err(|error| error.to_string())
        });
        match session {
            Ok(session) => test(session),
            Err(error) => Err(format!("the lab of {} did not come up: {error}", self.name).into()),
        }
    }

    fn plan(&self) -> Result<Plan, Box<dyn std::error::Error>> {
        Ok(plan(&spec_in(self.name, (self.text)()?.as_bytes())?)?)
    }

    fn boot(&self) -> Result<Session<'static>, Box<dyn std::error::Error>> {
        // Tests run for the life of the process, and the session borrows both.
        let ui: &'static Ui = Box::leak(Box::new(Ui::new(Verbosity::Normal, false)));
        let plan: &'static Plan = Box::leak(Box::new(self.plan()?));
        let artifacts = render::cloud_init(plan, None)?;
        let cache = Cache::from_environment()?;
        let mut request = match self.images {
            Images::Base(flavor) => of_bases(plan, &artifacts, flavor, &cache, ui)?,
            Images::Built => of_image(plan, &artifacts, &cache, ui)?,
        };
        request.program = Some(env!("CARGO_BIN_EXE_meshimg").into());
        if self.images.is_stock() {
            request.archive = Some(Upstream::find(&cache)?);
        }
        let Some(host) = self.archive_is_away_for else {
            return Ok(Session::up(&request, plan, ui)?);
        };
        // No host asks for packages in the first seconds after power-on.
        let mut session = Session::power_on(&request, plan, ui)?;
        session.lab.archive(host, Mode::Away)?;
        session.come_to_ssh()?;
        Ok(session)
    }

    fn end(&self) -> Result<(), String> {
        match self.slot.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(Ok(session)) => session.down().map_err(|error| error.to_string()),
            _ => Ok(()),
        }
    }
}

fn of_bases(plan: &Plan, artifacts: &Artifacts, flavor: Flavor, cache: &Cache, ui: &Ui) -> Result<LabRequest, Box<dyn std::error::Error>> {
    let mut images = BTreeMap::new();
    for host in &plan.hosts {
        let of_host = BaseRequest {
            os: host.os,
            archive: None,
            flavor,
            open_vswitch: None,
        };
        images.insert(host.os, base(&of_host, cache, ui)?);
    }
    let mut size = Size::default();
    if plan.hosts.len() > 3 {
        size.memory_mib = 768;
    }
    Ok(request(plan, artifacts, &images, size)?)
}

fn of_image(plan: &Plan, artifacts: &Artifacts, cache: &Cache, ui: &Ui) -> Result<LabRequest, Box<dyn std::error::Error>> {
    let disk = built::disk(plan, cache, ui)?;
    let size = Size {
        // An initrd with the drivers of all machines is unpacked to memory.
        memory_mib: 768,
        ..Size::default()
    };
    let mut request = request(plan, artifacts, &BTreeMap::new(), size)?;
    for (host, (name, firmware)) in request.hosts.iter_mut().zip(built::FIRMWARES) {
        assert_eq!(host.plan.name.as_str(), name);
        host.image = Some(of_file(&disk, firmware)?);
    }
    Ok(request)
}

/// Memory and cores are for one lab at a time.
pub fn end_others(kept: Option<&Cluster>) {
    for cluster in ALL {
        if kept.is_none_or(|kept| !std::ptr::eq(cluster, kept))
            && let Err(error) = cluster.end()
        {
            eprintln!("{error}");
        }
    }
}

/// Ends every lab that runs.
pub fn end_all() -> Result<(), String> {
    let errors: Vec<String> = ALL.iter().filter_map(|cluster| cluster.end().err()).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

/// Fails with every red verdict; also when there are none at all.
pub fn all_green(verdicts: &[Verdict]) -> Result<(), Failed> {
    if verdicts.is_empty() {
        return Err("no verdicts".into());
    }
    let reds = reds(verdicts);
    if reds.is_empty() { Ok(()) } else { Err(reds.join("\n").into()) }
}

/// The red verdicts, a line each.
pub fn reds(verdicts: &[Verdict]) -> Vec<String> {
    verdicts
        .iter()
        .filter(|verdict| verdict.is_red())
        .map(|verdict| format!("{} ({}): {}", verdict.probe, verdict.subject, verdict.summary))
        .collect()
}
