//! The file by itself: how it opens, what a failed append leaves, and what happens when it is moved.

use super::*;
use crate::audit::file::{AuditFileError, Ready};
use crate::audit::tail;

fn open(place: &Place) -> AuditFile {
    AuditFile::open(&place.path, true).unwrap().0
}

fn append(file: &mut AuditFile, lines: &[u8]) -> io::Result<Ready> {
    let ready = file.ready()?;
    let appended = file.append(lines);
    file.release();
    appended.map(|()| ready)
}

#[cfg(unix)]
fn mode(path: &Path) -> u32 {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
#[cfg(unix)]
fn a_new_file_and_one_that_was_open_to_others_are_their_owners_only() {
    use std::os::unix::fs::PermissionsExt as _;

    let place = Place::new();
    drop(open(&place));
    assert_eq!(mode(&place.path), 0o600);
    fs::set_permissions(&place.path, fs::Permissions::from_mode(0o644)).unwrap();
    drop(open(&place));
    assert_eq!(mode(&place.path), 0o600);
}

#[test]
fn the_folder_is_made_only_if_that_is_wanted() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("a/b/audit.log");
    let error = AuditFile::open(&path, false).err().unwrap();
    assert!(
        matches!(error, AuditFileError::Folder { .. }) && error.to_string().contains("AUDIT_CREATE_DIR"),
        "{error}"
    );
    assert!(AuditFile::open(&path, true).is_ok());
}

#[test]
fn what_is_no_regular_file_is_refused() {
    let folder = TempDir::new().unwrap();
    let error = AuditFile::open(folder.path(), true).err().unwrap();
    assert!(matches!(error, AuditFileError::NotAFile(_)), "{error}");
    let error = AuditFile::open(Path::new("/dev/null"), true).err().unwrap();
    assert!(matches!(error, AuditFileError::NotAFile(_)), "{error}");
}

#[test]
fn what_one_instance_appends_the_other_goes_on_behind() {
    let place = Place::new();
    let (mut first, mut second) = (open(&place), open(&place));
    append(&mut first, b"{\"id\":\"1\"}\n").unwrap();
    append(&mut second, b"{\"id\":\"2\"}\n").unwrap();
    assert_eq!(append(&mut first, b"{\"id\":\"3\"}\n").unwrap(), Ready::Continues);
    assert_eq!(place.bytes(), b"{\"id\":\"1\"}\n{\"id\":\"2\"}\n{\"id\":\"3\"}\n");
}

#[test]
fn an_instance_waits_until_the_other_lets_go() {
    let place = Place::new();
    let (mut first, mut second) = (open(&place), open(&place));
    first.ready().unwrap();
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| append(&mut second, b"{\"id\":\"2\"}\n").unwrap());
        first.append(b"{\"id\":\"1\"}\n").unwrap();
        first.release();
        waiting.join().unwrap();
    });
    assert_eq!(place.bytes(), b"{\"id\":\"1\"}\n{\"id\":\"2\"}\n");
}

#[test]
fn what_another_instance_left_unfinished_when_it_died_is_cut_off() {
    let place = Place::new();
    let mut file = open(&place);
    append(&mut file, b"{\"id\":\"1\"}\n").unwrap();
    fs::write(&place.path, b"{\"id\":\"1\"}\n{\"id\":\"2\"}\n{\"id\":\"3").unwrap();
    append(&mut file, b"{\"id\":\"4\"}\n").unwrap();
    assert_eq!(place.bytes(), b"{\"id\":\"1\"}\n{\"id\":\"2\"}\n{\"id\":\"4\"}\n");
}

#[test]
fn an_unfinished_line_is_cut_off_and_whole_ones_stay() {
    let place = Place::new();
    fs::write(&place.path, b"{\"id\":\"1\"}\n{\"id\":\"2").unwrap();
    let mut file = open(&place);
    append(&mut file, b"{\"id\":\"3\"}\n").unwrap();
    assert_eq!(place.bytes(), b"{\"id\":\"1\"}\n{\"id\":\"3\"}\n");
}

#[test]
fn a_line_of_another_program_is_ended_and_not_cut() {
    let place = Place::new();
    fs::write(&place.path, b"{\"level\":\"info\"}\n{\"level\":").unwrap();
    let mut file = open(&place);
    append(&mut file, b"{\"id\":\"3\"}\n").unwrap();
    append(&mut file, b"{\"id\":\"4\"}\n").unwrap();
    assert_eq!(place.bytes(), b"{\"level\":\"info\"}\n{\"level\":\n{\"id\":\"3\"}\n{\"id\":\"4\"}\n");
}

#[test]
fn a_failed_append_leaves_no_byte_whatever_failed() {
    for good in 0..2 {
        let (place, knobs) = (Place::new(), Knobs::default());
        let (mut file, _) = AuditFile::open_with(&place.path, true, knobs.wrap()).unwrap();
        append(&mut file, b"one\n").unwrap();
        knobs.fail(good, 1);
        append(&mut file, b"two\n").unwrap_err();
        assert_eq!(place.bytes(), b"one\n");
        append(&mut file, b"three\n").unwrap();
        assert_eq!(place.bytes(), b"one\nthree\n");
    }
}

#[test]
fn nothing_is_appended_before_a_failed_append_is_undone() {
    let (place, knobs) = (Place::new(), Knobs::default());
    let (mut file, _) = AuditFile::open_with(&place.path, true, knobs.wrap()).unwrap();
    // The write, the cut after it, and the cut before the next append.
    knobs.fail(0, 3);
    append(&mut file, b"one\n").unwrap_err();
    append(&mut file, b"two\n").unwrap_err();
    assert_eq!(place.bytes(), b"on");
    append(&mut file, b"three\n").unwrap();
    assert_eq!(place.bytes(), b"three\n");
}

#[test]
fn a_file_that_was_moved_or_deleted_is_made_anew() {
    let place = Place::new();
    let mut file = open(&place);
    assert_eq!(append(&mut file, b"one\n").unwrap(), Ready::Continues);
    let moved = place.path.with_extension("1");
    fs::rename(&place.path, &moved).unwrap();
    assert_eq!(append(&mut file, b"two\n").unwrap(), Ready::BeginsAnew);
    fs::remove_file(&place.path).unwrap();
    assert_eq!(append(&mut file, b"three\n").unwrap(), Ready::BeginsAnew);
    assert_eq!(append(&mut file, b"four\n").unwrap(), Ready::Continues);
    assert_eq!((fs::read(moved).unwrap(), place.bytes()), (b"one\n".to_vec(), b"three\nfour\n".to_vec()));
}

#[test]
fn a_file_that_was_cut_in_place_begins_anew() {
    let place = Place::new();
    let mut file = open(&place);
    append(&mut file, b"one\n").unwrap();
    File::options().write(true).open(&place.path).unwrap().set_len(0).unwrap();
    assert_eq!(append(&mut file, b"two\n").unwrap(), Ready::BeginsAnew);
    assert_eq!(place.bytes(), b"two\n");
}

#[test]
fn what_another_program_appends_is_kept_and_ended() {
    let place = Place::new();
    let mut file = open(&place);
    append(&mut file, b"one\n").unwrap();
    let mut other = File::options().append(true).open(&place.path).unwrap();
    io::Write::write_all(&mut other, b"other").unwrap();
    assert_eq!(append(&mut file, b"two\n").unwrap(), Ready::Continues);
    assert_eq!(place.bytes(), b"one\nother\ntwo\n");
}

#[test]
fn lines_are_read_from_any_place_on_and_come_whole() {
    let place = Place::new();
    let mut file = open(&place);
    let mut chain = llm_proxy_core::audit::Chain::new(llm_proxy_core::ids::ChainId::new(at(0), &[0; 10]));
    let events: Vec<Event> = (0..5).map(|n| chain.seal(refused(&n.to_string()), &[0; 10])).collect();
    let lines: Vec<String> = events.iter().map(|event| serde_json::to_string(event).unwrap() + "\n").collect();
    append(&mut file, lines.concat().as_bytes()).unwrap();
    let reader = file.reader().unwrap();
    let first = u64::try_from(lines[0].len()).unwrap();
    for (from, size, expected) in [
        (0, 1, &events[..1]),
        (0, u64::MAX, &events[..]),
        (first, 1, &events[1..2]),
        (first - 1, 1, &events[1..2]),
        (first + 1, 1, &events[2..3]),
        (file.length() - 1, 1, &[]),
    ] {
        let read = tail::lines(&reader, from, file.length(), size).unwrap();
        assert_eq!(read.events, expected, "from {from}");
    }
}

#[test]
fn a_file_that_was_moved_away_is_let_go_although_somebody_reads_it() {
    let place = Place::new();
    let (mut first, mut second) = (open(&place), open(&place));
    append(&mut first, b"{\"id\":\"1\"}\n").unwrap();
    let reader = first.reader().unwrap();
    fs::rename(&place.path, place.path.with_extension("1")).unwrap();
    assert_eq!(append(&mut first, b"{\"id\":\"2\"}\n").unwrap(), Ready::BeginsAnew);
    assert_eq!(append(&mut second, b"{\"id\":\"3\"}\n").unwrap(), Ready::BeginsAnew);
    drop(reader);
    assert_eq!(place.bytes(), b"{\"id\":\"2\"}\n{\"id\":\"3\"}\n");
}
