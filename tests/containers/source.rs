//! A source package of Open vSwitch that Debian 13 does not have, for tests that build it.

use std::time::Duration;

use libtest_mimic::Failed;
use meshimg::exec::Tool;
use meshimg::image::openvswitch::Source;

/// Its version.
pub const VERSION: &str = "4.0.0";

/// Of a later Debian, in its archive.
const DSC: &str = "pool/main/o/openvswitch/openvswitch_4.0.0-2.dsc";

/// Of that file.
pub const DSC_SHA256: &str = "eea5aee0fc5c0d278753a67d85ae59e0ab1de43962fddb59245afac5cd123de5";

/// For a question to apt.
const DEADLINE: Duration = Duration::from_secs(60);

/// The source: what MESHIMG_OPEN_VSWITCH_DSC names, else in the archive of Debian that this machine's apt uses. Where the packages are in the
/// cache nobody looks for it.
pub fn dsc() -> Result<Source, Failed> {
    if let Some(named) = std::env::var_os("MESHIMG_OPEN_VSWITCH_DSC") {
        return Ok(named.to_string_lossy().parse()?);
    }
    let format = "$(ORIGIN)|$(LABEL)|$(REPO_URI)";
    let targets = Tool::new("apt-get", DEADLINE).arguments(["indextargets", "--format", format, "Created-By: Packages"]);
    let targets = targets.run()?.stdout_text();
    let archive = targets.lines().find_map(|line| line.strip_prefix("Debian|Debian|"));
    let archive = archive.ok_or("apt has no archive of Debian here; name the source in MESHIMG_OPEN_VSWITCH_DSC")?;
    Ok(format!("{}/{DSC}", archive.trim_end_matches('/')).parse()?)
}
