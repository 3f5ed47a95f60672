//! The hosts of the examples and their artifacts.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::Path;

use libtest_mimic::Failed;
use meshimg::plan::{HostPlan, Plan, plan};
use meshimg::render::{Artifact, Artifacts, HostFile, cloud_init, host_files, with_seeds};
use meshimg::spec::{self, Os};

/// A release of Debian, of which there is an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Release {
    Debian12,
    Debian13,
}

impl Release {
    /// The one whose programs are nearest: there are no images of Ubuntu. 22.04 has systemd 249 and Open vSwitch 2.17, and 24.04 has 255
    /// and 3.3; Debian 12 has 252 and 3.1, Debian 13 has 257 and 3.5.
    fn of(os: Os) -> Self {
        match os {
            Os::Debian12 | Os::Ubuntu2204 => Self::Debian12,
            Os::Debian13 | Os::Ubuntu2404 => Self::Debian13,
        }
    }
}

impl fmt::Display for Release {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Debian12 => "debian-12",
            Self::Debian13 => "debian-13",
        })
    }
}

/// A host of an example, and what it gets.
#[derive(Debug, Clone)]
pub struct Host {
    pub example: String,
    pub cluster: Plan,
    pub plan: HostPlan,
    /// `user-data` and the others, by name.
    pub artifacts: BTreeMap<String, Vec<u8>>,
    /// What user-data writes on the host.
    pub files: Vec<HostFile>,
}

impl Host {
    pub fn release(&self) -> Release {
        Release::of(self.plan.os)
    }

    /// With `from` in the place of `to` wherever it is in the artifact `name`; the seed is made anew of what comes out.
    pub fn with(mut self, name: &str, from: &str, to: &str) -> Result<Self, Failed> {
        let artifact = self.artifacts.get_mut(name).ok_or_else(|| format!("there is no {name}"))?;
        let text = String::from_utf8(artifact.clone())?;
        let changed = text.replace(from, to);
        if changed == text {
            return Err(format!("{name} has no {from:?} that could be broken").into());
        }
        *artifact = changed.into_bytes();
        self.artifacts.remove(SEED);
        let bare = self.artifacts.into_iter().map(|(name, bytes)| {
            let artifact = Artifact { bytes, secret: false };
            (format!("{}/{name}", self.plan.name), artifact)
        });
        let with_seed = with_seeds(Artifacts(bare.collect()))?;
        self.artifacts = of_host(&with_seed, &self.plan);
        Ok(self)
    }
}

/// The name of the seed.
pub const SEED: &str = "seed.img";

fn of_host(artifacts: &Artifacts, host: &HostPlan) -> BTreeMap<String, Vec<u8>> {
    let prefix = format!("{}/", host.name);
    let named = |(path, artifact): (&String, &Artifact)| Some((path.strip_prefix(&prefix)?.to_owned(), artifact.bytes.clone()));
    artifacts.0.iter().filter_map(named).collect()
}

/// The plan of a cluster.yaml.
pub fn plan_of(name: &str, bytes: &[u8]) -> Result<Plan, Failed> {
    let (spec, _) = spec::load(bytes).map_err(|problems| spec::render(name, bytes, &problems, false))?;
    Ok(plan(&spec)?)
}

/// Every host of every folder of examples/ that has a cluster.yaml, but for the one whose hosts have no addresses before they are made.
pub fn all() -> Result<Vec<Host>, Failed> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples");
    let mut examples = BTreeSet::new();
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let file = entry.path().join("cluster.yaml");
        if file.exists() && entry.file_name() != "digital-ocean" {
            examples.insert((entry.file_name().to_string_lossy().into_owned(), file));
        }
    }
    let mut hosts = Vec::new();
    for (example, file) in examples {
        hosts.extend(of_example(&example, &std::fs::read(file)?)?);
    }
    Ok(hosts)
}

/// Every host of a cluster.yaml.
pub fn of_example(example: &str, bytes: &[u8]) -> Result<Vec<Host>, Failed> {
    let cluster = plan_of(example, bytes)?;
    let artifacts = with_seeds(cloud_init(&cluster, None)?)?;
    let host = |plan: &HostPlan| {
        Ok(Host {
            example: example.to_owned(),
            cluster: cluster.clone(),
            plan: plan.clone(),
            artifacts: of_host(&artifacts, plan),
            files: host_files(&cluster, plan)?,
        })
    };
    cluster.hosts.iter().map(host).collect()
}
