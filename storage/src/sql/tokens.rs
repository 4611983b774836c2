//! Management calls on tokens.

use llm_proxy_core::ids::TokenId;
use llm_proxy_core::manage::{CommandError, NewToken, Page, Reply, Subject, Token, TokenChange, TokenFilter};
use llm_proxy_core::time::Timestamp;
use sqlx::SqliteConnection;

use super::rows::{self, sql_number};
use super::{SqlStore, statements};
use crate::changes;
use crate::random;
use crate::store::{ExecuteError, StoreError};

const NO_TOKEN: CommandError = CommandError::NotFound(Subject::Token);

impl SqlStore {
    pub(super) async fn list_tokens(
        &self,
        filter: TokenFilter,
        page: Page,
        at: Timestamp,
    ) -> Result<Reply, ExecuteError> {
        let project = filter.project_id.map(|id| id.to_string());
        let filtered = |statement: &'static str| {
            sqlx::query(statement).bind(project.clone()).bind(filter.active_only).bind(at.as_micros())
        };
        let mut transaction = self.begin_read().await?;
        let total = filtered(statements::COUNT_TOKENS).fetch_one(&mut *transaction).await?;
        let found = filtered(statements::LIST_TOKENS)
            .bind(page.limit.map_or(i64::MAX, sql_number))
            .bind(sql_number(page.offset))
            .fetch_all(&mut *transaction)
            .await?;
        transaction.commit().await?;
        let tokens: Result<_, StoreError> = found.iter().map(rows::token).collect();
        Ok(Reply::Tokens(tokens?, rows::count(&total)?))
    }

    pub(super) async fn create_token(&self, new: NewToken, at: Timestamp) -> Result<Reply, ExecuteError> {
        let id = TokenId::new(at, &random::id_seed().map_err(StoreError::from)?);
        let string = random::token_string().map_err(StoreError::from)?;
        let token = changes::new_token(id, string.masked(), &new, at);
        let mut transaction = self.begin_write().await?;
        if !self.read_project(&mut transaction, new.project_id).await?.project.is_active {
            return Err(CommandError::ProjectInactive.into());
        }
        sqlx::query(statements::INSERT_TOKEN)
            .bind(id.to_string())
            .bind(token.project_id.to_string())
            .bind(self.token_key.digest(&string).as_bytes().to_vec())
            .bind(&token.token)
            .bind(token.expires_at.as_micros())
            .bind(token.is_active)
            .bind(token.max_requests.map(sql_number))
            .bind(token.requests_per_minute.map(sql_number))
            .bind(token.created_at.as_micros())
            .execute(&mut *transaction)
            .await?;
        transaction.commit().await?;
        Ok(Reply::TokenCreated(token, string))
    }

    pub(super) async fn get_token(&self, id: TokenId) -> Result<Reply, ExecuteError> {
        let mut connection = self.readers.acquire().await?;
        Ok(Reply::Token(read_token(&mut connection, id).await?))
    }

    pub(super) async fn update_token(&self, id: TokenId, change: TokenChange) -> Result<Reply, ExecuteError> {
        let mut transaction = self.begin_write().await?;
        let mut token = read_token(&mut transaction, id).await?;
        if change.is_active == Some(true)
            && !self.read_project(&mut transaction, token.project_id).await?.project.is_active
        {
            return Err(CommandError::ProjectInactive.into());
        }
        changes::change_token(&mut token, &change);
        write_token(&mut transaction, &token).await?;
        transaction.commit().await?;
        Ok(Reply::Token(token))
    }

    pub(super) async fn revoke_token(&self, id: TokenId) -> Result<Reply, ExecuteError> {
        let mut transaction = self.begin_write().await?;
        let mut token = read_token(&mut transaction, id).await?;
        token.is_active = false;
        write_token(&mut transaction, &token).await?;
        transaction.commit().await?;
        Ok(Reply::Gone)
    }
}

async fn read_token(connection: &mut SqliteConnection, id: TokenId) -> Result<Token, ExecuteError> {
    let row = sqlx::query(statements::READ_TOKEN).bind(id.to_string()).fetch_optional(connection).await?;
    Ok(rows::token(&row.ok_or(NO_TOKEN)?)?)
}

async fn write_token(connection: &mut SqliteConnection, token: &Token) -> Result<(), StoreError> {
    sqlx::query(statements::UPDATE_TOKEN)
        .bind(token.id.to_string())
        .bind(token.is_active)
        .bind(token.max_requests.map(sql_number))
        .bind(token.requests_per_minute.map(sql_number))
        .execute(connection)
        .await?;
    Ok(())
}
