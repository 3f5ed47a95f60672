//! The cluster whose hosts boot from an image of `meshimg image build`, as real ones do, with an Open vSwitch that was built from source. Their fabric
//! is direct, over VXLAN.

use std::path::PathBuf;

use meshimg::image::openvswitch::{self, BuildRequest, Source};
use meshimg::image::{BootableRequest, Cache, Firmware, Format, bootable};
use meshimg::plan::Plan;
use meshimg::ui::Ui;

pub use crate::source::VERSION;
use crate::source::{DSC_SHA256, dsc};

/// What boots each host; one of them has not got ifupdown.
pub const FIRMWARES: [(&str, Firmware); 2] = [("host1", Firmware::Bios), ("host2", Firmware::Uefi)];

type Failure = Box<dyn std::error::Error>;

/// Its cluster.yaml.
pub fn text() -> Result<String, Failure> {
    let url = match dsc().map_err(|failed| failed.message().unwrap_or_default().to_owned())? {
        Source::Url(url) => url.to_string(),
        Source::Path(path) => format!("file://{}", path.canonicalize()?.display()),
    };
    Ok(format!(
        "version: 1
name: built
hosts:
  - {{name: host1, address: 192.0.2.1}}
  - {{name: host2, address: 192.0.2.2, network: systemd}}
mesh: {{fabric: direct, tunnel: vxlan}}
open-vswitch: {{source: build, version: {VERSION}, sha256: {DSC_SHA256}, url: '{url}'}}
"
    ))
}

/// The image for its hosts, with what goes into it built where it is not there yet.
pub fn image(plan: &Plan, format: Format, cache: &Cache, ui: &Ui) -> Result<BootableRequest, Failure> {
    let host = &plan.hosts[0];
    let source = BuildRequest::of_host(host, None).ok_or("Open vSwitch is not to be built")?;
    Ok(BootableRequest {
        os: host.os,
        archive: None,
        packages: host.packages.iter().cloned().collect(),
        is_snapshot: false,
        open_vswitch: Some(openvswitch::build(&source, cache, ui)?),
        format,
    })
}

/// The raw disk, which hosts boot from.
pub fn disk(plan: &Plan, cache: &Cache, ui: &Ui) -> Result<PathBuf, Failure> {
    Ok(bootable(&image(plan, Format::Raw, cache, ui)?, cache, ui)?.disk)
}
