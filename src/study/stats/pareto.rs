//! The Pareto front over cost and accuracy.

/// Indices of the points, as (cost, accuracy), that no other point dominates, in ascending order. Equal points are on the front
/// together. Points with a non-finite number are ignored.
pub fn pareto_front(points: &[(f64, f64)]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..points.len())
        .filter(|&i| points[i].0.is_finite() && points[i].1.is_finite())
        .collect();
    // Cheapest first; of those that cost the same, the most accurate first.
    let key = |i: usize| points[i];
    order.sort_by(|&a, &b| {
        let cost = key(a).0.total_cmp(&key(b).0);
        cost.then(key(b).1.total_cmp(&key(a).1))
    });
    let mut front: Vec<usize> = Vec::new();
    for i in order {
        let joins = front
            .last()
            .is_none_or(|&last| key(i).1 > key(last).1 || key(i) == key(last));
        if joins {
            front.push(i);
        }
    }
    front.sort_unstable();
    front
}
