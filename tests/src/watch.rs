//! An agent that watches one server by the shipped pack.

use serde_json::Value;

use crate::agent::{Agent, Home};
use crate::wait::wait_for;

/// An agent with a pack that is told where the server is.
pub struct Watch {
    agent: Agent,
}

impl Watch {
    /// Starts an agent that has the group of a pack. The parameters are lines of YAML; the
    /// collectors run each second, so that a rate is there soon.
    #[track_caller]
    pub fn new(pack: &str, collectors: &[&str], parameters: &str) -> Self {
        let home = Home::with_port_0(&format!("groups: [{pack}]\n"));
        home.set_parameters(pack, parameters);
        let folder = format!("var/lib/local-configuration/packs/{pack}");
        for collector in collectors {
            home.write(
                &format!("{folder}/collectors/{collector}.yml"),
                "collector:\n  interval: 1s\n",
            );
        }
        let agent = home.launch().ready();
        assert_eq!(agent.info()["packs"]["errors"], 0, "{}", agent.info());
        Self { agent }
    }

    /// Gives the agent.
    pub fn agent(&self) -> &Agent {
        &self.agent
    }

    /// Gives what is known of a collector.
    pub fn collector(&self, name: &str) -> Value {
        self.agent.get(&format!("/collectors/{name}")).json()
    }

    /// Waits until a collector gives what is asked for, and gives all its results.
    #[track_caller]
    pub fn results<T>(&self, name: &str, mut has: impl FnMut(&Value) -> Option<T>) -> Value {
        let mut last = Value::Null;
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            wait_for(&format!("results of the collector {name}"), || {
                last = self.collector(name);
                if last["state"] != "OK" {
                    return None;
                }
                has(&last["results"]).map(|_| last["results"].clone())
            })
        }));
        result.unwrap_or_else(|_| panic!("in vain for {name}: {last}"))
    }

    /// Waits until a collector has a state, and gives why it has it and what to do.
    #[track_caller]
    pub fn reason(&self, name: &str, state: &str) -> String {
        wait_for(&format!("the collector {name} to be {state}"), || {
            let collector = self.collector(name);
            let text = |key: &str| collector[key].as_str().unwrap_or_default().to_owned();
            (collector["state"] == state).then(|| format!("{} | {}", text("log"), text("todo")))
        })
    }
}
