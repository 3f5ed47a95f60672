//! `meshimg lab outages`.

use std::path::PathBuf;

use super::lab::{Start, start};
use super::{Context, Format, load, output};
use crate::error::Error;
use crate::exec::interrupt;
use crate::lab::scenario::outages::{Outages, measure_all};
use crate::plan::{FabricPlan, Plan};
use crate::spec::LoopProtection;

#[derive(Debug, clap::Args)]
pub struct Arguments {
    #[command(flatten)]
    start: Start,
    /// Then measure this one on the same hosts; it may differ in `mesh` only. May be given again
    #[arg(long, value_name = "FILE")]
    then: Vec<PathBuf>,
    /// How often each fault is caused
    #[arg(long, value_name = "COUNT", default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
    /// Text for people, or JSON for programs, a document for each file
    #[arg(long, value_enum, default_value = "text")]
    format: Format,
}

/// Boots the hosts, measures, prints and ends them.
pub fn run(arguments: &Arguments, context: &Context) -> Result<(), Error> {
    let plan = load::plan(&arguments.start.file, context)?;
    let others: Vec<Plan> = arguments
        .then
        .iter()
        .map(|file| load::plan(file, context))
        .collect::<Result<_, _>>()?;
    let mut session = start(&arguments.start, &plan, context)?;
    let machines = format!("QEMU under {}, {} MiB each", session.lab.accelerator(), arguments.start.memory);
    let measured = measure_all(&mut session, &others, &machines, arguments.repeat, |outages| {
        match arguments.format {
            Format::Json => output::print_json(outages),
            Format::Text => output::print(&text(outages)),
        }
    });
    let ended = session.down();
    if interrupt::requested() {
        return Err(Error::Interrupted);
    }
    measured?;
    Ok(ended?)
}

/// What was measured, a row for each series.
fn text(outages: &Outages) -> String {
    let fabric = match &outages.fabric {
        FabricPlan::SpanningTree(tree) => format!(
            "{}, hello {} s, max-age {} s, forward-delay {} s",
            match tree.protocol {
                LoopProtection::Rstp => "rstp",
                LoopProtection::Stp => "stp",
            },
            tree.hello,
            tree.max_age,
            tree.forward_delay
        ),
        FabricPlan::Direct(_) => "direct".to_owned(),
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
        "Outages of {}: {fabric}, {bfd}; {}\n\n{}",
        outages.cluster,
        outages.machines,
        output::table(["fault", "what", "between", "times", "p50", "worst"], rows)
    )
}
