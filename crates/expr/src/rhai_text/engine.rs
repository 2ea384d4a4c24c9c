//! The two engines that all texts share: chosen packages, limits, our operators and functions.

use std::any::TypeId;
use std::cmp::Ordering;
use std::sync::{Arc, LazyLock};

use model::limits;
use rhai::packages::{
    ArithmeticPackage, BasicArrayPackage, BasicFnPackage, BasicIteratorPackage, BasicMapPackage,
    BasicMathPackage, BasicStringPackage, LogicPackage, MoreStringPackage, Package,
};
use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map, NativeCallContext};

use super::dynamic::{from_datum, from_value, into_datum};
use super::session::{Halt, Question, Session};
use super::translation::{KNOWN, MATCH, REFERENCE};
use crate::arithmetic::{self, Operator};
use crate::budget::Budget;
use crate::call::Call;
use crate::compare;
use crate::datum::Datum;
use crate::env::Nowhere;
use crate::function::{Function, Reach, functions};
use crate::repr;
use crate::stop::{Step, Stop};

/// Runs expressions. An engine holds no state of any run.
pub(super) static EXPRESSIONS: LazyLock<Engine> = LazyLock::new(|| {
    build(Bounds {
        operations: limits::RHAI_OPERATIONS_MAX,
        text_bytes: limits::RHAI_TEXT_BYTES_MAX,
        items: limits::RHAI_ITEMS_MAX,
    })
});

/// Runs the scripts of collectors, which work on more.
pub(super) static SCRIPTS: LazyLock<Engine> = LazyLock::new(|| {
    build(Bounds {
        operations: limits::SCRIPT_OPERATIONS_MAX,
        text_bytes: limits::SCRIPT_TEXT_BYTES_MAX,
        items: limits::SCRIPT_ITEMS_MAX,
    })
});

/// How far a run may go.
struct Bounds {
    operations: u64,
    text_bytes: usize,
    items: usize,
}

type Native = Result<Dynamic, Box<EvalAltResult>>;

fn build(bounds: Bounds) -> Engine {
    let mut engine = Engine::new_raw();
    // Neither files nor clocks nor sleep: the packages that have them are not here.
    ArithmeticPackage::new().register_into_engine(&mut engine);
    LogicPackage::new().register_into_engine(&mut engine);
    BasicMathPackage::new().register_into_engine(&mut engine);
    BasicStringPackage::new().register_into_engine(&mut engine);
    MoreStringPackage::new().register_into_engine(&mut engine);
    BasicIteratorPackage::new().register_into_engine(&mut engine);
    BasicArrayPackage::new().register_into_engine(&mut engine);
    BasicMapPackage::new().register_into_engine(&mut engine);
    BasicFnPackage::new().register_into_engine(&mut engine);
    engine
        .disable_symbol("eval")
        .disable_symbol("print")
        .disable_symbol("debug")
        .set_strict_variables(true)
        .set_max_operations(bounds.operations)
        .set_max_expr_depths(limits::EXPRESSION_DEPTH_MAX, limits::EXPRESSION_DEPTH_MAX)
        .set_max_call_levels(16)
        .set_max_variables(256)
        .set_max_functions(64)
        .set_max_string_size(bounds.text_bytes)
        .set_max_array_size(bounds.items)
        .set_max_map_size(bounds.items)
        .set_max_strings_interned(256)
        // Built-in operators answer false to `"abc" > 5`: ours must be asked first.
        .set_fast_operators(false);
    register_operators(&mut engine);
    register_searches(&mut engine);
    register_references(&mut engine);
    for function in functions() {
        register_function(&mut engine, function);
    }
    engine
}

/// Comparisons fail where there is no order, and `/` and `%` mean what they mean elsewhere.
fn register_operators(engine: &mut Engine) {
    for (name, wanted) in [
        ("<", &[Ordering::Less][..]),
        ("<=", &[Ordering::Less, Ordering::Equal]),
        (">", &[Ordering::Greater]),
        (">=", &[Ordering::Greater, Ordering::Equal]),
    ] {
        register_binary(engine, name, move |left, right| {
            let order = compare::order(&left, &right)?;
            Ok(Datum::Bool(
                order.is_some_and(|order| wanted.contains(&order)),
            ))
        });
    }
    for (name, operator) in [("/", Operator::Divide), ("%", Operator::Remainder)] {
        register_binary(engine, name, move |left, right| {
            arithmetic::apply(operator, &left, &right, &mut Budget::full())
        });
        let assigning = format!("{name}=");
        let kinds = [TypeId::of::<Dynamic>(); 2];
        engine.register_raw_fn(&assigning, kinds, move |context, arguments| {
            let left = into_datum(arguments[0].clone());
            let right = into_datum(arguments[1].clone());
            let result = left
                .and_then(|left| arithmetic::apply(operator, &left, &right?, &mut Budget::full()));
            *arguments[0] = native(&context, result)?;
            Ok(Dynamic::UNIT)
        });
    }
}

fn register_binary(
    engine: &mut Engine,
    name: &str,
    apply: impl Fn(Datum, Datum) -> Step<Datum> + Send + Sync + 'static,
) {
    let kinds = [TypeId::of::<Dynamic>(); 2];
    engine.register_raw_fn(name, kinds, move |context, arguments| {
        let left = into_datum(arguments[0].clone());
        let right = into_datum(arguments[1].clone());
        native(&context, left.and_then(|left| apply(left, right?)))
    });
}

/// The engine's own go through all its layers for every item, and none of that counts as a step.
fn register_searches(engine: &mut Engine) {
    let same = |left: &Dynamic, right: &Dynamic| -> bool {
        match (into_datum(left.clone()), into_datum(right.clone())) {
            (Ok(left), Ok(right)) => compare::equal(&left, &right),
            _ => false,
        }
    };
    let place = move |array: &Array, item: &Dynamic| {
        let item = into_datum(item.clone()).ok()?;
        array.iter().position(|known| {
            into_datum(known.clone()).is_ok_and(|known| compare::equal(&known, &item))
        })
    };
    engine
        .register_fn("contains", move |array: &mut Array, item: Dynamic| {
            place(array, &item).is_some()
        })
        .register_fn("index_of", move |array: &mut Array, item: Dynamic| {
            place(array, &item).map_or(-1, |place| i64::try_from(place).unwrap_or(i64::MAX))
        });
    for kind in [TypeId::of::<Array>(), TypeId::of::<Map>()] {
        for (name, wanted) in [("==", true), ("!=", false)] {
            engine.register_raw_fn(name, [kind; 2], move |_, arguments| {
                Ok(same(arguments[0], arguments[1]) == wanted)
            });
        }
    }
}

fn register_references(engine: &mut Engine) {
    engine.register_fn(
        REFERENCE,
        |context: NativeCallContext<'_>, index: i64| -> Native {
            let value =
                reference(&context, index).map_err(|stop| halt(&context, Halt::Stop(*stop)))?;
            Ok(from_value(&value))
        },
    );
    engine.register_fn(
        KNOWN,
        |context: NativeCallContext<'_>, index: i64| -> Result<bool, Box<EvalAltResult>> {
            match reference(&context, index) {
                Ok(_) => Ok(true),
                Err(stop) if stop.has_failed() => Err(halt(&context, Halt::Stop(*stop))),
                Err(_) => Ok(false),
            }
        },
    );
    engine.register_fn(
        "rate",
        |context: NativeCallContext<'_>, name: ImmutableString| -> Native {
            let rate = Session::of(&context).and_then(|session| match &session.rates {
                Some(rates) => rates.rate(&name),
                None => Err(Stop::fault(
                    "rate is there in the scripts of collectors only",
                )),
            });
            native(&context, rate)
        },
    );
}

fn reference(context: &NativeCallContext<'_>, index: i64) -> Step<model::Value> {
    let session = Session::of(context)?;
    let index = usize::try_from(index).unwrap_or(usize::MAX);
    match session.references.get(index) {
        Some(Ok(value)) => Ok(value.clone()),
        Some(Err(unknown)) => Err(unknown.clone().into()),
        None => Err(Stop::fault("the reference is not of this text")),
    }
}

/// Registers a function for every number of arguments that it takes.
fn register_function(engine: &mut Engine, function: &'static Function) {
    // Enough for min(a, b, c, d); a list holds any number.
    const REPEATED_MAX: usize = 4;
    let wants = function.arguments;
    let least = wants
        .iter()
        .filter(|argument| argument.default.is_none() && !argument.repeated)
        .count();
    let most = if wants.iter().any(|argument| argument.repeated) {
        REPEATED_MAX
    } else {
        wants.len()
    };
    let name = match function.name {
        "match" => MATCH,
        name => name,
    };
    for count in least..=most {
        let kinds = vec![TypeId::of::<Dynamic>(); count];
        engine.register_raw_fn(name, kinds, move |context, arguments| {
            call(function, &context, arguments)
        });
    }
    if least <= 1 && most >= 1 {
        // The engine's own functions of these names round otherwise; the exact kind comes first.
        for kind in [
            TypeId::of::<i64>(),
            TypeId::of::<f64>(),
            TypeId::of::<ImmutableString>(),
        ] {
            engine.register_raw_fn(name, [kind], move |context, arguments| {
                call(function, &context, arguments)
            });
        }
    }
}

fn call(
    function: &'static Function,
    context: &NativeCallContext<'_>,
    arguments: &mut [&mut Dynamic],
) -> Native {
    let given: Step<Vec<Datum>> = arguments
        .iter()
        .map(|argument| into_datum((**argument).clone()))
        .collect();
    let mut given = given.map_err(|stop| halt(context, Halt::Stop(*stop)))?;
    let missing = function.arguments.iter().skip(given.len());
    given.extend(
        missing
            .filter_map(|argument| argument.default)
            .map(|default| default.datum()),
    );
    if function.reach != Reach::Arguments {
        return ask(function, context, given);
    }
    let mut budget = Budget::full();
    let mut call = Call {
        name: function.name,
        wants: function.arguments,
        arguments: &given,
        names: &[],
        pattern: None,
        env: &Nowhere,
        budget: &mut budget,
    };
    let result = call.check().and_then(|()| (function.run)(&mut call));
    native(context, result)
}

/// Looks for the answer in the session; ends the run when it is not there.
fn ask(
    function: &'static Function,
    context: &NativeCallContext<'_>,
    arguments: Vec<Datum>,
) -> Native {
    let asked = Datum::Tuple(arguments.iter().cloned().collect());
    let key = format!("{}{}", function.name, repr::repr_of(&asked));
    let session = Session::of(context).map_err(|stop| halt(context, Halt::Stop(*stop)))?;
    match session.answers.get(&key) {
        Some(answer) => native(context, answer.clone()),
        None => Err(halt(
            context,
            Halt::Question(Question {
                key,
                function,
                arguments,
            }),
        )),
    }
}

fn native(context: &NativeCallContext<'_>, result: Step<Datum>) -> Native {
    match result {
        Ok(datum) => Ok(from_datum(datum)),
        Err(stop) => Err(halt(context, Halt::Stop(*stop))),
    }
}

fn halt(context: &NativeCallContext<'_>, why: Halt) -> Box<EvalAltResult> {
    let token = Dynamic::from(why);
    Box::new(EvalAltResult::ErrorTerminated(
        token,
        context.call_position(),
    ))
}

/// The session travels as the tag of a run, which must be shareable.
const _: fn() = || {
    fn shareable<T: Send + Sync>() {}
    shareable::<Arc<Session>>();
};
