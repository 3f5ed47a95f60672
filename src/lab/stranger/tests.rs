//! Tests of [`super`]: a host made of a thread answers the stranger.

use super::*;
use crate::plan::MacAddress;

fn management() -> Ipv4Net {
    "10.0.2.0/24".parse().unwrap()
}

#[test]
fn the_strangers_address_is_nobody_elses() {
    let chosen = |underlay: &[&str], subnet: &str| {
        let underlay: Vec<IpAddr> = underlay.iter().map(|address| address.parse().unwrap()).collect();
        address(&underlay, subnet.parse().unwrap(), management()).map(|address| address.to_string())
    };
    assert_eq!(chosen(&["192.0.2.1"], "172.17.0.0/16").as_deref(), Some("203.0.113.254"));
    assert_eq!(
        chosen(&["192.0.2.1", "203.0.113.254"], "172.17.0.0/16").as_deref(),
        Some("203.0.113.253")
    );
    assert_eq!(chosen(&["192.0.2.1"], "203.0.113.0/24").as_deref(), Some("198.51.100.254"));
    assert_eq!(chosen(&["2001:db8:1::a"], "10.20.0.0/16").as_deref(), Some("2001:db8:ffff::1"));
    assert_eq!(
        chosen(&["2001:db8:1::a", "2001:db8:ffff::1"], "10.20.0.0/16").as_deref(),
        Some("2001:db8:ffff::2")
    );
    let all: Vec<String> = (1..=254).map(|last| format!("192.0.2.{last}")).collect();
    let all: Vec<&str> = all.iter().map(String::as_str).collect();
    assert!(chosen(&all, "198.51.100.0/24").is_some());
}

/// How the host made of a thread answers, besides that ports 22 and 8080 are open.
#[derive(Clone, Copy, PartialEq)]
enum Host {
    Healthy,
    /// Answers datagrams, takes frames from any tunnel, and lets packets through to its container.
    Open,
    Mute,
}

const HOST: End = End {
    mac: [2, 0, 0, 0, 0, 1],
    address: IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)),
};
const OWN: End = End {
    mac: [2, 0, 0, 0, 0, 9],
    address: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 254)),
};
const CONTAINER: Ipv4Addr = Ipv4Addr::new(172, 17, 64, 0);

fn questions() -> Questions {
    Questions {
        address: HOST.address,
        tcp: (1..2000).chain([8080]).collect(),
        bridge_tcp: vec![22, 8080],
        udp: vec![53, VXLAN_PORT],
        bridge: (Ipv4Addr::new(172, 17, 42, 1), MacAddress::local([2, 0, 0, 0, 1, 1])),
        container: Some(CONTAINER),
        inside: Ipv4Addr::new(172, 17, 255, 254),
    }
}

/// What `host` sends for a frame of the stranger.
fn answer(host: Host, frame: &[u8]) -> Vec<Bytes> {
    let at = |address: IpAddr| End { mac: HOST.mac, address };
    let destination = frame.get(30..34).map(|bytes| IpAddr::from(<[u8; 4]>::try_from(bytes).unwrap()));
    match packet::read(frame) {
        _ if host == Host::Mute => Vec::new(),
        // It asks back who that is, as a host would that has forgotten.
        Some(Heard::WhoHas { asking, wanted }) if wanted == HOST.address => {
            vec![packet::here_is(HOST, asking).unwrap(), packet::who_has(HOST, OWN.address).unwrap()]
        }
        Some(Heard::Tcp { to_port, port, .. }) if frame[47] & 0x02 != 0 => {
            let from = at(destination.unwrap());
            let mut bytes = packet::syn(from, OWN, to_port, port).unwrap();
            // SYN and ACK, or RST and ACK; nobody here looks at checksums.
            bytes[47] = if [22, 8080].contains(&to_port) { 0x12 } else { 0x14 };
            vec![bytes]
        }
        Some(Heard::Udp { port, to_port: 53, .. }) if host == Host::Open => vec![packet::udp(HOST, OWN, 53, port, b"?").unwrap()],
        Some(Heard::Other { protocol: 47, .. }) if host == Host::Open => vec![packet::gre(HOST, OWN, &frame[38..]).unwrap()],
        _ if host == Host::Open && destination == Some(CONTAINER.into()) => {
            vec![packet::udp(at(CONTAINER.into()), OWN, 7, 7, b"reply").unwrap()]
        }
        _ => Vec::new(),
    }
}

fn ask(host: Host) -> Result<(Questions, Answers), String> {
    let (own, mut other) = UnixStream::pair().unwrap();
    let thread = std::thread::spawn(move || {
        let mut reading = io::BufReader::new(other.try_clone().unwrap());
        while let Ok(Some(frame)) = Frame::read(&mut reading) {
            for answer in answer(host, &frame.wire()[HEADER..]) {
                let length = u32::try_from(answer.len()).unwrap().to_be_bytes();
                other.write_all(&[&length[..], &answer].concat()).unwrap();
            }
        }
    });
    let name: HostName = "host1".parse().unwrap();
    let mut stranger = Stranger::new(own, OWN).unwrap();
    let mut asked = stranger.ask(BTreeMap::from([(name.clone(), Ok(questions()))])).unwrap();
    drop(stranger);
    thread.join().unwrap();
    asked.remove(&name).unwrap()
}

#[test]
fn open_ports_are_found_and_silence_is_kept() {
    let (_, answers) = ask(Host::Healthy).unwrap();
    let wanted = Answers {
        tcp: BTreeSet::from([22, 8080]),
        bridge_tcp: BTreeSet::from([22, 8080]),
        ..Answers::default()
    };
    assert_eq!(answers, wanted);
}

#[test]
fn whatever_comes_back_is_noted() {
    let (_, answers) = ask(Host::Open).unwrap();
    assert_eq!(answers.udp, BTreeSet::from([53]));
    assert_eq!(
        answers.inside,
        [
            "the container 172.17.64.0 answers a stranger on the underlay",
            "a frame came back by GRE"
        ]
    );
}

#[test]
fn a_mute_host_is_not_found() {
    assert_eq!(ask(Host::Mute).unwrap_err(), "192.0.2.1 does not answer on the underlay");
}
