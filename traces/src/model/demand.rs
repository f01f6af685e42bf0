//! What a job demands of the places of its tasks, and the operators that Marathon's users write it with.

use std::sync::Arc;

use windtunnel_scheduler::constraint::{Condition, Constraint, whole};
use windtunnel_scheduler::layout::{Choose, Law, Layout, Rule};

use super::job::Ask;

/// The operators of [`Demand::add_operator`].
pub const OPERATORS: [&str; 9] =
    ["UNIQUE", "CLUSTER", "GROUP_BY", "GROUP_BY_OLD", "MAX_PER", "LIKE", "UNLIKE", "IS", "IN"];

/// Conditions on nodes and on the places of the tasks together.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Demand {
    /// What nodes must be like.
    pub constraints: Vec<Constraint>,
    /// How the tasks are to lie together.
    pub layout: Layout,
}

impl Demand {
    /// True if nothing is demanded.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Adds a condition on the value of an attribute.
    pub fn require(&mut self, attribute: &str, condition: Condition) {
        self.constraints.push(Constraint { attribute: attribute.to_owned(), condition });
    }

    /// Adds a rule about an attribute.
    pub fn rule(&mut self, attribute: &str, law: Law) {
        self.layout.rules.push(Rule { attribute: attribute.to_owned(), law });
    }

    /// Adds a demand as Marathon's users write it: attribute, operator, and a value where the operator takes one.
    /// `GROUP_BY` is the rule as of Marathon 1.10, `GROUP_BY_OLD` the one before. `IN` is ours: values between `|`.
    ///
    /// # Errors
    /// What is wrong, and what to write.
    pub fn add_operator(&mut self, attribute: &str, operator: &str, value: Option<&str>) -> Result<(), String> {
        let number = || {
            let number = value.and_then(|value| value.parse::<u32>().ok()).filter(|&number| number > 0);
            number.ok_or_else(|| format!("`{operator}` needs a number from 1; write {attribute} {operator} 3"))
        };
        let text = || value.ok_or_else(|| format!("`{operator}` needs a value; write {attribute} {operator} x"));
        match operator {
            "UNIQUE" if value.is_none() => self.rule(attribute, Law::Unique),
            "UNIQUE" => return Err(String::from("`UNIQUE` takes no value; take it out")),
            "CLUSTER" => match value {
                None => self.rule(attribute, Law::Cluster),
                Some(value) => self.require(attribute, Condition::In(vec![value.to_owned()])),
            },
            "GROUP_BY" => self.rule(attribute, Law::GroupBy(number()?)),
            "GROUP_BY_OLD" => self.rule(attribute, Law::GroupByOld(number()?)),
            "MAX_PER" => self.rule(attribute, Law::MaxPer(number()?)),
            "LIKE" => self.require(attribute, Condition::Like(pattern(text()?)?)),
            "UNLIKE" => self.require(attribute, Condition::Unlike(pattern(text()?)?)),
            "IS" => self.require(attribute, Condition::Is(text()?.to_owned())),
            "IN" => self.require(attribute, Condition::In(text()?.split('|').map(str::to_owned).collect())),
            _ => return Err(format!("there is no operator `{operator}`; write one of {}", OPERATORS.join(", "))),
        }
        Ok(())
    }
}

/// A pattern that means something.
///
/// # Errors
/// What is wrong with it.
pub fn pattern(text: &str) -> Result<String, String> {
    match whole(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            Err(format!("`{text}` is no pattern ({reason}); correct it"))
        }
    }
}

/// What a task asks for itself, and that with what else is demanded.
type Joined<T> = (Option<Arc<T>>, Option<Arc<T>>);

/// What is demanded of the tasks of a whole workload, beyond what each asks for itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Demands {
    constraints: Option<Arc<[Constraint]>>,
    layout: Option<Arc<Layout>>,
    /// Whether no other task may push them out.
    pub protected: bool,
    /// How many of a job's tasks may be missing at once because they were made to leave.
    pub disruption: Option<u32>,
    /// What the last task asked for itself, and what became of it: tasks of one kind come in runs.
    joined: Option<Joined<[Constraint]>>,
    laid: Option<Joined<Layout>>,
}

impl Demands {
    /// These conditions for every task.
    #[must_use]
    pub fn new(demand: &Demand, protected: bool, disruption: Option<u32>) -> Self {
        let (constraints, layout) = shared(demand);
        Self { constraints, layout, protected, disruption, ..Self::default() }
    }

    /// True if nothing is demanded.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        self.constraints.is_none() && self.layout.is_none() && !self.protected && self.disruption.is_none()
    }

    /// Adds what is demanded to what a task asks for.
    pub fn add_to(&mut self, ask: &mut Ask) {
        ask.protected |= self.protected;
        ask.disruption = ask.disruption.or(self.disruption);
        if let Some(more) = &self.constraints {
            let join = |own: &Arc<[Constraint]>| own.iter().chain(more.iter()).cloned().collect();
            ask.constraints = joined(&mut self.joined, &ask.constraints, more, join);
        }
        if let Some(more) = &self.layout {
            let join = |own: &Arc<Layout>| Arc::new(both(own, more));
            ask.layout = joined(&mut self.laid, &ask.layout, more, join);
        }
    }
}

/// The parts of a demand in the form in which tasks share them.
#[must_use]
pub fn shared(demand: &Demand) -> (Option<Arc<[Constraint]>>, Option<Arc<Layout>>) {
    let constraints = (!demand.constraints.is_empty()).then(|| Arc::from(demand.constraints.clone()));
    let layout = (demand.layout != Layout::default()).then(|| Arc::new(demand.layout.clone()));
    (constraints, layout)
}

/// `own` with `more`, shared by all tasks whose own part is the same.
fn joined<T: ?Sized>(
    known: &mut Option<Joined<T>>,
    own: &Option<Arc<T>>,
    more: &Arc<T>,
    join: impl FnOnce(&Arc<T>) -> Arc<T>,
) -> Option<Arc<T>> {
    let is_known = |(before, _): &Joined<T>| match (before, own) {
        (None, None) => true,
        (Some(before), Some(own)) => Arc::ptr_eq(before, own),
        _ => false,
    };
    if !known.as_ref().is_some_and(is_known) {
        *known = Some((own.clone(), Some(own.as_ref().map_or_else(|| more.clone(), join))));
    }
    known.as_ref().and_then(|(_, result)| result.clone())
}

/// Both layouts at once; the levels of the first, if it has any.
fn both(own: &Layout, more: &Layout) -> Layout {
    let mut layout = own.clone();
    layout.rules.extend(more.rules.iter().cloned());
    layout.preferences.extend(more.preferences.iter().cloned());
    if layout.within.is_empty() {
        layout.within.clone_from(&more.within);
    }
    if layout.choose == Choose::default() {
        layout.choose = more.choose;
    }
    layout
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operator_is_one_demand() {
        let mut demand = Demand::default();
        let asks = [
            ("hostname", "UNIQUE", None),
            ("rack", "CLUSTER", None),
            ("rack", "CLUSTER", Some("r1")),
            ("zone", "GROUP_BY", Some("3")),
            ("zone", "GROUP_BY_OLD", Some("3")),
            ("rack", "MAX_PER", Some("2")),
            ("rack", "LIKE", Some("r[12]")),
            ("rack", "UNLIKE", Some("r3")),
            ("cores", "IS", Some("8.0")),
            ("rack", "IN", Some("a|b")),
        ];
        for (attribute, operator, value) in asks {
            demand.add_operator(attribute, operator, value).expect("it is one of them");
        }
        let laws: Vec<Law> = demand.layout.rules.iter().map(|rule| rule.law).collect();
        assert_eq!(laws, [Law::Unique, Law::Cluster, Law::GroupBy(3), Law::GroupByOld(3), Law::MaxPer(2)]);
        let conditions: Vec<Condition> = demand.constraints.iter().map(|one| one.condition.clone()).collect();
        let list = |values: &[&str]| Condition::In(values.iter().map(ToString::to_string).collect());
        let text = String::from;
        let like = Condition::Like(text("r[12]"));
        let expected = [list(&["r1"]), like, Condition::Unlike(text("r3")), Condition::Is(text("8.0"))];
        assert_eq!(conditions[..4], expected);
        assert_eq!(conditions[4], list(&["a", "b"]));
    }

    #[test]
    fn what_an_operator_cannot_mean_is_said() {
        let asks = [
            ("UNIQUE", Some("2"), "`UNIQUE` takes no value; take it out"),
            ("GROUP_BY", None, "`GROUP_BY` needs a number from 1; write zone GROUP_BY 3"),
            ("MAX_PER", Some("0"), "`MAX_PER` needs a number from 1; write zone MAX_PER 3"),
            ("LIKE", None, "`LIKE` needs a value; write zone LIKE x"),
            ("LIKE", Some("("), "`(` is no pattern (unclosed group); correct it"),
        ];
        for (operator, value, expected) in asks {
            let error = Demand::default().add_operator("zone", operator, value).expect_err("it means nothing");
            assert_eq!(error, expected);
        }
        let error = Demand::default().add_operator("zone", "unique", None).expect_err("Marathon's are upper case");
        assert!(error.starts_with("there is no operator `unique`; write one of UNIQUE, CLUSTER"), "{error}");
    }

    #[test]
    fn what_a_workload_demands_is_added_to_what_tasks_ask_and_shared() {
        let one = |attribute: &str| Constraint { attribute: attribute.to_owned(), condition: Condition::Exists };
        let mut demand = Demand { constraints: vec![one("a")], ..Demand::default() };
        demand.rule("hostname", Law::Unique);
        let mut demands = Demands::new(&demand, true, Some(1));
        let mut plain = Ask::default();
        demands.add_to(&mut plain);
        assert_eq!(plain.constraints.as_deref(), Some(&[one("a")][..]));
        assert!(plain.protected && plain.disruption == Some(1));
        let own: Arc<[Constraint]> = vec![one("b")].into();
        let mut asks = [Ask { constraints: Some(own.clone()), ..Ask::default() }, Ask::default()];
        asks[1].constraints = Some(own);
        asks.iter_mut().for_each(|ask| demands.add_to(ask));
        let sets = asks.each_ref().map(|ask| ask.constraints.clone().expect("both"));
        assert_eq!(*sets[0], [one("b"), one("a")]);
        assert!(Arc::ptr_eq(&sets[0], &sets[1]), "equal demands are one allocation");
    }
}
