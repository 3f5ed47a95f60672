//! What one machine has and an image must not: identifiers, keys, passwords, and what was left behind.

use super::finding::{Code, Finding};
use crate::image::tree::{Kind, Root, file_name, find};

/// How deep below a home authorized_keys and histories are looked for.
const HOME_DEPTH: usize = 2;

/// What is in `root` that machines would share.
pub fn check(root: Root<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    findings.extend(machine_id(root));
    findings.extend(dbus_machine_id(root));
    findings.extend(listed(
        Code::RandomSeed,
        "a random seed",
        &existing(root, &["/var/lib/systemd/random-seed", "/var/lib/urandom/random-seed"]),
        "rm",
    ));
    findings.extend(open_vswitch(root));
    let host_keys = find(root, "/etc/ssh", 1, &|path, entry| {
        let name = file_name(path);
        name.starts_with("ssh_host_") && (name.ends_with("_key") || name.ends_with("_key.pub")) && entry.size > 0
    });
    findings.extend(listed(
        Code::HostKeys,
        "ssh host keys",
        &host_keys,
        "sshd-keygen or cloud-init makes them at first boot; rm",
    ));
    findings.extend(homes(root));
    findings.extend(passwords(root));
    findings.extend(leftovers(root));
    findings
}

fn existing(root: Root<'_>, paths: &[&str]) -> Vec<String> {
    paths
        .iter()
        .filter(|path| root.exists(path))
        .map(|path| (*path).to_owned())
        .collect()
}

/// A finding about files, if there are any; `help` ends in the command that takes them away.
fn listed(code: Code, what: &str, paths: &[String], help: &str) -> Option<Finding> {
    let (first, rest) = paths.split_first()?;
    let more = match rest.len() {
        0 => String::new(),
        count => format!(" and {count} more"),
    };
    Some(Finding::new(
        code,
        format!("the image has {what}: {first}{more}"),
        format!("{help} {first}"),
    ))
}

fn machine_id(root: Root<'_>) -> Option<Finding> {
    let help = "empty it: truncate -s 0 /etc/machine-id; systemd fills it at first boot (machine-id(5))";
    match root.text("/etc/machine-id") {
        None => Some(Finding::new(Code::MachineId, "/etc/machine-id is missing", help)),
        Some(text) if ["", "uninitialized"].contains(&text.trim()) => None,
        Some(_) => Some(Finding::new(
            Code::MachineId,
            "/etc/machine-id is set: all machines from this image would have one identifier, and with it the same MAC addresses and DHCP leases",
            help,
        )),
    }
}

fn dbus_machine_id(root: Root<'_>) -> Option<Finding> {
    let path = "/var/lib/dbus/machine-id";
    let entry = root.entry_itself(path)?;
    (entry.kind == Kind::File && entry.size > 0).then(|| {
        Finding::new(
            Code::DbusMachineId,
            format!("{path} is a file of its own"),
            format!("ln -sf /etc/machine-id {path}"),
        )
    })
}

fn open_vswitch(root: Root<'_>) -> Option<Finding> {
    let databases = existing(
        root,
        &[
            "/etc/openvswitch/conf.db",
            "/var/lib/openvswitch/conf.db",
            "/etc/openvswitch/system-id.conf",
        ],
    );
    let is_used = |path: &String| {
        root.text(path)
            .is_some_and(|text| text.contains("system-id") || text.contains("\"Bridge\":{\"") || path.ends_with("system-id.conf"))
    };
    let used: Vec<String> = databases.into_iter().filter(is_used).collect();
    listed(
        Code::OpenVSwitchDatabase,
        "an Open vSwitch database with an identifier",
        &used,
        "its service makes a new one at first boot; rm",
    )
}

/// Homes of users: what is in them that lets somebody in, or tells what somebody did.
fn homes(root: Root<'_>) -> Vec<Finding> {
    let passwd = root.text_or_empty("/etc/passwd");
    let mut folders: Vec<String> = vec!["/root".to_owned()];
    folders.extend(root.names("/home").iter().map(|name| format!("/home/{name}")));
    let listed_homes = passwd.lines().filter_map(|line| line.split(':').nth(5));
    // Services have folders such as / and /var/lib/x; only what somebody could log in to is looked at.
    folders.extend(
        listed_homes
            .filter(|home| home.len() > 1 && root.exists(&format!("{home}/.ssh")))
            .map(str::to_owned),
    );
    folders.sort();
    folders.dedup();
    let mut keys = Vec::new();
    let mut histories = Vec::new();
    for folder in &folders {
        keys.extend(find(root, folder, HOME_DEPTH, &|path, entry| {
            file_name(path).starts_with("authorized_keys") && entry.kind != Kind::Folder && entry.size > 0
        }));
        histories.extend(find(root, folder, 1, &|path, entry| {
            let name = file_name(path);
            name.starts_with('.') && (name.ends_with("_history") || name == ".lesshst") && entry.size > 0
        }));
    }
    let keys = listed(
        Code::AuthorizedKeys,
        "keys that may log in",
        &keys,
        "cloud-init puts the user's there; rm",
    );
    let histories = listed(Code::ShellHistory, "a shell's history", &histories, "rm");
    keys.into_iter().chain(histories).collect()
}

/// shadow(5): `*` or `!` is no password, and `!` before one locks it.
fn passwords(root: Root<'_>) -> Vec<Finding> {
    let shadow = root.text_or_empty("/etc/shadow");
    let fields = shadow.lines().filter_map(|line| {
        let mut fields = line.split(':');
        Some((fields.next()?, fields.next()?))
    });
    let mut findings = Vec::new();
    for (user, password) in fields.filter(|(user, _)| !user.is_empty()) {
        match password {
            "" => findings.push(Finding::new(
                Code::EmptyPassword,
                format!("{user} needs no password to log in"),
                format!("passwd -l {user}"),
            )),
            _ if password.starts_with(['*', '!']) => {}
            _ => findings.push(Finding::new(
                Code::Passwords,
                format!("{user} has a password, which all machines from this image would have"),
                format!("usermod -p '*' {user}"),
            )),
        }
    }
    findings
}

fn leftovers(root: Root<'_>) -> Vec<Finding> {
    let lists = find(root, "/var/lib/apt/lists", 1, &|path, entry| {
        entry.kind == Kind::File && entry.size > 0 && file_name(path) != "lock"
    });
    let lists = listed(Code::AptLists, "apt's package lists", &lists, "apt-get update brings them back; rm");
    let mut state = existing(
        root,
        &[
            "/var/lib/cloud/data/instance-id",
            "/var/lib/cloud/instance",
            "/var/lib/cloud/sem/config_scripts_per_once.once",
        ],
    );
    state.extend(find(root, "/var/lib/cloud/instances", 1, &|_, _| true));
    let help = "cloud-init clean --logs --seed takes all of it away, or rm -r";
    let state = listed(Code::CloudInitState, "what cloud-init keeps of an earlier boot", &state, help);
    lists.into_iter().chain(state).collect()
}
