//! The file in which a search is kept.
//!
//! ```text
//! {"schema": 3, "sha256": of the text of "search", "search": {"about": …, "kept": …}}
//! ```
//!
//! A file is written beside its place and then renamed to it, so that it is
//! always whole: a process that dies leaves what it wrote last.

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use sha2::{Digest, Sha256};

use super::Kept;

const SCHEMA: u32 = 3;
/// Which sources decide the executions of a test, see `build.rs`.
const SOURCES: &str = env!("SEQFAULT_SOURCES");

/// What a search is of. A search goes on only with what is the same in all.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct About {
    /// The test's name.
    pub test: String,
    /// `sound`, or a `broken by` line.
    pub variant: String,
    /// The hash of the test's text, in its canonical layout.
    pub text: String,
    /// All choices.
    pub protocol: String,
    /// All quirks.
    pub quirks: String,
    /// The memory model.
    pub memory: String,
    /// The part, or `whole`.
    pub part: String,
    /// The hash of the sources that decide the executions.
    pub sources: String,
}

impl About {
    /// The search of a test with this text by this program.
    pub fn new(test: &str, text: &str) -> About {
        About {
            test: test.to_owned(),
            variant: String::new(),
            text: sha256(text)[..16].to_owned(),
            protocol: String::new(),
            quirks: String::new(),
            memory: String::new(),
            part: String::new(),
            sources: SOURCES.to_owned(),
        }
    }

    /// What differs, in words.
    fn differences(&self, wanted: &About) -> Vec<String> {
        let fields = [
            ("test", &self.test, &wanted.test),
            ("variant", &self.variant, &wanted.variant),
            ("quirks", &self.quirks, &wanted.quirks),
            ("memory model", &self.memory, &wanted.memory),
            ("part", &self.part, &wanted.part),
        ];
        let differ = fields.iter().filter(|(_, there, here)| there != here);
        let named =
            differ.map(|(what, there, here)| format!("{what} `{there}` there, `{here}` asked for"));
        let mut all: Vec<String> = named.collect();
        let (there, here) = (self.protocol.split(' '), wanted.protocol.split(' '));
        let choices = there.zip(here).filter(|(there, here)| there != here);
        all.extend(choices.map(|(there, here)| format!("`{there}` there, `{here}` asked for")));
        if all.is_empty() && self.text != wanted.text {
            all.push("the test's text is another now".to_owned());
        }
        if all.is_empty() && self.sources != wanted.sources {
            all.push("it was kept by a seqfault of other sources".to_owned());
        }
        all
    }
}

/// Where a search is kept.
#[derive(Clone, Debug)]
pub struct Slot {
    /// The file.
    pub path: PathBuf,
    /// The search.
    pub about: About,
}

/// Why a file is refused.
#[derive(Debug, thiserror::Error)]
pub enum Refused {
    /// It cannot be read or written.
    #[error("{}: error: {error}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        error: io::Error,
    },
    /// It is not what was written.
    #[error("{}: error: truncated or altered: {flaw}; without the file the search starts anew", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// How that shows.
        flaw: String,
    },
    /// It is another search.
    #[error("{}: error: kept of another search: {differences}", path.display())]
    Another {
        /// The file.
        path: PathBuf,
        /// What differs.
        differences: String,
    },
}

#[derive(Serialize)]
struct Document<'a> {
    schema: u32,
    sha256: String,
    search: &'a RawValue,
}

#[derive(Deserialize)]
struct Envelope {
    schema: u32,
    sha256: String,
    search: Box<RawValue>,
}

#[derive(Serialize)]
struct Written<'a> {
    about: &'a About,
    kept: &'a Kept,
}

#[derive(Deserialize)]
struct Content {
    about: About,
    kept: Kept,
}

impl Slot {
    /// What is kept, if something is.
    ///
    /// # Errors
    /// If the file is of another search, or not as it was written.
    pub fn load(&self) -> Result<Option<Kept>, Refused> {
        let text = match fs::read_to_string(&self.path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                return Err(self.damaged("it is no text"));
            }
            Err(error) => return Err(self.io(error)),
        };
        let envelope: Envelope =
            serde_json::from_str(&text).map_err(|error| self.damaged(&error.to_string()))?;
        if envelope.schema != SCHEMA {
            let flaw = format!("its schema is {}, not {SCHEMA}", envelope.schema);
            return Err(self.damaged(&flaw));
        }
        let search = envelope.search.get();
        if sha256(search) != envelope.sha256 {
            return Err(self.damaged("its hash is not that of its content"));
        }
        // The rest of other sources may look different.
        #[derive(Deserialize)]
        struct Head {
            about: About,
        }
        let head: Head =
            serde_json::from_str(search).map_err(|error| self.damaged(&error.to_string()))?;
        let differences = head.about.differences(&self.about);
        if !differences.is_empty() {
            return Err(Refused::Another {
                path: self.path.clone(),
                differences: differences.join("; "),
            });
        }
        let content: Content =
            serde_json::from_str(search).map_err(|error| self.damaged(&error.to_string()))?;
        debug_assert_eq!(content.about, self.about);
        match content.kept.flaw() {
            Some(flaw) => Err(self.damaged(&flaw)),
            None => Ok(Some(content.kept)),
        }
    }

    /// Keeps a search.
    ///
    /// # Errors
    /// If the file cannot be written; what was there before is still there.
    pub fn save(&self, kept: &Kept) -> Result<(), Refused> {
        let written = Written {
            about: &self.about,
            kept,
        };
        let text = serde_json::to_string(&written).map_err(|error| self.io(error.into()))?;
        let sha256 = sha256(&text);
        let search = RawValue::from_string(text).map_err(|error| self.io(error.into()))?;
        let document = Document {
            schema: SCHEMA,
            sha256,
            search: &search,
        };
        let text = serde_json::to_string(&document).map_err(|error| self.io(error.into()))?;
        let beside = self
            .path
            .with_extension(format!("{}.tmp", std::process::id()));
        write(&beside, &text)
            .and_then(|()| fs::rename(&beside, &self.path))
            .map_err(|error| {
                // A part of it is of no use, and takes room on a disk that may be full.
                let _ = fs::remove_file(&beside);
                self.io(error)
            })
    }

    fn damaged(&self, flaw: &str) -> Refused {
        Refused::Damaged {
            path: self.path.clone(),
            flaw: flaw.to_owned(),
        }
    }

    fn io(&self, error: io::Error) -> Refused {
        Refused::Io {
            path: self.path.clone(),
            error,
        }
    }
}

fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(text.as_bytes())?;
    file.write_all(b"\n")?;
    file.sync_all()
}

fn sha256(text: &str) -> String {
    let digest = Sha256::digest(text);
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::engines::State;

    fn slot(name: &str) -> Slot {
        let folder = std::env::temp_dir().join(format!("seqfault-slot-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for what is temporary");
        Slot {
            path: folder.join(name),
            about: About::new("a", "text"),
        }
    }

    fn complete(executions: u64) -> Kept {
        let state = State::Complete { failure: None };
        Kept::new(
            executions,
            &BTreeMap::new(),
            Vec::new(),
            BTreeSet::new(),
            state,
        )
    }

    #[test]
    fn what_is_kept_is_read_again() {
        let slot = slot("again.json");
        assert!(slot.load().expect("nothing is wrong").is_none());
        slot.save(&complete(0)).expect("written");
        assert!(slot.load().expect("nothing is wrong").is_some());
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_leaves_what_was_kept_last() {
        let slot = slot("full.json");
        slot.save(&complete(0)).expect("written");
        let beside = slot
            .path
            .with_extension(format!("{}.tmp", std::process::id()));
        std::os::unix::fs::symlink("/dev/full", &beside).expect("a link");
        let refused = slot.save(&complete(0)).expect_err("nothing fits");
        assert!(refused.to_string().contains("No space left"), "{refused}");
        assert!(beside.symlink_metadata().is_err(), "it takes no room");
        assert!(slot.load().expect("nothing is wrong").is_some());
    }

    #[test]
    fn other_sources_are_refused() {
        let mut slot = slot("sources.json");
        slot.about.sources = "others".to_owned();
        slot.save(&complete(0)).expect("written");
        slot.about.sources = SOURCES.to_owned();
        let refused = slot.load().expect_err("it is of others").to_string();
        assert!(
            refused.ends_with("by a seqfault of other sources"),
            "{refused}"
        );
    }

    #[test]
    fn counts_that_do_not_add_up_are_refused() {
        let slot = slot("counts.json");
        slot.save(&complete(7)).expect("written");
        let refused = slot.load().expect_err("no outcome").to_string();
        assert!(
            refused.contains("7 executions have 0 outcomes"),
            "{refused}"
        );
    }
}
