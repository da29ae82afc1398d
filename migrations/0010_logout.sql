-- Who must hear when a login ends: the clients that signed somebody in by it and have a logout URI, and the notices to them
-- that are on their way (Back-Channel Logout 1.0, Front-Channel Logout 1.0).

-- Longer than the grants, which are swept with their last token: an app's own session goes on without one.
create table login_client (
    company_id uuid not null,
    login_id uuid not null references login (id) on delete cascade,
    client_id text not null references client (id) on delete cascade,
    account_id uuid not null,
    -- What the client knows the person by, where that is not the account's id.
    subject text,
    created_at timestamptz not null,
    primary key (company_id, login_id, client_id),
    foreign key (company_id, account_id) references membership (company_id, account_id) on delete cascade
);
create index login_client_login on login_client (login_id);
create index login_client_account on login_client (account_id);
create index login_client_member on login_client (company_id, account_id);
create index login_client_client on login_client (client_id);

-- Written in the transaction that ends the login, sent by a job, gone when it was sent or given up.
create table logout_notice (
    id uuid primary key,
    client_id text not null references client (id) on delete cascade,
    -- The login may be swept before the notice is through.
    login_id uuid not null,
    account_id uuid not null references account (id) on delete cascade,
    subject text,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null,
    last_error text,
    created_at timestamptz not null
);
create index logout_notice_due on logout_notice (next_attempt_at);
create index logout_notice_client on logout_notice (client_id);
create index logout_notice_account on logout_notice (account_id);

alter table login_client enable row level security, force row level security;
alter table logout_notice enable row level security, force row level security;
grant select, insert, update, delete on login_client, logout_notice to countersign_app;

create policy company_scope on login_client to countersign_app
    using (company_id = (select scope_company())) with check (company_id = (select scope_company()));
create policy person_scope on login_client to countersign_app
    using (account_id = (select scope_person()));
-- Only the job reads. A person reports of themselves, a company of its members.
create policy platform_scope on logout_notice to countersign_app
    using ((select scope_platform())) with check ((select scope_platform()));
create policy person_scope_new on logout_notice for insert to countersign_app
    with check (account_id = (select scope_person()));
create policy company_scope_new on logout_notice for insert to countersign_app
    with check (exists (select from membership m
        where m.company_id = (select scope_company()) and m.account_id = logout_notice.account_id));
