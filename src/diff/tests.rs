use super::*;
use crate::plan::plan;
use crate::plan::tests::classic;
use crate::spec::{Api, Fabric, Lock, LoopProtection, Network, Os, Spec, Tunnel};

/// The classic three hosts, and the lock of their plan.
fn locked_classic() -> (Plan, Spec) {
    let mut spec = classic();
    let first = plan(&spec).unwrap();
    spec.lock = Some(first.lock.clone());
    (plan(&spec).unwrap(), spec)
}

fn with_host4(spec: &mut Spec) {
    let mut host = spec.hosts.last().unwrap().clone();
    host.name = "host4".parse().unwrap();
    host.address = Some("4.4.4.4".parse().unwrap());
    spec.hosts.push(host);
    spec.capacity = 4;
}

/// Each host that differs: what, which files, which services, cut-off.
fn told(old: &Plan, new: &Plan) -> Vec<String> {
    let host = |host: &HostDifference| {
        let changes: Vec<&str> = host.changes.iter().map(|change| change.what.as_str()).collect();
        let services: Vec<String> = host
            .services
            .iter()
            .map(|service| format!("{} {:?}", service.unit, service.action))
            .collect();
        let files = host
            .files
            .iter()
            .filter_map(|file| file.path.rsplit('/').next())
            .collect::<Vec<_>>();
        let files = if host.kind == Kind::Changed {
            files.join(",")
        } else {
            String::new()
        };
        format!(
            "{} {:?}: {} | {files} | {} | {:?}",
            host.host,
            host.kind,
            changes.join(","),
            services.join(","),
            host.cut_off.seconds
        )
    };
    diff(old, new).unwrap().hosts.iter().map(host).collect()
}

fn changed_by(edit: impl Fn(&mut Spec)) -> Vec<String> {
    let (old, mut spec) = locked_classic();
    edit(&mut spec);
    told(&old, &plan(&spec).unwrap())
}

#[test]
fn nothing_differs_from_itself() {
    let (old, _) = locked_classic();
    let difference = diff(&old, &old).unwrap();
    assert!(difference.is_empty() && !difference.lock_differs);
    assert_eq!(difference.unchanged.len(), 3);
}

/// One host shrinks and restarts Docker; the others only get a link, which costs nothing.
#[test]
fn a_new_host() {
    insta::assert_snapshot!("a_new_host", changed_by(with_host4).join("\n"));
}

/// Who is gone was the root: frames of others went through it.
#[test]
fn a_host_that_goes() {
    insta::assert_snapshot!(
        "the_last_goes",
        changed_by(|spec| {
            spec.hosts.remove(2);
        })
        .join("\n")
    );
    insta::assert_snapshot!(
        "the_root_goes",
        changed_by(|spec| {
            spec.hosts.remove(0);
        })
        .join("\n")
    );
}

/// The same without locks: links have other names and slices move.
#[test]
fn a_new_host_without_a_lock() {
    let mut spec = classic();
    let old = plan(&spec).unwrap();
    with_host4(&mut spec);
    insta::assert_snapshot!("without_a_lock", told(&old, &plan(&spec).unwrap()).join("\n"));
}

#[test]
fn keys_that_change() {
    type Edit = fn(&mut Spec);
    let edits: [(&str, Edit); 13] = [
        ("tunnel", |spec| spec.tunnel = Tunnel::Vxlan),
        ("stp", |spec| spec.loop_protection = LoopProtection::Stp),
        ("direct", |spec| spec.fabric = Fabric::Direct),
        ("timers", |spec| spec.timers.max_age = Some(20)),
        ("root", |spec| spec.root = Some("host3".parse().unwrap())),
        ("underlay-mtu", |spec| spec.underlay_mtu = 9000),
        ("address", |spec| spec.hosts[1].address = Some("2.2.2.9".parse().unwrap())),
        ("no BFD", |spec| spec.hosts.iter_mut().for_each(|host| host.bfd = None)),
        ("package", |spec| spec.hosts[0].packages = vec!["tcpdump".parse().unwrap()]),
        ("daemon", |spec| {
            spec.hosts[0].docker_daemon.insert("debug".into(), true.into());
        }),
        ("api", |spec| spec.hosts[0].docker_api = Api::UnsafeWithoutTls { port: 2375 }),
        ("os", |spec| spec.hosts[0].os = Os::Debian12),
        ("network", |spec| spec.hosts[0].network = Network::Systemd),
    ];
    let told = edits.map(|(name, edit)| format!("{name}\n  {}", changed_by(edit).join("\n  ")));
    insta::assert_snapshot!("keys", told.join("\n"));
}

/// `systemd` sets right what differs in place.
#[test]
fn with_systemd_bridges_stay() {
    let mut spec = classic();
    spec.hosts.iter_mut().for_each(|host| host.network = Network::Systemd);
    let old = plan(&spec).unwrap();
    spec.timers.max_age = Some(20);
    let timers = told(&old, &plan(&spec).unwrap());
    spec.timers.max_age = None;
    spec.loop_protection = LoopProtection::Stp;
    let protocol = told(&old, &plan(&spec).unwrap());
    insta::assert_snapshot!("systemd", [timers, protocol].concat().join("\n"));
}

/// Another fabric takes a bridge of its own, and nothing passes between one and the other; without an MTU that differs Docker runs on.
#[test]
fn from_a_tree_to_a_direct_fabric() {
    let mut spec = classic();
    spec.tunnel = Tunnel::Vxlan;
    spec.hosts.iter_mut().for_each(|host| host.network = Network::Systemd);
    let tree = plan(&spec).unwrap();
    spec.fabric = Fabric::Direct;
    let direct = plan(&spec).unwrap();
    for (old, new) in [(&tree, &direct), (&direct, &tree)] {
        let difference = diff(old, new).unwrap();
        assert_eq!(difference.hosts.len(), 3);
        for host in &difference.hosts {
            let actions: Vec<Action> = host.services.iter().map(|service| service.action).collect();
            assert_eq!(actions, [Action::Reload, Action::RemakeMeshBridge]);
            assert_eq!(host.cut_off.seconds, None, "{}", host.cut_off.why);
            assert!(
                host.changes.iter().all(|change| change.why == "`mesh.fabric`"),
                "{:?}",
                host.changes
            );
        }
    }
}

/// In a direct fabric a new host is everybody's business, but nobody is cut off; one that goes is missed for as long as BFD takes.
#[test]
fn a_direct_fabric_grows() {
    let (_, mut spec) = locked_classic();
    spec.fabric = Fabric::Direct;
    let old = plan(&spec).unwrap();
    spec.lock = Some(old.lock.clone());
    with_host4(&mut spec);
    let new = plan(&spec).unwrap();
    spec.lock = Some(new.lock.clone());
    let grown = diff(&old, &new).unwrap();
    let seconds = |difference: &Difference, host: &str| {
        let host = difference.hosts.iter().find(|changed| changed.host.as_str() == host);
        host.expect("it differs").cut_off.seconds
    };
    assert_eq!(seconds(&grown, "host2"), Some(0.0));
    spec.hosts.remove(2);
    let less = diff(&new, &plan(&spec).unwrap()).unwrap();
    assert_eq!((seconds(&less, "host1"), seconds(&less, "host3")), (Some(0.0), None));
}

/// Containers run on over a restart of Docker only where their network stays.
#[test]
fn live_restore() {
    let mut spec = classic();
    spec.hosts
        .iter_mut()
        .for_each(|host| drop(host.docker_daemon.insert("live-restore".into(), true.into())));
    let lock: Lock = plan(&spec).unwrap().lock;
    spec.lock = Some(lock);
    let old = plan(&spec).unwrap();
    let mut debug = spec.clone();
    debug.hosts[0].docker_daemon.insert("debug".into(), true.into());
    with_host4(&mut spec);
    let cut_off = |new: &Spec| diff(&old, &plan(new).unwrap()).unwrap().hosts[0].cut_off.seconds;
    assert_eq!((cut_off(&debug), cut_off(&spec)), (Some(0.0), None));
}

/// What the lock remembers of a host that is gone is its place in the mesh.
#[test]
fn since_the_lock() {
    let (old, mut spec) = locked_classic();
    spec.hosts.remove(1);
    with_host4(&mut spec);
    let remembered = locked(&spec).unwrap().unwrap();
    assert_eq!(remembered.hosts, old.hosts);
    spec.lock.as_mut().unwrap().hosts.clear();
    assert!(locked(&spec).unwrap().is_none());
}
