//! Ethernet frames on a stream: each has its length before it, 4 bytes, big-endian, as QEMU's `-netdev stream` sends them
//! (net/stream.c, net/net.c `net_fill_rstate`).

use std::io::{self, IoSlice, Read, Write};

/// The longest frame QEMU sends or takes: NET_BUFSIZE of include/net/net.h, 4096 + 65536 bytes.
pub const FRAME_MAX: usize = 4096 + 65536;

/// Destination, source and type: less is no Ethernet frame.
pub const FRAME_MIN: usize = 14;

/// Bytes of the length before each frame.
pub const HEADER: usize = 4;

/// An Ethernet address as it stands in a frame.
pub type Address = [u8; 6];

/// Why a stream of frames ended.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("a frame of {0} bytes; {FRAME_MIN} to {FRAME_MAX} are legal")]
    Length(usize),
    #[error("the stream ended inside a frame")]
    Torn,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// A frame with its length before it, ready to be sent on.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame(Vec<u8>);

impl Frame {
    /// The next frame; `None` at the stream's end.
    ///
    /// # Errors
    /// [`FrameError`]; the stream is then of no more use, for where the next frame starts is not known.
    pub fn read(stream: &mut impl Read) -> Result<Option<Self>, FrameError> {
        let mut header = [0_u8; HEADER];
        let mut filled = 0;
        while filled < HEADER {
            match stream.read(&mut header[filled..]) {
                Ok(0) if filled == 0 => return Ok(None),
                Ok(0) => return Err(FrameError::Torn),
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error.into()),
            }
        }
        let length = u32::from_be_bytes(header) as usize;
        if !(FRAME_MIN..=FRAME_MAX).contains(&length) {
            return Err(FrameError::Length(length));
        }
        let mut bytes = vec![0; HEADER + length];
        bytes[..HEADER].copy_from_slice(&header);
        match stream.read_exact(&mut bytes[HEADER..]) {
            Ok(()) => Ok(Some(Self(bytes))),
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Err(FrameError::Torn),
            Err(error) => Err(error.into()),
        }
    }

    /// Length and frame as they travel.
    pub fn wire(&self) -> &[u8] {
        &self.0
    }

    /// The frame itself.
    pub fn bytes(&self) -> &[u8] {
        &self.0[HEADER..]
    }

    /// Bytes of the frame itself.
    pub fn length(&self) -> usize {
        self.0.len() - HEADER
    }

    /// Where it goes.
    pub fn destination(&self) -> Address {
        self.address(HEADER)
    }

    /// Where it came from.
    pub fn source(&self) -> Address {
        self.address(HEADER + 6)
    }

    fn address(&self, start: usize) -> Address {
        let mut address = Address::default();
        // FRAME_MIN, checked when it was read, covers both addresses.
        address.copy_from_slice(&self.0[start..start + 6]);
        address
    }
}

/// Writes all of `slices`, however many calls it takes.
///
/// # Errors
/// That of the stream.
pub fn write_all_vectored(stream: &mut impl Write, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !slices.is_empty() {
        match stream.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => IoSlice::advance_slices(&mut slices, count),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Whether an address is a group's, broadcast included (IEEE 802: the first bit on the wire).
pub fn is_group(address: Address) -> bool {
    address[0] & 1 == 1
}
