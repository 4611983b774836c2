//! Audit events. The columns are the event: nothing else of it is kept.

use llm_proxy_core::audit::Event;
use llm_proxy_core::ids::{ChainId, EventId};
use llm_proxy_core::manage::{EventFilter, EventPage};
use serde_json::Value as Json;
use sqlx::{Connection as _, SqlSafeStr as _};

use super::SqlStore;
use super::attempts::Attempts;
use super::dialect::{self, Dialect, Value, values};
use super::event_statements as statements;
use super::rows::{self, Columns, sql_number};
use crate::store::{EventList, StoreError};

impl<D: Dialect> SqlStore<D> {
    pub(super) async fn write_events(&self, events: &[Event]) -> Result<(), StoreError> {
        self.write_in_one(Write::Add(events)).await
    }

    pub(super) async fn delete_events(&self, ids: &[EventId]) -> Result<(), StoreError> {
        self.write_in_one(Write::Remove(ids)).await
    }

    pub(super) async fn read_event_page(&self, filter: &EventFilter, page: EventPage) -> Result<EventList, StoreError> {
        let mut connection = self.readers.lend().await?;
        let found = async {
            let mut transaction = connection.begin_with(D::BEGIN_READ.into_sql_str()).await?;
            let found = list::<D>(&mut transaction, filter, page).await?;
            transaction.commit().await?;
            Ok(found)
        };
        let found = found.await;
        connection.give_back();
        found
    }

    pub(super) async fn read_event(&self, id: EventId) -> Result<Option<Event>, StoreError> {
        let mut connection = self.readers.lend().await?;
        let found = read::<D>(&mut connection, id).await;
        connection.give_back();
        found
    }

    pub(super) async fn read_events_after(
        &self,
        cursor: Option<EventId>,
        limit: u32,
    ) -> Result<Vec<Event>, StoreError> {
        let mut connection = self.readers.lend().await?;
        // Before all ids.
        let cursor = cursor.map(|id| id.to_string()).unwrap_or_default();
        let found =
            dialect::all::<D>(&mut connection, &statements::EVENTS_AFTER, values![cursor, i64::from(limit)]).await;
        connection.give_back();
        found?.iter().map(event::<D>).collect()
    }

    pub(super) async fn read_last_event(&self, chain: Option<ChainId>) -> Result<Option<Event>, StoreError> {
        let mut connection = self.readers.lend().await?;
        let found = match chain {
            Some(chain) => dialect::one::<D>(&mut connection, &statements::LAST_EVENT_OF_CHAIN, values![chain]).await,
            None => dialect::one::<D>(&mut connection, &statements::LAST_EVENT, vec![]).await,
        };
        connection.give_back();
        found?.as_ref().map(event::<D>).transpose()
    }

    /// Writes in a transaction, again if the database undid it.
    async fn write_in_one(&self, write: Write<'_>) -> Result<(), StoreError> {
        let mut connection = self.writer.lend().await?;
        let mut attempts = Attempts::default();
        let written = loop {
            let written = write_on::<D>(&mut connection, write).await;
            if !attempts.try_again::<D>(written.as_ref().err()) {
                break written;
            }
        };
        connection.give_back();
        Ok(written?)
    }
}

/// What is written in one transaction.
#[derive(Clone, Copy)]
enum Write<'a> {
    Add(&'a [Event]),
    Remove(&'a [EventId]),
}

async fn write_on<D: Dialect>(connection: &mut D::Connection, write: Write<'_>) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with(D::BEGIN_WRITE.into_sql_str()).await?;
    match write {
        Write::Add(events) => insert::<D>(&mut transaction, events).await?,
        Write::Remove(ids) => {
            for id in ids {
                dialect::run::<D>(&mut transaction, &statements::DELETE_EVENT, values![*id]).await?;
            }
        }
    }
    transaction.commit().await
}

/// Adds events, those that are there already passed over.
pub(super) async fn insert<D: Dialect>(connection: &mut D::Connection, events: &[Event]) -> Result<(), sqlx::Error> {
    for event in events {
        dialect::run::<D>(connection, &statements::INSERT_EVENT, columns(event)).await?;
    }
    Ok(())
}

/// In a transaction whose reads see one state.
pub(super) async fn list<D: Dialect>(
    connection: &mut D::Connection,
    filter: &EventFilter,
    mut page: EventPage,
) -> Result<EventList, StoreError> {
    if page.as_of.is_none() {
        let newest = dialect::one::<D>(connection, &statements::LAST_EVENT, vec![]).await?;
        page.as_of = newest.as_ref().map(event::<D>).transpose()?.map(|event| event.id);
    }
    let Some(as_of) = page.as_of else { return Ok((Vec::new(), 0, page)) };
    let mut filtered = filter_values(filter, as_of);
    let total = dialect::one::<D>(connection, &statements::COUNT_EVENTS, filtered.clone()).await?;
    filtered.extend(values![sql_number(page.page_size), sql_number(page.offset())]);
    let found = dialect::all::<D>(connection, &statements::LIST_EVENTS, filtered).await?;
    let events: Result<Vec<Event>, StoreError> = found.iter().map(event::<D>).collect();
    Ok((events?, rows::total::<D>(total.as_ref())?, page))
}

pub(super) async fn read<D: Dialect>(connection: &mut D::Connection, id: EventId) -> Result<Option<Event>, StoreError> {
    let found = dialect::one::<D>(connection, &statements::READ_EVENT, values![id]).await?;
    found.as_ref().map(event::<D>).transpose()
}

/// In the order of the filter's statement: each value twice, but for the first.
fn filter_values(filter: &EventFilter, as_of: EventId) -> Vec<Value> {
    let word = |word: Option<&'static str>| Value::Text(word.map(str::to_owned));
    let time = |time: Option<_>| Value::from(time);
    let twice = [
        word(filter.action.map(|action| action.as_str())),
        word(filter.actor.map(|actor| actor.as_str())),
        word(filter.outcome.map(|outcome| outcome.as_str())),
        Value::from(filter.project_id),
        Value::from(filter.token_id),
        Value::from(filter.client_ip.map(|ip| ip.to_string())),
        Value::from(filter.request_id.clone()),
        Value::from(filter.correlation_id.clone()),
        Value::from(filter.method.clone()),
        Value::from(filter.path.clone()),
        time(filter.start_time),
        time(filter.end_time),
        Value::from(filter.search.as_deref().map(str::to_ascii_lowercase)),
    ];
    let mut values = values![as_of];
    values.extend(twice.into_iter().flat_map(|value| [value.clone(), value]));
    values
}

/// In the order of the columns.
fn columns(event: &Event) -> Vec<Value> {
    let metadata = event.metadata.clone().map(|metadata| Json::Object(metadata).to_string());
    values![
        event.id,
        event.chain,
        event.timestamp,
        &*event.action,
        &*event.actor,
        &*event.outcome,
        event.reason.clone(),
        event.project_id,
        event.token_id,
        event.request_id.clone(),
        event.correlation_id.clone(),
        event.client_ip.map(|ip| ip.to_string()),
        event.method.clone(),
        event.path.clone(),
        event.user_agent.clone(),
        event.count.map(sql_number),
        metadata,
        &*event.prev,
        &*event.hash,
    ]
}

/// An event that cannot be read is named: somebody changed it.
fn event<D: Dialect>(row: &D::Row) -> Result<Event, StoreError> {
    let row = Columns::<D>(row);
    read_columns(&row).map_err(|error| {
        let StoreError::Corrupt(column) = error else { return error };
        StoreError::CorruptEvent { id: row.text("id").unwrap_or_default(), column }
    })
}

fn read_columns<D: Dialect>(row: &Columns<'_, D>) -> Result<Event, StoreError> {
    let metadata = row.optional_text("metadata")?.map(|text| serde_json::from_str(&text));
    let client_ip = row.optional_text("client_ip")?.map(|text| text.parse());
    Ok(Event {
        id: EventId::parse(&row.text("id")?).ok_or(StoreError::Corrupt("id"))?,
        chain: ChainId::parse(&row.text("chain")?).ok_or(StoreError::Corrupt("chain"))?,
        timestamp: row.time("timestamp")?,
        action: row.text("action")?,
        actor: row.text("actor")?,
        outcome: row.text("outcome")?,
        reason: row.optional_text("reason")?,
        project_id: row.optional_project_id("project_id")?,
        token_id: row.optional_token_id("token_id")?,
        request_id: row.optional_text("request_id")?,
        correlation_id: row.optional_text("correlation_id")?,
        client_ip: client_ip.transpose().map_err(|_| StoreError::Corrupt("client_ip"))?,
        method: row.optional_text("method")?,
        path: row.optional_text("path")?,
        user_agent: row.optional_text("user_agent")?,
        count: row.optional_count("count")?,
        metadata: metadata.transpose().map_err(|_| StoreError::Corrupt("metadata"))?,
        prev: row.text("prev")?,
        hash: row.text("hash")?,
    })
}
