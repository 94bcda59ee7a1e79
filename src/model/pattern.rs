//! Patterns of parameter names: `conv*`, `layer1.*.weight`, `fc`.

/// Whether `pattern` matches a name, or the part of it before one of its dots: `layer1` matches `layer1.conv1.weight`. In a
/// pattern `*` stands for any characters, dots included, and `?` for one.
#[must_use]
pub fn matches(pattern: &str, name: &str) -> bool {
    let pattern: Vec<char> = pattern.chars().collect();
    let dots = name.match_indices('.').map(|(at, _)| at);
    dots.chain([name.len()])
        .any(|end| whole(&pattern, &name[..end]))
}

fn whole(pattern: &[char], name: &str) -> bool {
    let name: Vec<char> = name.chars().collect();
    // The place of the last star, and how much of the name it stands for so far.
    let (mut p, mut n, mut star) = (0, 0, None);
    while n < name.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p, n));
                p += 1;
            }
            Some(c) if *c == '?' || *c == name[n] => (p, n) = (p + 1, n + 1),
            _ => match star {
                Some((at, taken)) => {
                    star = Some((at, taken + 1));
                    (p, n) = (at + 1, taken + 1);
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|c| *c == '*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_and_their_layers() {
        for (pattern, name, expected) in [
            ("conv*", "conv1.weight", true),
            ("conv*", "layer1.conv1.weight", false),
            ("*conv*", "layer1.conv1.weight", true),
            ("layer1.*", "layer1.bn1.running_mean", true),
            ("layer1", "layer1.bn1.weight", true),
            ("layer1", "layer10.bn1.weight", false),
            ("layer?.conv1", "layer2.conv1.weight", true),
            ("*.bias", "fc.bias", true),
            ("*.bias", "fc.weight", false),
            ("fc.weight", "fc.weight", true),
            ("a*b*c", "a.b.bc", true),
            ("a*b*c", "a.b.b", false),
            ("*", "fc", true),
            ("", "fc", false),
        ] {
            assert_eq!(matches(pattern, name), expected, "{pattern} {name}");
        }
    }
}
