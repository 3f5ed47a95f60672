//! Hosts that boot as real ones do: from an image, by its own boot loader, one by BIOS and the others by UEFI; with an Open vSwitch that was
//! built from source.

use std::collections::BTreeMap;
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use meshimg::image::check::{CheckRequest, SIZE_LIMIT, check};
use meshimg::image::lint::UserData;
use meshimg::image::openvswitch::{self, BuildRequest, Source};
use meshimg::image::{BootableRequest, Cache, Firmware, Format, bootable, of_file};
use meshimg::lab::session::{Session, Size, request};
use meshimg::machine::{Machine, ssh};
use meshimg::plan::{Plan, plan};
use meshimg::ui::{Ui, Verbosity};
use meshimg::{render, spec};

use super::source::{DSC_SHA256, VERSION, dsc};
use super::{containers_reach_each_other, run};
use crate::clusters::{all_green, end_others};

/// A reboot with an initrd that has the drivers of all machines, of two hosts at once.
const REBOOT: Duration = Duration::from_secs(600);

/// Beside each other: what boots each host.
const FIRMWARES: [(&str, Firmware); 3] = [("host1", Firmware::Bios), ("host2", Firmware::Uefi), ("host3", Firmware::Uefi)];

pub fn tests() -> Vec<Trial> {
    vec![
        Trial::test("bootable::three_hosts_boot_from_an_image", || {
            end_others(None);
            three_hosts().inspect_err(|failed| println!("{}", failed.message().unwrap_or("failed without a word")))
        }),
        Trial::test("bootable::the_same_inputs_give_the_same_bytes", same_bytes),
    ]
}

fn cluster() -> Result<Plan, Failed> {
    let url = match dsc()? {
        Source::Url(url) => url.to_string(),
        Source::Path(path) => format!("file://{}", path.canonicalize()?.display()),
    };
    let text = format!(
        "version: 1\nname: bootable\n\
         hosts: [{{name: host1, address: 192.0.2.1}}, {{name: host2, address: 192.0.2.2}}, {{name: host3, address: 192.0.2.3}}]\n\
         open-vswitch: {{source: build, version: {VERSION}, sha256: {DSC_SHA256}, url: '{url}'}}\n"
    );
    let (spec, _) = spec::load(text.as_bytes()).map_err(|problems| spec::render("bootable", text.as_bytes(), &problems, false))?;
    Ok(plan(&spec)?)
}

fn image(plan: &Plan, format: Format) -> Result<BootableRequest, Failed> {
    let host = &plan.hosts[0];
    let source = BuildRequest::of_host(host, None).ok_or("Open vSwitch is not to be built")?;
    let archive = openvswitch::build(&source, &Cache::from_environment()?, &Ui::new(Verbosity::Normal, false))?;
    Ok(BootableRequest {
        os: host.os,
        archive: None,
        packages: host.packages.iter().cloned().collect(),
        is_snapshot: false,
        open_vswitch: Some(archive),
        format,
    })
}

fn three_hosts() -> Result<(), Failed> {
    let ui = Ui::new(Verbosity::Normal, false);
    let cache = Cache::from_environment()?;
    let plan = cluster()?;
    let disk = bootable(&image(&plan, Format::Raw)?, &cache, &ui)?.disk;
    let checked = CheckRequest {
        image: disk.clone(),
        boot: Vec::new(),
        size_limit: SIZE_LIMIT,
        user_data: UserData::default(),
    };
    let findings = check(&checked, &ui)?.findings;
    if !findings.is_empty() {
        return Err(format!("{findings:?}").into());
    }
    let size = Size {
        // An initrd with the drivers of all machines is unpacked to memory.
        memory_mib: 768,
        ..Size::default()
    };
    let mut request = request(&plan, &render::cloud_init(&plan, None)?, &BTreeMap::new(), size)?;
    for (host, (name, firmware)) in request.hosts.iter_mut().zip(FIRMWARES) {
        assert_eq!(host.plan.name.as_str(), name);
        host.image = Some(of_file(&disk, firmware)?);
    }
    request.program = Some(env!("CARGO_BIN_EXE_meshimg").into());
    let mut session = Session::up(&request, &plan, &ui)?;
    let tested = as_promised(&mut session);
    session.down()?;
    tested
}

fn as_promised(session: &mut Session<'_>) -> Result<(), Failed> {
    let verdicts = session.probe();
    all_green(&verdicts)?;
    let running = verdicts
        .iter()
        .filter(|verdict| verdict.summary.contains(&format!("Open vSwitch {VERSION},")));
    if running.count() != FIRMWARES.len() {
        return Err(format!("not every host says that it runs Open vSwitch {VERSION}: {verdicts:?}").into());
    }
    for (name, firmware) in FIRMWARES {
        let found = run(
            session,
            name,
            "if [ -d /sys/firmware/efi ]; then echo Uefi; else echo Bios; fi
[ \"$(findmnt --noheadings --output SOURCE /boot/efi)\" = /dev/vda15 ] && echo esp
[ \"$(df --output=size --block-size=1M / | tail -n 1)\" -gt 3500 ] && echo grown",
        )?;
        if found != format!("{firmware:?}\nesp\ngrown\n") {
            return Err(format!("{name}: {found}").into());
        }
    }
    a_newer_kernel_is_booted(session)
}

/// A kernel that is called newer, with its initrd, and what its package runs for boot loaders; by both firmwares.
fn a_newer_kernel_is_booted(session: &Session<'_>) -> Result<(), Failed> {
    let install = "version=$(uname -r)
for file in vmlinuz initrd.img; do ln \"/boot/$file-$version\" \"/boot/$file-99.0.0-test\"; done
/etc/kernel/postinst.d/zz-update-grub 99.0.0-test /boot/vmlinuz-99.0.0-test 2>&1
cat /proc/sys/kernel/random/boot_id";
    let mut rebooting = Vec::new();
    for (name, _) in &FIRMWARES[..2] {
        let said = run(session, name, install)?;
        let before = said.lines().last().unwrap_or_default().to_owned();
        run(session, name, "systemctl reboot --no-block")?;
        rebooting.push((*name, before));
    }
    for (name, before) in rebooting {
        let machine = session.machine(&name.parse()?).ok_or("no such host")?;
        ssh::wait_for_reboot(machine, &before, REBOOT, || session.lab.ended(name))?;
        let booted = machine.run("cat /proc/cmdline", super::SOON)?.stdout_text();
        if !booted.contains("BOOT_IMAGE=/boot/vmlinuz-99.0.0-test ") {
            return Err(format!("{name} booted {booted}").into());
        }
    }
    containers_reach_each_other(session)
}

/// Disk and file made twice, each time of what the other has not touched; the tree of packages is the same, as the archive may move meanwhile.
fn same_bytes() -> Result<(), Failed> {
    let ui = Ui::new(Verbosity::Normal, false);
    let cache = Cache::from_environment()?;
    let plan = cluster()?;
    let mut request = image(&plan, Format::Raw)?;
    let first = bootable(&request, &cache, &ui)?;
    let folder = tempfile::tempdir_in(cache.folder())?;
    let other = Cache::at(folder.path());
    for entry in std::fs::read_dir(cache.folder())? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with("tree-") {
            std::os::unix::fs::symlink(entry.path(), folder.path().join(entry.file_name()))?;
        }
    }
    let second = bootable(&request, &other, &ui)?;
    if first.sha256 != second.sha256 {
        return Err(format!("{} and {}", first.sha256, second.sha256).into());
    }
    request.format = Format::Vhdx;
    if bootable(&request, &other, &ui)?.sha256 == bootable(&request, &cache, &ui)?.sha256 {
        Ok(())
    } else {
        Err("the same disk gives two files".into())
    }
}
