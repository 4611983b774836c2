//! What a caller sees of a store: one list of behaviours, run on every store by instantiating it; what only a SQLite file
//! has (`sqlite`, `keys`, `instances`, `import`, `encrypt`), what only a server has (`encrypt_on_servers`, `outages`), what
//! every database has (`migrations`), and what is counted in Redis (`shared_rates`). A behaviour is a function over `&dyn Store` and knows nothing of what is behind it.

#![expect(clippy::unwrap_used, clippy::panic, reason = "this is all tests: there a panic is the report")]

mod audit;
mod batches;
mod calls;
mod encrypt;
mod encrypt_on_servers;
mod file;
mod import;
mod import_refused;
mod imports;
mod instances;
mod keys;
mod migrations;
mod original;
mod outages;
mod projects;
mod relay;
mod servers;
mod shared_rates;
mod sqlite;
mod tokens;
mod usage;

/// Makes a test of each named behaviour on a new store of each kind.
macro_rules! on_every_store {
    ($($room:ident: $($behaviour:ident)+;)+) => {
        mod on_sqlite {
            $(mod $room { $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let fixture = crate::file::fixture().await;
                    crate::$room::$behaviour(&std::sync::Arc::new(fixture.store)).await;
                }
            )+ })+
        }

        mod on_postgres {
            $(mod $room { $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let database = crate::servers::OnServer::<sqlx::Postgres>::new().await;
                    crate::$room::$behaviour(&database.store().await).await;
                }
            )+ })+
        }

        mod on_mysql {
            $(mod $room { $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $behaviour() {
                    let database = crate::servers::OnServer::<sqlx::MySql>::new().await;
                    crate::$room::$behaviour(&database.store().await).await;
                }
            )+ })+
        }

        mod in_memory {
            in_memory! { $($room: $($behaviour)+;)+ }
        }
    };
}

/// Makes a test of each named behaviour on a new store in memory.
macro_rules! in_memory {
    ($($room:ident: $($behaviour:ident)+;)+) => {
        $(mod $room { $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $behaviour() {
                let store = llm_proxy_storage::MemoryStore::new().unwrap();
                crate::$room::$behaviour(&std::sync::Arc::new(store)).await;
            }
        )+ })+
    };
}

on_every_store! {
    projects:
        a_new_project_is_active_and_its_key_is_masked
        a_project_reads_back_as_it_was_made
        an_unknown_project_is_not_found_by_any_call
        projects_are_listed_newest_first
        projects_of_the_same_time_keep_their_order_over_pages
        pages_are_cut_from_the_whole_and_the_total_stays
        a_page_beyond_the_end_is_empty
        a_name_is_taken_once
        names_are_compared_exactly
        a_name_is_free_again_after_deletion
        a_project_may_be_renamed_to_its_own_name_but_not_to_anothers
        a_refused_rename_changes_nothing_else
        an_update_changes_only_what_it_names
        deactivation_is_dated_and_reactivation_takes_the_date_away
        deactivating_twice_keeps_the_first_date
        deactivation_may_revoke_all_tokens
        a_deleted_project_is_gone_from_reads_and_lists
        odd_names_survive
    ;
    tokens:
        a_new_token_shows_its_string_once_and_its_mask_ever_after
        a_token_reads_back_as_it_was_made
        two_tokens_have_different_strings_and_ids
        an_unknown_project_gets_no_token
        an_inactive_project_gets_no_token
        an_unknown_token_is_not_found_by_any_call
        tokens_are_listed_newest_first_and_paged
        tokens_of_the_same_time_keep_their_order_over_pages
        tokens_are_filtered_by_project
        an_unknown_project_has_no_tokens
        active_only_leaves_out_revoked_expired_and_those_of_inactive_projects
        revoking_is_idempotent
        an_update_changes_only_what_it_names
        limits_can_be_lifted
        an_update_leaves_the_counters
        a_token_of_an_inactive_project_cannot_be_switched_on
        a_bulk_revocation_says_what_it_did
        a_bulk_revocation_leaves_other_projects
        tokens_go_with_their_project
    ;
    usage:
        a_grant_holds_the_token_and_its_project
        an_unknown_digest_has_no_grant
        a_rotated_key_is_in_the_next_grant
        a_changed_provider_is_in_the_next_grant
        deactivation_is_in_the_next_grant
        revocation_is_in_the_next_grant
        changed_limits_are_in_the_next_grant
        a_deleted_projects_token_has_no_grant
        a_limit_is_exact_one_by_one
        a_limit_is_exact_under_concurrency
        a_lease_is_at_most_a_sixteenth_of_what_remains_and_says_what_does
        a_refused_lease_changes_nothing
        a_settlement_moves_what_was_spent_and_frees_what_was_not
        a_settlement_says_when_the_latest_was_spent
        counts_stay_at_zero_whatever_is_settled
        a_settlement_passes_unknown_tokens_over
        a_raised_limit_goes_on_from_what_is_spent_and_leased
        a_limit_below_what_is_spent_leaves_nothing_until_it_is_raised
        a_token_without_a_limit_grants_all_that_is_wanted
        an_unknown_token_has_nothing_to_lease
        a_deleted_projects_token_has_nothing_to_lease
        counted_uses_add_up_and_the_latest_time_stays
        uses_of_unknown_tokens_are_passed_over
        no_uses_are_fine
        a_store_answers_a_ping
    ;
    imports:
        imported_records_read_back_as_they_were_given
        an_imported_token_is_found_by_its_string_and_spent
        a_second_import_changes_nothing
        an_imported_name_that_is_taken_gets_a_suffix
        the_name_of_a_deleted_project_is_free_for_an_import
        an_imported_id_that_is_another_tokens_becomes_a_new_one
        of_two_equal_imports_at_once_one_brings_everything
    ;
    audit:
        events_read_back_as_they_were_added
        an_event_is_added_once_and_never_overwritten
        an_unknown_event_is_not_there
        events_are_listed_newest_first_and_paged
        pages_stay_as_they_are_while_events_come
        a_store_without_events_lists_none
        the_newest_event_is_that_of_the_store_not_of_the_filter
        each_filter_finds_what_it_names
        a_search_looks_for_the_text_as_it_is_but_for_case
        filters_mean_in_the_store_what_they_mean_to_the_core
        events_are_commands_too
        all_events_are_walked_in_pieces
        the_last_event_is_that_of_a_chain_or_of_all
        pruning_removes_what_it_names
    ;
    batches:
        a_batch_is_made_with_its_events
        a_batch_may_hold_events_that_are_there
        a_batch_that_is_not_sealed_changes_nothing
        a_refused_call_leaves_the_others_of_its_batch
        calls_of_a_batch_see_those_before_them
        nobody_sees_a_batch_before_it_is_sealed
        a_refused_call_has_its_event_too
        a_change_is_no_read_and_a_read_no_change
        two_batches_on_the_same_projects_at_once_are_both_done
        of_two_batches_that_take_the_same_names_one_gets_each
    ;
}
