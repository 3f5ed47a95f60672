//! What is where in a bundle, for whoever gets it.

use std::fmt::Write;

use super::fetch::FILES;

/// The text, for the moments at which the states of hosts were fetched.
pub fn readme(moments: &[String]) -> String {
    let mut text = "\
What `meshimg lab test` left after a failure. No private key is in here.

report.txt, report.json  what was found: begin with the first red line
plan.json                what the hosts should be, as `meshimg plan --format json` has it
missing.txt              what could not be fetched, and why; not there if nothing
lab/supervisor.log       what the lab itself complained of
lab/HOST.serial.log      the console of a host, from its kernel on, all its boots
lab/HOST.qemu.log        what its QEMU complained of
"
    .to_owned();
    if moments.is_empty() {
        text.push_str("\nNo host could be asked for its state.\n");
        return text;
    }
    // Writing to a String cannot fail, here and below.
    let _ = writeln!(
        text,
        "\nThe states of the hosts right after a failure, in a folder for each of the first {}:\n",
        super::MOMENTS_MAX
    );
    for moment in moments {
        let what = moment.split_once('-').map_or("", |(_, what)| what);
        let what = match what {
            "lab-up" => "the lab did not come up".to_owned(),
            "probes" => "a probe before any fault was red".to_owned(),
            scenario => format!("the scenario {scenario} was red"),
        };
        let _ = writeln!(text, "{:<23}  {what}", format!("{moment}/"));
    }
    text.push_str(
        "\nIn each of them:\n\nlab-status.json                 which hosts ran, and the frames between them as the switch counted them\n",
    );
    text.push_str("pcap/LINK.pcapng                what went over each link meanwhile, the first 256 bytes of each frame: tshark -r\n");
    for (file, what) in FILES {
        let _ = writeln!(text, "{:<30}  {what}", format!("HOST/{file}"));
    }
    text
}
