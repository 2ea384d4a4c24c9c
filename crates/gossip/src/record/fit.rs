//! Makes a record one that all others take: clean texts, and not over the limit.

use model::CheckState;
use model::limits::{
    RECORD_BYTES_MAX, RECORD_GROUPS_MAX, RECORD_NAME_BYTES_MAX, RECORD_OUTPUT_BYTES_MAX,
    RECORD_PARTS_MAX, RECORD_PROBLEMS_MAX,
};

use super::{Problem, Record};

/// Room for what says what was cut.
const CUT_BYTES: usize = 512;

impl Record {
    /// Cuts what others would not take: problems first (the least bad of them first), then groups
    /// of detectors, then parts, then groups of files; and names in `cut` what is missing.
    pub fn fit(&mut self) {
        self.body.cut.clear();
        clean(&mut self.body.name, RECORD_NAME_BYTES_MAX);
        clean(&mut self.body.display_name, RECORD_NAME_BYTES_MAX);
        clean(&mut self.body.program, RECORD_NAME_BYTES_MAX);
        if self.body.name.is_empty() {
            self.body.name = self.id.to_string();
        }
        self.body.health.counts.sort_unstable();
        self.body.health.counts.dedup_by_key(|(state, _)| *state);
        let all = self.body.health.problems.len();
        let problems = self.worst_problems();
        self.body.health.problems.clear();
        let spare = RECORD_BYTES_MAX - CUT_BYTES;
        self.cut_groups(
            spare,
            |body| &mut body.detected_groups,
            "groups of detectors",
            true,
        );
        self.cut_parts(spare);
        self.cut_groups(spare, |body| &mut body.static_groups, "groups", false);
        let mut room = spare.saturating_sub(self.encode().len() + 8);
        let fits = |problem: &Problem| {
            let bytes = problem.check.len() + problem.output.len() + 16;
            let fits = bytes <= room;
            room = room.saturating_sub(bytes);
            fits
        };
        self.body.health.problems = problems.into_iter().take_while(fits).collect();
        let left_out = all - self.body.health.problems.len();
        if left_out > 0 {
            self.body.cut.push(format!("{left_out} problems"));
        }
    }

    fn worst_problems(&self) -> Vec<Problem> {
        let mut order: Vec<_> = self.body.health.problems.iter().collect();
        order.sort_by_key(|problem| {
            let weight = match problem.state {
                CheckState::Critical => 0,
                CheckState::Warning => 1,
                CheckState::Unknown => 2,
                CheckState::Pending => 3,
                CheckState::Ok => 4,
            };
            (problem.handled, weight, &problem.check)
        });
        let cleaned = order.into_iter().take(RECORD_PROBLEMS_MAX).cloned();
        cleaned
            .map(|mut problem| {
                clean(&mut problem.check, RECORD_NAME_BYTES_MAX);
                clean(&mut problem.output, RECORD_OUTPUT_BYTES_MAX);
                problem
            })
            .collect()
    }

    /// Cuts groups from the end. Those of detectors go before the parts, so they are cut down to
    /// what fits beside the rest as if there were no parts, and further when parts are small.
    fn cut_groups(
        &mut self,
        spare: usize,
        of: fn(&mut super::Body) -> &mut Vec<model::Group>,
        what: &str,
        sorted: bool,
    ) {
        let groups = of(&mut self.body);
        if sorted {
            groups.sort_unstable();
            groups.dedup();
        }
        let all = groups.len();
        groups.truncate(RECORD_GROUPS_MAX);
        let mut over = self.encode().len().saturating_sub(spare);
        let groups = of(&mut self.body);
        while over > 0
            && let Some(group) = groups.pop()
        {
            over = over.saturating_sub(group.as_str().len() + 1);
        }
        let left_out = all - groups.len();
        if left_out > 0 {
            self.body.cut.push(format!("{left_out} {what}"));
        }
    }

    fn cut_parts(&mut self, spare: usize) {
        let too_long = |name: &String| {
            name.len() > RECORD_NAME_BYTES_MAX || name.chars().any(char::is_control)
        };
        self.body.parts.retain(|name, _| !too_long(name));
        while self.body.parts.len() > RECORD_PARTS_MAX || self.encode().len() > spare {
            let largest = self.body.parts.iter().max_by_key(|(_, bytes)| bytes.len());
            let Some(name) = largest.map(|(name, _)| name.clone()) else {
                return;
            };
            self.body.parts.remove(&name);
            if self.body.cut.len() < 4 {
                let mut cut = format!("the part {name}");
                clean(&mut cut, 64);
                self.body.cut.push(cut);
            }
        }
    }
}

/// Makes one line without control characters of a text, of so many bytes at most.
fn clean(text: &mut String, max: usize) {
    if text.chars().any(char::is_control) {
        *text = text.replace(char::is_control, " ");
    }
    text.truncate(text.floor_char_boundary(max));
}
