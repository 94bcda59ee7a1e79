//! Matrix products in the three forms that a linear layer needs, and column sums for its bias gradient.

use super::{check, magnitudes};

/// Which operand is stored transposed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// `C = A B` with `A` \[m, k\] and `B` \[k, n\].
    Nn,
    /// `C = A Bᵀ` with `A` \[m, k\] and `B` \[n, k\].
    Nt,
    /// `C = Aᵀ B` with `A` \[k, m\] and `B` \[k, n\].
    Tn,
}

/// A product `C` \[m, n\] of two operands that share a dimension of length `k`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Gemm {
    /// Which operand is stored transposed.
    pub form: Form,
    /// Rows of `C`.
    pub m: usize,
    /// Columns of `C`.
    pub n: usize,
    /// Length of every dot product.
    pub k: usize,
}

impl Gemm {
    fn a_at(&self, row: usize, inner: usize) -> usize {
        match self.form {
            Form::Nn | Form::Nt => row * self.k + inner,
            Form::Tn => inner * self.m + row,
        }
    }

    fn b_at(&self, inner: usize, column: usize) -> usize {
        match self.form {
            Form::Nn | Form::Tn => inner * self.n + column,
            Form::Nt => column * self.k + inner,
        }
    }

    /// `C` \[m, n\], plus `bias` \[n\] on every row where given, negative results replaced by 0 where `relu` is set.
    pub fn forward(&self, a: &[f64], b: &[f64], bias: Option<&[f64]>, relu: bool) -> Vec<f64> {
        check("left operand", a.len(), self.m * self.k);
        check("right operand", b.len(), self.k * self.n);
        if let Some(bias) = bias {
            check("bias", bias.len(), self.n);
        }
        let mut c = vec![0.0; self.m * self.n];
        for row in 0..self.m {
            for column in 0..self.n {
                let mut sum = 0.0;
                for inner in 0..self.k {
                    sum += a[self.a_at(row, inner)] * b[self.b_at(inner, column)];
                }
                sum += bias.map_or(0.0, |bias| bias[column]);
                c[row * self.n + column] = if relu && sum < 0.0 { 0.0 } else { sum };
            }
        }
        c
    }

    /// `sum |a b| + |bias|` of every element of `C` \[m, n\], the scale of its rounding error.
    pub fn magnitude(&self, a: &[f64], b: &[f64], bias: Option<&[f64]>) -> Vec<f64> {
        let bias = bias.map(magnitudes);
        self.forward(&magnitudes(a), &magnitudes(b), bias.as_deref(), false)
    }

    /// Gradients of both operands, each in its operand's stored shape, from `dc` \[m, n\], the gradient of the product
    /// itself: a ReLU's mask is applied before, and the bias gradient is [`column_sums`] of `dc`.
    pub fn backward(&self, a: &[f64], b: &[f64], dc: &[f64]) -> (Vec<f64>, Vec<f64>) {
        check("left operand", a.len(), self.m * self.k);
        check("right operand", b.len(), self.k * self.n);
        check("upstream gradient", dc.len(), self.m * self.n);
        let (mut da, mut db) = (vec![0.0; a.len()], vec![0.0; b.len()]);
        for row in 0..self.m {
            for column in 0..self.n {
                let upstream = dc[row * self.n + column];
                for inner in 0..self.k {
                    let (i, j) = (self.a_at(row, inner), self.b_at(inner, column));
                    da[i] += upstream * b[j];
                    db[j] += upstream * a[i];
                }
            }
        }
        (da, db)
    }
}

/// The sum of each column of `values` \[rows, columns\]: the gradient of a bias added to every row.
pub fn column_sums(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    check("matrix", values.len(), rows * columns);
    let mut sums = vec![0.0; columns];
    for row in 0..rows {
        for column in 0..columns {
            sums[column] += values[row * columns + column];
        }
    }
    sums
}

/// The sum of absolute values of each column of `values` \[rows, columns\].
pub fn column_sums_magnitude(values: &[f64], rows: usize, columns: usize) -> Vec<f64> {
    column_sums(&magnitudes(values), rows, columns)
}
