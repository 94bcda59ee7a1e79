//! Streams a split that is larger than its part of the device's memory: two banks of shards, one that the current window
//! reads and one that the next window's shards are written to between submits. A thread reads them from the data set, so that
//! a submit waits for the disk only where a whole window trains faster than it is read.

use std::sync::mpsc::{Receiver, Sender, channel, sync_channel};

use super::build::Built;
use super::data::{BANKS, ShardedColumn, ShardedSplit};
use super::error::ProgramError;
use super::plan::Plan;
use crate::data::{Bytes, Split};
use crate::device::Gpu;

/// Bytes of a piece, a multiple of 4.
const PIECE_BYTES: usize = 1 << 20;
/// Pieces that the thread reads ahead.
const AHEAD: usize = 4;

/// A piece of a shard on its way to the device.
struct Piece {
    slot: usize,
    offset: u64,
    bytes: Vec<u8>,
    /// Whether the window is complete with it.
    last: bool,
}

/// Where a shard of a window is read from and written to.
#[derive(Clone, Debug)]
struct Fill {
    column: usize,
    bytes: std::ops::Range<usize>,
    slots: [usize; BANKS],
}

#[derive(Debug)]
pub(super) struct Stream {
    /// The window in each bank.
    loaded: [Option<usize>; BANKS],
    current: usize,
    /// The window that is being written, and its bank.
    filling: Option<(usize, usize)>,
    requests: Sender<(usize, usize)>,
    pieces: Receiver<Piece>,
    /// Bytes written so far.
    pub written: u64,
}

impl Stream {
    /// The stream of a split; `None` where it is resident.
    pub fn new(shards: &ShardedSplit, split: &Split, plan: &Plan) -> Option<Stream> {
        if !shards.streamed {
            return None;
        }
        let sharded: Vec<&ShardedColumn> = shards.inputs.iter().chain(&shards.targets).collect();
        let columns: Vec<Bytes> = split.columns().map(|column| column.bytes.clone()).collect();
        let windows: Vec<Vec<Fill>> = (0..shards.windows.count())
            .map(|window| {
                let fills = sharded.iter().enumerate().flat_map(|(at, column)| {
                    let of_window = column.of_window(&shards.windows, window).iter().enumerate();
                    of_window.filter_map(move |(place, shard)| {
                        let slot = |bank| {
                            let tensor = column.tensor(0, place, bank);
                            // A column that nothing reads has no place.
                            plan.places.get(&tensor).map(|found| found.slot)
                        };
                        Some(Fill {
                            column: at,
                            bytes: shard.bytes.clone(),
                            slots: [slot(0)?, slot(1)?],
                        })
                    })
                });
                fills.collect()
            })
            .collect();
        let (requests, wanted) = channel::<(usize, usize)>();
        let (sender, pieces) = sync_channel(AHEAD);
        // It ends with the stream: neither channel has a second end.
        std::thread::spawn(move || {
            for (window, bank) in wanted {
                let fills = &windows[window];
                for (at, fill) in fills.iter().enumerate() {
                    let last = at + 1 == fills.len();
                    for piece in pieces_of(fill, &columns[fill.column], bank, last) {
                        if sender.send(piece).is_err() {
                            return;
                        }
                    }
                }
            }
        });
        Some(Stream {
            loaded: [None; BANKS],
            current: 0,
            filling: None,
            requests,
            pieces,
            written: 0,
        })
    }

    /// Makes `window` the current one, after its last piece is written. Writes take effect in the order
    /// of the submits, so that submits in flight still read what was there.
    ///
    /// # Errors
    /// [`ProgramError::Stream`].
    pub fn turn_to(&mut self, window: usize, gpu: &Gpu, built: &Built) -> Result<(), ProgramError> {
        while self.loaded[self.current] != Some(window) {
            match self
                .loaded
                .iter()
                .position(|loaded| *loaded == Some(window))
            {
                Some(bank) => self.current = bank,
                None => {
                    self.prefetch(window);
                    let piece = self.pieces.recv().map_err(|_| ProgramError::Stream)?;
                    self.write(piece, gpu, built);
                }
            }
        }
        Ok(())
    }

    /// The form of a gather that reads `window`, which is current, from its bank.
    pub fn variant(&self, window: usize) -> usize {
        window * BANKS + self.current
    }

    /// Starts to read `window` into the bank that is not current.
    pub fn prefetch(&mut self, window: usize) {
        if self.filling.is_none() && !self.loaded.contains(&Some(window)) {
            let bank = 1 - self.current;
            self.loaded[bank] = None;
            self.filling = Some((window, bank));
            // If the thread has ended, turning to the window says so.
            let _ = self.requests.send((window, bank));
        }
    }

    /// Writes the pieces that are ready.
    pub fn pump(&mut self, gpu: &Gpu, built: &Built) {
        while let Ok(piece) = self.pieces.try_recv() {
            self.write(piece, gpu, built);
        }
    }

    fn write(&mut self, piece: Piece, gpu: &Gpu, built: &Built) {
        gpu.write(&built.memory[piece.slot], piece.offset, &piece.bytes);
        self.written += piece.bytes.len() as u64;
        if piece.last
            && let Some((window, bank)) = self.filling.take()
        {
            self.loaded[bank] = Some(window);
        }
    }
}

/// The pieces of a shard, padded with zeros to whole words.
fn pieces_of(fill: &Fill, column: &Bytes, bank: usize, last: bool) -> impl Iterator<Item = Piece> {
    let slot = fill.slots[bank];
    let range = fill.bytes.clone();
    range.clone().step_by(PIECE_BYTES).map(move |start| {
        let end = (start + PIECE_BYTES).min(range.end);
        let mut bytes = column[start..end].to_vec();
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        // The next epoch reads them again.
        column.release(start..end);
        Piece {
            slot,
            offset: (start - range.start) as u64,
            bytes,
            last: last && end == range.end,
        }
    })
}
