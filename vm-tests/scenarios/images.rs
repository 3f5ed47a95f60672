//! The boot-order lint on Debian's real units, in the image that hosts boot from. No guest runs here; what the same boots do in one is measured
//! by the probe `boot`.

use libtest_mimic::{Failed, Trial};
use meshimg::image::check::{CheckRequest, Code, SIZE_LIMIT, check, read_user_data};
use meshimg::image::{BaseRequest, Cache, Flavor, base};
use meshimg::plan::plan;
use meshimg::render;
use meshimg::spec::{self, Os};
use meshimg::ui::Ui;

use super::long;

/// The recipe that meshimg comes from, as far as the boot sees it.
const PLAIN_RECIPE: &str = "#cloud-config\nwrite_files:\n- path: /etc/network/interfaces.d/mesh\n  content: |\n    auto br0=br0\n    allow-ovs br0\n    \
                            iface br0 inet manual\n      ovs_type OVSBridge\n      ovs_ports gre1\n";

pub fn tests() -> Vec<Trial> {
    [("debian_12", Os::Debian12), ("debian_13", Os::Debian13)]
        .into_iter()
        .map(|(name, os)| {
            let test = Trial::test(
                format!("images::the_hang_of_the_plain_recipe_is_found_on_{name}_and_not_in_ours"),
                move || hang(os),
            );
            // Its image has to be made for this alone.
            if os == Os::Debian12 { long(test) } else { test }
        })
        .collect()
}

fn hang(os: Os) -> Result<(), Failed> {
    let request = BaseRequest {
        os,
        archive: None,
        flavor: Flavor::Full,
        open_vswitch: None,
    };
    let image = base(&request, &Cache::from_environment()?, &Ui::silent())?.disk;
    let found = |user_data: &str| -> Result<Vec<String>, Failed> {
        let request = CheckRequest {
            image: image.clone(),
            boot: Vec::new(),
            size_limit: SIZE_LIMIT,
            user_data: read_user_data(user_data)?,
        };
        let findings = check(&request, &Ui::silent())?.findings.into_iter();
        let of_the_boot = findings.filter(|finding| finding.code.as_str().starts_with("boot-order::"));
        Ok(of_the_boot.map(|finding| format!("{} {}", finding.code, finding.message)).collect())
    };
    let plain = found(PLAIN_RECIPE)?;
    let is_the_hang = |text: &String| {
        let way = [
            Code::Deadlock.as_str(),
            "networking.service would wait for itself for 5min",
            "systemctl start openvswitch-switch.service",
            "waits for sysinit.target",
            "waits for networking.service",
        ];
        way.iter().all(|part| text.contains(part))
    };
    if plain.len() != 1 || !plain.iter().all(is_the_hang) {
        return Err(format!("the plain recipe: {plain:?}").into());
    }
    let text = include_str!("../../examples/three-hosts/cluster.yaml");
    let (spec, _) = spec::load(text.as_bytes()).map_err(|problems| format!("{problems:?}"))?;
    for (path, artifact) in &render::cloud_init(&plan(&spec)?, None)?.0 {
        if path.ends_with("/user-data") {
            let ours = found(std::str::from_utf8(&artifact.bytes)?)?;
            if !ours.is_empty() {
                return Err(format!("{path}: {ours:?}").into());
            }
        }
    }
    Ok(())
}
