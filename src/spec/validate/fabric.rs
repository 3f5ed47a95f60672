//! Rules of the direct fabric: it has no tree to be set up, and cannot do without BFD.

use super::{Rules, value_or};
use crate::plan::direct::{Lack, survived_by_full_mesh, weakest};
use crate::spec::diagnostic::{Code, Diagnostic};
use crate::spec::field::{Field, Placed};
use crate::spec::node::Place;
use crate::spec::raw::RawCluster;
use crate::spec::scalar::OrNone;
use crate::spec::types::{Fabric, Spec, Topology};

/// The fabric that the file says.
pub(super) fn of(cluster: &RawCluster) -> Fabric {
    value_or(cluster.mesh.then(|mesh| &mesh.fabric), Fabric::SpanningTree)
}

/// Reports what does not go with `fabric: direct`.
pub(super) fn check_direct(rules: &mut Rules<'_>) {
    let mesh = &rules.cluster.mesh;
    let mut problems = Vec::new();
    tree_only(&mut problems, mesh.then(|mesh| &mesh.loop_protection), "protocol");
    tree_only(&mut problems, mesh.then(|mesh| &mesh.timers), "timers");
    tree_only(&mut problems, mesh.then(|mesh| &mesh.root), "root");
    tree_only(&mut problems, mesh.then(|mesh| &mesh.stand_in), "stand-in");
    let of_all = mesh.then(|mesh| &mesh.bfd);
    let mut needs = |field: &Field<OrNone<_>>| {
        if let Some(bfd) = field.given().filter(|bfd| matches!(bfd.value, OrNone::None)) {
            let message = "a direct fabric has nothing but BFD to find a dead link by";
            problems.push(bfd.error(
                Code::MeshDirectWithoutBfd,
                message,
                "remove it, or choose `mesh.fabric: spanning-tree`",
            ));
        }
    };
    needs(of_all);
    for host in &rules.hosts {
        needs(host.keys.mesh.then(|mesh| &mesh.bfd));
    }
    for host in &rules.hosts {
        tree_only(&mut problems, host.keys.mesh.then(|mesh| &mesh.priority), "priorities");
    }
    rules.problems.extend(problems);
}

/// Reports a pair of hosts that `links` do not bring together as often as the file wants. `at` is where it says which links there are.
pub(super) fn check_reach(rules: &mut Rules<'_>, spec: &Spec, links: &[[usize; 2]], at: Option<(String, Place)>) {
    let Some((path, place)) = at else { return };
    let weakest = weakest(spec.hosts.len(), links);
    let pair = |[a, b]: [usize; 2]| format!("'{}' and '{}'", spec.hosts[a].name, spec.hosts[b].name);
    if let Some((Lack::Reach, hosts)) = weakest {
        let message = format!(
            "{} have no link, and no host has one to both, which a direct fabric would pass frames on by",
            pair(hosts)
        );
        let help = "choose `topology: full`, or `fabric: spanning-tree`, or add links";
        rules.report(Diagnostic::error(Code::MeshReach, &path, place, message, help));
        return;
    }
    let survive = rules.cluster.mesh.then(|mesh| &mesh.survive).given();
    let most = match spec.topology {
        Topology::Full => survived_by_full_mesh(spec.hosts.len()).max(1),
        _ => 1,
    };
    if let Some(asked) = survive.filter(|_| spec.survive > most) {
        let links = if most == 1 { "one link" } else { "two links" };
        let message = format!(
            "a direct fabric of these links survives the loss of any hosts, but of {links} at once, and {} may fail",
            spec.survive
        );
        let help = format!("say `survive: {most}`, or choose `fabric: spanning-tree`");
        let problem = asked.error(Code::MeshFragile, message, help);
        rules.report(problem);
        return;
    }
    let message = match weakest {
        Some((Lack::Link, hosts)) if spec.survive > 0 => {
            format!(
                "{} have no link: neither sees that a link of a host between them is dead, and 1 host or link may fail",
                pair(hosts)
            )
        }
        Some((Lack::Relay, hosts)) if spec.survive > 0 => {
            format!(
                "no host has a link to both {}, to go through when theirs is dead, and 1 host or link may fail",
                pair(hosts)
            )
        }
        _ => return,
    };
    let help = "choose `topology: full`, or say `survive: 0`";
    let problem = match survive {
        Some(asked) => asked.error(Code::MeshFragile, message, help).with_related(place, "these links"),
        None => Diagnostic::warning(Code::MeshFragile, &path, place, message, help),
    };
    rules.report(problem);
}

fn tree_only<T>(problems: &mut Vec<Diagnostic>, field: &Field<T>, what: &str) {
    let Some(field) = field.given() else { return };
    let field: &Placed<T> = field;
    problems.push(field.error(
        Code::MeshTreeOnly,
        format!("a direct fabric has no spanning tree, so no {what} of one"),
        "remove it, or choose `mesh.fabric: spanning-tree`",
    ));
}
