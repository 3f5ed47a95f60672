//! Where faults are caused: what scenarios need of a lab, or of hosts that are not a lab's.

use crate::lab::LabError;
use crate::lab::session::Session;
use crate::machine::Machine;
use crate::machine::probe::container::{self, Containers};
use crate::plan::Plan;
use crate::spec::HostName;

/// Hosts that run, without power over them.
pub trait Ground<'a> {
    /// What they were planned to be.
    fn plan(&self) -> &'a Plan;

    /// All of them.
    fn machines(&self) -> Vec<&dyn Machine>;

    /// Why a wait for them is in vain.
    fn any_ended(&self) -> Option<String>;

    /// Has the probe container run on each.
    fn containers(&self) -> Containers;

    /// The probe container's name.
    fn container(&self) -> String;
}

impl<'a> Ground<'a> for Session<'a> {
    fn plan(&self) -> &'a Plan {
        self.plan
    }

    fn machines(&self) -> Vec<&dyn Machine> {
        self.all()
    }

    fn any_ended(&self) -> Option<String> {
        Session::any_ended(self)
    }

    fn containers(&self) -> Containers {
        container::start(self.plan, &self.all())
    }

    fn container(&self) -> String {
        "meshimg-probe".to_owned()
    }
}

/// The machine of `host`.
pub(super) fn on<'g, 'a>(ground: &'g impl Ground<'a>, host: &HostName) -> Result<&'g dyn Machine, LabError> {
    let machines = ground.machines();
    machines
        .into_iter()
        .find(|machine| machine.name() == host)
        .ok_or_else(|| LabError::NoHost {
            cluster: ground.plan().cluster.to_string(),
            host: host.to_string(),
        })
}
