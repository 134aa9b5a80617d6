//! The names of threads.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::graph::event::ThreadId;

/// The names of threads: which child of which thread. Shared by all searches of
/// one program, so that a thread has the same id in all of them.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(try_from = "Vec<Vec<u32>>", into = "Vec<Vec<u32>>")]
pub(crate) struct Registry {
    ids: HashMap<(ThreadId, u32), ThreadId>,
    /// Per thread, the way to it from the first thread.
    paths: Vec<Vec<u32>>,
}

impl From<Registry> for Vec<Vec<u32>> {
    fn from(registry: Registry) -> Self {
        registry.paths
    }
}

impl TryFrom<Vec<Vec<u32>>> for Registry {
    type Error = &'static str;

    fn try_from(paths: Vec<Vec<u32>>) -> Result<Self, Self::Error> {
        let mut registry = Registry::default();
        for path in &paths {
            if let Some((&nth, parent)) = path.split_last() {
                let parent = registry.paths.iter().position(|path| path == parent);
                let parent = parent.ok_or("a thread that no thread has started")?;
                registry.child(parent as ThreadId, nth);
            } else if registry.paths.is_empty() {
                registry.paths.push(Vec::new());
            }
        }
        if registry.paths == paths {
            Ok(registry)
        } else {
            Err("a thread twice")
        }
    }
}

impl Registry {
    /// The id of a child, and the way to it.
    pub(crate) fn child(&mut self, parent: ThreadId, nth: u32) -> (ThreadId, Vec<u32>) {
        if self.paths.is_empty() {
            self.paths.push(Vec::new());
        }
        let next = self.paths.len() as ThreadId;
        let id = *self.ids.entry((parent, nth)).or_insert(next);
        if id == next {
            let mut path = self.paths[parent as usize].clone();
            path.push(nth);
            self.paths.push(path);
        }
        (id, self.paths[id as usize].clone())
    }
}
