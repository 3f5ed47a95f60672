//! The droplets of a cluster: what is to be asked for at Digital Ocean, whoever asks.

use std::collections::BTreeMap;
use std::net::IpAddr;

use ipnet::{IpNet, Ipv4Net};
use serde::Serialize;

use super::{Plan, PlanError, host, plan};
use crate::spec::{
    ArchiveUrl, AuthorizedKey, ClusterName, Droplet, DropletImage, HostName, HostSpec, OpenVSwitchSource, PackageName, Slug, Spec, SshKey,
    Tag, Tunnel, UserName, VpcName, own_tag,
};

/// UDP port of VXLAN (RFC 7348 section 8).
pub const VXLAN_PORT: u16 = 4789;

/// UDP port of Geneve (RFC 8926 section 3.3).
pub const GENEVE_PORT: u16 = 6081;

/// Everything that is to be made at Digital Ocean.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Droplets {
    pub cluster: ClusterName,
    /// Of everything here, and of nothing else.
    pub tag: Tag,
    pub region: Slug,
    /// `None`: the default VPC of the region.
    pub vpc: Option<VpcName>,
    /// What the file says the VPC's range is.
    pub vpc_range: Option<Ipv4Net>,
    /// Of the containers.
    pub subnet: Ipv4Net,
    pub tunnel: Tunnel,
    pub firewall: Option<FirewallPlan>,
    /// In the order of the hosts.
    pub droplets: Vec<DropletPlan>,
    /// The plan of the hosts, where their addresses are known before they are made; their user-data is complete then.
    pub complete: Option<Plan>,
}

/// The cloud firewall before all of them; outwards it lets everything pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirewallPlan {
    pub name: String,
    pub ssh_from: Vec<IpNet>,
    /// The UDP port of the tunnels, from droplet to droplet.
    pub tunnel_port: u16,
}

/// One droplet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropletPlan {
    pub name: HostName,
    /// What the file says that its address in the VPC is.
    pub address: Option<IpAddr>,
    pub size: Slug,
    pub image: DropletImage,
    pub ssh_keys: Vec<SshKey>,
    /// That of the cluster first.
    pub tags: Vec<Tag>,
    pub ipv6: bool,
    pub monitoring: bool,
    pub door: Door,
}

/// What a host gets that does not depend on its peers: enough to log in, and to have the rest applied soon.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Door {
    /// All that the mesh needs and can be had from the archive at once, sorted.
    pub packages: Vec<PackageName>,
    pub archive: Option<ArchiveUrl>,
    pub user: UserName,
    pub authorized_keys: Vec<AuthorizedKey>,
}

/// What the cloud firewall of a cluster is called.
pub fn firewall_name(cluster: &ClusterName) -> String {
    format!("meshimg-{cluster}")
}

/// The droplets of `spec`; `None` where its hosts are none.
///
/// # Errors
/// [`PlanError`], for specs that validation would have refused.
pub fn droplets(spec: &Spec) -> Result<Option<Droplets>, PlanError> {
    let Some(section) = &spec.digital_ocean else { return Ok(None) };
    let tag = own_tag(&spec.name)?;
    let droplet = |(host, droplet): (&HostSpec, &Droplet)| {
        let mut tags = vec![tag.clone()];
        tags.extend(droplet.tags.iter().cloned());
        Ok(DropletPlan {
            name: host.name.clone(),
            address: droplet.address,
            size: droplet.size.clone(),
            image: droplet.image.clone(),
            ssh_keys: droplet.ssh_keys.clone(),
            tags,
            ipv6: droplet.ipv6,
            monitoring: droplet.monitoring,
            door: door(host)?,
        })
    };
    let droplets = spec.hosts.iter().zip(&section.droplets).map(droplet);
    let droplets = droplets.collect::<Result<_, PlanError>>()?;
    let tunnel_port = match spec.tunnel {
        // Validation has refused GRE behind a firewall.
        Tunnel::Gre | Tunnel::Vxlan => VXLAN_PORT,
        Tunnel::Geneve => GENEVE_PORT,
    };
    Ok(Some(Droplets {
        cluster: spec.name.clone(),
        region: section.region.clone(),
        vpc: section.vpc.clone(),
        vpc_range: section.vpc_range,
        subnet: spec.subnet,
        tunnel: spec.tunnel,
        firewall: section.firewall.as_ref().map(|firewall| FirewallPlan {
            name: firewall_name(&spec.name),
            ssh_from: firewall.ssh_from.clone(),
            tunnel_port,
        }),
        droplets,
        complete: section.addresses_given.then(|| plan(spec)).transpose()?,
        tag,
    }))
}

/// What a droplet has got.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Got {
    /// In the VPC.
    pub address: IpAddr,
    /// On the Internet.
    pub public: Option<IpAddr>,
}

/// The plan of `spec` with the addresses that its droplets have got. What a lock has from droplets that were there before is forgotten; the plan's
/// lock has the new ones.
///
/// # Errors
/// [`PlanError::NoAddress`] of those that are not in `got`.
pub fn with_addresses(spec: &Spec, got: &BTreeMap<HostName, Got>) -> Result<Plan, PlanError> {
    let mut spec = spec.clone();
    for host in &mut spec.hosts {
        host.address = got.get(&host.name).map(|got| got.address);
    }
    let mut plan = plan(&spec)?;
    for (name, locked) in &mut plan.lock.hosts {
        locked.public = got.get(name).and_then(|got| got.public);
    }
    Ok(plan)
}

fn door(host: &HostSpec) -> Result<Door, PlanError> {
    let mut packages = host::packages(host)?;
    if matches!(host.open_vswitch, OpenVSwitchSource::Archive { .. }) {
        // It is from an archive that the host does not know yet.
        packages.retain(|package| package.as_str() != "openvswitch-switch");
    }
    Ok(Door {
        packages,
        archive: host.archive.clone(),
        user: host.user.clone(),
        authorized_keys: host.authorized_keys.clone(),
    })
}
