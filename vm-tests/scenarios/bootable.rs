//! What holds for hosts that boot from an image of their own, by its own boot loader: by BIOS and by UEFI.

use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use meshimg::image::check::{CheckRequest, SIZE_LIMIT, check};
use meshimg::image::lint::UserData;
use meshimg::image::{Cache, Format, bootable};
use meshimg::lab::session::Session;
use meshimg::machine::{Machine, ssh};
use meshimg::ui::{Ui, Verbosity};

use super::{containers_reach_each_other, long, on, run};
use crate::built::{self, FIRMWARES, VERSION};
use crate::clusters::{BUILT, all_green};

/// A reboot with an initrd that has the drivers of all machines, of two hosts at once.
const REBOOT: Duration = Duration::from_secs(600);

pub fn tests() -> Vec<Trial> {
    vec![
        on(&BUILT, "every_probe_is_green", all_is_as_planned),
        on(&BUILT, "each_host_booted_by_its_firmware_and_its_root_has_grown", booted),
        on(&BUILT, "a_check_finds_nothing_in_the_image", checked),
        long(on(&BUILT, "the_same_inputs_give_the_same_bytes", same_bytes)),
    ]
}

/// What reboots hosts, after all that does not.
pub fn last() -> Vec<Trial> {
    vec![long(on(&BUILT, "a_newer_kernel_is_booted", a_newer_kernel_is_booted))]
}

fn all_is_as_planned(session: &mut Session<'static>) -> Result<(), Failed> {
    let verdicts = session.probe();
    all_green(&verdicts)?;
    let running = verdicts
        .iter()
        .filter(|verdict| verdict.summary.contains(&format!("Open vSwitch {VERSION},")));
    if running.count() == FIRMWARES.len() {
        Ok(())
    } else {
        Err(format!("not every host says that it runs Open vSwitch {VERSION}: {verdicts:?}").into())
    }
}

fn booted(session: &mut Session<'static>) -> Result<(), Failed> {
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
    Ok(())
}

fn checked(session: &mut Session<'static>) -> Result<(), Failed> {
    let ui = Ui::new(Verbosity::Normal, false);
    let request = CheckRequest {
        image: built::disk(session.plan, &Cache::from_environment()?, &ui)?,
        boot: Vec::new(),
        size_limit: SIZE_LIMIT,
        user_data: UserData::default(),
    };
    let findings = check(&request, &ui)?.findings;
    if findings.is_empty() {
        Ok(())
    } else {
        Err(format!("{findings:?}").into())
    }
}

/// A kernel that is called newer, with its initrd, and what its package runs for boot loaders; by both firmwares.
fn a_newer_kernel_is_booted(session: &mut Session<'static>) -> Result<(), Failed> {
    let install = "version=$(uname -r)
for file in vmlinuz initrd.img; do ln \"/boot/$file-$version\" \"/boot/$file-99.0.0-test\"; done
/etc/kernel/postinst.d/zz-update-grub 99.0.0-test /boot/vmlinuz-99.0.0-test 2>&1
cat /proc/sys/kernel/random/boot_id";
    let mut rebooting = Vec::new();
    for (name, _) in &FIRMWARES {
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
fn same_bytes(session: &mut Session<'static>) -> Result<(), Failed> {
    let ui = Ui::new(Verbosity::Normal, false);
    let cache = Cache::from_environment()?;
    let mut request = built::image(session.plan, Format::Raw, &cache, &ui)?;
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
