//! Means and quantiles.

use crate::Unknown;
use crate::call::Call;
use crate::stop::Step;

/// Gives the items of the first argument as numbers; of none, nothing is known.
pub(crate) fn some_numbers(call: &mut Call<'_>) -> Step<Vec<f64>> {
    let numbers = call.numbers(0)?;
    if numbers.is_empty() {
        return Err(Unknown::new(format!("{} of an empty list", call.name)).into());
    }
    call.budget.spend_sort(numbers.len())?;
    Ok(numbers)
}

/// Gives the mean; of nothing, NaN.
pub(crate) fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len() as f64
}

/// Gives the value below which a share of the numbers lies, in proportion between two of them.
pub(crate) fn quantile(mut numbers: Vec<f64>, share: f64) -> f64 {
    numbers.sort_by(f64::total_cmp);
    let Some(last) = numbers.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = share * last as f64;
    let below = (place.floor() as usize).min(last);
    let above = (below + 1).min(last);
    numbers[below] + (numbers[above] - numbers[below]) * (place - below as f64)
}
