//! cloud-init: is it there, does it run, where does it look for its data.

use super::System;
use super::finding::{Code, Finding};
use crate::image::tree::Root;

/// Where providers and seeds put their data: a provider's config drive, and the volume labelled cidata.
const NEEDED: [&str; 2] = ["ConfigDrive", "NoCloud"];

/// What is wrong with cloud-init.
pub fn check(system: &System<'_>) -> Vec<Finding> {
    let root = system.root;
    if !["/usr/bin/cloud-init", "/usr/local/bin/cloud-init"]
        .iter()
        .any(|path| root.is_file(path))
    {
        return vec![Finding::new(
            Code::NoCloudInit,
            "cloud-init is not installed: nobody tells the machine its name, keys and network",
            "install it in the image: apt-get install cloud-init cloud-guest-utils",
        )];
    }
    let mut findings = Vec::new();
    if !system
        .jobs
        .iter()
        .any(|job| job.starts_with("cloud-init") && job.ends_with(".service"))
    {
        findings.push(Finding::new(
            Code::CloudInitDisabled,
            "cloud-init is installed, but none of its services runs at boot",
            "remove /etc/cloud/cloud-init.disabled; systemctl enable cloud-init-local cloud-init-main cloud-init-network cloud-config cloud-final",
        ));
    }
    findings.extend(datasources(root));
    if !["/usr/bin/growpart", "/usr/sbin/growpart"].iter().any(|path| root.is_file(path)) {
        findings.push(Finding::new(
            Code::NoGrowpart,
            "growpart is missing: on a larger disk the root partition stays as small as it is",
            "install it in the image: apt-get install cloud-guest-utils",
        ));
    }
    findings
}

/// The datasources that cloud-init tries, in order, as its configuration says last; none if it does not say.
pub fn datasource_list(root: Root<'_>) -> Option<(Vec<String>, String)> {
    let folder = "/etc/cloud/cloud.cfg.d";
    let names = root.names(folder).into_iter().filter(|name| name.ends_with(".cfg"));
    let files = std::iter::once("/etc/cloud/cloud.cfg".to_owned()).chain(names.map(|name| format!("{folder}/{name}")));
    let mut lists = files.filter_map(|path| Some((list_in(&root.text(&path)?)?, path)));
    lists.next_back()
}

/// `datasource_list: [A, B]`, or a list of lines `- A`. Only this key is looked at, so a file that is no YAML elsewhere is no matter here.
fn list_in(text: &str) -> Option<Vec<String>> {
    let mut lines = text.lines().map(|line| line.split(" #").next().unwrap_or_default().trim_end());
    let mut list = lines.find_map(|line| line.strip_prefix("datasource_list:"))?.trim().to_owned();
    let is_flow = list.starts_with('[');
    for line in lines {
        let line = line.trim();
        if is_flow && !list.ends_with(']') {
            list = format!("{list} {line}");
        } else if let (false, Some(item)) = (is_flow, line.strip_prefix('-')) {
            list = format!("{list},{item}");
        } else if is_flow || !(line.is_empty() || line.starts_with('#')) {
            break;
        }
    }
    let items = list
        .trim_matches(['[', ']'])
        .split(',')
        .map(|item| item.trim().trim_matches(['"', '\'']).to_owned());
    Some(items.filter(|item| !item.is_empty()).collect())
}

fn datasources(root: Root<'_>) -> Vec<Finding> {
    let file = "/etc/cloud/cloud.cfg.d/90_datasources.cfg";
    let example = format!("in {file}: datasource_list: [NoCloud, ConfigDrive, None]");
    let Some((list, path)) = datasource_list(root) else {
        return vec![Finding::new(
            Code::DatasourcesUnset,
            "no datasource_list: cloud-init tries all that its search does not rule out, network ones too",
            example,
        )];
    };
    let mut findings = Vec::new();
    let place = |name: &str| list.iter().position(|item| item == name);
    let missing: Vec<&str> = NEEDED.into_iter().filter(|name| place(name).is_none()).collect();
    if !missing.is_empty() {
        findings.push(Finding::new(
            Code::DatasourceMissing,
            format!("the datasource_list in {path} lacks {}", missing.join(" and ")),
            example.clone(),
        ));
    }
    if place("None").is_some_and(|place| place + 1 < list.len()) {
        findings.push(Finding::new(
            Code::DatasourceOrder,
            format!("None is not the last in the datasource_list in {path}: what is behind it is never tried"),
            example.clone(),
        ));
    }
    if let Some(own) = place("DigitalOcean")
        && place("ConfigDrive").is_none_or(|drive| own < drive)
    {
        findings.push(Finding::new(
            Code::DatasourceOrder,
            format!(
                "DigitalOcean is not behind ConfigDrive in the datasource_list in {path}: the provider has given it up for ConfigDrive"
            ),
            example,
        ));
    }
    findings
}
