//! What goes wrong in the steps of a world, and which steps there were.
//!
//! Around every step of a world's worker, as seen by the engine: a fault here is one of the step, its worker, or the
//! way back. [`Step`] names one of them: the n-th of its name in this world, however many attempts it takes.

use std::{
    collections::BTreeMap,
    fmt,
    sync::{Arc, Mutex},
};
use temporalio_sdk::{
    ApplicationFailure,
    activities::ActivityError,
    interceptors::{ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, Next},
};

/// A step of a life.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Step {
    /// Its name.
    pub name: String,
    /// How many of that name were begun before it.
    pub before: usize,
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}[{}]", self.name, self.before)
    }
}

/// What goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It takes effect, and its worker is not heard: the engine asks for it once more.
    Repeated,
    /// So many attempts do nothing; the next one works.
    Fails(u32),
    /// It does nothing, and never will.
    ForGood,
}

#[derive(Default)]
struct Plan {
    /// Steps in the order they were begun in, by workflow and the engine's id of the step.
    begun: Vec<(String, Step)>,
    wrong: Option<(Step, Fault)>,
    struck: u32,
}

/// The faults of one world.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

impl Faults {
    /// Have that go wrong.
    ///
    /// # Panics
    /// When another test has.
    pub fn plan(&self, step: Step, fault: Fault) {
        self.0.lock().unwrap().wrong = Some((step, fault));
    }

    /// The steps so far, in the order they were begun in.
    ///
    /// # Panics
    /// When another test has.
    #[must_use]
    pub fn steps(&self) -> Vec<Step> {
        let plan = self.0.lock().unwrap();
        plan.begun.iter().map(|(_, step)| step.clone()).collect()
    }

    /// Which step was to go wrong, and how.
    ///
    /// # Panics
    /// When another test has.
    #[must_use]
    pub fn planned(&self) -> Option<(Step, Fault)> {
        self.0.lock().unwrap().wrong.clone()
    }

    /// How often what was planned has gone wrong.
    ///
    /// # Panics
    /// When another test has.
    #[must_use]
    pub fn struck(&self) -> u32 {
        self.0.lock().unwrap().struck
    }

    /// What is to go wrong in this attempt.
    fn begin(&self, input: &ExecuteActivityInput) -> Option<Fault> {
        let info = input.activity_info();
        let id = format!("{:?} {:?} {}", info.workflow_id, info.workflow_run_id, info.activity_id);
        let mut plan = self.0.lock().unwrap();
        let known = plan.begun.iter().find(|(known, _)| *known == id);
        let step = match known {
            Some((_, step)) => step.clone(),
            None => {
                let name = info.activity_type.clone();
                let same = plan.begun.iter().filter(|(_, step)| step.name == name);
                let step = Step {
                    before: same.count(),
                    name,
                };
                plan.begun.push((id, step.clone()));
                step
            }
        };
        let (wrong, fault) = plan.wrong.clone()?;
        let strikes = match fault {
            Fault::Repeated => 1,
            Fault::Fails(times) => times,
            Fault::ForGood => u32::MAX,
        };
        if wrong != step || strikes <= plan.struck {
            return None;
        }
        plan.struck += 1;
        Some(fault)
    }
}

impl ActivityInboundInterceptor for Faults {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        let fault = self.begin(&input);
        Box::pin(async move {
            match fault {
                None => next.run(input).await,
                Some(Fault::Repeated) => {
                    next.run(input).await?;
                    Err(failure(false))
                }
                Some(Fault::Fails(_)) => Err(failure(false)),
                Some(Fault::ForGood) => Err(failure(true)),
            }
        })
    }
}

fn failure(for_good: bool) -> ActivityError {
    let failure = ApplicationFailure::builder(std::io::Error::other("a fault of this test"));
    failure
        .type_name("planned".to_owned())
        .non_retryable(for_good)
        .build()
        .into()
}

/// Steps by name, with how many there were of each.
#[must_use]
pub fn counted(steps: &[Step]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for step in steps {
        *counts.entry(step.name.as_str()).or_default() += 1;
    }
    counts
}
