//! Comprehensions: `[element for names in source if condition]`.

use crate::datum::Datum;
use crate::evaluate::Run;
use crate::stop::{Step, fault};
use crate::syntax::Makes;
use crate::tree::{Clause, Comprehension};

/// What a comprehension has gathered.
#[derive(Default)]
struct Gathered {
    elements: Vec<Datum>,
    values: Vec<Datum>,
}

impl Run<'_> {
    pub(super) fn comprehension(&mut self, comprehension: &Comprehension) -> Step<Datum> {
        let outer = self.locals.len();
        let mut gathered = Gathered::default();
        let result = self.clause(comprehension, &comprehension.clauses, &mut gathered);
        self.locals.truncate(outer);
        result?;
        match comprehension.makes {
            Makes::List => Ok(Datum::list(gathered.elements)),
            Makes::Set => {
                self.budget.spend_sort(gathered.elements.len())?;
                Datum::set(gathered.elements)
            }
            Makes::Map => {
                self.budget.spend_sort(gathered.elements.len())?;
                Datum::map(gathered.elements.into_iter().zip(gathered.values).collect())
            }
        }
    }

    /// Runs the first clause, and for each of its items the others.
    fn clause(
        &mut self,
        comprehension: &Comprehension,
        clauses: &[Clause],
        gathered: &mut Gathered,
    ) -> Step<()> {
        let Some((clause, rest)) = clauses.split_first() else {
            return self.gather(comprehension, gathered);
        };
        let source = self.evaluate(&clause.source)?;
        self.budget.spend(source.elements_steps())?;
        let Some(items) = source.elements() else {
            return fault(format!("`for` cannot go over {}", source.describe()))
                .map_err(|stop| stop.at(clause.source.span));
        };
        for item in items {
            self.locals.truncate(usize::from(clause.first_local));
            self.bind(clause, item)
                .map_err(|stop| stop.at(clause.source.span))?;
            if self.all_hold(clause)? {
                self.clause(comprehension, rest, gathered)?;
            }
        }
        Ok(())
    }

    fn bind(&mut self, clause: &Clause, item: Datum) -> Step<()> {
        if !clause.unpacks {
            self.locals.push(item);
            return Ok(());
        }
        self.budget.spend(item.elements_steps())?;
        let wanted = usize::from(clause.locals);
        match item.elements() {
            Some(parts) if parts.len() == wanted => {
                self.locals.extend(parts);
                Ok(())
            }
            Some(parts) => fault(format!(
                "an item has {} parts, and {wanted} names wait for them",
                parts.len()
            )),
            None => fault(format!("{} cannot be taken apart", item.describe())),
        }
    }

    fn all_hold(&mut self, clause: &Clause) -> Step<bool> {
        for condition in &clause.conditions {
            if !self.evaluate(condition)?.truth() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn gather(&mut self, comprehension: &Comprehension, gathered: &mut Gathered) -> Step<()> {
        let element = self.evaluate(&comprehension.element)?;
        if let Some(value) = &comprehension.value {
            let value = self.evaluate(value)?;
            gathered.values.push(value);
        }
        gathered.elements.push(element);
        // What was gathered so far is paid for; this only holds it to the limit.
        if gathered.elements.len() > model::limits::EXPRESSION_ITEMS_MAX {
            self.budget.build_items(gathered.elements.len())?;
        }
        Ok(())
    }
}
