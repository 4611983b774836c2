//! The closed lists of words in an event.

/// Declares an enum of words and how each reads in an event.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        pub enum $name {
            $($(#[$word_doc])* $word,)*
        }

        impl $name {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$word),*];

            /// As it reads in an event.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$word => $text,)*
                }
            }

            /// The one that reads like that.
            #[must_use]
            pub fn parse(text: &str) -> Option<Self> {
                Self::ALL.iter().copied().find(|word| word.as_str() == text)
            }
        }
    };
}

words! {
    /// What was done, or tried.
    Action {
        /// A list of projects was read.
        ProjectList = "project.list",
        /// A project was made.
        ProjectCreate = "project.create",
        /// A project was read.
        ProjectRead = "project.read",
        /// A project was changed.
        ProjectUpdate = "project.update",
        /// A project was deleted.
        ProjectDelete = "project.delete",
        /// A list of tokens was read.
        TokenList = "token.list",
        /// A token was made.
        TokenCreate = "token.create",
        /// A token was read.
        TokenRead = "token.read",
        /// A token was changed.
        TokenUpdate = "token.update",
        /// A token was revoked.
        TokenRevoke = "token.revoke",
        /// All tokens of a project were revoked.
        TokenRevokeBatch = "token.revoke_batch",
        /// A client's token was checked.
        TokenValidate = "token.validate",
        /// A token was used.
        TokenAccess = "token.access",
        /// A request to the proxy.
        ProxyRequest = "proxy_request",
        /// A login to the admin UI.
        AdminLogin = "admin.login",
        /// A logout from the admin UI.
        AdminLogout = "admin.logout",
        /// A page of the admin UI, or a management path or method that is none.
        AdminAccess = "admin.access",
        /// A list of audit events was read.
        AuditList = "audit.list",
        /// An audit event was read.
        AuditShow = "audit.show",
        /// Old audit events were removed from the database; the event is the anchor of what remains.
        AuditPrune = "audit.prune",
        /// The response cache was purged.
        CachePurge = "cache.purge",
        /// An instance started: the first event of its chain.
        ServerStart = "server.start",
        /// An instance stopped in order: the last event of its chain.
        ServerStop = "server.stop",
    }
}

words! {
    /// Who did it.
    Actor {
        /// The program itself.
        System = "system",
        /// Someone without a valid credential.
        Anonymous = "anonymous",
        /// Someone with a session of the admin UI.
        Admin = "admin",
        /// Someone with the management token.
        ManagementApi = "management_api",
    }
}

words! {
    /// How it went.
    Outcome {
        /// It was done.
        Success = "success",
        /// The caller asked for what cannot be done.
        Failure = "failure",
        /// Policy said no.
        Denied = "denied",
        /// The program or the store failed.
        Error = "error",
    }
}
