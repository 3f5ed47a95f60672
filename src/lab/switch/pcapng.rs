//! Captures as files: pcapng (draft-ietf-opsawg-pcapng), little-endian, with an interface for each direction of a link.

use std::io::{self, IoSlice, Read, Write};

use crate::lab::frame::write_all_vectored;

/// Types of blocks (section 4, and 10.1 of the draft).
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const INTERFACE_STATISTICS: u32 = 5;
const ENHANCED_PACKET: u32 = 6;

/// Readers learn the byte order from it.
const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// LINKTYPE_ETHERNET of the link-type registry.
const LINKTYPE_ETHERNET: u16 = 1;

/// Options: end, if_name, if_tsresol, isb_ifrecv, isb_ifdrop.
const END_OF_OPTIONS: u16 = 0;
const IF_NAME: u16 = 2;
const IF_TIME_RESOLUTION: u16 = 9;
const ISB_IFRECV: u16 = 4;
const ISB_IFDROP: u16 = 5;

/// if_tsresol: units of 10^-9 s.
const NANOSECONDS: u8 = 9;

/// Type and length before a block, length behind it.
const FRAMING: usize = 12;

/// What comes before a packet's bytes: type, length, interface, time (two words), captured and original length.
const PACKET_HEAD: usize = 28;

/// The longest block that [`copy`] takes, bytes: the longest frame, what is around it, and room.
const BLOCK_MAX: usize = 128 * 1024;

/// Head and tail of an Enhanced Packet Block; the packet's bytes go between them without being copied.
#[derive(Debug)]
pub struct PacketFrame {
    head: [u8; PACKET_HEAD],
    /// Up to three bytes that fill the last word, then the length.
    tail: [u8; 7],
    tail_length: usize,
}

impl PacketFrame {
    /// For a packet of `length` bytes, at most [`FRAME_MAX`](crate::lab::frame::FRAME_MAX), seen on `interface` at `nanoseconds` since 1970.
    pub fn new(interface: u32, nanoseconds: u64, length: usize) -> Self {
        let padding = length.next_multiple_of(4) - length;
        let total = (PACKET_HEAD + length + padding + 4) as u32;
        let words = [
            ENHANCED_PACKET,
            total,
            interface,
            (nanoseconds >> 32) as u32,
            nanoseconds as u32,
            length as u32,
            length as u32,
        ];
        let mut head = [0; PACKET_HEAD];
        for (place, word) in head.chunks_exact_mut(4).zip(words) {
            place.copy_from_slice(&word.to_le_bytes());
        }
        let mut tail = [0; 7];
        tail[padding..padding + 4].copy_from_slice(&total.to_le_bytes());
        Self {
            head,
            tail,
            tail_length: padding + 4,
        }
    }

    /// The block in three parts around `packet`.
    pub fn around<'a>(&'a self, packet: &'a [u8]) -> [IoSlice<'a>; 3] {
        [&self.head[..], packet, &self.tail[..self.tail_length]].map(IoSlice::new)
    }
}

/// Writes the section's header and one interface for each of `names`.
///
/// # Errors
/// That of `stream`.
pub fn write_header(stream: &mut impl Write, names: &[String]) -> io::Result<()> {
    let mut body = BYTE_ORDER_MAGIC.to_le_bytes().to_vec();
    // Version 1.0, and a length that is not known yet.
    body.extend([1, 0, 0, 0]);
    body.extend(u64::MAX.to_le_bytes());
    let mut bytes = block(SECTION_HEADER, &body);
    for name in names {
        let mut body = LINKTYPE_ETHERNET.to_le_bytes().to_vec();
        // Reserved, and a snapshot length of 0: frames are whole.
        body.extend([0; 6]);
        option(&mut body, IF_NAME, name.as_bytes());
        option(&mut body, IF_TIME_RESOLUTION, &[NANOSECONDS]);
        option(&mut body, END_OF_OPTIONS, &[]);
        bytes.extend(block(INTERFACE_DESCRIPTION, &body));
    }
    write_all_vectored(stream, &mut [IoSlice::new(&bytes)])
}

/// Writes how many frames `interface` had until `nanoseconds` since 1970, and how many of them are missing because the writer was slow.
///
/// # Errors
/// That of `stream`.
pub fn write_statistics(stream: &mut impl Write, interface: u32, nanoseconds: u64, received: u64, dropped: u64) -> io::Result<()> {
    let mut body = interface.to_le_bytes().to_vec();
    body.extend(((nanoseconds >> 32) as u32).to_le_bytes());
    body.extend((nanoseconds as u32).to_le_bytes());
    option(&mut body, ISB_IFRECV, &received.to_le_bytes());
    option(&mut body, ISB_IFDROP, &dropped.to_le_bytes());
    option(&mut body, END_OF_OPTIONS, &[]);
    write_all_vectored(stream, &mut [IoSlice::new(&block(INTERFACE_STATISTICS, &body))])
}

fn block(kind: u32, body: &[u8]) -> Vec<u8> {
    let length = ((FRAMING + body.len()) as u32).to_le_bytes();
    [&kind.to_le_bytes(), &length, body, &length].concat()
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    // Host names, arrows and numbers: far less than 64 KiB.
    body.extend((value.len() as u16).to_le_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

/// How much of a capture to keep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Of each frame, from its beginning.
    pub frame_bytes: usize,
    /// Of the whole file; frames that no longer fit are counted as dropped.
    pub file_bytes: u64,
}

impl Limits {
    /// Everything.
    pub const NONE: Self = Self {
        frame_bytes: usize::MAX,
        file_bytes: u64::MAX,
    };
}

/// What a capture came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Summary {
    /// In the file.
    pub frames: u64,
    /// Not in the file, because whoever wrote it was slower than the traffic.
    pub dropped: u64,
    /// Whether the capture said that it was complete; if not, the lab ended first.
    pub complete: bool,
    /// Of the file, bytes.
    pub bytes: u64,
}

/// Copies the next block from `source` to `target`, within `limits`, whole or not at all, and counts what it holds; false at the end.
///
/// # Errors
/// Those of both; [`io::ErrorKind::InvalidData`] for what is no block.
pub fn copy_block(source: &mut impl Read, target: &mut impl Write, limits: Limits, summary: &mut Summary) -> io::Result<bool> {
    let mut block = vec![0; 8];
    match source.read_exact(&mut block) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        other => other?,
    }
    let word = |at: usize, block: &[u8]| {
        block
            .get(at..at + 4)
            .map_or(0, |word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
    };
    let (kind, length) = (word(0, &block), word(4, &block) as usize);
    if !(FRAMING..=BLOCK_MAX).contains(&length) || length % 4 != 0 {
        return Err(io::Error::new(io::ErrorKind::InvalidData, format!("a block of {length} bytes")));
    }
    block.resize(length, 0);
    match source.read_exact(&mut block[8..]) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
        other => other?,
    }
    if kind == ENHANCED_PACKET {
        shorten(&mut block, limits.frame_bytes);
        if summary.bytes + block.len() as u64 > limits.file_bytes {
            summary.dropped += 1;
            return Ok(true);
        }
    }
    target.write_all(&block)?;
    summary.bytes += block.len() as u64;
    match kind {
        ENHANCED_PACKET => summary.frames += 1,
        INTERFACE_STATISTICS => {
            // As written above: both options have 8 bytes.
            summary.dropped += u64::from(word(36, &block)) | u64::from(word(40, &block)) << 32;
            summary.complete = true;
        }
        _ => {}
    }
    Ok(true)
}

/// Cuts the packet of an Enhanced Packet Block to its first `most` bytes; its original length stays in the block.
fn shorten(block: &mut Vec<u8>, most: usize) {
    let Some(captured) = block
        .get(20..24)
        .map(|word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
    else {
        return;
    };
    if captured as usize <= most || block.len() < PACKET_HEAD + most + 4 {
        return;
    }
    block.truncate(PACKET_HEAD + most);
    block.resize(block.len().next_multiple_of(4), 0);
    let total = ((block.len() + 4) as u32).to_le_bytes();
    block.extend(total);
    block[4..8].copy_from_slice(&total);
    block[20..24].copy_from_slice(&(most as u32).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A capture of packets of these lengths.
    fn capture(lengths: &[usize]) -> Vec<u8> {
        let mut bytes = Vec::new();
        write_header(&mut bytes, &["a to b".to_owned(), "b to a".to_owned()]).unwrap();
        for length in lengths {
            let packet = vec![7; *length];
            let frame = PacketFrame::new(0, 1, *length);
            write_all_vectored(&mut bytes, &mut frame.around(&packet)).unwrap();
        }
        write_statistics(&mut bytes, 0, 2, lengths.len() as u64, 0).unwrap();
        bytes
    }

    fn copy(bytes: &[u8], limits: Limits) -> (Vec<u8>, Summary) {
        let (mut source, mut target, mut summary) = (bytes, Vec::new(), Summary::default());
        while copy_block(&mut source, &mut target, limits, &mut summary).unwrap() {}
        (target, summary)
    }

    #[test]
    fn without_limits_a_copy_is_the_same() {
        let bytes = capture(&[60, 1514]);
        let (copied, summary) = copy(&bytes, Limits::NONE);
        assert_eq!(copied, bytes);
        assert_eq!((summary.frames, summary.bytes, summary.complete), (2, bytes.len() as u64, true));
    }

    #[test]
    fn of_long_frames_the_beginning_is_kept() {
        let limits = Limits {
            frame_bytes: 129,
            ..Limits::NONE
        };
        let (copied, summary) = copy(&capture(&[60, 1514]), limits);
        // What is written when the second packet has 129 bytes, but for its original length.
        let mut wanted = capture(&[60, 129]);
        let packet = wanted.len() - 52 - (PACKET_HEAD + 132 + 4);
        assert_eq!(wanted[packet + 24..packet + 28], 129_u32.to_le_bytes());
        wanted[packet + 24..packet + 28].copy_from_slice(&1514_u32.to_le_bytes());
        assert_eq!(copied, wanted);
        assert_eq!((summary.frames, summary.dropped), (2, 0));
    }

    #[test]
    fn a_full_file_takes_no_more_frames_but_ends_as_it_should() {
        let bytes = capture(&[100; 50]);
        let limits = Limits {
            file_bytes: 1000,
            ..Limits::NONE
        };
        let (copied, summary) = copy(&bytes, limits);
        assert!(copied.len() < 1100 && summary.frames > 0, "{summary:?}");
        assert_eq!((summary.frames + summary.dropped, summary.complete), (50, true));
    }
}
