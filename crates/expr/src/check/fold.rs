//! Parts that are constant are evaluated once, at load.

use crate::budget::Budget;
use crate::datum::Datum;
use crate::env::Nowhere;
use crate::evaluate::Run;
use crate::function::Reach;
use crate::tree::{Kind, Node, Part};

/// Steps that folding one part may take: what takes longer is left for later, where it is told.
const FOLD_STEPS_MAX: u64 = 2_000;
/// Items or bytes that a folded value may hold, so that a program stays small.
const FOLD_SIZE_MAX: usize = 1_000;

/// Puts the value in the place of a part that is constant. A part that fails is left as it is: it
/// may never be evaluated.
pub(crate) fn fold(node: Node) -> Node {
    if matches!(node.kind, Kind::Constant(_)) || !is_foldable(&node) {
        return node;
    }
    let mut run = Run::new(&Nowhere, &[], Budget::of(FOLD_STEPS_MAX));
    match run.evaluate(&node) {
        Ok(datum) if size(&datum) <= FOLD_SIZE_MAX => Node {
            span: node.span,
            kind: Kind::Constant(datum),
        },
        Ok(_) | Err(_) => node,
    }
}

/// Tells whether the parts are constants, folded themselves, and nothing else has a say.
fn is_foldable(node: &Node) -> bool {
    let depends = match &node.kind {
        Kind::Reference { .. } | Kind::Local(_) | Kind::Comprehension(_) => true,
        Kind::Call(call) => call.function.reach != Reach::Arguments,
        Kind::Text(parts) => parts.iter().all(|part| matches!(part, Part::Text(_))),
        _ => false,
    };
    !depends
        && node
            .parts()
            .iter()
            .all(|part| matches!(part.kind, Kind::Constant(_)))
}

fn size(datum: &Datum) -> usize {
    match datum {
        Datum::Text(text) => text.len(),
        Datum::List(list) => list.to_vec().iter().map(size).sum::<usize>() + 1,
        Datum::Tuple(items) | Datum::Set(items) => items.iter().map(size).sum::<usize>() + 1,
        Datum::Map(map) => map.values().iter().map(size).sum::<usize>() + map.len() + 1,
        Datum::None | Datum::Bool(_) | Datum::Int(_) | Datum::Float(_) => 1,
    }
}
