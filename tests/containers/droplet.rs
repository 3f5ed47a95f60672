//! User-data of droplets that do not know their peers yet, before the schema of both releases' cloud-init.

use std::collections::BTreeMap;

use libtest_mimic::{Failed, Trial};
use meshimg::plan::droplets;
use meshimg::render::droplet_user_data;
use meshimg::spec;

use super::container::Container;
use super::host::{self, Host, Release};
use super::parsers;

const EXAMPLE: &[u8] = include_bytes!("../../examples/digital-ocean/cluster.yaml");

pub fn tests() -> Vec<Trial> {
    [Release::Debian12, Release::Debian13]
        .into_iter()
        .map(|release| Trial::test(format!("droplet::{release}"), move || its_user_data_is_valid(release)))
        .collect()
}

fn its_user_data_is_valid(release: Release) -> Result<(), Failed> {
    let (spec, _) = spec::load(EXAMPLE).map_err(|problems| spec::render("digital-ocean", EXAMPLE, &problems, false))?;
    let droplets = droplets(&spec)?.ok_or("the example has no droplets")?;
    let text = droplet_user_data(&droplets, &droplets.droplets[0])?;
    let of_that_release = host::all()?.into_iter().find(|host| host.release() == release);
    let of_that_release = of_that_release.ok_or("no example has a host of that release")?;
    let with = |text: String| Host {
        artifacts: BTreeMap::from([("user-data".to_owned(), text.into_bytes())]),
        files: Vec::new(),
        ..of_that_release.clone()
    };
    let right = findings(&with(text.clone()))?;
    if !right.is_empty() {
        return Err(right.join("\n").into());
    }
    if findings(&with(text + "runcmd: 7\n"))?.is_empty() {
        return Err("a wrong one passes".into());
    }
    Ok(())
}

fn findings(host: &Host) -> Result<Vec<String>, Failed> {
    let schema = parsers::ALL.iter().find(|parser| parser.name == "schema").ok_or("no such parser")?;
    let container = Container::start(host)?;
    let found = container.run(schema, host)?;
    container.end()?;
    Ok(found)
}
