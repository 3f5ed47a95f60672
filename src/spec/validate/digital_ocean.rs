//! Rules of the hosts as droplets: what can be known to fail before anything is bought, and without asking Digital Ocean.

use std::collections::BTreeSet;
use std::net::IpAddr;

use ipnet::Ipv4Net;

use super::underlay::interface_field;
use super::{Host, Rules, access, value_or};
use crate::spec::diagnostic::Code;
use crate::spec::digital_ocean::{DigitalOcean, Droplet, DropletImage, Firewall, OWN_TAG, SshKey, Tag};
use crate::spec::field::{Field, Placed};
use crate::spec::raw_digital_ocean::{KeyName, RawDigitalOcean};
use crate::spec::scalar::OrNone;
use crate::spec::types::{HostName, Network, Os, Tunnel};

/// What a VPC may be (API reference, "Create a New VPC"): not larger than /16, not smaller than /28, of RFC 1918.
const RANGE_PREFIX_LENGTHS: std::ops::RangeInclusive<u8> = 16..=28;

/// Addresses of a VPC that no droplet gets: its own, the gateway's, the broadcast address, and one that Digital Ocean keeps.
const RANGE_RESERVED: u32 = 4;

/// Most ssh keys, and most tags, of a droplet: those of the cluster are copied for each host.
const LIST_MAX: usize = 100;

/// The address that `host` has: of the file, else of the lock where it is a droplet. `None` where nothing is to be built of it; that is reported.
pub(super) fn address(rules: &Rules<'_>, host: Host<'_>) -> Option<Option<IpAddr>> {
    match &host.keys.address {
        Field::Given(address) => Some(Some(address.value)),
        Field::Broken => None,
        Field::Absent if rules.cluster.digital_ocean.is_absent() => None,
        Field::Absent => {
            let name = &host.keys.name.given()?.value;
            Some(rules.lock.and_then(|file| file.lock.hosts.get(name)).map(|locked| locked.underlay))
        }
    }
}

/// What brings up the mesh of a host whose file does not say: stock images of Digital Ocean have netplan and systemd-networkd, and no ifupdown.
pub(super) fn usual_network(rules: &Rules<'_>, host: Host<'_>, os: Os) -> Network {
    match rules.cluster.digital_ocean.given() {
        Some(section) if matches!(image(&section.value, host, os), Some(DropletImage::Slug(_))) => Network::Systemd,
        _ => Network::usual_for(os),
    }
}

/// The droplets, where the hosts are some; the outer `None` after a problem.
pub(super) fn check(rules: &mut Rules<'_>, tunnel: Tunnel, subnet: Option<Ipv4Net>) -> Option<Option<DigitalOcean>> {
    let section = match &rules.cluster.digital_ocean {
        Field::Given(section) => section,
        Field::Broken => return None,
        Field::Absent => {
            check_without(rules);
            return Some(None);
        }
    };
    check_passwords(rules, section);
    let section = &section.value;
    let vpc_range = range(rules, section, subnet);
    check_addresses(rules, vpc_range);
    let firewall = firewall(rules, section, tunnel);
    check_own_tags(rules);
    if !lists_are_short(rules) {
        return None;
    }
    let droplets: Vec<_> = rules.hosts.clone().into_iter().map(|host| droplet(rules, section, host)).collect();
    let addresses_given = rules.hosts.iter().all(|host| host.keys.address.given().is_some());
    Some(Some(DigitalOcean {
        region: section.region.given()?.value.clone(),
        vpc: match &section.vpc {
            Field::Broken => return None,
            vpc => vpc.given().map(|vpc| vpc.value.clone()),
        },
        vpc_range,
        firewall: firewall?,
        droplets: droplets.into_iter().collect::<Option<_>>()?,
        addresses_given,
    }))
}

/// Droplets that get a root password by mail: root logs in by no key before it is changed, meshimg neither. One warning for all of them.
fn check_passwords(rules: &mut Rules<'_>, section: &Placed<RawDigitalOcean>) {
    // A key that cannot be read is a mistake of its own.
    let is_silent = |list: &Field<Vec<_>>| !list.is_broken() && list.given().is_none_or(|list| list.value.is_empty());
    let gets_a_password = |host: &&Host<'_>| {
        is_silent(&section.value.ssh_keys)
            && is_silent(host.keys.digital_ocean.then(|own| &own.ssh_keys))
            && !access::authorized_keys(rules.cluster, host.keys).is_empty()
            && access::user(rules.cluster, host.keys).is_some_and(|user| user.as_str() == "root")
    };
    let mut without = rules.hosts.iter().filter(gets_a_password);
    let Some(first) = without.next() else { return };
    let who = match without.count() {
        0 => Rules::name_of(*first).to_string(),
        others => format!("{} and {others} more", Rules::name_of(*first)),
    };
    let message = format!(
        "Digital Ocean gives {who} a root password that has to be changed at the first login; until then ssh runs nothing for root"
    );
    let help =
        "name a key that Digital Ocean knows in `ssh-keys` (`doctl compute ssh-key list` shows them), or another user in `access.user`";
    rules.report(section.warning(Code::DigitalOceanPassword, message, help));
}

/// A host that says what droplet it is, in a cluster that says nothing of droplets.
fn check_without(rules: &mut Rules<'_>) {
    for host in rules.hosts.clone() {
        if let Some(section) = host.keys.digital_ocean.given() {
            let message = format!("{} is described as a droplet, and the cluster is not", Rules::name_of(host));
            let help = "give `digital-ocean: {region: ..., size: ...}` at the top of the file, or remove it here";
            rules.report(section.error(Code::DigitalOceanWithoutCluster, message, help));
        }
    }
}

/// The range of the VPC, if the file says one that can be.
fn range(rules: &mut Rules<'_>, section: &RawDigitalOcean, subnet: Option<Ipv4Net>) -> Option<Ipv4Net> {
    let field = section.vpc_range.given()?;
    let range = field.value.0.trunc();
    let private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"];
    let is_private = private
        .iter()
        .filter_map(|network| network.parse::<Ipv4Net>().ok())
        .any(|network| network.contains(&range));
    if range != field.value.0 || !RANGE_PREFIX_LENGTHS.contains(&range.prefix_len()) || !is_private {
        let message = format!("{} is not the range of a VPC", field.value.0);
        let help = "a VPC has a private network of /16 to /28, such as 10.110.0.0/20; `doctl vpcs list` shows yours";
        rules.report(field.error(Code::DigitalOceanVpcRange, message, help));
        return None;
    }
    let room = (1_u32 << (32 - u32::from(range.prefix_len()))) - RANGE_RESERVED;
    let hosts = rules.host_count();
    if hosts > room {
        let message = format!("{range} has addresses for {room} droplets, and there are {hosts} hosts");
        let help = "use a VPC with a shorter prefix; the range of one that is there cannot be changed";
        rules.report(field.error(Code::DigitalOceanVpcRange, message, help));
    }
    if let Some(subnet) = subnet.filter(|subnet| subnet.contains(&range) || range.contains(subnet)) {
        let message = format!("the containers' {subnet} overlaps the VPC's {range}");
        let help = "choose another `containers.subnet`, or another VPC: a droplet would look for its peers among its containers";
        let problem = field.error(Code::DigitalOceanVpcOverlap, message, help);
        let place = rules.cluster.containers.then(|containers| &containers.subnet).given();
        rules.report(match place {
            Some(place) => problem.with_related(place.place, "the containers' subnet"),
            None => problem,
        });
    }
    Some(range)
}

/// What the file gives as an address must be one of the VPC, which has IPv4 alone.
fn check_addresses(rules: &mut Rules<'_>, range: Option<Ipv4Net>) {
    let some_come_later = rules.hosts.iter().any(|host| host.keys.address.is_absent());
    for host in rules.hosts.clone() {
        let Some(address) = host.keys.address.given() else { continue };
        let help = "leave `address` out: a droplet gets it from its VPC, and the lock keeps it";
        match (address.value, range) {
            (IpAddr::V4(own), Some(range)) if !range.contains(&own) => {
                let message = format!("{own} is not in the VPC's {range}");
                rules.report(address.error(Code::DigitalOceanOutsideVpc, message, help));
            }
            (IpAddr::V6(own), _) if range.is_some() || some_come_later => {
                let message = format!("{own} is an IPv6 address, and a VPC has IPv4 alone");
                rules.report(address.error(Code::DigitalOceanOutsideVpc, message, help));
            }
            _ => {}
        }
    }
    check_stale(rules);
}

/// An address that the lock has for one host, and the file for another.
fn check_stale(rules: &mut Rules<'_>) {
    let kept: Vec<(HostName, IpAddr)> = rules
        .hosts
        .iter()
        .filter(|host| host.keys.address.is_absent())
        .filter_map(|host| Some((host.keys.name.given()?.value.clone(), address(rules, *host)??)))
        .collect();
    for host in rules.hosts.clone() {
        let Some(given) = host.keys.address.given() else { continue };
        if let Some((name, address)) = kept.iter().find(|(_, address)| *address == given.value) {
            let message = format!(
                "the lock keeps {address} for {name}, and the file gives it to {}",
                Rules::name_of(host)
            );
            let help = format!("give {name} its own `address` too, or leave out both");
            rules.report(given.error(Code::HostsDuplicateAddress, message, help));
        }
    }
}

/// What the cloud firewall is; the outer `None` after a problem.
fn firewall(rules: &mut Rules<'_>, section: &RawDigitalOcean, tunnel: Tunnel) -> Option<Option<Firewall>> {
    let (field, keys) = match &section.firewall {
        Field::Absent => return Some(None),
        Field::Broken => return None,
        Field::Given(field) => match &field.value {
            OrNone::None => return Some(None),
            OrNone::Some(keys) => (field, keys),
        },
    };
    if tunnel == Tunnel::Gre {
        let message = "a cloud firewall drops GRE: its rules know tcp, udp and icmp, and GRE is IP protocol 47";
        let help = "write `mesh: {tunnel: vxlan}`, for which the firewall gets a rule for udp port 4789 from droplet to droplet; or `firewall: none`";
        let problem = field.error(Code::DigitalOceanFirewallTunnel, message, help);
        let place = rules.cluster.mesh.then(|mesh| &mesh.tunnel).given();
        rules.report(match place {
            Some(place) => problem.with_related(place.place, "the tunnel"),
            None => problem,
        });
    }
    let ssh_from = match &keys.ssh_from {
        Field::Broken => return None,
        Field::Absent => ["0.0.0.0/0", "::/0"].iter().filter_map(|network| network.parse().ok()).collect(),
        Field::Given(networks) if networks.value.is_empty() => {
            let message = "with no network here nobody can log in by ssh";
            let help = "name at least one network, or leave `ssh-from` out, which lets ssh in from everywhere";
            rules.report(networks.error(Code::DigitalOceanNoKey, message, help));
            return None;
        }
        Field::Given(networks) => networks
            .value
            .iter()
            .map(|network| Some(network.given()?.value.0))
            .collect::<Option<_>>()?,
    };
    Some(Some(Firewall { ssh_from }))
}

/// All lists of `of`, the cluster's first.
fn lists<'a, T>(
    rules: &Rules<'a>,
    of_cluster: impl Fn(&'a RawDigitalOcean) -> &'a Field<Vec<Field<T>>>,
    of_host: impl Fn(Host<'a>) -> &'a Field<Vec<Field<T>>>,
) -> Vec<&'a Placed<Vec<Field<T>>>> {
    let cluster = rules.cluster.digital_ocean.given().map(|section| of_cluster(&section.value));
    let hosts = rules.hosts.iter().map(|host| of_host(*host));
    cluster.into_iter().chain(hosts).filter_map(Field::given).collect()
}

fn tag_lists<'a>(rules: &Rules<'a>) -> Vec<&'a Placed<Vec<Field<Tag>>>> {
    lists(
        rules,
        |section| &section.tags,
        |host| host.keys.digital_ocean.then(|section| &section.tags),
    )
}

fn key_lists<'a>(rules: &Rules<'a>) -> Vec<&'a Placed<Vec<Field<KeyName>>>> {
    lists(
        rules,
        |section| &section.ssh_keys,
        |host| host.keys.digital_ocean.then(|section| &section.ssh_keys),
    )
}

fn check_own_tags(rules: &mut Rules<'_>) {
    for tag in tag_lists(rules).into_iter().flat_map(|list| &list.value).filter_map(Field::given) {
        // Digital Ocean finds a tag in whatever case it is asked for.
        if tag.value.as_str().to_ascii_lowercase().starts_with(OWN_TAG) {
            let message = format!("'{}' is a tag by which meshimg finds what it has made", tag.value);
            let help = format!("choose a tag that does not start with '{OWN_TAG}'; droplets get that of their cluster by themselves");
            rules.report(tag.error(Code::DigitalOceanOwnTag, message, help));
        }
    }
}

/// Whether each list has a length that can be copied for each host; if not, that is reported.
fn lists_are_short(rules: &mut Rules<'_>) -> bool {
    fn judge<T>(list: &Placed<Vec<Field<T>>>) -> Option<crate::spec::Diagnostic> {
        let message = format!("this has {} items, more than the {LIST_MAX} of a droplet", list.value.len());
        (list.value.len() > LIST_MAX).then(|| list.error(Code::TooLong, message, "keep those that are needed"))
    }
    let tags = tag_lists(rules).into_iter().filter_map(judge);
    let problems: Vec<_> = tags.chain(key_lists(rules).into_iter().filter_map(judge)).collect();
    let fine = problems.is_empty();
    rules.problems.extend(problems);
    fine
}

fn values<T>(list: &Field<Vec<Field<T>>>) -> impl Iterator<Item = &T> {
    let items = list.given().map_or(&[] as &[_], |list| &list.value);
    items.iter().filter_map(|item| item.given()).map(|item| &item.value)
}

/// The slug of Digital Ocean's own image of an operating system.
fn stock_image(os: Os) -> &'static str {
    match os {
        Os::Debian12 => "debian-12-x64",
        Os::Debian13 => "debian-13-x64",
        Os::Ubuntu2204 => "ubuntu-22-04-x64",
        Os::Ubuntu2404 => "ubuntu-24-04-x64",
    }
}

fn image(section: &RawDigitalOcean, host: Host<'_>, os: Os) -> Option<DropletImage> {
    match host.keys.digital_ocean.then(|own| &own.image).or(&section.image) {
        Field::Given(image) => Some(image.value.0.clone()),
        Field::Broken => None,
        Field::Absent => stock_image(os).parse().ok().map(DropletImage::Slug),
    }
}

fn droplet(rules: &mut Rules<'_>, section: &RawDigitalOcean, host: Host<'_>) -> Option<Droplet> {
    let own = &host.keys.digital_ocean;
    if own.is_broken() {
        return None;
    }
    let os = value_or(host.keys.os.or(&rules.cluster.os), Os::Debian13);
    let image = image(section, host, os)?;
    check_image(rules, section, host, os, &image);
    check_network(rules, host, &image);
    let mut ssh_keys: Vec<SshKey> = Vec::new();
    for key in values(&section.ssh_keys).chain(values(own.then(|own| &own.ssh_keys))) {
        if !ssh_keys.contains(&key.0) {
            ssh_keys.push(key.0.clone());
        }
    }
    if ssh_keys.is_empty() && access::authorized_keys(rules.cluster, host.keys).is_empty() {
        let message = format!(
            "nobody could log in to {}: it has neither `ssh-keys` nor `access.authorized-keys`",
            Rules::name_of(host)
        );
        let help = "give `access: {authorized-keys: [...]}` the line of your id_*.pub file; meshimg logs in too, to make the mesh";
        if let Some(name) = host.keys.name.given() {
            rules.report(name.error(Code::DigitalOceanNoKey, message, help));
        }
    }
    let tags: BTreeSet<Tag> = values(&section.tags).chain(values(own.then(|own| &own.tags))).cloned().collect();
    let size = own.then(|own| &own.size).or(&section.size);
    Some(Droplet {
        host: host.keys.name.given()?.value.clone(),
        address: host.keys.address.given().map(|address| address.value),
        size: size.given()?.value.clone(),
        image,
        ssh_keys,
        tags: tags.into_iter().collect(),
        ipv6: value_or(own.then(|own| &own.ipv6).or(&section.ipv6), false),
        monitoring: value_or(own.then(|own| &own.monitoring).or(&section.monitoring), false),
    })
}

/// A stock image of another operating system than the one whose packages and units the host is to have.
fn check_image(rules: &mut Rules<'_>, section: &RawDigitalOcean, host: Host<'_>, os: Os, image: &DropletImage) {
    let DropletImage::Slug(slug) = image else { return };
    let all = [Os::Debian12, Os::Debian13, Os::Ubuntu2204, Os::Ubuntu2404];
    let other = all.into_iter().find(|other| *other != os && stock_image(*other) == slug.as_str());
    let Some(field) = host.keys.digital_ocean.then(|own| &own.image).or(&section.image).given() else {
        return;
    };
    if let Some(other) = other {
        let message = format!("{slug} is {other}, and {} is to run {os}", Rules::name_of(host));
        let help = format!("write `os: {other}`, or `image: {}`", stock_image(os));
        rules.report(field.error(Code::DigitalOceanImage, message, help));
    }
}

/// What the file says of the network and droplets do not heed.
fn check_network(rules: &mut Rules<'_>, host: Host<'_>, image: &DropletImage) {
    let cluster = rules.cluster;
    if let Some(interface) = interface_field(cluster, host.keys).given() {
        let message = "droplets do not heed this: Digital Ocean configures their interfaces";
        let help = "remove it; the seeds of `meshimg cloud-init` and the lab go by it, droplets have user-data alone";
        rules.report(interface.warning(Code::DigitalOceanInterface, message, help));
    }
    let network = host.keys.network.or(&cluster.network).given();
    if let (Some(network), DropletImage::Slug(slug)) = (network.filter(|network| network.value == Network::Ifupdown), image) {
        let message = format!("{slug} has its interfaces from netplan, and no ifupdown");
        let help = "write `network: systemd`, the default here; ifupdown goes with an image of your own, which is named by its number";
        rules.report(network.warning(Code::DigitalOceanIfupdown, message, help));
    }
}
