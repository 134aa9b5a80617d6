//! Things with an end: leaks, uses after it, and what orders destructors.

mod counted;
mod destructors;
mod handles;
mod leaks;
mod pointers;

use seqfault_explorer::{Builder, Failure, FailureKind, Model};

const MODELS: [Model; 3] = [Model::Sc, Model::Tso, Model::Rc11];

/// The number of executions under each model.
#[track_caller]
fn passes(program: impl Fn() + Send + Sync + Clone + 'static) -> [u64; 3] {
    MODELS.map(|model| {
        let report = Builder::new().model(model).check(program.clone());
        report.unwrap().executions
    })
}

/// The failure under RC11; each model must have one of this kind, with all of
/// these words in its text.
#[track_caller]
fn fails(
    kind: FailureKind,
    words: &[&str],
    program: impl Fn() + Send + Sync + Clone + 'static,
) -> Failure {
    let failures = MODELS.map(|model| {
        let report = Builder::new().model(model).check(program.clone());
        let Some(failure) = report.failure() else {
            panic!("{model:?}: {:?}", report.verdict)
        };
        assert_eq!(failure.kind, kind, "{model:?}: {failure}");
        for word in words {
            assert!(failure.message.contains(word), "{model:?}: {failure}");
        }
        assert!(failure.message.contains("tests/all/objects/"), "{failure}");
        assert!(failure.dot.starts_with("digraph"), "{failure}");
        failure.clone()
    });
    failures[2].clone()
}
