//! Where searches are kept: a folder with a file for each.
//!
//! A file is named by the test, the variant and the part:
//! `torn-vma.sound.json`, `torn-vma.broken-1.2-of-4.json`.

use std::path::{Path, PathBuf};

use super::Request;
use crate::engines::{self, About, Judge, Keeps, Part, Refused, Report, Slot};
use crate::litmus::ast::Program;
use crate::scenario::Scenario;

/// A folder of searches.
#[derive(Clone, Debug)]
pub struct Store {
    folder: PathBuf,
}

/// What is searched of a test.
#[derive(Clone, Debug)]
pub struct Variant {
    /// As file names have it.
    slug: String,
    /// `sound`, or the items of a `broken by` line.
    pub name: String,
    /// What must fail.
    wanted: Option<String>,
}

impl Variant {
    /// The test as it is.
    pub(super) fn sound() -> Variant {
        Variant {
            slug: "sound".to_owned(),
            name: "sound".to_owned(),
            wanted: None,
        }
    }

    /// Its `broken by` line of this number, from 1.
    pub(super) fn broken(number: usize, items: &str, wanted: &str) -> Variant {
        Variant {
            slug: format!("broken-{number}"),
            name: items.to_owned(),
            wanted: Some(wanted.to_owned()),
        }
    }
}

impl Store {
    /// The searches in `folder`, which is made unless it is there.
    ///
    /// # Errors
    /// If nothing can be written there.
    pub fn open(folder: &Path) -> std::io::Result<Store> {
        std::fs::create_dir_all(folder)?;
        let probe = folder.join(format!(".{}.tmp", std::process::id()));
        std::fs::write(&probe, "")?;
        std::fs::remove_file(&probe)?;
        Ok(Store {
            folder: folder.to_owned(),
        })
    }

    fn slot(
        &self,
        scenario: &Scenario,
        variant: &Variant,
        engine: &dyn Keeps,
        part: Option<Part>,
    ) -> Slot {
        let program = &scenario.program;
        let name = &program.name;
        let file = match part {
            None => format!("{name}.{}.json", variant.slug),
            Some(Part { number, of }) => {
                format!("{name}.{}.{number}-of-{of}.json", variant.slug)
            }
        };
        let quirks: Vec<&str> = scenario.config.quirks.iter().map(|q| q.name()).collect();
        Slot {
            path: self.folder.join(file),
            about: About {
                variant: variant.name.clone(),
                protocol: scenario.config.protocol.to_string(),
                quirks: if quirks.is_empty() {
                    "none".to_owned()
                } else {
                    quirks.join(" ")
                },
                memory: engine.memory().to_owned(),
                part: part.map_or("whole".to_owned(), |part| part.to_string()),
                ..About::new(name, &program.to_string())
            },
        }
    }

    /// Whether each search of `program` that is kept here is what is asked for.
    ///
    /// # Errors
    /// All that are not.
    pub fn inspect(&self, program: &Program, request: &Request) -> Result<(), Vec<Refused>> {
        let Some(engine) = request.engine.keeps() else {
            return Ok(());
        };
        let Ok(scenario) = Scenario::new(program, &request.deviations) else {
            return Ok(());
        };
        let Ok(lines) = super::broken::lines(program) else {
            return Ok(());
        };
        let mut searches = vec![(Variant::sound(), scenario)];
        if request.runs_broken_by() {
            for (number, (line, named)) in (1..).zip(program.broken_by.iter().zip(lines)) {
                let variant = Variant::broken(number, &named.0, &line.what);
                searches.push((variant, named.2));
            }
        }
        let parts: Vec<Option<Part>> = match request.merge {
            Some(of) => Part::all(of).map(Some).collect(),
            None => vec![engine.part()],
        };
        let mut refused = Vec::new();
        for (variant, scenario) in &searches {
            for part in &parts {
                refused.extend(self.slot(scenario, variant, engine, *part).load().err());
            }
        }
        if refused.is_empty() {
            Ok(())
        } else {
            Err(refused)
        }
    }
}

/// Runs `scenario`, or goes on with it, or puts its parts together.
pub(super) fn run(
    scenario: &Scenario,
    variant: &Variant,
    request: &Request,
    judge: &Judge,
) -> Report {
    let (engine, control) = (&*request.engine, &request.control);
    let (Some(store), Some(keeps)) = (&request.store, engine.keeps()) else {
        return engines::run(engine, scenario, control, judge);
    };
    let slot = |part| store.slot(scenario, variant, keeps, part);
    if let Some(of) = request.merge {
        let parts = Part::all(of).map(|part| (part, slot(Some(part))));
        let parts: Vec<(Part, Slot)> = parts.collect();
        return engines::merge(&parts, keeps, variant.wanted.as_deref());
    }
    let kept = keeps.kept_in(slot(keeps.part()));
    engines::run(&*kept, scenario, control, judge)
}
