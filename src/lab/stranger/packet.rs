//! The frames that a stranger sends, and what it makes of those that it gets. Pure.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::err::packet::BuildWriteError;
use etherparse::{
    ArpHardwareId, ArpOperation, ArpPacket, EtherType, Icmpv4Type, Icmpv6Type, IpNumber, NetSlice, PacketBuilder, PacketBuilderStep,
    SlicedPacket, TransportSlice, icmpv6,
};

use crate::lab::frame::Address as Mac;

/// A frame without its length.
pub type Bytes = Vec<u8>;

/// Everybody on the wire.
pub const BROADCAST: Mac = [0xff; 6];

/// Of packets in flight; 255 because NDP takes no less (RFC 4861 7.1).
const HOP_LIMIT: u8 = 255;

/// One end of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct End {
    pub mac: Mac,
    pub address: IpAddr,
}

/// Addresses of two families, or more than a packet holds: a mistake of ours.
#[derive(Debug, thiserror::Error)]
#[error("a packet could not be made: {0}")]
pub struct PacketError(String);

impl From<BuildWriteError> for PacketError {
    fn from(error: BuildWriteError) -> Self {
        Self(error.to_string())
    }
}

fn ip(from: End, to: End) -> Result<PacketBuilderStep<etherparse::IpHeaders>, PacketError> {
    let ethernet = PacketBuilder::ethernet2(from.mac, to.mac);
    match (from.address, to.address) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => Ok(ethernet.ipv4(source.octets(), destination.octets(), HOP_LIMIT)),
        (IpAddr::V6(source), IpAddr::V6(destination)) => Ok(ethernet.ipv6(source.octets(), destination.octets(), HOP_LIMIT)),
        (source, destination) => Err(PacketError(format!("from {source} to {destination}"))),
    }
}

/// Who has `wanted`? By ARP (RFC 826) or neighbour discovery (RFC 4861 4.3).
pub fn who_has(own: End, wanted: IpAddr) -> Result<Bytes, PacketError> {
    match (own.address, wanted) {
        (IpAddr::V4(source), IpAddr::V4(wanted)) => arp(ArpOperation::REQUEST, own.mac, source, BROADCAST, wanted),
        (IpAddr::V6(_), IpAddr::V6(wanted)) => {
            // The solicited-node group and its Ethernet address (RFC 4291 2.7.1, RFC 2464 7).
            let [.., a, b, c] = wanted.octets();
            let group = Ipv6Addr::from_bits(0xff02_0000_0000_0000_0000_0001_ff00_0000 | u128::from(u32::from_be_bytes([0, a, b, c])));
            let to = End {
                mac: [0x33, 0x33, 0xff, a, b, c],
                address: group.into(),
            };
            let mut body = wanted.octets().to_vec();
            // Option 1: the sender's link-layer address.
            body.extend([1, 1]);
            body.extend(own.mac);
            let mut frame = Vec::new();
            ip(own, to)?.icmpv6(Icmpv6Type::NeighborSolicitation).write(&mut frame, &body)?;
            Ok(frame)
        }
        (source, wanted) => Err(PacketError(format!("from {source} about {wanted}"))),
    }
}

fn arp(operation: ArpOperation, own_mac: Mac, own: Ipv4Addr, to_mac: Mac, to: Ipv4Addr) -> Result<Bytes, PacketError> {
    let target = if operation == ArpOperation::REQUEST {
        Mac::default()
    } else {
        to_mac
    };
    let packet = ArpPacket::new(
        ArpHardwareId::ETHERNET,
        EtherType::IPV4,
        operation,
        &own_mac,
        &own.octets(),
        &target,
        &to.octets(),
    );
    let packet = packet.map_err(|error| PacketError(error.to_string()))?;
    let mut frame = Vec::new();
    PacketBuilder::ethernet2(own_mac, to_mac).arp(packet).write(&mut frame)?;
    Ok(frame)
}

/// The answer to somebody who asks for `own`.
pub fn here_is(own: End, asking: End) -> Result<Bytes, PacketError> {
    match (own.address, asking.address) {
        (IpAddr::V4(address), IpAddr::V4(asking_address)) => arp(ArpOperation::REPLY, own.mac, address, asking.mac, asking_address),
        (IpAddr::V6(address), IpAddr::V6(_)) => {
            let mut body = address.octets().to_vec();
            // Option 2: the target's link-layer address.
            body.extend([2, 1]);
            body.extend(own.mac);
            let advertisement = icmpv6::NeighborAdvertisementHeader {
                router: false,
                solicited: true,
                r#override: true,
            };
            let mut frame = Vec::new();
            ip(own, asking)?
                .icmpv6(Icmpv6Type::NeighborAdvertisement(advertisement))
                .write(&mut frame, &body)?;
            Ok(frame)
        }
        (own, asking) => Err(PacketError(format!("{own} for {asking}"))),
    }
}

/// Asks for a connection.
pub fn syn(own: End, to: End, own_port: u16, port: u16) -> Result<Bytes, PacketError> {
    let mut frame = Vec::new();
    ip(own, to)?.tcp(own_port, port, 0, 1024).syn().write(&mut frame, &[])?;
    Ok(frame)
}

/// Takes back the request for a connection that was accepted.
pub fn reset(own: End, to: End, own_port: u16, port: u16) -> Result<Bytes, PacketError> {
    let mut frame = Vec::new();
    ip(own, to)?.tcp(own_port, port, 1, 0).rst().write(&mut frame, &[])?;
    Ok(frame)
}

/// A datagram.
pub fn udp(own: End, to: End, own_port: u16, port: u16, payload: &[u8]) -> Result<Bytes, PacketError> {
    let mut frame = Vec::new();
    ip(own, to)?.udp(own_port, port).write(&mut frame, payload)?;
    Ok(frame)
}

/// An echo request over IPv4.
pub fn echo(own: End, to: End) -> Result<Bytes, PacketError> {
    let mut frame = Vec::new();
    ip(own, to)?
        .icmpv4(Icmpv4Type::EchoRequest(etherparse::IcmpEchoHeader { id: 1, seq: 1 }))
        .write(&mut frame, b"meshimg")?;
    Ok(frame)
}

/// A frame in GRE without key (RFC 2784; 0x6558: RFC 1701).
pub fn gre(own: End, to: End, inner: &[u8]) -> Result<Bytes, PacketError> {
    let payload = [&[0, 0, 0x65, 0x58], inner].concat();
    let mut frame = Vec::new();
    ip(own, to)?.write(&mut frame, IpNumber::GRE, &payload)?;
    Ok(frame)
}

/// The payload of VXLAN with network 0 (RFC 7348 5), which is that of a tunnel without key.
pub fn vxlan(inner: &[u8]) -> Vec<u8> {
    [&[8, 0, 0, 0, 0, 0, 0, 0], inner].concat()
}

/// The payload of Geneve with network 0 and no options (RFC 8926 3.4).
pub fn geneve(inner: &[u8]) -> Vec<u8> {
    [&[0, 0, 0x65, 0x58, 0, 0, 0, 0], inner].concat()
}

/// What a frame says, as far as it is of interest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Heard {
    /// Somebody asks for `wanted`.
    WhoHas {
        asking: End,
        wanted: IpAddr,
    },
    /// `end` says who it is.
    HereIs {
        end: End,
    },
    /// A connection was accepted or refused.
    Tcp {
        from: IpAddr,
        port: u16,
        to_port: u16,
        accepted: bool,
    },
    Udp {
        from: IpAddr,
        port: u16,
        to_port: u16,
    },
    /// An echo reply.
    Echo {
        from: IpAddr,
    },
    /// ICMP that says that something was not delivered.
    Undelivered {
        from: IpAddr,
    },
    /// A packet of another protocol than the above, by number.
    Other {
        from: IpAddr,
        protocol: u8,
    },
}

/// Reads a frame; `None` for what is no packet or of no interest.
pub fn read(frame: &[u8]) -> Option<Heard> {
    let packet = SlicedPacket::from_ethernet(frame).ok()?;
    let mac: Mac = frame.get(6..12)?.try_into().ok()?;
    let (from, protocol) = match packet.net? {
        NetSlice::Arp(arp) => {
            let address = |bytes: &[u8]| Some(IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?));
            let end = End {
                mac: arp.sender_hw_addr().try_into().ok()?,
                address: address(arp.sender_protocol_addr())?,
            };
            return match arp.operation() {
                ArpOperation::REQUEST => Some(Heard::WhoHas {
                    asking: end,
                    wanted: address(arp.target_protocol_addr())?,
                }),
                _ => Some(Heard::HereIs { end }),
            };
        }
        NetSlice::Ipv4(ip) => (IpAddr::V4(ip.header().source_addr()), ip.header().protocol().0),
        NetSlice::Ipv6(ip) => (IpAddr::V6(ip.header().source_addr()), ip.payload().ip_number.0),
    };
    let end = End { mac, address: from };
    Some(match packet.transport {
        Some(TransportSlice::Tcp(tcp)) => Heard::Tcp {
            from,
            port: tcp.source_port(),
            to_port: tcp.destination_port(),
            accepted: tcp.syn() && tcp.ack(),
        },
        Some(TransportSlice::Udp(udp)) => Heard::Udp {
            from,
            port: udp.source_port(),
            to_port: udp.destination_port(),
        },
        Some(TransportSlice::Icmpv4(icmp)) => match icmp.icmp_type() {
            Icmpv4Type::EchoReply(_) => Heard::Echo { from },
            Icmpv4Type::DestinationUnreachable(_) => Heard::Undelivered { from },
            _ => Heard::Other { from, protocol },
        },
        Some(TransportSlice::Icmpv6(icmp)) => {
            let target = || <[u8; 16]>::try_from(icmp.payload().get(..16)?).ok().map(IpAddr::from);
            match icmp.icmp_type() {
                Icmpv6Type::NeighborSolicitation => Heard::WhoHas {
                    asking: end,
                    wanted: target()?,
                },
                Icmpv6Type::NeighborAdvertisement(_) => Heard::HereIs {
                    end: End { mac, address: target()? },
                },
                Icmpv6Type::EchoReply(_) => Heard::Echo { from },
                Icmpv6Type::DestinationUnreachable(_) => Heard::Undelivered { from },
                _ => return None,
            }
        }
        None => Heard::Other { from, protocol },
    })
}

#[cfg(test)]
#[path = "packet_tests.rs"]
mod tests;
