//! Damaged files: whatever the bytes, an answer or one sentence, soon and without a panic.

use std::time::{Duration, Instant};

use fastrand::Rng;
use wattgrad::internals::energy::log::LogOptions;

use super::formats::SAMPLES;
use super::read;

/// Files by default; `WATTGRAD_TRIALS` asks for another number, such as 100000.
const FILES: usize = 5_000;

/// Changes a few bytes, lines or pieces of a file.
fn mutate(rng: &mut Rng, bytes: &mut Vec<u8>) {
    for _ in 0..rng.usize(1..6) {
        if bytes.is_empty() {
            return;
        }
        let at = rng.usize(0..bytes.len());
        match rng.u8(0..8) {
            0 => bytes[at] = rng.u8(..),
            1 => bytes.truncate(at),
            2 => bytes.insert(
                at,
                *rng.choice(b",;\t \n\"0-+.eE:[NA]\0\xff").unwrap_or(&b'0'),
            ),
            3 => {
                let end = (at + rng.usize(0..40)).min(bytes.len());
                bytes.drain(at..end);
            }
            4 => {
                let end = (at + rng.usize(0..80)).min(bytes.len());
                let piece = bytes[at..end].to_vec();
                let to = rng.usize(0..=bytes.len());
                bytes.splice(to..to, piece);
            }
            5 => bytes
                .splice(at..at, *b"99999999999999999999999")
                .for_each(drop),
            6 => bytes.splice(at..at, *b"1e308").for_each(drop),
            _ => {
                let digits: Vec<usize> = (0..bytes.len())
                    .filter(|&at| bytes[at].is_ascii_digit())
                    .collect();
                if !digits.is_empty() {
                    bytes[digits[rng.usize(0..digits.len())]] = b'0' + rng.u8(0..10);
                }
            }
        }
    }
}

#[test]
fn no_damaged_file_panics_or_hangs() {
    let mut rng = Rng::with_seed(7);
    let mut slowest = Duration::ZERO;
    let files =
        std::env::var("WATTGRAD_TRIALS").map_or(FILES, |count| count.parse().expect("a number"));
    for number in 0..files {
        let sample = &SAMPLES[number % SAMPLES.len()];
        let mut bytes = sample.text.as_bytes().to_vec();
        mutate(&mut rng, &mut bytes);
        let begun = Instant::now();
        match read(bytes, &LogOptions::default()) {
            Ok(energy) => assert!(
                energy.joules.is_finite() && energy.ci.0 <= energy.ci.1,
                "{}: {energy:?}",
                sample.name
            ),
            Err(error) => assert!(
                !error.to_string().contains('\n'),
                "{}: {error}",
                sample.name
            ),
        }
        slowest = slowest.max(begun.elapsed());
    }
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
}
