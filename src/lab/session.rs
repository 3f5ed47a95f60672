//! A lab and its machines: power-on, and the wait until there is something to be proved.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use super::phase::{Board, Phase};
use super::{Lab, LabError, LabHost, LabRequest, stranger};
use crate::exec::interrupt;
use crate::image::BaseImage;
use crate::machine::facts::{self, Facts, Scope};
use crate::machine::probe::{self, BootLimits, Verdict, container};
use crate::machine::report::HostTimings;
use crate::machine::ssh::{self, SshAccess, SshMachine, SshTarget};
use crate::machine::{Machine, on_each};
use crate::plan::Plan;
use crate::render::Artifacts;
use crate::spec::{HostName, Os};
use crate::ui::{Ui, seconds};
use crate::wait::WaitError;

/// Three hosts took 131 s by hand, on two cores without KVM; a machine that does other work too gets five times that.
const BOOT_DEADLINE: Duration = Duration::from_secs(660);

/// From ssh on all hosts to a mesh that carries traffic: what is left of cloud-init, and of the installation of packages on a stock system.
const READY_DEADLINE: Duration = Duration::from_secs(600);

/// The same on stock systems, which install everything first: three of them took 5 to 7 minutes.
const STOCK_READY_DEADLINE: Duration = Duration::from_secs(1500);

/// From then to the last unit of the boot.
const SETTLE_DEADLINE: Duration = Duration::from_secs(240);

/// One look at all hosts.
const GATHER_DEADLINE: Duration = Duration::from_secs(120);

/// How long links that are down may take to come up by themselves: a spanning tree without BFD needs twice its forward delay, 15 s.
const SECOND_LOOK_DEADLINE: Duration = Duration::from_secs(40);

/// What a lab is started with besides the plan.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Memory of each host, MiB.
    pub memory_mib: u32,
    /// Processors of each host.
    pub processors: u32,
}

impl Default for Size {
    /// A second processor only costs an emulator.
    fn default() -> Self {
        Self {
            memory_mib: super::MEMORY_MIB,
            processors: super::PROCESSORS,
        }
    }
}

/// The request for the hosts of `plan` with their `artifacts`.
///
/// # Errors
/// [`LabError::NoUserData`] when `artifacts` are not those of the plan.
pub fn request(plan: &Plan, artifacts: &Artifacts, images: &BTreeMap<Os, BaseImage>, size: Size) -> Result<LabRequest, LabError> {
    let host = |host: &crate::plan::HostPlan| {
        let artifact = artifacts.0.get(&format!("{}/user-data", host.name));
        let user_data = artifact
            .ok_or_else(|| LabError::NoUserData { host: host.name.clone() })?
            .bytes
            .clone();
        Ok(LabHost {
            plan: host.clone(),
            user_data,
            image: None,
        })
    };
    Ok(LabRequest {
        cluster: plan.cluster.clone(),
        hosts: plan.hosts.iter().map(host).collect::<Result<_, LabError>>()?,
        underlay_mtu: plan.mtu.underlay,
        subnet: plan.containers.subnet,
        base_images: images.clone(),
        memory_mib: size.memory_mib,
        processors: size.processors,
        local_seed: false,
        archive: None,
        program: None,
    })
}

/// A running lab with an ssh connection to each host.
pub struct Session<'a> {
    pub lab: Lab,
    pub plan: &'a Plan,
    pub ui: &'a Ui,
    pub machines: Vec<SshMachine>,
    pub timings: BTreeMap<HostName, HostTimings>,
    /// When the hosts got their power, or the lab was found running.
    power_on: Instant,
    /// Of the last look of the probes.
    pub facts: BTreeMap<HostName, Facts>,
    /// How long networking.service took where it had no mesh to bring up: at the first boot, when cloud-init had not written it yet.
    pub networking_without_mesh: Option<Duration>,
}

impl<'a> Session<'a> {
    /// Starts the hosts and waits until the mesh carries traffic.
    ///
    /// # Errors
    /// [`LabError`]; the lab is ended then.
    pub fn up(request: &LabRequest, plan: &'a Plan, ui: &'a Ui) -> Result<Self, LabError> {
        let mut session = Self::power_on(request, plan, ui)?;
        session.come_up()?;
        Ok(session)
    }

    /// Starts the hosts, and waits for nothing but their power.
    ///
    /// # Errors
    /// [`LabError`]; the lab is ended then.
    pub fn power_on(request: &LabRequest, plan: &'a Plan, ui: &'a Ui) -> Result<Self, LabError> {
        let started = Instant::now();
        ui.line(&format!("starting {} hosts ...", plan.hosts.len()));
        let lab = Lab::up(request, ui)?;
        ui.line(&format!("hosts run under {} in {}", lab.accelerator(), lab.folder().display()));
        let session = Self::of(lab, plan, ui)?;
        Ok(Self {
            power_on: started,
            ..session
        })
    }

    /// Waits until the mesh carries traffic and a container runs on each host, and shows how far each host is.
    ///
    /// # Errors
    /// [`LabError`]; the hosts run on, for whoever wants to know why.
    pub fn come_up(&mut self) -> Result<(), LabError> {
        let hosts: Vec<HostName> = self.plan.hosts.iter().map(|host| host.name.clone()).collect();
        let log = |host: &HostName| Ok((host.clone(), self.lab.serial_log(host.as_str())?));
        let logs = hosts.iter().map(log).collect::<Result<Vec<_>, LabError>>()?;
        let board = Board::new(self.ui, &hosts, self.power_on);
        let all = |phase| hosts.iter().map(move |host| (host.clone(), phase));
        board.watch(&logs, || {
            self.wait_for_ssh(&board)?;
            self.wait_for_mesh(self.power_on)?;
            board.reach(all(Phase::Mesh));
            self.start_containers(&board);
            self.wait_until_settled(self.power_on)?;
            board.reach(all(Phase::CloudInitDone));
            Ok(())
        })
    }

    /// Waits for ssh on all hosts, and for nothing else.
    ///
    /// # Errors
    /// [`LabError::Wait`] with what the last attempt said.
    pub fn come_to_ssh(&mut self) -> Result<(), LabError> {
        let hosts: Vec<HostName> = self.plan.hosts.iter().map(|host| host.name.clone()).collect();
        self.wait_for_ssh(&Board::new(self.ui, &hosts, self.power_on))
    }

    /// A lab that runs already.
    ///
    /// # Errors
    /// [`LabError`] when there is none, or a host of the plan is not in it.
    pub fn of(lab: Lab, plan: &'a Plan, ui: &'a Ui) -> Result<Self, LabError> {
        let mut machines = Vec::new();
        for host in &plan.hosts {
            let target = target(&lab, &host.name)?;
            machines.push(SshMachine::new(target).map_err(|source| LabError::NoSsh {
                host: host.name.clone(),
                source,
            })?);
        }
        Ok(Self {
            lab,
            plan,
            ui,
            machines,
            timings: BTreeMap::new(),
            power_on: Instant::now(),
            facts: BTreeMap::new(),
            networking_without_mesh: None,
        })
    }

    /// All machines, as probes take them.
    pub fn all(&self) -> Vec<&dyn Machine> {
        self.machines.iter().map(|machine| machine as &dyn Machine).collect()
    }

    /// The machine of `host`.
    pub fn machine(&self, host: &HostName) -> Option<&SshMachine> {
        self.machines.iter().find(|machine| machine.name() == host)
    }

    /// Waits for ssh on all hosts at once.
    fn wait_for_ssh(&mut self, board: &Board) -> Result<(), LabError> {
        let (lab, power_on) = (&self.lab, self.power_on);
        let results: Vec<(HostName, Result<Duration, WaitError>)> = std::thread::scope(|scope| {
            let wait = |machine: &SshMachine| {
                let gone = || lab.ended(machine.name().as_str());
                let result = ssh::wait_for_ssh(machine.target().clone(), BOOT_DEADLINE, gone).map(|_| power_on.elapsed());
                if result.is_ok() {
                    board.reach([(machine.name().clone(), Phase::Ssh)]);
                }
                (machine.name().clone(), result)
            };
            let threads: Vec<_> = self.machines.iter().map(|machine| scope.spawn(move || wait(machine))).collect();
            threads.into_iter().filter_map(|thread| thread.join().ok()).collect()
        });
        for (host, result) in results {
            self.timings.entry(host).or_default().ssh_seconds = Some(result?.as_secs_f64());
        }
        Ok(())
    }

    /// Waits until every link carries traffic and Docker runs everywhere.
    ///
    /// # Errors
    /// [`LabError::Wait`] with what is still red.
    pub fn wait_for_mesh(&mut self, started: Instant) -> Result<(), LabError> {
        self.ui.line("waiting for the mesh ...");
        let deadline = if self.lab.is_stock() {
            STOCK_READY_DEADLINE
        } else {
            READY_DEADLINE
        };
        probe::mesh_ready(self.plan, &self.all(), deadline, || self.any_ended())?;
        let took = started.elapsed();
        self.ui.line(&format!("mesh ready {} after power-on", seconds(took)));
        for host in &self.plan.hosts {
            self.timings.entry(host.name.clone()).or_default().mesh_ready_seconds = Some(took.as_secs_f64());
        }
        Ok(())
    }

    /// Has the probe container run everywhere, and notes when it did. That it does not is for the probes to say.
    fn start_containers(&mut self, board: &Board) {
        let (plan, power_on) = (self.plan, self.power_on);
        let times = on_each(&self.all(), |machine| {
            let started = container::start(plan, &[machine]).remove(machine.name())?;
            let took = started.map(|_| power_on.elapsed()).ok()?;
            board.reach([(machine.name().clone(), Phase::Container)]);
            Some(took)
        });
        for (host, took) in times {
            self.timings.entry(host).or_default().container_running_seconds = took.map(|took| took.as_secs_f64());
        }
    }

    /// Waits until systemd and cloud-init have nothing left to do, well or badly: what a probe says before that is too early.
    ///
    /// # Errors
    /// [`LabError::Wait`] with the state of the hosts that are still at it.
    pub fn wait_until_settled(&mut self, started: Instant) -> Result<(), LabError> {
        let finished = probe::boot_finished(&self.all(), started, SETTLE_DEADLINE, || self.any_ended())?;
        for (host, took) in finished {
            self.timings
                .entry(host)
                .or_default()
                .cloud_init_done_seconds
                .get_or_insert(took.as_secs_f64());
        }
        Ok(())
    }

    /// All probes, on all hosts.
    pub fn probe(&mut self) -> Vec<Verdict> {
        self.ui.line("probing ...");
        let started = Instant::now();
        // First, so that what Docker says of its network has them.
        let containers = container::start(self.plan, &self.all());
        let mut facts = facts::gather(self.plan, &self.all(), Scope::All, GATHER_DEADLINE);
        self.look_at_the_links_again(&mut facts);
        if self.networking_without_mesh.is_none() {
            self.networking_without_mesh = facts.values().filter_map(networking_without_mesh).max();
        }
        let default = BootLimits::default();
        let without = self.networking_without_mesh.unwrap_or(default.networking_without_mesh);
        let limits = BootLimits {
            networking_without_mesh: without,
            ..default
        };
        let mut verdicts = probe::state(self.plan, &facts, &limits);
        verdicts.extend(probe::active(self.plan, &self.all(), &containers));
        let questions = probe::exposure::questions(self.plan, &facts, &containers);
        verdicts.extend(probe::exposure::exposure(self.plan, &stranger::ask(&self.lab, questions)));
        self.facts = facts;
        self.ui.line(&format!("probed in {}", seconds(started.elapsed())));
        verdicts
    }

    /// See [`probe::second_look`].
    fn look_at_the_links_again(&self, facts: &mut BTreeMap<HostName, Facts>) {
        probe::second_look(self.plan, facts, |red| {
            self.ui.line(&format!(
                "looking at the links again, as {} ({}) is red: {}",
                red.probe, red.subject, red.summary
            ));
            probe::mesh_ready(self.plan, &self.all(), SECOND_LOOK_DEADLINE, || self.any_ended()).ok()
        });
    }

    /// Why a wait for the hosts is in vain: one of them has ended.
    pub fn any_ended(&self) -> Option<String> {
        self.plan.hosts.iter().find_map(|host| self.lab.ended(host.name.as_str()))
    }

    /// Removes what the probes left on the hosts, also after Ctrl-C: the lab may outlive this process.
    pub fn clean_up(&self) {
        let _shield = interrupt::shield();
        if let Err(error) = container::clean_up(&self.all()) {
            self.ui.line(&error.to_string());
        }
    }

    /// Ends the connections and the lab.
    ///
    /// # Errors
    /// [`LabError::NotEnded`].
    pub fn down(self) -> Result<(), LabError> {
        drop(self.machines);
        self.lab.destroy()
    }
}

/// How long networking.service took, if the mesh came up after it.
fn networking_without_mesh(facts: &Facts) -> Option<Duration> {
    let boot = facts.boot.known().ok()?;
    if !boot.networking_had_no_mesh {
        return None;
    }
    Duration::try_from_secs_f64(boot.units.get("networking.service")?.took_seconds()?).ok()
}

/// How to reach a host of the lab.
fn target(lab: &Lab, host: &HostName) -> Result<SshTarget, LabError> {
    let guest = lab.ssh_target(host.as_str())?;
    let folder = Path::new(&guest.key).parent().unwrap_or(Path::new("/")).to_owned();
    let root = guest.user.parse().map_err(|_| LabError::NoHost {
        cluster: lab.cluster().to_owned(),
        host: host.to_string(),
    })?;
    Ok(SshTarget {
        host: host.clone(),
        address: guest.address.into(),
        user: root,
        access: SshAccess::Given {
            port: guest.port,
            key: guest.key,
            known_hosts: guest.known_hosts,
        },
        control_folder: folder,
    })
}
