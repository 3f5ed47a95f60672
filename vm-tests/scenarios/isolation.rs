//! Nothing of the lab gets out: a guest tries, and fails.

use libtest_mimic::{Failed, Trial};
use meshimg::lab::session::Session;

use super::{run, three};

pub fn tests() -> Vec<Trial> {
    vec![
        three("nothing_gets_out_of_a_guest", nothing_gets_out),
        three("no_route_leads_out_of_a_guest", no_route),
    ]
}

/// What a guest could try: the emulated gateway and name server, an address beyond them, and the neighbours of the underlay. The names
/// are of documentation networks (RFC 5737); 10.0.2.2 and 10.0.2.3 are QEMU's own.
fn nothing_gets_out(session: &mut Session<'static>) -> Result<(), Failed> {
    let script = r#"
set +e
# Even with a route that somebody added by mistake.
ip route add 198.51.100.0/24 via 10.0.2.2 dev eth0
# QEMU itself answers pings to its own two addresses; that goes no further.
for target in 198.51.100.7 192.0.2.77; do
    ping -c 1 -W 1 "$target" >/dev/null 2>&1 && echo "$target answers a ping"
done
for port in 22 53 80 443 8080; do
    for target in 10.0.2.2 10.0.2.3 198.51.100.7; do
        timeout 2 bash -c "exec 3<>/dev/tcp/$target/$port" 2>/dev/null && echo "$target takes a connection to port $port"
    done
done
ip route del 198.51.100.0/24 via 10.0.2.2 dev eth0
echo tried
"#;
    let said = run(session, "host1", script)?;
    if said.trim() == "tried" { Ok(()) } else { Err(said.into()) }
}

fn no_route(session: &mut Session<'static>) -> Result<(), Failed> {
    let mut wrong = Vec::new();
    for host in &session.plan.hosts {
        let routes = run(session, host.name.as_str(), "ip -4 route; ip -6 route show default")?;
        for line in routes
            .lines()
            .filter(|line| line.starts_with("default") || (line.contains("192.0.2.") && !line.contains("dev eth1")))
        {
            wrong.push(format!("{}: {line}", host.name));
        }
        for peer in session.plan.hosts.iter().filter(|peer| peer.name != host.name) {
            if !routes
                .lines()
                .any(|line| line.starts_with(&peer.address.to_string()) && line.contains("dev eth1"))
            {
                wrong.push(format!("{}: no route to {} by eth1", host.name, peer.address));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
