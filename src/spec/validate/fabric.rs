//! Rules of the direct fabric: it has no tree to be set up, and cannot do without BFD.

use super::{Rules, value_or};
use crate::spec::diagnostic::{Code, Diagnostic};
use crate::spec::field::{Field, Placed};
use crate::spec::raw::RawCluster;
use crate::spec::scalar::OrNone;
use crate::spec::types::Fabric;

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

fn tree_only<T>(problems: &mut Vec<Diagnostic>, field: &Field<T>, what: &str) {
    let Some(field) = field.given() else { return };
    let field: &Placed<T> = field;
    problems.push(field.error(
        Code::MeshTreeOnly,
        format!("a direct fabric has no spanning tree, so no {what} of one"),
        "remove it, or choose `mesh.fabric: spanning-tree`",
    ));
}
