//! Services as a part of a node's record: a version, then each service.

use std::sync::Arc;

use dns::{Protocol, Service};
use gossip::Record;
use gossip::wire::{Malformed, Reader, Writer};
use model::CheckState;
use model::limits::{
    RECORD_NAME_BYTES_MAX, RECORD_OUTPUT_BYTES_MAX, SERVICE_TAGS_MAX, SERVICES_TOLD_MAX,
};

use crate::cluster::{letter, of_letter};

/// The part of a record that holds services.
pub(crate) const PART: &str = "services";
/// The version of its form. A node that reads another one reads no services.
const VERSION: u8 = 1;
/// Room for services in a record, which has 8 KiB for all.
const BYTES_MAX: usize = 4_096;
/// Longest output that is told of a service that has a problem.
const TOLD_OUTPUT_BYTES_MAX: usize = 80;

/// Writes services; those for which there is no room are left out from the end.
pub(crate) fn write(services: &[Service]) -> Arc<[u8]> {
    write_fitting(services).0
}

/// Counts the services that have room.
pub(super) fn fitting(services: &[Service]) -> usize {
    write_fitting(services).1
}

fn write_fitting(services: &[Service]) -> (Arc<[u8]>, usize) {
    let mut writer = Writer::new();
    writer.byte(VERSION);
    let mut count = 0;
    for service in services.iter().take(SERVICES_TOLD_MAX) {
        let before = writer.len();
        write_one(&mut writer, service);
        if writer.len() > BYTES_MAX {
            writer.truncate(before);
            break;
        }
        count += 1;
    }
    (Arc::from(writer.into_bytes()), count)
}

/// Reads the services that a node tells; nothing where it tells none that can be read.
pub(crate) fn told(record: &Record) -> Vec<Service> {
    let part = record.body.parts.get(PART);
    part.and_then(|part| read(part).ok()).unwrap_or_default()
}

fn write_one(writer: &mut Writer, service: &Service) {
    writer.text(&service.name);
    writer.number(service.port.into());
    writer.flag(service.protocol == Protocol::Udp);
    writer.count(service.tags.len());
    for tag in &service.tags {
        writer.text(tag);
    }
    writer.number(service.weight.into());
    writer.number(service.priority.into());
    writer.number(service.ttl.map_or(0, |ttl| u64::from(ttl) + 1));
    writer.byte(letter(service.state) as u8);
    writer.wall(service.since);
    // What a service says while all is well is of no use to others, and changes often.
    let output = match service.state {
        CheckState::Ok => "",
        _ => &service.output,
    };
    let line = output.lines().next().unwrap_or_default();
    let line = line.replace(char::is_control, " ");
    writer.text(&line[..line.floor_char_boundary(TOLD_OUTPUT_BYTES_MAX)]);
    writer.flag(service.is_withdrawn);
}

fn read(part: &[u8]) -> Result<Vec<Service>, Malformed> {
    let mut reader = Reader::new(part);
    if reader.byte()? != VERSION {
        return Err(Malformed::Value);
    }
    let mut services = Vec::new();
    while !reader.is_empty() {
        if services.len() == SERVICES_TOLD_MAX {
            return Err(Malformed::TooLong);
        }
        services.push(read_one(&mut reader)?);
    }
    Ok(services)
}

fn read_one(reader: &mut Reader<'_>) -> Result<Service, Malformed> {
    let name = reader.line(RECORD_NAME_BYTES_MAX)?.to_owned();
    let port = small(reader)?;
    let protocol = match reader.flag()? {
        true => Protocol::Udp,
        false => Protocol::Tcp,
    };
    let tags = (0..reader.count(SERVICE_TAGS_MAX)?)
        .map(|_| reader.line(RECORD_NAME_BYTES_MAX).map(str::to_owned))
        .collect::<Result<_, _>>()?;
    let (weight, priority) = (small(reader)?, small(reader)?);
    let ttl = reader.number()?.checked_sub(1);
    let ttl = ttl.map(u32::try_from).transpose();
    let state = of_letter(char::from(reader.byte()?));
    Ok(Service {
        name,
        port,
        protocol,
        tags,
        weight,
        priority,
        ttl: ttl.map_err(|_| Malformed::Number)?,
        state: state.ok_or(Malformed::Value)?,
        since: reader.wall()?,
        output: reader.line(RECORD_OUTPUT_BYTES_MAX)?.to_owned(),
        is_withdrawn: reader.flag()?,
    })
}

fn small(reader: &mut Reader<'_>) -> Result<u16, Malformed> {
    u16::try_from(reader.number()?).map_err(|_| Malformed::Number)
}

#[cfg(test)]
mod tests {
    use model::WallTime;

    use super::*;

    fn service(name: &str, state: CheckState) -> Service {
        Service {
            name: name.to_owned(),
            port: 443,
            protocol: Protocol::Udp,
            tags: vec!["blue".to_owned(), "é".to_owned()],
            weight: 10,
            priority: 2,
            ttl: Some(0),
            state,
            since: WallTime::from_millis(1_700_000_000_000),
            output: if state == CheckState::Ok {
                ""
            } else {
                "refused"
            }
            .to_owned(),
            is_withdrawn: true,
        }
    }

    #[test]
    fn services_are_read_as_they_were_written() {
        let all: Vec<Service> = CheckState::ALL
            .into_iter()
            .map(|state| service(state.as_str(), state))
            .collect();
        assert_eq!(read(&write(&all)), Ok(all));
        assert_eq!(read(&write(&[])), Ok(Vec::new()));
    }

    #[test]
    fn what_has_no_room_is_left_out_and_what_is_there_is_whole() {
        let many: Vec<Service> = (0..1_000)
            .map(|number| service(&format!("service-{number}"), CheckState::Ok))
            .collect();
        let part = write(&many);
        assert!(part.len() <= BYTES_MAX);
        let read = read(&part).unwrap();
        assert!(read.len() > 50 && many.starts_with(&read));
        assert_eq!(fitting(&many), read.len());
    }

    #[test]
    fn other_bytes_are_no_services() {
        let part = write(&[service("web", CheckState::Critical)]);
        for end in 0..part.len() {
            assert_eq!(read(&part[..end]).unwrap_or_default(), []);
        }
        for at in 0..part.len() {
            let mut bytes = part.to_vec();
            bytes[at] ^= 0x80;
            // Whatever it is, it is bounded and no panic.
            let _ = read(&bytes);
        }
    }
}
