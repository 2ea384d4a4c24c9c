//! Jobs that end, hang, panic and wait.

use std::sync::mpsc::sync_channel;

use super::*;

const LONG: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_job_gives_its_result() {
    let workers = Workers::default();
    assert_eq!(workers.run("sum", LONG, || 1 + 1).await, Ok(2));
    assert_eq!(workers.figures().stuck, Vec::<String>::new());
}

#[tokio::test]
async fn work_goes_to_the_thread_that_worked_last() {
    let workers = Workers::default();
    let (release, held) = sync_channel::<()>(0);
    let wait = move || {
        let _ = held.recv();
    };
    workers.post("one", LONG, wait).unwrap();
    workers.run("two", LONG, || ()).await.unwrap();
    release.send(()).unwrap();
    let who = || std::thread::current().id();
    let deadline = Instant::now() + LONG;
    while workers.shared.lock().idle.len() < 2 {
        assert!(Instant::now() < deadline, "the threads never idled");
        tokio::task::yield_now().await;
    }
    let first = workers.run("first", LONG, who).await;
    for _ in 0..20 {
        while workers.shared.lock().idle.len() < 2 {
            assert!(Instant::now() < deadline, "the thread never idled");
            tokio::task::yield_now().await;
        }
        assert_eq!(workers.run("next", LONG, who).await, first);
    }
}

#[tokio::test]
async fn what_must_not_wait_does_not_wait_for_slow_jobs() {
    let workers = Workers::default();
    let (release, held) = sync_channel::<()>(0);
    let held = Arc::new(Mutex::new(held));
    for _ in 0..2 * limits::WORKER_THREADS_MAX {
        let held = Arc::clone(&held);
        let slow = move || {
            let _ = held.lock().unwrap().recv();
        };
        workers.post("slow", LONG, slow).unwrap();
    }
    assert_eq!(workers.run_at_once("now", LONG, || 7).await, Ok(7));
    let (done, seen) = sync_channel(1);
    let posted = workers.post_at_once("soon", LONG, move || done.send(()).unwrap());
    posted.unwrap();
    assert!(seen.recv_timeout(LONG).is_ok());
    drop(release);
}

#[tokio::test]
async fn a_panic_is_contained_and_counted() {
    let workers = Workers::default();
    let outcome = workers.run("bad", LONG, || assert_eq!(1, 2)).await;
    assert_eq!(
        outcome,
        Err(JobError::Panicked {
            name: "bad".to_owned()
        })
    );
    assert_eq!(workers.run("good", LONG, || 7).await, Ok(7));
    // The count follows the end of the job, which whoever waits for it sees first.
    let deadline = Instant::now() + LONG;
    while workers.figures().panicked != 1 {
        assert!(Instant::now() < deadline, "the panic was never counted");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn hung_jobs_are_named_and_stop_nobody_else() {
    let workers = Workers::default();
    let mut releases = Vec::new();
    let deadline = Instant::now() + LONG;
    // On a busy machine a box may be over before a thread took its job: that one does not hang.
    while workers.figures().stuck.len() < limits::WORKER_THREADS_MAX {
        assert!(Instant::now() < deadline, "the jobs never hung");
        let (release, held) = sync_channel::<()>(0);
        releases.push(release);
        let hang = workers.run("hung mount", Duration::from_millis(10), move || held.recv());
        assert!(matches!(hang.await, Err(JobError::TimedOut { .. })));
    }
    assert_eq!(workers.run("other", LONG, || 7).await, Ok(7));
    drop(releases);
    let deadline = Instant::now() + LONG;
    while !workers.figures().stuck.is_empty() {
        assert!(Instant::now() < deadline, "stuck threads never came back");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_posted_job_that_hangs_is_named_too() {
    let workers = Workers::default();
    let (release, held) = sync_channel::<()>(0);
    let hang = move || {
        let _ = held.recv();
    };
    workers.post("posted", Duration::ZERO, hang).unwrap();
    let deadline = Instant::now() + LONG;
    while workers.figures().stuck != ["posted"] {
        assert!(Instant::now() < deadline, "the job was never found out");
        tokio::task::yield_now().await;
    }
    assert_eq!(workers.run("other", LONG, || 7).await, Ok(7));
    drop(release);
}

#[test]
fn what_waits_behind_jobs_that_were_late_is_done() {
    let workers = Workers::default();
    let box_of_late = Duration::from_millis(100);
    let mut releases = Vec::new();
    for _ in 0..limits::WORKER_THREADS_MAX {
        let (release, held) = sync_channel::<()>(0);
        releases.push(release);
        let late = move || {
            let _ = held.recv();
        };
        workers.post("late", box_of_late, late).unwrap();
    }
    let (tx, done) = sync_channel(1);
    let behind = move || tx.send(()).unwrap();
    workers.post("behind", LONG, behind).unwrap();
    assert_eq!(workers.count("late"), limits::WORKER_THREADS_MAX);
    let deadline = Instant::now() + LONG;
    while workers.figures().stuck.len() < limits::WORKER_THREADS_MAX {
        assert!(Instant::now() < deadline, "the jobs were never late");
        std::thread::yield_now();
    }
    drop(releases);
    done.recv_timeout(LONG).unwrap();
}

#[tokio::test]
async fn jobs_posted_together_take_one_thread_until_one_of_them_hangs() {
    let workers = Workers::default();
    let (tx, done) = sync_channel(8);
    let posted = |work: Box<dyn FnOnce() + Send>| Posted {
        name: "quick".to_owned(),
        time_box: LONG,
        work,
    };
    let told = |tx: &std::sync::mpsc::SyncSender<_>| {
        let tx = tx.clone();
        posted(Box::new(move || {
            tx.send(std::thread::current().id()).unwrap();
        }))
    };
    let quick = (0..8).map(|_| told(&tx)).collect();
    workers.post_together(quick).unwrap();
    let first = done.recv_timeout(LONG).unwrap();
    for _ in 1..8 {
        assert_eq!(done.recv_timeout(LONG).unwrap(), first);
    }
    // A thread that is about to ask for more would take the second job meanwhile.
    let deadline = Instant::now() + LONG;
    while workers.shared.lock().idle.is_empty() {
        assert!(Instant::now() < deadline, "the thread never rested");
        tokio::task::yield_now().await;
    }
    let (release, held) = sync_channel::<()>(0);
    let hangs = posted(Box::new(move || {
        let _ = held.recv();
    }));
    workers.post_together(vec![hangs, told(&tx)]).unwrap();
    let deadline = Instant::now() + LONG;
    while workers.figures().queued != 1 {
        assert!(Instant::now() < deadline, "the first job never began");
        tokio::task::yield_now().await;
    }
    workers.relieve();
    done.recv_timeout(LONG).unwrap();
    drop(release);
}

#[tokio::test]
async fn a_full_queue_refuses() {
    let workers = Workers::default();
    let (release, held) = sync_channel::<()>(0);
    let held = Arc::new(Mutex::new(held));
    let mut waiting = Vec::new();
    for _ in 0..limits::WORKER_QUEUE_MAX + limits::WORKER_THREADS_MAX {
        let (workers, held) = (workers.clone(), Arc::clone(&held));
        let wait = move || drop(held.lock().map(|held| held.recv()));
        waiting.push(tokio::spawn(async move {
            workers.run("wait", LONG, wait).await
        }));
    }
    let deadline = Instant::now() + LONG;
    while workers.figures().queued < limits::WORKER_QUEUE_MAX as u64 {
        assert!(Instant::now() < deadline, "the queue never filled");
        tokio::task::yield_now().await;
    }
    let refused = workers.run("one more", LONG, || ()).await.unwrap_err();
    let text = format!("({} wait, 0 hang)", limits::WORKER_QUEUE_MAX);
    assert!(refused.to_string().contains(&text), "{refused}");
    drop(release);
    workers.stop();
}

#[tokio::test]
async fn what_hangs_is_not_begun_once_more_and_is_when_it_came_back() {
    let workers = Workers::default();
    let (release, held) = sync_channel::<()>(0);
    let hang = move || {
        let _ = held.recv();
    };
    workers.post("disk", Duration::ZERO, hang).unwrap();
    let deadline = Instant::now() + LONG;
    while workers.figures().stuck != ["disk"] {
        assert!(Instant::now() < deadline, "the job was never found out");
        tokio::task::yield_now().await;
    }
    let hangs = Err(JobError::Hangs {
        name: "disk".to_owned(),
    });
    for _ in 0..100 {
        assert_eq!(workers.run_alone("disk", LONG, || 7).await, hangs);
        assert_eq!(workers.run_at_once("disk", LONG, || 7).await, hangs);
    }
    assert_eq!(workers.count("disk"), 1);
    assert_eq!(workers.run_alone("other", LONG, || 7).await, Ok(7));
    drop(release);
    while workers.count("disk") > 0 {
        assert!(Instant::now() < deadline, "the job never came back");
        tokio::task::yield_now().await;
    }
    assert_eq!(workers.run_alone("disk", LONG, || 7).await, Ok(7));
}
