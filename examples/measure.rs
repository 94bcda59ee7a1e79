//! Joules of a closure, through every source this machine has.

use wattgrad::Meter;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let meter = Meter::open(&Default::default(), None)?;
    let (sum, rows) = meter.measure(|| (0..20_000_000_u64).fold(0, |sum, i| sum ^ (i * i)));
    println!("the work's result is {sum}; it cost");
    for row in rows {
        // Joules with the instrument and the uncertainty, or the reason why there are none.
        println!("{row}");
    }
    Ok(())
}
