//! Ordinary least squares for a few unknowns.

use statrs::distribution::{ContinuousCDF as _, StudentsT};

use crate::energy::Interval;

/// Coefficients with their 95 % confidence intervals.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit<const N: usize> {
    /// The coefficients.
    pub coefficients: [f64; N],
    /// Their intervals, by Student's t.
    pub ci: [Interval; N],
    /// Coefficient of determination.
    pub r_squared: f64,
}

/// Fits `y = sum of c[i] x[i]` to `rows` of x and y; `None` for fewer rows than unknowns plus one, or where the rows do not
/// tell the unknowns apart.
pub fn least_squares<const N: usize>(rows: &[([f64; N], f64)]) -> Option<Fit<N>> {
    if rows.len() <= N {
        return None;
    }
    // Columns of equal size keep the normal equations well conditioned.
    let size = |column: usize| {
        let squares = rows.iter().map(|(x, _)| x[column] * x[column]);
        squares.sum::<f64>().sqrt()
    };
    let sizes: [f64; N] = std::array::from_fn(size);
    if sizes.iter().any(|size| !(*size > 0.0 && size.is_finite())) {
        return None;
    }
    let scaled = |x: &[f64; N]| -> [f64; N] { std::array::from_fn(|at| x[at] / sizes[at]) };
    let mut normal = [[0.0; N]; N];
    let mut right = [0.0; N];
    for (x, y) in rows {
        let x = scaled(x);
        for (row, (right, a)) in normal.iter_mut().zip(right.iter_mut().zip(x)) {
            *right += a * y;
            row.iter_mut().zip(x).for_each(|(sum, b)| *sum += a * b);
        }
    }
    let inverse = inverse(normal)?;
    let times = |row: &[f64; N], column: &[f64; N]| -> f64 {
        row.iter().zip(column).map(|(a, b)| a * b).sum()
    };
    let solution: [f64; N] = std::array::from_fn(|at| times(&inverse[at], &right));
    let mean = rows.iter().map(|(_, y)| y).sum::<f64>() / rows.len() as f64;
    let residual = |(x, y): &([f64; N], f64)| (y - times(&scaled(x), &solution)).powi(2);
    let left: f64 = rows.iter().map(residual).sum();
    let total: f64 = rows.iter().map(|(_, y)| (y - mean).powi(2)).sum();
    let freedom = (rows.len() - N) as f64;
    let t = StudentsT::new(0.0, 1.0, freedom).ok()?.inverse_cdf(0.975);
    let half = |at: usize| t * (left / freedom * inverse[at][at]).max(0.0).sqrt() / sizes[at];
    let coefficients: [f64; N] = std::array::from_fn(|at| solution[at] / sizes[at]);
    Some(Fit {
        coefficients,
        ci: std::array::from_fn(|at| Interval::around(coefficients[at], half(at))),
        r_squared: if total > 0.0 { 1.0 - left / total } else { 1.0 },
    })
}

/// The inverse by Gauss and Jordan with row pivots; `None` for a matrix that is singular within rounding.
fn inverse<const N: usize>(mut matrix: [[f64; N]; N]) -> Option<[[f64; N]; N]> {
    let mut result: [[f64; N]; N] =
        std::array::from_fn(|row| std::array::from_fn(|at| f64::from(u8::from(at == row))));
    for column in 0..N {
        let size = |row: &usize| matrix[*row][column].abs();
        let pivot = (column..N).max_by(|a, b| size(a).total_cmp(&size(b)))?;
        if matrix[pivot][column].abs() < 1e-10 {
            return None;
        }
        matrix.swap(column, pivot);
        result.swap(column, pivot);
        let by = matrix[column][column];
        matrix[column].iter_mut().for_each(|value| *value /= by);
        result[column].iter_mut().for_each(|value| *value /= by);
        let (own, own_result) = (matrix[column], result[column]);
        for row in (0..N).filter(|row| *row != column) {
            let factor = matrix[row][column];
            for at in 0..N {
                matrix[row][at] -= factor * own[at];
                result[row][at] -= factor * own_result[at];
            }
        }
    }
    Some(result)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The model of energy: power is joules per FLOP times FLOP/s, joules per byte times B/s, and standing power.
    #[test]
    fn finds_the_energy_of_flops_and_bytes() {
        let (flop, byte, standing) = (12e-12, 60e-12, 35.0);
        let rows: Vec<([f64; 3], f64)> = (0..9)
            .map(|at| {
                let intensity = 0.25 * 4.0_f64.powi(at);
                let seconds = (intensity / 20e12).max(1.0 / 900e9);
                let x = [intensity / seconds, 1.0 / seconds, 1.0];
                // Alternating noise of 0.1 %.
                let noise = if at % 2 == 0 { 1.001 } else { 0.999 };
                (x, noise * (flop * x[0] + byte * x[1] + standing))
            })
            .collect();
        let fit = least_squares(&rows).unwrap();
        for ((found, ci), truth) in fit
            .coefficients
            .iter()
            .zip(fit.ci)
            .zip([flop, byte, standing])
        {
            assert!((found / truth - 1.0).abs() < 0.02, "{fit:?}");
            assert!(ci.low < truth && truth < ci.high, "{fit:?}");
        }
        assert!(fit.r_squared > 0.999);
    }

    #[test]
    fn refuses_rows_that_do_not_tell_the_unknowns_apart() {
        let same = [([1.0, 2.0], 3.0), ([2.0, 4.0], 6.0), ([3.0, 6.0], 9.0)];
        assert_eq!(least_squares(&same), None);
        assert_eq!(least_squares(&same[..2]), None);
        assert_eq!(least_squares(&[([0.0], 1.0), ([0.0], 2.0)]), None);
        let line = least_squares(&[([1.0, 1.0], 3.0), ([2.0, 1.0], 5.0), ([3.0, 1.0], 7.0)]);
        let line = line.unwrap();
        assert!((line.coefficients[0] - 2.0).abs() < 1e-9 && (line.r_squared - 1.0).abs() < 1e-9);
    }
}
