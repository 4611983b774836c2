//! docs/settings.md and .env.example, written from the table. The tests fail if a committed page is stale.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use super::table::{About, Fallback, GROUPS, Status};

/// Set to anything, it lets the tests write the pages instead of comparing them.
const RENEW: &str = "LLM_PROXY_RENEW_PAGES";

const INTRODUCTION: &str = "\
# Settings

<!-- Written from the table in src/settings/table: do not edit. -->

A setting is a variable of the environment. The file `.env` in the working folder (or the one that `--env-file` names)
can hold the same variables; some have a flag of the commands `server` and `config check`, too. Flags win over the
environment, the environment wins over the file, the file wins over the default. A variable that is empty is not set.

A value that is not of its form is an error that names the variable and what is accepted, and the program does not
start; `llm-proxy config check` shows all errors, what counts for each setting, and where it came from. It shows no
secret.

- A *duration* is written as in Go: numbers with the units `h`, `m`, `s`, `ms`, `us`, `ns`, such as `1h30m` or `500ms`.
- A *size* is a number of bytes, or one with `KB`, `MB`, `GB` (powers of 1000) or `KiB`, `MiB`, `GiB` (powers of 1024).
- *True or false* can be written `true`, `t`, `1` or `false`, `f`, `0`.
- In the `.env` file, `$NAME` stands for another variable: put a value that has a `$` in single quotes.

Settings that are marked *not in this version* are checked and have no effect yet; one that is set is a warning.
";

const ENV_INTRODUCTION: &str = "\
# Settings of llm-proxy. Copy this file to .env, which only its owner should be able to read, and set what you need.
# docs/settings.md explains all settings. Written from the table in src/settings/table: do not edit.
";

fn settings_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for group in &GROUPS {
        let retired = group.rows.iter().all(|row| row.about().status == Status::Retired);
        let head = if retired {
            "| setting | instead |\n| --- | --- |"
        } else {
            "| setting | default | meaning |\n| --- | --- | --- |"
        };
        let _ = write!(page, "\n## {}\n\n{head}\n", group.title);
        for about in group.rows.iter().map(|row| row.about()) {
            let _ = if retired {
                writeln!(page, "| `{}` | {} |", about.name, about.doc)
            } else {
                writeln!(page, "| `{}` | {} | {} |", about.name, default(about), meaning(about))
            };
        }
    }
    page
}

fn default(about: &About) -> String {
    match about.fallback {
        Fallback::Text(text) => format!("`{text}`"),
        Fallback::Absent(meaning) => meaning.to_owned(),
        Fallback::Required => "required".to_owned(),
    }
}

fn meaning(About { accepted, doc, flag, status, .. }: &About) -> String {
    let mark = if *status == Status::Planned { "*Not in this version.* " } else { "" };
    let flag = flag.map_or_else(String::new, |flag| format!(" Flag: `{flag}`."));
    format!("{mark}{doc} Write {accepted}.{flag}")
}

fn env_example() -> String {
    let mut page = ENV_INTRODUCTION.to_owned();
    for group in &GROUPS {
        let mut rows =
            group.rows.iter().map(|row| row.about()).filter(|about| about.status == Status::Active).peekable();
        if rows.peek().is_some() {
            let _ = write!(page, "\n# {}\n", group.title);
        }
        for about in rows {
            let _ = write!(page, "\n{}", comment(about.doc));
            let _ = match about.fallback {
                Fallback::Text(text) => writeln!(page, "# {}={text}", about.name),
                Fallback::Absent(meaning) => writeln!(page, "# Without: {meaning}.\n# {}=", about.name),
                Fallback::Required => writeln!(page, "# Write {}.\n{}=", about.accepted, about.name),
            };
        }
    }
    page
}

/// A text as lines that begin with `#` and are not too long.
fn comment(text: &str) -> String {
    let mut lines = String::new();
    let mut line = String::from("#");
    for word in text.split(' ') {
        if line.len() + word.len() >= 110 {
            lines += &line;
            lines.push('\n');
            "#".clone_into(&mut line);
        }
        line.push(' ');
        line += word;
    }
    lines + &line + "\n"
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn assert_fresh(name: &str, page: &str) {
    if std::env::var_os(RENEW).is_some() {
        fs::write(path(name), page).unwrap();
    }
    let committed = fs::read_to_string(path(name)).unwrap_or_default();
    assert!(committed == page, "{name} is stale: renew it with {RENEW}=1 cargo test -p llm-proxy pages");
}

#[test]
fn the_page_of_settings_says_what_the_table_says() {
    assert_fresh("docs/settings.md", &settings_page());
}

#[test]
fn the_example_of_an_env_file_says_what_the_table_says() {
    assert_fresh(".env.example", &env_example());
}

#[test]
fn the_example_of_an_env_file_can_be_read() {
    let variables: Vec<_> = dotenvy::from_read_iter(env_example().as_bytes()).map(Result::unwrap).collect();
    assert_eq!(variables, [("MANAGEMENT_TOKEN".to_owned(), String::new())]);
}
