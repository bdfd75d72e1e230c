//! Plans that devices share: a room has thousands of devices, and a few models of them.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use parking_lot::Mutex;

use super::{Plan, Recognised};

/// The number of plans beyond which those that no device has any more are forgotten.
const KEPT: usize = 64;

/// The plan for everything that devices recognised alike report, once for all of them.
#[derive(Debug, Default)]
pub struct SharedPlans {
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    plans: HashMap<Recognised, Weak<Plan>>,
    /// The number of them at which they are looked through.
    full_at: usize,
}

impl SharedPlans {
    /// Returns the plan of devices that are recognised as this, which is built if no device has it.
    pub fn of(&self, recognised: Recognised, build: impl FnOnce(&Recognised) -> Plan) -> Arc<Plan> {
        if let Some(plan) = self.known.lock().find(&recognised) {
            return plan;
        }
        let mut plan = build(&recognised);
        plan.recognised = Some(recognised.clone());
        let plan = Arc::new(plan);
        let mut known = self.known.lock();
        // Two may have built it at the same time.
        known.find(&recognised).unwrap_or_else(|| {
            known.put(recognised, &plan);
            plan
        })
    }
}

impl Known {
    fn find(&self, recognised: &Recognised) -> Option<Arc<Plan>> {
        self.plans.get(recognised).and_then(Weak::upgrade)
    }

    fn put(&mut self, recognised: Recognised, plan: &Arc<Plan>) {
        if self.plans.len() >= self.full_at {
            self.plans.retain(|_, plan| plan.strong_count() > 0);
            self.full_at = KEPT.max(2 * self.plans.len());
        }
        self.plans.insert(recognised, Arc::downgrade(plan));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn model(number: usize) -> Recognised {
        Recognised {
            profiles: vec![number.to_string()],
            ..Recognised::default()
        }
    }

    #[test]
    fn devices_of_a_model_share_a_plan_and_what_nobody_has_is_forgotten() {
        let plans = SharedPlans::default();
        let built = plans.of(model(0), |_| Plan::default());
        assert_eq!(built.recognised, Some(model(0)));
        let again = plans.of(model(0), |_| unreachable!("it is known"));
        assert!(Arc::ptr_eq(&built, &again));
        for number in 1..10 * KEPT {
            plans.of(model(number), |_| Plan::default());
        }
        assert!(plans.known.lock().plans.len() <= KEPT);
        let again = plans.of(model(0), |_| unreachable!("a device has it"));
        assert!(Arc::ptr_eq(&built, &again));
    }
}
