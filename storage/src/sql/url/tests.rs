//! Addresses in all forms, and that nothing secret of them is shown.

use super::*;

fn postgres_options(text: &str) -> PgConnectOptions {
    match DatabaseUrl::parse(Driver::Postgres, text).unwrap().0 {
        Address::Postgres(options) => *options,
        Address::MySql(_) => panic!("another driver"),
    }
}

fn mysql_options(text: &str) -> MySqlConnectOptions {
    match DatabaseUrl::parse(Driver::MySql, text).unwrap().0 {
        Address::MySql(options) => *options,
        Address::Postgres(_) => panic!("another driver"),
    }
}

fn refusal(driver: Driver, text: &str) -> UrlError {
    DatabaseUrl::parse(driver, text).unwrap_err()
}

#[test]
fn a_postgres_url_is_read() {
    for scheme in ["postgres", "postgresql", "POSTGRES"] {
        let options = postgres_options(&format!("{scheme}://me:p%40ss@db.example:5433/books?sslmode=verify-full"));
        assert_eq!((options.get_host(), options.get_port()), ("db.example", 5433));
        assert_eq!((options.get_username(), options.get_database()), ("me", Some("books")));
        assert!(matches!(options.get_ssl_mode(), PgSslMode::VerifyFull));
    }
}

#[test]
fn a_postgres_socket_is_a_parameter_or_an_escaped_host() {
    for text in ["postgres:///books?host=/run/postgresql&user=me", "postgres://me@%2Frun%2Fpostgresql/books"] {
        let options = postgres_options(text);
        assert_eq!(options.get_socket().unwrap().to_str(), Some("/run/postgresql"));
        assert_eq!((options.get_username(), options.get_database()), ("me", Some("books")));
    }
}

#[test]
fn a_mysql_url_is_read() {
    for scheme in ["mysql", "mariadb"] {
        let options = mysql_options(&format!("{scheme}://me:p%40ss@db.example:3307/books?ssl-mode=verify-full"));
        assert_eq!((options.get_host(), options.get_port()), ("db.example", 3307));
        assert_eq!((options.get_username(), options.get_database()), ("me", Some("books")));
        assert!(matches!(options.get_ssl_mode(), MySqlSslMode::VerifyIdentity));
    }
}

#[test]
fn both_spellings_of_the_tls_modes_are_known() {
    for (text, wanted) in [
        ("disable", MySqlSslMode::Disabled),
        ("DISABLED", MySqlSslMode::Disabled),
        ("prefer", MySqlSslMode::Preferred),
        ("REQUIRED", MySqlSslMode::Required),
        ("verify-ca", MySqlSslMode::VerifyCa),
        ("VERIFY_IDENTITY", MySqlSslMode::VerifyIdentity),
    ] {
        let mode = mysql_options(&format!("mysql://me@db.example/books?sslmode={text}")).get_ssl_mode();
        assert_eq!(format!("{mode:?}"), format!("{wanted:?}"), "{text}");
    }
}

#[test]
fn a_data_source_name_is_read() {
    let options = mysql_options("me:pa:ss@w/o?rd@tcp(db.example:3307)/books?parseTime=true&tls=skip-verify");
    assert_eq!((options.get_host(), options.get_port()), ("db.example", 3307));
    assert_eq!((options.get_username(), options.get_database()), ("me", Some("books")));
    assert!(matches!(options.get_ssl_mode(), MySqlSslMode::Required));
    // The one way to see the password, which sqlx escapes.
    let url = sqlx::ConnectOptions::to_url_lossy(&options).to_string();
    assert!(url.contains("me:pa%3Ass%40w%2Fo%3Frd@"), "{url}");
}

#[test]
fn a_data_source_name_may_leave_out_what_go_leaves_out() {
    for (text, host, port) in [
        ("me@tcp(db.example)/books", "db.example", 3306),
        ("me@tcp/books", "127.0.0.1", 3306),
        ("me@/books", "127.0.0.1", 3306),
        ("me@tcp([2001:db8::1]:3307)/books", "2001:db8::1", 3307),
        ("me@tcp([2001:db8::1])/books", "2001:db8::1", 3306),
    ] {
        let options = mysql_options(text);
        assert_eq!((options.get_host(), options.get_port()), (host, port), "{text}");
        assert!(matches!(options.get_ssl_mode(), MySqlSslMode::Disabled));
    }
    let options = mysql_options("me:secret@unix(/run/mysqld/mysqld.sock)/books");
    assert_eq!(options.get_socket().unwrap().to_str(), Some("/run/mysqld/mysqld.sock"));
}

#[test]
fn gos_words_for_tls_are_known() {
    for (text, wanted) in [
        ("true", MySqlSslMode::VerifyIdentity),
        ("false", MySqlSslMode::Disabled),
        ("skip-verify", MySqlSslMode::Required),
        ("preferred", MySqlSslMode::Preferred),
    ] {
        let mode = mysql_options(&format!("me@tcp(db.example)/books?tls={text}")).get_ssl_mode();
        assert_eq!(format!("{mode:?}"), format!("{wanted:?}"), "{text}");
    }
    assert_eq!(refusal(Driver::MySql, "me@tcp(db)/books?tls=custom"), UrlError::BadParameter("tls"));
}

#[test]
fn driver_and_scheme_agree() {
    for text in ["mysql://me@db/books", "me:secret@tcp(db)/books", "sqlite://books", "books", ""] {
        assert_eq!(refusal(Driver::Postgres, text), UrlError::OtherDriver(Driver::Postgres), "{text}");
    }
    for text in ["postgres://me@db/books", "redis://db/1", "books", ""] {
        assert_eq!(refusal(Driver::MySql, text), UrlError::OtherDriver(Driver::MySql), "{text}");
    }
}

#[test]
fn an_unknown_parameter_is_refused_by_name() {
    let unknown = UrlError::UnknownParameter("sslmod".to_owned());
    assert_eq!(refusal(Driver::Postgres, "postgres://me@db/books?sslmod=verify-full"), unknown);
    assert_eq!(refusal(Driver::MySql, "mysql://me@db/books?sslmod=verify-full"), unknown);
    assert_eq!(refusal(Driver::MySql, "me@tcp(db)/books?sslmod=verify-full"), unknown);
}

#[test]
fn a_wrong_value_is_refused() {
    for (driver, text) in
        [(Driver::Postgres, "postgres://me@db/books?sslmode=full"), (Driver::MySql, "mysql://me@db/books?ssl-mode=on")]
    {
        assert_eq!(refusal(driver, text), UrlError::BadParameter("sslmode"));
    }
}

#[test]
fn a_database_is_named() {
    for text in ["postgres://me@db", "postgres://me@db/", "postgres://me@db?sslmode=require"] {
        assert_eq!(refusal(Driver::Postgres, text), UrlError::NoDatabase, "{text}");
    }
    assert!(DatabaseUrl::parse(Driver::Postgres, "postgres://me@db?dbname=books").is_ok());
    for text in ["mysql://me@db", "me@tcp(db)/", "me@tcp(db)/?tls=true"] {
        assert_eq!(refusal(Driver::MySql, text), UrlError::NoDatabase, "{text}");
    }
}

#[test]
fn what_is_malformed_is_refused() {
    for text in ["postgres://me:hun#ter2@db/books", "postgres://me@db:port/books", "postgres://me@db/books?user=%zz"] {
        assert_eq!(refusal(Driver::Postgres, text), UrlError::Malformed, "{text}");
    }
    for text in ["me@tcp(db/books", "me@tcp(db:port)/books", "me@udp(db)/books", "me@unix()/books", "me@tcp(:1)/books"]
    {
        assert_eq!(refusal(Driver::MySql, text), UrlError::Malformed, "{text}");
    }
}

#[test]
fn no_password_is_shown() {
    let good = [
        (Driver::Postgres, "postgres://me:hunter2@db/books"),
        (Driver::Postgres, "postgres://me@db/books?password=hunter2"),
        (Driver::MySql, "mysql://me:hunter2@db/books"),
        (Driver::MySql, "me:hunter2@tcp(db)/books"),
    ];
    for (driver, text) in good {
        let url = DatabaseUrl::parse(driver, text).unwrap();
        let shown = format!("{url} {url:?}");
        assert!(shown.contains("books") && shown.contains("db") && !shown.contains("hunter2"), "{shown}");
    }
    let bad = [
        (Driver::Postgres, "postgres://me:hunter2#@db/books"),
        (Driver::Postgres, "mysql://me:hunter2@db/books"),
        (Driver::MySql, "me:hunter2@tcp(db/books"),
        (Driver::MySql, "hunter2"),
    ];
    for (driver, text) in bad {
        let error = refusal(driver, text);
        let shown = format!("{error} {error:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}
