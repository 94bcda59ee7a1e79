//! A colour scale that is even for any colour vision.

/// Cividis (Nuñez, Anderton and Renslow, PLoS ONE 13, 2018) at nine even places: lightness rises evenly, in grey
/// too.
const CIVIDIS: [[u8; 3]; 9] = [
    [0x00, 0x22, 0x4e],
    [0x12, 0x35, 0x70],
    [0x3b, 0x49, 0x6c],
    [0x57, 0x5d, 0x6d],
    [0x70, 0x71, 0x73],
    [0x8a, 0x86, 0x78],
    [0xa5, 0x9c, 0x74],
    [0xc3, 0xb3, 0x69],
    [0xe1, 0xcc, 0x55],
];

/// The fill of a share from 0 (dark) to 1 (light), and a text colour with contrast.
pub fn sequential(share: f64) -> (String, &'static str) {
    let place = share.clamp(0.0, 1.0) * (CIVIDIS.len() - 1) as f64;
    let at = (place as usize).min(CIVIDIS.len() - 2);
    let part = place - at as f64;
    let mix = |channel: usize| {
        let (a, b) = (CIVIDIS[at][channel], CIVIDIS[at + 1][channel]);
        (f64::from(a) + part * (f64::from(b) - f64::from(a))).round() as u8
    };
    let [red, green, blue] = [mix(0), mix(1), mix(2)];
    let light = 0.299 * f64::from(red) + 0.587 * f64::from(green) + 0.114 * f64::from(blue);
    let ink = if light > 125.0 { "#111" } else { "#fff" };
    (format!("#{red:02x}{green:02x}{blue:02x}"), ink)
}
