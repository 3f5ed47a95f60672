//! What can be known to fail before anything is made: the account, as it is, against what is wanted.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use ipnet::Ipv4Net;

use super::calls::Call;
use super::client::Client;
use super::error::ApiError;
use super::types::{AccountAnswer, AccountInfo, Droplet, Firewall, Image, ImageAnswer, Region, Size, SshKeyInfo, Vpc};
use crate::plan::{DropletPlan, Droplets};
use crate::render::is_uuid;
use crate::spec::{DropletImage, SshKey, Tunnel};

/// Everything of an account that matters for a cluster.
#[derive(Debug)]
pub struct Account {
    /// All of them, other people's too.
    pub droplets: Vec<Droplet>,
    pub firewalls: Vec<Firewall>,
    pub regions: Vec<Region>,
    pub sizes: Vec<Size>,
    pub vpcs: Vec<Vpc>,
    pub keys: Vec<SshKeyInfo>,
    /// By slug or number; `None` for those that are not there.
    pub images: BTreeMap<String, Option<Image>>,
    pub info: AccountInfo,
}

/// Why Digital Ocean could not make the droplets of a file.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    #[error("the account is {status}: {message}")]
    Account { status: String, message: String },
    #[error("{wanted} droplets are to be made, and the account may have {limit} and has {there}; ask Digital Ocean to raise the limit")]
    Quota { wanted: usize, limit: u64, there: usize },
    #[error("there is no region {region}; there are {known}")]
    Region { region: String, known: String },
    #[error("there is no size {size}; `doctl compute size list` shows all")]
    Size { size: String },
    #[error("the size {size} is not to be had in {region}; it is in {known}")]
    SizeElsewhere { size: String, region: String, known: String },
    #[error("there is no image {image}; `doctl compute image list --public` shows Digital Ocean's, and without --public your own")]
    Image { image: String },
    #[error("the image {image} is not in {region}; it is in {known}")]
    ImageElsewhere { image: String, region: String, known: String },
    #[error("the image {image} is {status}: {message}")]
    ImageStatus { image: String, status: String, message: String },
    #[error("the image {image} needs a disk of {needed} GB, and the size {size} has one of {disk}")]
    ImageSize {
        image: String,
        size: String,
        needed: u64,
        disk: u64,
    },
    #[error("the image {image} is a custom one, whose droplets {cannot}")]
    CustomImage { image: String, cannot: &'static str },
    #[error("there is no VPC {vpc} in {region}; there are {known}")]
    Vpc { vpc: String, region: String, known: String },
    #[error("the file says that the VPC {vpc} has the range {wanted}, and it has {found}")]
    VpcRange { vpc: String, wanted: Ipv4Net, found: String },
    #[error("the containers' {subnet} overlaps the range {found} of the VPC {vpc}; choose another `containers.subnet`, or another VPC")]
    VpcOverlap { vpc: String, subnet: Ipv4Net, found: String },
    #[error("Digital Ocean knows no ssh key {key}; `doctl compute ssh-key list` shows those it knows")]
    SshKey { key: String },
    #[error(
        "the cloud firewall {firewall} is before the droplets with the tag {tag}, and drops GRE; write `mesh: {{tunnel: vxlan}}` and give it a rule \
         for udp port 4789, or leave out the tag"
    )]
    ForeignFirewall { firewall: String, tag: String },
}

/// Asks for all that [`Account`] has; nothing is changed.
///
/// # Errors
/// [`ApiError`].
pub fn survey(client: &Client, wanted: &Droplets) -> Result<Account, ApiError> {
    let info: AccountAnswer = client.call(&Call::get("/v2/account"))?;
    let mut images = BTreeMap::new();
    for droplet in &wanted.droplets {
        if let Entry::Vacant(place) = images.entry(shown(&droplet.image)) {
            let found = match client.call::<ImageAnswer>(&Call::get(format!("/v2/images/{}", place.key()))) {
                Ok(answer) => Some(answer.image),
                Err(ApiError::Refused { status: 404, .. }) => None,
                Err(error) => return Err(error),
            };
            place.insert(found);
        }
    }
    let has_keys = wanted.droplets.iter().any(|droplet| !droplet.ssh_keys.is_empty());
    Ok(Account {
        droplets: client.list(None)?,
        firewalls: client.list(None)?,
        regions: client.list(None)?,
        sizes: client.list(None)?,
        vpcs: client.list(None)?,
        // Reading them needs a scope of its own.
        keys: if has_keys { client.list(None)? } else { Vec::new() },
        images,
        info: info.account,
    })
}

fn shown(image: &DropletImage) -> String {
    match image {
        DropletImage::Slug(slug) => slug.to_string(),
        DropletImage::Id(id) => id.to_string(),
    }
}

impl Account {
    /// The VPC that the droplets will be in.
    pub fn vpc(&self, wanted: &Droplets) -> Option<&Vpc> {
        self.vpcs.iter().find(|vpc| match &wanted.vpc {
            Some(name) if is_uuid(name) => vpc.id.eq_ignore_ascii_case(name.as_str()),
            Some(name) => vpc.name == name.as_str() && vpc.region == wanted.region.as_str(),
            None => vpc.default && vpc.region == wanted.region.as_str(),
        })
    }

    /// The UUID of the VPC, where the file names one.
    pub fn named_vpc(&self, wanted: &Droplets) -> Option<&str> {
        let named = wanted.vpc.is_some().then(|| self.vpc(wanted)).flatten();
        named.map(|vpc| vpc.id.as_str())
    }

    /// The cloud firewall of the cluster.
    pub fn own_firewall(&self, name: &str, tag: &str) -> Option<&Firewall> {
        self.firewalls.iter().find(|firewall| firewall.name == name && firewall.covers(tag))
    }

    /// US dollars a month.
    pub fn price(&self, droplet: &DropletPlan) -> Option<f64> {
        self.price_of(droplet.size.as_str())
    }

    /// The same of a size by its slug.
    pub fn price_of(&self, size: &str) -> Option<f64> {
        let size = self.sizes.iter().find(|found| found.slug == size);
        size.map(|size| size.price_monthly)
    }

    /// All that is in the way of making `missing`, which are of `wanted`; each once. Pure.
    pub fn problems(&self, wanted: &Droplets, missing: &[&DropletPlan]) -> Vec<Problem> {
        let mut problems = Vec::new();
        if self.info.status == "locked" {
            problems.push(Problem::Account {
                status: self.info.status.clone(),
                message: self.info.status_message.clone(),
            });
        }
        let (there, limit) = (self.droplets.len(), self.info.droplet_limit);
        if !missing.is_empty() && u64::try_from(there + missing.len()).is_ok_and(|all| all > limit) {
            problems.push(Problem::Quota {
                wanted: missing.len(),
                limit,
                there,
            });
        }
        self.check_region(wanted, &mut problems);
        self.check_vpc(wanted, &mut problems);
        for droplet in missing {
            for problem in self.of_droplet(wanted, droplet) {
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
            }
        }
        problems
    }

    fn check_region(&self, wanted: &Droplets, problems: &mut Vec<Problem>) {
        let available: Vec<&str> = self
            .regions
            .iter()
            .filter(|region| region.available)
            .map(|region| region.slug.as_str())
            .collect();
        if !available.contains(&wanted.region.as_str()) {
            problems.push(Problem::Region {
                region: wanted.region.to_string(),
                known: available.join(", "),
            });
        }
    }

    fn check_vpc(&self, wanted: &Droplets, problems: &mut Vec<Problem>) {
        let Some(vpc) = self.vpc(wanted) else {
            // A region in which nothing was ever made has no default VPC yet.
            if let Some(name) = &wanted.vpc {
                let here = self.vpcs.iter().filter(|vpc| vpc.region == wanted.region.as_str());
                problems.push(Problem::Vpc {
                    vpc: name.to_string(),
                    region: wanted.region.to_string(),
                    known: list(&here.map(|vpc| vpc.name.clone()).collect::<Vec<_>>()),
                });
            }
            return;
        };
        if vpc.region != wanted.region.as_str() {
            problems.push(Problem::Vpc {
                vpc: format!("{} ({})", vpc.name, vpc.region),
                region: wanted.region.to_string(),
                known: "others".to_owned(),
            });
        }
        let found: Option<Ipv4Net> = vpc.ip_range.parse().ok();
        let (name, shown) = (&vpc.name, &vpc.ip_range);
        if let Some(range) = wanted.vpc_range.filter(|range| Some(*range) != found) {
            problems.push(Problem::VpcRange {
                vpc: name.clone(),
                wanted: range,
                found: shown.clone(),
            });
        }
        let overlaps = |range: &Ipv4Net| range.contains(&wanted.subnet) || wanted.subnet.contains(range);
        if found.as_ref().is_some_and(overlaps) {
            problems.push(Problem::VpcOverlap {
                vpc: name.clone(),
                subnet: wanted.subnet,
                found: shown.clone(),
            });
        }
    }

    fn of_droplet(&self, wanted: &Droplets, droplet: &DropletPlan) -> Vec<Problem> {
        let region = wanted.region.to_string();
        let mut problems = Vec::new();
        let size = self.sizes.iter().find(|size| size.slug == droplet.size.as_str());
        match size {
            None => problems.push(Problem::Size {
                size: droplet.size.to_string(),
            }),
            Some(size) if !size.available || !size.regions.contains(&region) => problems.push(Problem::SizeElsewhere {
                size: size.slug.clone(),
                region: region.clone(),
                known: if size.available { list(&size.regions) } else { "none".to_owned() },
            }),
            Some(_) => {}
        }
        let name = shown(&droplet.image);
        match self.images.get(&name).and_then(Option::as_ref) {
            None => problems.push(Problem::Image { image: name }),
            Some(image) => {
                if !image.regions.contains(&region) {
                    problems.push(Problem::ImageElsewhere {
                        image: name.clone(),
                        region,
                        known: list(&image.regions),
                    });
                }
                if !matches!(image.status.as_str(), "available" | "") {
                    problems.push(Problem::ImageStatus {
                        image: name.clone(),
                        status: image.status.clone(),
                        message: image.error_message.clone(),
                    });
                }
                if image.kind == "custom" {
                    let cannot = beyond_custom_images(droplet).map(|cannot| Problem::CustomImage {
                        image: name.clone(),
                        cannot,
                    });
                    problems.extend(cannot);
                }
                if let (Some(needed), Some(size)) = (image.min_disk_size, size)
                    && needed > size.disk
                    && size.disk > 0
                {
                    problems.push(Problem::ImageSize {
                        image: name,
                        size: size.slug.clone(),
                        needed,
                        disk: size.disk,
                    });
                }
            }
        }
        for key in &droplet.ssh_keys {
            let (text, known) = match key {
                SshKey::Id(id) => (id.to_string(), self.keys.iter().any(|known| known.id == *id)),
                SshKey::Fingerprint(fingerprint) => {
                    let known = self.keys.iter().any(|known| known.fingerprint == fingerprint.as_str());
                    (fingerprint.to_string(), known)
                }
            };
            if !known {
                problems.push(Problem::SshKey { key: text });
            }
        }
        if wanted.tunnel == Tunnel::Gre {
            let covered = |tag: &str| self.firewalls.iter().find(|firewall| firewall.covers(tag));
            let firewalls = droplet.tags.iter().filter_map(|tag| Some((tag, covered(tag.as_str())?)));
            problems.extend(firewalls.map(|(tag, firewall)| Problem::ForeignFirewall {
                firewall: firewall.name.clone(),
                tag: tag.to_string(),
            }));
        }
        problems
    }
}

/// What `droplet` asks for and cannot have with a custom image (Digital Ocean, "Custom Images Limits").
fn beyond_custom_images(droplet: &DropletPlan) -> impl Iterator<Item = &'static str> {
    let limits = [
        (droplet.ssh_keys.is_empty(), "need a key of `digital-ocean.ssh-keys`"),
        (droplet.ipv6, "have no IPv6; leave out `ipv6`"),
        (droplet.monitoring, "get no agent by themselves; leave out `monitoring`"),
    ];
    limits.into_iter().filter(|(is_asked, _)| *is_asked).map(|(_, cannot)| cannot)
}

/// `ams3, fra1`, or `none`.
fn list(names: &[String]) -> String {
    match names {
        [] => "none".to_owned(),
        some => some.join(", "),
    }
}
