//! | promise | what is asked |
//! |---|---|
//! | 1 | after each event the books balance; nothing is settled twice; at the end each record has ended, and nothing is left |
//! | 2 | after each event exactly the records before the first one without a durable outcome are committed |
//! | 3 | per identity one change at a time, in order, none while an earlier call may still be applied or a letter is not durable |
//! | | never two calls at once with children of one parent |
//! | 7 | what was taken of the budget is given back |
//! | | a drain closes nothing that is on the wire or held, and repeats nothing unless it is cut short |
//!
//! After each event all that the core keeps twice is counted again (`audit`). `PROPTEST_CASES` asks for more runs than 2,000:
//! 100,000 take less than two minutes.

use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{TestCaseError, TestRunner},
};

use super::{steps, world::World};

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(2_000), ..ProptestConfig::default() })]
    #[test]
    fn every_run_of_the_core_keeps_the_promises(plan in steps::plan()) {
        run(&plan).map_err(TestCaseError::fail)?;
    }
}

/// A drain may begin in any state: the prefix is committed, and nothing that is on the wire is closed.
#[test]
fn a_stop_in_any_of_a_thousand_states_is_a_drain() {
    let mut runner = TestRunner::deterministic();
    let mut states = 0;
    while states < 1_000 {
        let plan = steps::plan().new_tree(&mut runner).unwrap().current();
        for length in 0..=plan.steps.len() {
            let stopped = steps::Plan { steps: plan.steps[..length].to_vec(), drains_first: true, ..plan.clone() };
            run(&stopped).unwrap_or_else(|broken| panic!("{broken}: {stopped:#?}"));
            states += 1;
        }
    }
}

fn run(plan: &steps::Plan) -> Result<(), String> {
    let mut world = World::new(&plan.bounds);
    for step in &plan.steps {
        world.step(step)?;
    }
    world.finish(plan.drains_first)
}
