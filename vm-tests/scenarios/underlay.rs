//! What is done to the underlay is what hosts see of it.

use libtest_mimic::{Failed, Trial};
use meshimg::lab::Pairs;
use meshimg::lab::session::Session;
use meshimg::lab::switch::impairment::Impairment;

use super::{containers_reach_each_other, run, three};

pub fn tests() -> Vec<Trial> {
    vec![three("a_broken_link_is_seen_by_a_ping", |session| {
        let result = broken_link(session);
        // Others use this lab.
        session.lab.heal()?;
        session.lab.impair(Pairs::All, Impairment::default())?;
        result?;
        containers_reach_each_other(session)
    })]
}

/// What ping(8) said at its end.
#[derive(Debug)]
struct Pings {
    /// Of a hundred.
    lost: f64,
    /// Of the fastest answer, ms.
    fastest: f64,
}

/// Pings host2's address on the underlay from host1.
fn ping(session: &Session<'_>, options: &str) -> Result<Pings, Failed> {
    let address = session.plan.hosts[1].address;
    let said = run(session, "host1", &format!("ping -n -q -W 1 {options} {address} || true"))?;
    let number_before = |mark: &str| -> Option<f64> { said.split(mark).next()?.rsplit([' ', '=']).next()?.parse().ok() };
    // rtt min/avg/max/mdev = 1.234/..., if there was any answer.
    let fastest = said.split("mdev = ").nth(1).and_then(|rest| rest.split('/').next()?.parse().ok());
    Ok(Pings {
        lost: number_before("% packet loss").ok_or_else(|| format!("ping said: {said}"))?,
        fastest: fastest.unwrap_or(f64::INFINITY),
    })
}

fn broken_link(session: &mut Session<'static>) -> Result<(), Failed> {
    let [from, to] = [0, 1].map(|place: usize| session.plan.hosts[place].name.to_string());
    let lab = &session.lab;
    let one_way = || Pairs::one_way(&from, &to);
    let settings = |json: &str| -> Result<Impairment, Failed> { Ok(serde_json::from_str(json)?) };
    let mut wrong = Vec::new();
    let mut check = |what: &str, pings: &Pings, is_right: bool| {
        println!("{what}: {pings:?}");
        if !is_right {
            wrong.push(format!("{what}: {pings:?}"));
        }
    };

    let pings = ping(session, "-c 5 -i 0.1")?;
    check("nothing done", &pings, pings.lost == 0.0);

    lab.cut_one_way(&from, &to)?;
    let pings = ping(session, "-c 3 -i 0.2")?;
    check("cut in one direction", &pings, pings.lost == 100.0);
    lab.heal_one_way(&from, &to)?;
    let pings = ping(session, "-c 5 -i 0.1")?;
    check("healed", &pings, pings.lost == 0.0);

    lab.impair(one_way(), settings(r#"{"delay-seconds":0.3,"seed":1}"#)?)?;
    let pings = ping(session, "-c 4 -i 0.1")?;
    check("delayed by 300 ms", &pings, pings.lost == 0.0 && pings.fastest >= 300.0);

    lab.impair(one_way(), settings(r#"{"loss-percent":50,"seed":1}"#)?)?;
    let pings = ping(session, "-c 40 -i 0.05")?;
    check("a half lost", &pings, (15.0..=85.0).contains(&pings.lost));

    lab.impair(one_way(), settings(r#"{"max-frame-bytes":1000,"seed":1}"#)?)?;
    // 14 of Ethernet, 20 of IPv4 and 8 of ICMP: one of exactly the limit, one above.
    let pings = ping(session, "-c 3 -i 0.1 -s 958")?;
    check("as long as may be", &pings, pings.lost == 0.0);
    let pings = ping(session, "-c 3 -i 0.1 -s 959")?;
    check("a byte longer", &pings, pings.lost == 100.0);

    let status = lab.status()?;
    let count = status.traffic.iter().find(|pair| pair.from == from && pair.to == to);
    match count {
        Some(count) if count.dropped_by_cut >= 3 && count.dropped_by_loss >= 3 && count.dropped_by_frame_limit >= 3 => {}
        other => wrong.push(format!("counters: {other:?}")),
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}
