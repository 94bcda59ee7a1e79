//! Every shader file and every instance that a lowering can compose is valid, and is written in exactly the languages
//! that the table of shaders declares; what the table declares is used, and what is used is declared.
#![cfg(feature = "gpu")]

mod registry;
mod skip;

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use skip::skipped;

use naga::{AddressSpace, Block, ImageClass, Module, Statement, StorageAccess, TypeInner};
use wattgrad::internals::kernels::emit::{self, Language};
use wattgrad::internals::kernels::{Feature, SHADERS, Shader, Storage, compose, count};

/// What a module uses, found in its types and statements.
fn used(module: &Module) -> BTreeSet<Feature> {
    let mut features = BTreeSet::new();
    for (_, variable) in module.global_variables.iter() {
        if variable.space == AddressSpace::WorkGroup {
            features.insert(Feature::WorkgroupMemory);
        }
        if let TypeInner::Image {
            class: ImageClass::Storage { access, .. },
            ..
        } = module.types[variable.ty].inner
        {
            features.insert(Feature::Images);
            if access.contains(StorageAccess::LOAD | StorageAccess::STORE) {
                features.insert(Feature::ReadWriteImages);
            }
        }
    }
    let functions = module.functions.iter().map(|(_, f)| f);
    for function in functions.chain(module.entry_points.iter().map(|e| &e.function)) {
        statements(&function.body, &mut features);
    }
    features
}

fn statements(block: &Block, features: &mut BTreeSet<Feature>) {
    for statement in block {
        match statement {
            Statement::SubgroupBallot { .. }
            | Statement::SubgroupGather { .. }
            | Statement::SubgroupCollectiveOperation { .. } => {
                features.insert(Feature::Subgroups);
            }
            Statement::ControlBarrier(_) | Statement::WorkGroupUniformLoad { .. } => {
                features.insert(Feature::WorkgroupMemory);
            }
            Statement::Block(inner) => statements(inner, features),
            Statement::If { accept, reject, .. } => {
                statements(accept, features);
                statements(reject, features);
            }
            Statement::Switch { cases, .. } => {
                cases.iter().for_each(|c| statements(&c.body, features))
            }
            Statement::Loop {
                body, continuing, ..
            } => {
                statements(body, features);
                statements(continuing, features);
            }
            _ => {}
        }
    }
}

/// What the table says of a shader's text, as far as a module shows it.
fn declared(shader: &Shader, storage: Storage) -> BTreeSet<Feature> {
    let features = shader.features.iter().copied();
    features
        .filter(|f| f.applies(storage) && *f != Feature::DataLoop)
        .collect()
}

fn shader(name: &str) -> &'static Shader {
    let found = SHADERS.iter().find(|s| s.name == name);
    found.unwrap_or_else(|| panic!("{name} is not in the table"))
}

/// Modules that the Khronos validator refuses; `None` where it is not installed.
struct Khronos {
    checked: usize,
}

impl Khronos {
    fn new() -> Option<Khronos> {
        let found = Command::new("spirv-val").arg("--version").output().is_ok();
        if !found {
            skipped("SPIR-V of the instances", "spirv-val is not installed");
        }
        found.then_some(Khronos { checked: 0 })
    }

    fn check(&mut self, name: &str, words: &[u8]) {
        let mut child = Command::new("spirv-val")
            .args(["--target-env", "vulkan1.1", "-"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        child.stdin.take().unwrap().write_all(words).unwrap();
        let output = child.wait_with_output().unwrap();
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "spirv-val refuses {name}: {said}");
        self.checked += 1;
    }
}

/// Writes a text in every language and compares what was possible with what was declared.
fn written(name: &str, wgsl: &str, languages: &[Language], khronos: &mut Option<Khronos>) {
    let (module, _) = emit::validate(wgsl).unwrap_or_else(|why| panic!("{name}: {why}\n{wgsl}"));
    let mut possible = vec![];
    for language in Language::ALL {
        match emit::emit_module(&module, language) {
            Ok(bytes) => {
                assert!(!bytes.is_empty(), "{name} in {language}");
                if let (Language::Spirv, Some(khronos)) = (language, khronos.as_mut()) {
                    khronos.check(name, &bytes);
                }
                if language == Language::Wgsl {
                    let text = String::from_utf8(bytes).unwrap();
                    emit::validate(&text).unwrap_or_else(|why| panic!("{name} again: {why}"));
                }
                possible.push(language);
            }
            Err(why) => assert!(!languages.contains(&language), "{name}: {why}"),
        }
    }
    assert_eq!(possible, languages, "{name}");
}

#[test]
fn the_table_holds_every_file_and_nothing_else() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("shaders");
    let mut files = BTreeSet::new();
    for family in std::fs::read_dir(&root).unwrap() {
        let family = family.unwrap();
        assert!(
            family.path().is_dir(),
            "{:?} stands in no family",
            family.path()
        );
        for file in std::fs::read_dir(family.path()).unwrap() {
            let file = file.unwrap().file_name().into_string().unwrap();
            let name = file.strip_suffix(".wgsl");
            let name = name.unwrap_or_else(|| panic!("{file} is no shader"));
            files.insert(format!("{}/{name}", family.file_name().to_string_lossy()));
        }
    }
    let table: BTreeSet<String> = SHADERS.iter().map(|s| s.name.to_string()).collect();
    assert_eq!(table.len(), SHADERS.len(), "a name stands twice");
    assert_eq!(table, files);
}

#[test]
fn every_file_is_valid_by_itself_and_uses_what_it_declares() {
    let mut khronos = Khronos::new();
    for shader in SHADERS {
        emit::validate(shader.text).unwrap_or_else(|why| panic!("{}: {why}", shader.name));
        assert_eq!(
            shader.is_snippet(),
            !shader.text.contains("@compute"),
            "{} is either a kernel or a snippet",
            shader.name
        );
        for storage in [Storage::Buffer, Storage::Image] {
            let name = format!("{} in {storage:?}", shader.name);
            // Of a snippet only what stands below the mark goes into an instance.
            let composed = compose::compose(shader.text, &[], &[], |_| storage).unwrap();
            if shader.is_snippet() {
                continue;
            }
            let (module, _) = emit::validate(&composed.wgsl).unwrap();
            assert_eq!(used(&module), declared(shader, storage), "{name}");
            written(
                &name,
                &composed.wgsl,
                &shader.languages(storage),
                &mut khronos,
            );
        }
    }
}

#[test]
fn every_instance_is_valid_and_written_in_the_languages_it_declares() {
    let mut khronos = Khronos::new();
    let cases = registry::cases();
    let instances = registry::instances(&cases);
    // The texts, each with a name of one that has it and the files it is made of.
    let mut texts = BTreeMap::new();
    for instance in &instances {
        let slots = instance.dispatch.slots.iter().map(|(_, name)| *name);
        let files: BTreeSet<&str> = slots.chain([instance.dispatch.shader]).collect();
        texts.entry(instance.composed.wgsl.as_str()).or_insert((
            &instance.name,
            files,
            instance.storage,
        ));
    }
    let mut uses: BTreeMap<&str, BTreeSet<Feature>> = BTreeMap::new();
    for (wgsl, (name, files, storage)) in &texts {
        let (module, _) =
            emit::validate(wgsl).unwrap_or_else(|why| panic!("{name}: {why}\n{wgsl}"));
        let used = used(&module);
        let all: BTreeSet<Feature> = files
            .iter()
            .flat_map(|file| declared(shader(file), *storage))
            .collect();
        assert!(
            used.is_subset(&all),
            "{name} uses {used:?} and its files {files:?} declare {all:?}"
        );
        for file in files {
            uses.entry(file).or_default().extend(&used);
        }
        let languages: Vec<Language> = Language::ALL
            .into_iter()
            .filter(|l| {
                files
                    .iter()
                    .all(|f| shader(f).languages(*storage).contains(l))
            })
            .collect();
        written(name, wgsl, &languages, &mut khronos);
    }
    for shader in SHADERS {
        let used = uses.get(shader.name);
        let used = used.unwrap_or_else(|| panic!("no instance is made of {}", shader.name));
        for feature in declared(shader, Storage::Image) {
            // Results and losses are made by kernels that could read images and are never given any.
            let never = feature == Feature::Images && shader.name.starts_with("batch/finish");
            assert!(
                used.contains(&feature) != never,
                "no instance of {} uses {feature:?}, which it declares",
                shader.name
            );
        }
    }
    println!(
        "{} dispatches, {} texts, {} SPIR-V modules accepted",
        instances.len(),
        texts.len(),
        khronos.map_or(0, |k| k.checked)
    );
}

#[test]
fn a_loop_that_ends_by_data_is_declared_where_there_is_one() {
    let cases = registry::cases();
    let mut instances = registry::instances(&cases);
    // Whether a loop ends by data is the same at every size, and the least is counted soonest.
    instances.sort_by_key(|instance| instance.dispatch.flops);
    let mut seen: BTreeMap<&str, bool> = BTreeMap::new();
    let mut texts = BTreeSet::new();
    for instance in &instances {
        if !texts.insert(&instance.composed.wgsl) {
            continue;
        }
        let (module, _) = emit::validate(&instance.composed.wgsl).unwrap();
        let inputs = count::Inputs {
            sizes: &instance.words,
            workgroups: Some(instance.dispatch.grid),
            subgroup_size: Some(8),
        };
        let counted = count::count_with(&module, "main", &inputs)
            .unwrap_or_else(|why| panic!("{}: {why}", instance.name));
        let any = seen.entry(instance.dispatch.shader).or_default();
        *any |= counted.data_dependent_loop;
    }
    for (name, any) in seen {
        let declares = shader(name).features.contains(&Feature::DataLoop);
        assert_eq!(any, declares, "{name}");
    }
}

#[test]
fn what_is_not_declared_is_found() {
    let texel = shader("texel/gemm");
    let (module, _) = emit::validate(texel.text).unwrap();
    assert!(used(&module).contains(&Feature::Subgroups));
    let tile = shader("gemm/tile");
    let image = compose::compose(tile.text, &[], &[], |_| Storage::Image).unwrap();
    let (module, _) = emit::validate(&image.wgsl).unwrap();
    assert_eq!(
        used(&module),
        BTreeSet::from([Feature::WorkgroupMemory, Feature::Images])
    );
    let update = shader("optim/update");
    let image = compose::compose(update.text, &[], &[], |_| Storage::Image).unwrap();
    let (module, _) = emit::validate(&image.wgsl).unwrap();
    assert!(used(&module).contains(&Feature::ReadWriteImages));
}

/// A module that one language lacks the type of: what it declares must be the other three, no more and no fewer. And the
/// same of a kernel of the table, which every language has.
#[test]
fn a_wrong_set_of_languages_is_found_both_ways() {
    let doubles = "@group(0) @binding(0) var<storage, read_write> y: array<f64>;
@compute @workgroup_size(1) fn main(@builtin(global_invocation_id) id: vec3<u32>) { y[id.x] = y[id.x] * f64(2); }";
    let kernel = shader("gemm/tile").text;
    let refusal = |wgsl: &str, languages: &[Language]| {
        std::panic::catch_unwind(|| written("a test", wgsl, languages, &mut None))
            .err()
            .map(|said| said.downcast_ref::<String>().unwrap().clone())
    };
    for (wgsl, missing) in [(doubles, Some(Language::Msl)), (kernel, None)] {
        let right: Vec<Language> = Language::ALL
            .into_iter()
            .filter(|l| Some(*l) != missing)
            .collect();
        assert_eq!(refusal(wgsl, &right), None);
        for language in Language::ALL {
            let mut wrong = right.clone();
            if missing == Some(language) {
                wrong = Language::ALL.to_vec();
            } else {
                wrong.retain(|l| *l != language);
            }
            let said = refusal(wgsl, &wrong);
            let said = said.unwrap_or_else(|| panic!("{wrong:?} passed for {right:?}"));
            assert!(said.contains("a test"), "{said}");
        }
    }
}
