//! A log's bytes as UTF-8 or at least ASCII: from a file or stdin, unpacked, without byte order mark, UTF-16 decoded.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufReader, Chain, Cursor, Read};
use std::path::Path;
use std::rc::Rc;

use encoding_rs::{Encoding, UTF_16BE, UTF_16LE};
use encoding_rs_io::DecodeReaderBytesBuilder;
use flate2::read::MultiGzDecoder;

/// Bytes by which a log is recognized.
const HEAD: usize = 64 * 1024;
/// The first bytes of every gzip file.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// What the reading of a log noticed below its rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Noticed {
    /// The packed file ends early.
    pub cut: bool,
    /// NUL bytes were skipped.
    pub nuls: u64,
}

/// A log's text, its beginning also at hand.
pub struct Text {
    pub head: Vec<u8>,
    /// Whether the head is all of it.
    pub whole: bool,
    pub noticed: Rc<RefCell<Noticed>>,
    rest: Box<dyn Read>,
}

impl Text {
    /// Opens `path`; `-` is stdin.
    pub fn open(path: &Path) -> io::Result<Self> {
        match path.as_os_str() == "-" {
            true => Self::of(Box::new(io::stdin())),
            false => Self::of(Box::new(File::open(path)?)),
        }
    }

    pub fn of(mut bytes: Box<dyn Read>) -> io::Result<Self> {
        let noticed = Rc::new(RefCell::new(Noticed::default()));
        let (start, _) = head(&mut bytes, GZIP.len())?;
        let packed = start == GZIP;
        let joined = Cursor::new(start).chain(bytes);
        let plain: Box<dyn Read> = match packed {
            true => Box::new(Lenient {
                inner: MultiGzDecoder::new(BufReader::new(joined)),
                noticed: noticed.clone(),
                some: false,
            }),
            false => Box::new(joined),
        };
        let mut plain = BufReader::with_capacity(HEAD, plain);
        let (start, _) = head(&mut plain, 64)?;
        let encoding = wide(&start);
        let joined = Cursor::new(start).chain(plain);
        let text: Box<dyn Read> = match encoding {
            Some(encoding) => decoded(joined, encoding),
            None => Box::new(Plain {
                inner: joined,
                noticed: noticed.clone(),
                started: false,
            }),
        };
        let mut text = text;
        let (head, whole) = head(&mut text, HEAD)?;
        Ok(Self {
            head,
            whole,
            noticed,
            rest: text,
        })
    }

    /// All of it, from the beginning.
    pub fn reader(self) -> Chain<Cursor<Vec<u8>>, Box<dyn Read>> {
        Cursor::new(self.head).chain(self.rest)
    }
}

fn decoded(bytes: impl Read + 'static, encoding: &'static Encoding) -> Box<dyn Read> {
    let mut builder = DecodeReaderBytesBuilder::new();
    Box::new(
        builder
            .encoding(Some(encoding))
            .bom_override(true)
            .build(bytes),
    )
}

/// UTF-16, by its mark or by a NUL in every other of the first bytes.
fn wide(start: &[u8]) -> Option<&'static Encoding> {
    if start.starts_with(&[0xff, 0xfe]) {
        return Some(UTF_16LE);
    }
    if start.starts_with(&[0xfe, 0xff]) {
        return Some(UTF_16BE);
    }
    let nuls = |first: usize| {
        start
            .iter()
            .skip(first)
            .step_by(2)
            .filter(|&&byte| byte == 0)
            .count()
    };
    let half = start.len() / 2;
    match (half >= 4, nuls(0), nuls(1)) {
        (true, 0, odd) if odd == half => Some(UTF_16LE),
        (true, even, 0) if even >= half => Some(UTF_16BE),
        _ => None,
    }
}

/// Up to `size` bytes, and whether the end came before.
fn head(bytes: &mut impl Read, size: usize) -> io::Result<(Vec<u8>, bool)> {
    let mut start = Vec::new();
    bytes.take(size as u64).read_to_end(&mut start)?;
    let whole = start.len() < size;
    Ok((start, whole))
}

/// Ends where a packed file was cut, instead of failing.
struct Lenient<R> {
    inner: R,
    noticed: Rc<RefCell<Noticed>>,
    some: bool,
}

impl<R: Read> Read for Lenient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Err(_) if self.some => {
                self.noticed.borrow_mut().cut = true;
                Ok(0)
            }
            Ok(count) => {
                self.some |= count > 0;
                Ok(count)
            }
            Err(error) => Err(error),
        }
    }
}

/// Drops UTF-8's byte order mark and NUL bytes, which a power loss leaves at a file's end.
struct Plain<R> {
    inner: R,
    noticed: Rc<RefCell<Noticed>>,
    started: bool,
}

impl<R: Read> Read for Plain<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.inner.read(buffer)?;
            if count == 0 {
                return Ok(0);
            }
            let mut kept = count;
            if !self.started {
                self.started = true;
                if buffer[..kept].starts_with(b"\xef\xbb\xbf") {
                    buffer.copy_within(3..kept, 0);
                    kept -= 3;
                }
            }
            if memchr::memchr(0, &buffer[..kept]).is_some() {
                let before = kept;
                let mut to = 0;
                for from in 0..kept {
                    if buffer[from] != 0 {
                        buffer[to] = buffer[from];
                        to += 1;
                    }
                }
                kept = to;
                self.noticed.borrow_mut().nuls += (before - kept) as u64;
            }
            if kept > 0 {
                return Ok(kept);
            }
        }
    }
}
