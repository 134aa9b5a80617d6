//! Rules that are changed in one way, for what must hold under any rules.

use super::super::{Placement, Rules};

/// The reference and each change that alters how the search must work.
pub(super) fn variants() -> Vec<Rules> {
    let reference = Rules::default();
    vec![
        Rules {
            placement: Placement::Last,
            ..reference.clone()
        },
        Rules {
            release_acquire: false,
            ..reference.clone()
        },
        Rules {
            atomic_xchg: false,
            ..reference.clone()
        },
        Rules {
            cpus_differ: false,
            ..reference.clone()
        },
        Rules {
            monotonic: false,
            ..reference.clone()
        },
        Rules {
            revoke_on_return: false,
            ..reference.clone()
        },
        Rules {
            replace_gap: true,
            ..reference.clone()
        },
        Rules {
            faults_synchronize: true,
            ..reference.clone()
        },
        reference,
    ]
}

/// The same with each change of what `fork` does.
pub(super) fn variants_of_fork() -> Vec<Rules> {
    let reference = Rules::default();
    let mut variants = variants();
    variants.extend([
        Rules {
            fork_copies: false,
            ..reference.clone()
        },
        Rules {
            fork_private: false,
            ..reference.clone()
        },
        Rules {
            fork_private: false,
            fork_atomic: false,
            ..reference.clone()
        },
        Rules {
            fork_atomic: false,
            ..reference.clone()
        },
        reference,
    ]);
    variants
}
