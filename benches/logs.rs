//! How fast `measure --log` reads, and in how much memory: a plain table and nvidia-smi's dates, streamed without a file.
//!
//! `cargo bench --bench logs -- MEGABYTES` (default 1000). Prints megabytes per second on one core and, on Linux, the
//! highest memory of the process.

use std::fmt::Write as _;
use std::io::Read;
use std::time::Instant;

use wattgrad::internals::energy::log::{LogOptions, read_bytes};

const MEGABYTES: usize = 1000;
const CHUNK: usize = 1 << 20;

type Failed = Box<dyn std::error::Error>;

fn main() -> Result<(), Failed> {
    let megabytes = std::env::args()
        .skip(1)
        .find(|word| word != "--bench")
        .map_or(Ok(MEGABYTES), |word| word.parse())?;
    for (name, header, row) in [
        ("seconds and watts", "seconds,power_w\n", plain as Row),
        ("nvidia-smi", "timestamp, power.draw [W]\n", dated as Row),
    ] {
        let log = Rows {
            row,
            next: 0,
            left: megabytes * 1_000_000,
            chunk: header.to_owned(),
            read: 0,
        };
        // Making the rows takes time too, which is measured apart.
        let began = Instant::now();
        std::io::copy(&mut log.clone(), &mut std::io::sink())?;
        let making = began.elapsed().as_secs_f64();
        let began = Instant::now();
        let energy = read_bytes(log, &LogOptions::default())?;
        let reading = began.elapsed().as_secs_f64() - making;
        println!(
            "{name}: {megabytes} MB, {} readings in {reading:.1} s, {:.0} MB/s on one core",
            energy.samples,
            megabytes as f64 / reading
        );
    }
    match std::fs::read_to_string("/proc/self/status") {
        Ok(status) => {
            let peak = status.lines().find(|line| line.starts_with("VmHWM"));
            println!("highest memory: {}", peak.unwrap_or("unknown"));
        }
        Err(_) => println!("highest memory: unknown on this system"),
    }
    Ok(())
}

type Row = fn(u64, &mut String);

/// Ten rows per second.
fn plain(row: u64, text: &mut String) {
    let centiwatts = centiwatts(row);
    writeln!(
        text,
        "{}.{},{}.{:02}",
        row / 10,
        row % 10,
        centiwatts / 100,
        centiwatts % 100
    )
    .expect("a String grows");
}

/// The same as nvidia-smi prints it.
fn dated(row: u64, text: &mut String) {
    let (second, centiwatts) = (row / 10, centiwatts(row));
    let (day, second) = (second / 86_400, second % 86_400);
    writeln!(
        text,
        "2026/{:02}/{:02} {:02}:{:02}:{:02}.{}00, {}.{:02} W",
        1 + day / 28,
        1 + day % 28,
        second / 3600,
        second / 60 % 60,
        second % 60,
        row % 10,
        centiwatts / 100,
        centiwatts % 100
    )
    .expect("a String grows");
}

/// From 150 to 200 W.
fn centiwatts(row: u64) -> u64 {
    15_000 + row * 7919 % 1000 * 5
}

/// Rows that are made while they are read.
#[derive(Clone)]
struct Rows {
    row: Row,
    next: u64,
    left: usize,
    chunk: String,
    read: usize,
}

impl Read for Rows {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        if self.read == self.chunk.len() {
            if self.left < CHUNK {
                return Ok(0);
            }
            self.chunk.clear();
            self.read = 0;
            while self.chunk.len() < CHUNK {
                (self.row)(self.next, &mut self.chunk);
                self.next += 1;
            }
            self.left -= CHUNK;
        }
        let bytes = &self.chunk.as_bytes()[self.read..];
        let count = bytes.len().min(into.len());
        into[..count].copy_from_slice(&bytes[..count]);
        self.read += count;
        Ok(count)
    }
}
