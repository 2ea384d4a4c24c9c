//! From a name to addresses, through the system's resolver.
//!
//! The system's call cannot be bounded in time (each dead name server costs it ten seconds), so it
//! is made by a thread of its own that may be left behind. There are only so many of them.

use std::io;
use std::net::{IpAddr, SocketAddr, ToSocketAddrs};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use model::limits::{NETWORK_ADDRESSES_MAX, RESOLVER_LOOKUPS_MAX};

use crate::{Deadline, Error};

/// Gives an address of a name, an IPv4 one if there is; none when there is no such name.
pub fn host_to_ip(name: &str, deadline: Deadline) -> Result<Option<IpAddr>, Error> {
    let addresses = resolve(name, 0, deadline)?;
    let v4 = addresses.iter().find(|address| address.is_ipv4());
    Ok(v4.or(addresses.first()).map(SocketAddr::ip))
}

/// Gives the addresses of a name in the order in which they should be tried; none when there is no
/// such name. An address stands for itself, in brackets or not.
pub fn resolve(name: &str, port: u16, deadline: Deadline) -> Result<Vec<SocketAddr>, Error> {
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, port)]);
    }
    // RFC 1035 allows 253 characters.
    let odd = |sign: char| sign.is_whitespace() || sign.is_control() || "/@:[]".contains(sign);
    if name.is_empty() || name.len() > 253 || name.contains(odd) {
        return Err(Error::bad_request(
            name,
            "is neither a host name nor an address",
        ));
    }
    let owned = name.to_owned();
    let ask = move || Ok((owned.as_str(), port).to_socket_addrs()?.collect());
    if name == LOCALHOST {
        return OWN.resolve(port, Instant::now(), || SYSTEM.look_up(name, deadline, ask));
    }
    SYSTEM.look_up(name, deadline, ask)
}

/// The name of this machine for itself, which collectors ask for all day.
const LOCALHOST: &str = "localhost";
/// Time for which the addresses of that name are taken as known.
const KNOWN_FOR: Duration = Duration::from_secs(60);

static OWN: Known = Known(Mutex::new(None));

/// What the system told last of a name that hardly ever changes: a thread for each question would
/// cost more than what is asked of the address.
struct Known(Mutex<Option<(Instant, Vec<SocketAddr>)>>);

impl Known {
    fn resolve(
        &self,
        port: u16,
        now: Instant,
        ask: impl FnOnce() -> Result<Vec<SocketAddr>, Error>,
    ) -> Result<Vec<SocketAddr>, Error> {
        let known = self.known(now);
        let mut addresses = match known {
            Some(addresses) => addresses,
            None => {
                // Not under the lock: this may take its time.
                let asked = ask()?;
                if !asked.is_empty() {
                    *self.lock() = Some((now, asked.clone()));
                }
                asked
            }
        };
        for address in &mut addresses {
            address.set_port(port);
        }
        Ok(addresses)
    }

    fn known(&self, now: Instant) -> Option<Vec<SocketAddr>> {
        let known = self.lock();
        let (at, addresses) = known.as_ref()?;
        (now.duration_since(*at) < KNOWN_FOR).then(|| addresses.clone())
    }

    fn lock(&self) -> MutexGuard<'_, Option<(Instant, Vec<SocketAddr>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

static SYSTEM: Resolver = Resolver {
    in_flight: AtomicUsize::new(0),
};

/// Runs calls that block without an end, and counts them.
struct Resolver {
    in_flight: AtomicUsize,
}

/// A call that has begun; dropped by its thread when it ends.
struct InFlight(&'static Resolver);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Resolver {
    fn look_up(
        &'static self,
        name: &str,
        deadline: Deadline,
        ask: impl FnOnce() -> io::Result<Vec<SocketAddr>> + Send + 'static,
    ) -> Result<Vec<SocketAddr>, Error> {
        const DOING: &str = "looking up the address of";
        deadline.check(DOING, name)?;
        let in_flight = self.begin()?;
        let (tx, rx) = sync_channel(1);
        let call = move || {
            let _in_flight = in_flight;
            // Whoever asked may have given up.
            let _ = tx.send(ask());
        };
        let thread = std::thread::Builder::new().name("resolver".to_owned());
        thread
            .spawn(call)
            .map_err(Error::system("start a thread to look up", name))?;
        let remaining = deadline.remaining().max(Duration::from_millis(1));
        let Ok(answer) = rx.recv_timeout(remaining) else {
            return Err(deadline.error(DOING, name));
        };
        match answer {
            Ok(mut addresses) => {
                addresses.truncate(NETWORK_ADDRESSES_MAX);
                Ok(addresses)
            }
            Err(error) => no_address(error, name),
        }
    }

    fn begin(&'static self) -> Result<InFlight, Error> {
        let begun = InFlight(self);
        if self.in_flight.fetch_add(1, Ordering::Relaxed) < RESOLVER_LOOKUPS_MAX {
            return Ok(begun);
        }
        Err(Error::Missing(format!(
            "{RESOLVER_LOOKUPS_MAX} names are being looked up already and none is answered: \
             look at the name servers in /etc/resolv.conf"
        )))
    }
}

/// Tells "there is no such name" from "nobody could be asked". The standard library passes on only
/// the words of the C library, which are these in glibc and in musl.
fn no_address(error: io::Error, name: &str) -> Result<Vec<SocketAddr>, Error> {
    const NO_SUCH_NAME: &[&str] = &[
        "Name or service not known",
        "No address associated with hostname",
        "Name does not resolve",
        "Name has no usable address",
    ];
    let text = error.to_string();
    if NO_SUCH_NAME.iter().any(|words| text.contains(words)) {
        return Ok(Vec::new());
    }
    let said = text.rsplit(": ").next().unwrap_or_default();
    let problem = format!("could not be looked up: {}", said.to_lowercase());
    Err(Error::bad_answer(format!("the host name {name}"), problem))
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(60);

    fn resolver() -> &'static Resolver {
        Box::leak(Box::new(Resolver {
            in_flight: AtomicUsize::new(0),
        }))
    }

    #[test]
    fn an_address_stands_for_itself() {
        for (name, expect) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::1", "::1"),
            ("[2001:db8::1]", "2001:db8::1"),
        ] {
            let found = host_to_ip(name, Deadline::after(LONG)).unwrap();
            assert_eq!(found, expect.parse().ok(), "{name}");
        }
    }

    #[test]
    fn a_name_is_looked_up_by_the_system() {
        let found = host_to_ip("localhost", Deadline::after(LONG)).unwrap();
        assert!(
            found.is_some_and(|address| address.is_loopback()),
            "{found:?}"
        );
    }

    #[test]
    fn the_own_machine_is_asked_for_once_a_minute() {
        let own = Known(Mutex::new(None));
        let began = Instant::now();
        let mut asked = 0;
        for (seconds, port) in [(0, 80), (59, 6379), (60, 80), (61, 22)] {
            let found = own.resolve(port, began + Duration::from_secs(seconds), || {
                asked += 1;
                Ok(vec!["127.0.0.1:1".parse().unwrap()])
            });
            assert_eq!(found.unwrap()[0], SocketAddr::from(([127, 0, 0, 1], port)));
        }
        assert_eq!(asked, 2);
        let nobody = Known(Mutex::new(None));
        for _ in 0..2 {
            assert_eq!(nobody.resolve(1, began, || Ok(Vec::new())).unwrap(), []);
            assert!(nobody.known(began).is_none(), "what is not there may come");
        }
    }

    #[test]
    fn an_ipv4_address_is_preferred_where_one_is_wanted() {
        let both = vec!["[::1]:0".parse().unwrap(), "127.0.0.1:0".parse().unwrap()];
        let deadline = Deadline::after(LONG);
        let found = resolver().look_up("x", deadline, move || Ok(both)).unwrap();
        assert!(found[0].is_ipv6(), "the order of the system stays");
    }

    #[test]
    fn what_is_no_name_is_refused() {
        let long = "x".repeat(254);
        for name in ["", "a b", "http://x", "x:80", "a\nb", "[::1", "me@x", &long] {
            let error = host_to_ip(name, Deadline::after(LONG))
                .unwrap_err()
                .to_string();
            assert!(
                error.ends_with("is neither a host name nor an address"),
                "{error}"
            );
        }
    }

    #[test]
    fn no_such_name_differs_from_nobody_to_ask() {
        let look_up = |words: &'static str| {
            let ask = move || {
                Err(io::Error::other(format!(
                    "failed to lookup address information: {words}"
                )))
            };
            resolver()
                .look_up("db.example.com", Deadline::after(LONG), ask)
                .map_err(|error| error.to_string())
        };
        assert_eq!(look_up("Name or service not known"), Ok(Vec::new()));
        assert_eq!(look_up("Name does not resolve"), Ok(Vec::new()));
        assert_eq!(
            look_up("Temporary failure in name resolution"),
            Err(
                "the host name db.example.com could not be looked up: temporary failure in name \
                 resolution"
                    .to_owned()
            )
        );
    }

    #[test]
    fn a_resolver_that_hangs_is_left_behind_but_not_without_end() {
        let resolver = resolver();
        let mut releases = Vec::new();
        for _ in 0..RESOLVER_LOOKUPS_MAX {
            let (release, held) = sync_channel::<()>(0);
            releases.push(release);
            let soon = Deadline::after(Duration::from_millis(5));
            let hang = resolver.look_up("slow", soon, move || {
                let _ = held.recv();
                Ok(Vec::new())
            });
            let error = hang.unwrap_err().to_string();
            assert_eq!(error, "looking up the address of slow took longer than 5ms");
        }
        let full = resolver
            .look_up("one", Deadline::after(LONG), || Ok(Vec::new()))
            .unwrap_err();
        assert!(
            full.to_string().contains("look at the name servers"),
            "{full}"
        );
        drop(releases);
        let deadline = Deadline::after(LONG);
        while resolver.in_flight.load(Ordering::Relaxed) > 0 {
            assert!(!deadline.is_over(), "the calls never ended");
            std::thread::yield_now();
        }
        assert_eq!(
            resolver
                .look_up("one", deadline, || Ok(Vec::new()))
                .unwrap(),
            []
        );
    }

    #[test]
    fn many_addresses_are_cut() {
        let many: Vec<SocketAddr> = vec!["192.0.2.1:1".parse().unwrap(); 100];
        let found = resolver()
            .look_up("x", Deadline::after(LONG), || Ok(many))
            .unwrap();
        assert_eq!(found.len(), NETWORK_ADDRESSES_MAX);
    }
}
