//! What expressions ask of the machine, and which driver answers.
//!
//! A driver's error is an unknown value with the driver's words: an expression cannot know better.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use drivers::accounts::User;
use drivers::files::{self, Algorithm, Pattern};
use drivers::packages::Packages;
use drivers::{Deadline, Error, Host, accounts, hosting, network, processes};
use expr::{Account, LinePattern, MachineCall, Unknown};
use model::{Moment, Value, limits};

use crate::clock;

/// Time box of one call that names none of its own.
const TIME_BOX: Duration = Duration::from_secs(10);
/// Time for which the user that programs run as is taken as known.
const USER_KNOWN_FOR: Duration = Duration::from_secs(10);

/// The machine as expressions see it.
pub(crate) struct Machine {
    host: Host,
    packages: Packages,
    /// The user that a program ran as last, and when it was looked for.
    user: Mutex<Option<(Moment, User)>>,
}

impl Machine {
    /// Gives the machine that we run on.
    pub(crate) fn real() -> Self {
        Self {
            host: Host::real(),
            packages: Packages::new(Host::real()),
            user: Mutex::default(),
        }
    }

    /// Finds a user to run a program as. Hundreds of programs that run as one user in a minute are
    /// no reason to read `/etc/passwd`, or to ask a directory, as often.
    pub(crate) fn user(&self, name: &str, deadline: Deadline) -> Result<Option<User>, Error> {
        let now = clock::now();
        let known = self.last_user().clone();
        let is_it =
            |(at, user): &(Moment, User)| user.name == name && now.since(*at) < USER_KNOWN_FOR;
        if let Some((_, user)) = known.filter(is_it) {
            return Ok(Some(user));
        }
        // Not under the lock: a directory may take its time.
        let found = accounts::find_user(&self.host, accounts::Account::Name(name), deadline)?;
        *self.last_user() = found.clone().map(|user| (now, user));
        Ok(found)
    }

    fn last_user(&self) -> MutexGuard<'_, Option<(Moment, User)>> {
        self.user.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives the host below, for collectors.
    pub(crate) fn host(&self) -> &Host {
        &self.host
    }

    /// Gives what is installed below.
    pub(crate) fn packages(&self) -> &Packages {
        &self.packages
    }

    /// Answers a call. May block; the caller is in the worker pool.
    pub(crate) fn answer(&self, call: MachineCall) -> Result<Value, Unknown> {
        self.ask(call)
            .map_err(|error| Unknown::new(error.to_string()))
    }

    // tidy: long, a flat list of calls and their drivers
    fn ask(&self, call: MachineCall) -> Result<Value, Error> {
        let host = &self.host;
        let deadline = Deadline::after(TIME_BOX);
        let whole = |number: u64| Value::Int(i64::try_from(number).unwrap_or(i64::MAX));
        Ok(match call {
            MachineCall::FileExists { path } => files::exists(host, &path)?.into(),
            MachineCall::IsDirectory { path } => files::is_directory(host, &path)?.into(),
            MachineCall::IsLink { path } => files::is_link(host, &path)?.into(),
            MachineCall::IsPlainFile { path } => files::is_plain_file(host, &path)?.into(),
            MachineCall::Stat { path } => files::stat(host, &path)?.to_value(),
            MachineCall::FileAge { path } => {
                whole(files::age(host, &path, clock::wall())?.as_secs())
            }
            MachineCall::ListDirectory { path } => {
                let names = files::list_directory(host, &path, deadline)?;
                Value::list(names.into_iter().map(Value::text))
            }
            MachineCall::CountLines {
                path,
                pattern,
                first_only,
            } => {
                let pattern = match &pattern {
                    LinePattern::Text(text) => Pattern::Text(text),
                    LinePattern::Regexp(regexp) => Pattern::Regexp(regexp),
                };
                whole(files::count_lines(
                    host, &path, pattern, first_only, deadline,
                )?)
            }
            MachineCall::ReadFile { path } => {
                let most = limits::EXPRESSION_TEXT_BYTES_MAX;
                Value::text(files::read_text(host, &path, most, deadline)?)
            }
            MachineCall::HashFile { path, algorithm } => Value::text(files::hash(
                host,
                &path,
                Algorithm::find(&algorithm)?,
                deadline,
            )?),
            MachineCall::HasPackage { package } => self.packages.has(&package, deadline)?.into(),
            MachineCall::ProcessExists { name } => processes::exists(host, &name, deadline)?.into(),
            MachineCall::FindUser { account } => {
                let found = accounts::find_user(host, by(&account), deadline)?;
                found.map_or(Value::None, |user| user.to_value())
            }
            MachineCall::FindUserGroup { account } => {
                let found = accounts::find_group(host, by(&account), deadline)?;
                found.map_or(Value::None, |group| group.to_value())
            }
            MachineCall::Environment { name } => {
                std::env::var(&*name).map_or(Value::None, Value::text)
            }
            MachineCall::HostingDriverIsActive { driver } => {
                hosting::is_active(host, &driver)?.into()
            }
            MachineCall::CheckTcp {
                host,
                port,
                timeout,
            } => network::check_tcp(&host, port, Deadline::after(timeout.min(TIME_BOX)))?.into(),
            MachineCall::IpToHost { address } => {
                let name = network::ip_to_host(host, &address, deadline)?;
                Value::text(name.unwrap_or_default())
            }
            MachineCall::HostToIp { host } => {
                let address = network::host_to_ip(&host, deadline)?;
                Value::text(
                    address
                        .map(|address| address.to_string())
                        .unwrap_or_default(),
                )
            }
            MachineCall::UrlGet { url, timeout } => {
                let deadline = Deadline::after(timeout.min(TIME_BOX));
                let page = network::url_get(host, &url, deadline)?;
                let (status, body) = (Value::Int(page.status.into()), Value::text(page.body));
                Value::map([("status", status), ("body", body)])
            }
        })
    }
}

fn by(account: &Account) -> accounts::Account<'_> {
    match account {
        Account::Name(name) => accounts::Account::Name(name),
        Account::Id(id) => accounts::Account::Id(*id),
    }
}
