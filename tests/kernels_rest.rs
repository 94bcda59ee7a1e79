#![cfg(feature = "gpu")]
#[test]
fn every_shader_file_is_valid_as_it_stands() {
    let families = ["pool/", "norm/", "elementwise/", "loss/", "optim/", "batch/"];
    let mut bad = vec![];
    for shader in wattgrad::kernels::SHADERS.iter().filter(|s| families.iter().any(|f| s.name.starts_with(f))) {
        if let Err(error) = wattgrad::kernels::emit::validate(shader.text) {
            bad.push(format!("{}: {error}", shader.name));
        }
    }
    assert!(bad.is_empty(), "{}", bad.join("\n"));
}
