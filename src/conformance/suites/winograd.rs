//! How far Winograd's algorithm may be from the oracle.
//!
//! It rounds sums of transformed numbers, which are larger than the products they stand for and cancel in the end: an output
//! is a sum of nine of the sixteen products of its tile, of up to sixteen pixels and nine taps each. So the bound follows
//! from the magnitude of these sums, and not from the products of the convolution.

use crate::kernels::oracle::Conv;

/// The absolute values of the three matrices of F(2x2, 3x3): of a tile, of a kernel, of the products.
const TILE: [[f64; 4]; 4] = [
    [1.0, 0.0, 1.0, 0.0],
    [0.0, 1.0, 1.0, 0.0],
    [0.0, 1.0, 1.0, 0.0],
    [0.0, 1.0, 0.0, 1.0],
];
const KERNEL: [[f64; 3]; 4] = [
    [1.0, 0.0, 0.0],
    [0.5, 0.5, 0.5],
    [0.5, 0.5, 0.5],
    [0.0, 0.0, 1.0],
];
const OUTPUT: [[f64; 4]; 2] = [[1.0, 1.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0]];

/// Multiples of `EPS`, each two roundings. At most one rounding per term of the sum over `channels`, three within a quad of
/// it, two of a tile, four of a kernel, four of an output and two of the epilogue: the bound allows twice as much.
pub fn roundings(channels: usize) -> f64 {
    channels as f64 + 15.0
}

/// `matrix` times `of` times the transpose of `matrix`.
fn both_sides<const N: usize, const M: usize>(
    matrix: &[[f64; N]; M],
    of: [[f64; N]; N],
) -> [[f64; M]; M] {
    let mut out = [[0.0; M]; M];
    for (i, row) in out.iter_mut().enumerate() {
        for (j, to) in row.iter_mut().enumerate() {
            for (a, line) in of.iter().enumerate() {
                for (b, value) in line.iter().enumerate() {
                    *to += matrix[i][a] * value * matrix[j][b];
                }
            }
        }
    }
    out
}

/// The sum of absolute values behind every output, \[batch, channels, height, width\]; `x` is the gradient of the output
/// for the gradient of the input.
pub fn magnitude(conv: &Conv, x: &[f64], w: &[f64], gradient: bool) -> Vec<f64> {
    let (height, width) = (conv.height, conv.width);
    let (terms, rows) = match gradient {
        true => (conv.out_channels, conv.channels),
        false => (conv.channels, conv.out_channels),
    };
    let kernel = |row: usize, term: usize| {
        let pair = match gradient {
            true => term * rows + row,
            false => row * terms + term,
        };
        let tap = |y: usize, x: usize| match gradient {
            true => 8 - (3 * y + x),
            false => 3 * y + x,
        };
        let of = [0, 1, 2].map(|y| [0, 1, 2].map(|x| w[pair * 9 + tap(y, x)].abs()));
        both_sides(&KERNEL, of)
    };
    let kernels: Vec<_> = (0..rows * terms)
        .map(|at| kernel(at / terms, at % terms))
        .collect();
    let mut out = vec![0.0; conv.batch * rows * height * width];
    for image in 0..conv.batch {
        for (top, left) in pairs(height, width) {
            let tiles: Vec<_> = (0..terms)
                .map(|term| {
                    let pixel = |y: usize, x_: usize| {
                        // The tile begins one row and column before its outputs.
                        let (y, x_) = ((top + y).checked_sub(1)?, (left + x_).checked_sub(1)?);
                        let inside = y < height && x_ < width;
                        let at = ((image * terms + term) * height + y) * width + x_;
                        inside.then(|| x[at].abs())
                    };
                    let four = [0, 1, 2, 3];
                    let of = four.map(|y| four.map(|x_| pixel(y, x_).unwrap_or(0.0)));
                    both_sides(&TILE, of)
                })
                .collect();
            for row in 0..rows {
                let mut sums = [[0.0; 4]; 4];
                for (tile, kernel) in tiles.iter().zip(&kernels[row * terms..]) {
                    for (at, sum) in sums.iter_mut().flatten().enumerate() {
                        *sum += tile[at / 4][at % 4] * kernel[at / 4][at % 4];
                    }
                }
                let of_tile = both_sides(&OUTPUT, sums);
                for (y, x_) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
                    if top + y < height && left + x_ < width {
                        let line = (image * rows + row) * height + top + y;
                        out[line * width + left + x_] = of_tile[y][x_];
                    }
                }
            }
        }
    }
    out
}

/// The first row and column of every tile of outputs.
fn pairs(height: usize, width: usize) -> impl Iterator<Item = (usize, usize)> {
    let rows = (0..height).step_by(2);
    rows.flat_map(move |top| (0..width).step_by(2).map(move |left| (top, left)))
}
