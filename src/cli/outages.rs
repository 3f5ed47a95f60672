//! `meshimg lab outages`.

use super::lab::{Start, start};
use super::{Context, Format, load, output};
use crate::error::Error;
use crate::exec::interrupt;
use crate::lab::scenario::outages::{Outages, measure};
use crate::spec::LoopProtection;

/// Boots the hosts, measures, prints and ends them.
pub fn run(arguments: &Start, repeat: u32, format: Format, context: &Context) -> Result<(), Error> {
    let plan = load::plan(&arguments.file, context)?;
    let mut session = start(arguments, &plan, context)?;
    let machines = format!("QEMU under {}, {} MiB each", session.lab.accelerator(), arguments.memory);
    let measured = measure(&mut session, machines, repeat);
    let ended = session.down();
    if interrupt::requested() {
        return Err(Error::Interrupted);
    }
    let outages = measured?;
    match format {
        Format::Json => output::print_json(&outages)?,
        Format::Text => output::print(&text(&outages))?,
    }
    Ok(ended?)
}

/// What was measured, a row for each series.
fn text(outages: &Outages) -> String {
    let tree = &outages.spanning_tree;
    let protocol = match tree.protocol {
        LoopProtection::Rstp => "rstp",
        LoopProtection::Stp => "stp",
    };
    let bfd = outages.bfd.map_or("no BFD".to_owned(), |bfd| {
        format!("BFD {} x {} ms", bfd.multiplier, bfd.interval_ms)
    });
    let rows = outages.series.iter().map(|series| {
        [
            series.fault.clone(),
            series.what.clone(),
            series.between.each_ref().map(ToString::to_string).join(" -> "),
            series.outage_seconds.len().to_string(),
            format!("{:.2} s", series.p50_seconds()),
            format!("{:.2} s", series.worst_seconds()),
        ]
    });
    format!(
        "Outages of {}: {protocol}, hello {} s, max-age {} s, forward-delay {} s, {bfd}; {}\n\n{}",
        outages.cluster,
        tree.hello,
        tree.max_age,
        tree.forward_delay,
        outages.machines,
        output::table(["fault", "what", "between", "times", "p50", "worst"], rows)
    )
}
