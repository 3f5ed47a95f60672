//! The daemons of one host, and what they are asked.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{BedHost, BenchError, namespace};
use crate::exec::{Running, Tool};
use crate::machine::ovsdb;

/// For one call. A machine with fifty daemons may take seconds for what takes 10 ms else.
const DEADLINE: Duration = Duration::from_secs(90);

/// How much of a log an error shows, lines.
const TAIL_LINES: usize = 8;

/// ovsdb-server and ovs-vswitchd of one host. Dropped, both end at once.
pub struct Daemons {
    folder: PathBuf,
    database: Running,
    switch: Running,
}

impl Daemons {
    /// Starts them, makes the bridges with their tunnels in one transaction, gives the bridge its rules and addresses.
    ///
    /// # Errors
    /// [`BenchError::Host`] with the last words of the daemons.
    pub fn start(host: &BedHost, folder: &Path, empty_database: &Path) -> Result<Self, BenchError> {
        let folder = folder.join(&host.namespace);
        Self::start_in(host, &folder, empty_database).map_err(|source| BenchError::Host {
            host: host.name.clone(),
            source: Box::new(source),
            said: ["ovsdb-server", "ovs-vswitchd"].map(|name| tail(&log(&folder, name))).join(""),
        })
    }

    fn start_in(host: &BedHost, folder: &Path, empty_database: &Path) -> Result<Self, BenchError> {
        std::fs::create_dir(folder).map_err(BenchError::io(folder.display().to_string()))?;
        let database = folder.join("conf.db");
        std::fs::copy(empty_database, &database).map_err(BenchError::io(database.display().to_string()))?;
        ip_batch(Some(&host.namespace), &host.before)?;
        let database = daemon(folder, &host.namespace, "ovsdb-server")
            .argument("conf.db")
            .argument(format!("--remote=punix:{}", socket(folder)))
            .spawn()?;
        vsctl(folder).arguments(["--no-wait", "init"]).run()?;
        let switch = daemon(folder, &host.namespace, "ovs-vswitchd")
            .argument(format!("unix:{}", socket(folder)))
            // The kernel's module, if there is one, knows one datapath for all.
            .argument("--disable-system")
            .spawn()?;
        // Whatever fails from here on, they end.
        let daemons = Self {
            folder: folder.to_owned(),
            database,
            switch,
        };
        vsctl(folder).arguments(&host.transaction).run()?;
        if let Some(rules) = &host.rules {
            let ofctl = Tool::new("ovs-ofctl", DEADLINE).environment("OVS_RUNDIR", folder);
            ofctl.arguments(["bundle", &host.bridge, "-"]).stdin(rules.clone()).run()?;
        }
        ip_batch(Some(&host.namespace), &host.after)?;
        Ok(daemons)
    }

    /// Ends both as a power cut does.
    pub fn kill(&mut self) {
        self.switch.kill();
        self.database.kill();
    }

    /// An error when one of them has ended by itself.
    pub fn check(&mut self, host: &str) -> Result<(), BenchError> {
        for (name, daemon) in [("ovs-vswitchd", &mut self.switch), ("ovsdb-server", &mut self.database)] {
            if let Some(status) = daemon.ended() {
                return Err(BenchError::Answer {
                    what: format!("{name} of {host}"),
                    why: format!("it has ended ({status})\n{}", tail(&log(&self.folder, name))),
                });
            }
        }
        Ok(())
    }

    /// How often BFD has found each tunnel up or down so far, by the tunnel's name.
    pub fn flaps(&self) -> Result<BTreeMap<String, u64>, BenchError> {
        let listed = vsctl(&self.folder)
            .arguments(["--format=json", "--columns=name,bfd_status", "list", "Interface"])
            .run()?;
        flaps(&listed.stdout_text())
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        self.kill();
    }
}

fn flaps(listed: &str) -> Result<BTreeMap<String, u64>, BenchError> {
    let rows = ovsdb::parse_table(listed).map_err(|error| BenchError::Answer {
        what: "what ovs-vsctl lists".to_owned(),
        why: error.to_string(),
    })?;
    let count = |row: &ovsdb::Row| Some((row.atom("name")?.to_owned(), row.map("bfd_status").get("flap_count")?.parse().ok()?));
    Ok(rows.iter().filter_map(count).collect())
}

fn socket(folder: &Path) -> String {
    folder.join("db.sock").display().to_string()
}

fn log(folder: &Path, daemon: &str) -> PathBuf {
    folder.join(format!("{daemon}.log"))
}

fn tail(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap_or_default();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(TAIL_LINES)..];
    last.iter().map(|line| format!("{line}\n")).collect()
}

fn daemon(folder: &Path, namespace: &str, name: &str) -> Tool {
    let tool = Tool::new("nsenter", Duration::MAX)
        .argument(format!("--net={}", namespace::path(namespace).display()))
        .argument(name)
        .folder(folder)
        .log(log(folder, name));
    let tool = ["OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR"]
        .into_iter()
        .fold(tool, |tool, variable| tool.environment(variable, folder));
    tool.arguments(["--pidfile", "--no-chdir", "-vsyslog:off", "-vfile:off", "-vconsole:warn"])
}

/// It waits for the database's socket, and for ovs-vswitchd to have done what it is told.
fn vsctl(folder: &Path) -> Tool {
    let timeout = format!("--timeout={}", DEADLINE.as_secs() - 5);
    Tool::new("ovs-vsctl", DEADLINE)
        .argument(format!("--db=unix:{}", socket(folder)))
        .arguments([timeout.as_str(), "--retry"])
}

/// Runs lines of ip(8), in a namespace if one is named.
pub fn ip_batch(namespace: Option<&str>, lines: &str) -> Result<(), BenchError> {
    let tool = Tool::new("ip", DEADLINE);
    let tool = namespace.into_iter().fold(tool, |tool, name| tool.arguments(["-n", name]));
    tool.arguments(["-batch", "-"]).stdin(lines).run()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn how_often_links_went_up_and_down() {
        // As Open vSwitch 3.1.0 prints it.
        let listed = r#"{"data":[["gre1",["map",[["diagnostic","Control Detection Time Expired"],["flap_count","7"],["forwarding","true"],["remote_diagnostic","Control Detection Time Expired"],["remote_state","up"],["state","up"]]]],["br0",["map",[]]],["mi-under",["map",[]]]],"headings":["name","bfd_status"]}"#;
        assert_eq!(flaps(listed).unwrap(), BTreeMap::from([("gre1".to_owned(), 7)]));
        assert!(flaps("").is_err());
    }

    #[test]
    fn command_lines() {
        let folder = Path::new("/run/meshimg/host1");
        assert_eq!(
            daemon(folder, "host1", "ovs-vswitchd").command_line(),
            "nsenter --net=/run/netns/host1 ovs-vswitchd --pidfile --no-chdir -vsyslog:off -vfile:off -vconsole:warn"
        );
        assert_eq!(
            vsctl(folder).argument("show").command_line(),
            "ovs-vsctl --db=unix:/run/meshimg/host1/db.sock --timeout=85 --retry show"
        );
    }
}
