//! Paging and filters: what is accepted, and the sentences for what is not.

use super::*;

#[test]
fn paging_counts_from_page_1() {
    let page = |offset, limit| Page { offset, limit: Some(limit) };
    for (query, want) in [
        ("", Page::default()),
        ("page=1", page(0, 20)),
        ("page=3", page(40, 20)),
        ("page_size=7", page(0, 7)),
        ("limit=7", page(0, 7)),
        ("page=2&page_size=1000", page(1000, 1000)),
        ("limit=5&page=3", page(10, 5)),
        ("page=%32&utm_source=x&&limit=5", page(5, 5)),
        ("page=4294967295&limit=1000", page(4_294_967_294_000, 1000)),
        ("project_id=none", Page::default()),
    ] {
        assert_is(listed(ManageRoute::Projects, query), &Command::ListProjects(want), query);
    }
}

#[test]
fn tokens_are_filtered_by_project_and_by_what_works() {
    let of_project = |active_only| TokenFilter { project_id: Some(project_id()), active_only };
    for (query, filter) in [
        ("", TokenFilter::default()),
        ("project_id=017f22e2-79b0-7cc3-98c4-dc0c0c07398f", of_project(false)),
        ("projectId=017F22E2-79B0-7CC3-98C4-DC0C0C07398F", of_project(false)),
        ("project%5Fid=017f22e2%2D79b0-7cc3-98c4-dc0c0c07398f&active_only=true", of_project(true)),
        ("active_only=true", TokenFilter { active_only: true, ..Default::default() }),
        ("active_only=false", TokenFilter::default()),
        ("Active_Only=true", TokenFilter::default()),
    ] {
        assert_is(listed(ManageRoute::Tokens, query), &Command::ListTokens(filter, Page::default()), query);
    }
}

#[test]
fn a_query_that_cannot_be_read_is_refused_and_never_guessed_at() {
    let page = "page must be a whole number from 1 to 4294967295";
    let size = "page_size must be a whole number from 1 to 1000";
    for (query, want) in [
        ("page=0", page),
        ("page=-1", page),
        ("page=+1", page),
        ("page=%2B1", page),
        ("page=1.0", page),
        ("page=", page),
        ("page", page),
        ("page=one", page),
        ("page=4294967296", page),
        ("page=99999999999999999999", page),
        ("page=%FF", page),
        ("page_size=0", size),
        ("page_size=1001", size),
        ("limit=1001", "limit must be a whole number from 1 to 1000"),
        ("page=1&page=2", "page is given more than once: send it once"),
        ("limit=5&page_size=5", "page_size and limit mean the same: send one of them"),
        ("active_only=1", "active_only must be true or false"),
        ("active_only=", "active_only must be true or false"),
        ("active_only=TRUE", "active_only must be true or false"),
        ("project_id=x", "project_id must be a UUID of 36 characters, such as 017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
        ("projectId=", "projectId must be a UUID of 36 characters, such as 017f22e2-79b0-7cc3-98c4-dc0c0c07398f"),
        (
            "projectId=017f22e2-79b0-7cc3-98c4-dc0c0c07398f&project_id=017f22e2-79b0-7cc3-98c4-dc0c0c07398f",
            "project_id and projectId mean the same: send one of them",
        ),
    ] {
        assert_bad(listed(ManageRoute::Tokens, query), want, query);
    }
}

#[test]
fn a_query_counts_only_where_there_is_a_list() {
    let got = call(&Method::GET, ManageRoute::Token(Some(token_id())), "page=0", b"");
    assert_is(got, &Command::GetToken(token_id()), "page=0");
}
