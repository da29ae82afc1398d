-- The house's tables, its roles and the wall between companies.
--
-- Roles: the owner runs migrations and never logs in at run time; `countersign_app` is what the server logs in as;
-- `countersign_lookup` logs in nowhere and owns the few functions that must find a row before a scope is known.
-- Roles belong to the whole cluster, so another database may have made them already.
do $$
begin
    if not exists (select from pg_roles where rolname = 'countersign_app') then
        create role countersign_app login nosuperuser nobypassrls nocreatedb nocreaterole;
    end if;
    if not exists (select from pg_roles where rolname = 'countersign_lookup') then
        create role countersign_lookup nologin nosuperuser nobypassrls nocreatedb nocreaterole;
    end if;
exception when duplicate_object or unique_violation then
    null; -- another database of this cluster was migrated at the same moment
end
$$;

grant usage, create on schema public to countersign_lookup;
grant usage on schema public to countersign_app;

-- The scope of a transaction. The setting reads '' on a connection that has had one before, so '' counts as unset.
create function scope_company() returns uuid language sql stable parallel safe
    as $$ select nullif(current_setting('app.company_id', true), '')::uuid $$;
create function scope_account() returns uuid language sql stable parallel safe
    as $$ select nullif(current_setting('app.account_id', true), '')::uuid $$;
-- The account, where the transaction's scope is that one person and no company.
create function scope_person() returns uuid language sql stable parallel safe
    as $$ select case when scope_company() is null then scope_account() end $$;
-- True where neither is set.
create function scope_platform() returns boolean language sql stable parallel safe
    as $$ select scope_company() is null and scope_account() is null $$;

------------------------------------------------------------------------------------------------------- companies

create table company (
    id uuid primary key,
    slug text not null unique check (slug ~ '^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$'),
    name text not null check (char_length(name) between 1 and 120),
    logo_url text,
    color text check (color ~ '^#[0-9a-f]{6}$'),
    require_mfa boolean not null default false,
    -- Longest time since the person last signed in that this company accepts; null leaves it to the platform.
    session_hours integer check (session_hours between 1 and 720),
    password_min_length integer not null default 8 check (password_min_length between 8 and 128),
    -- When not empty, only addresses of these domains can be added.
    mail_domains text[] not null default '{}',
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table account (
    id uuid primary key,
    email text not null unique check (email = lower(email) and char_length(email) <= 254),
    email_verified_at timestamptz,
    name text not null check (char_length(name) between 1 and 200),
    given_name text, family_name text, middle_name text, nickname text, preferred_username text,
    profile text, picture text, website text, gender text, birthdate text, zoneinfo text, locale text,
    phone_number text, phone_number_verified boolean not null default false,
    -- OpenID Connect Core 5.1.1: formatted, street_address, locality, region, postal_code, country.
    address jsonb,
    home_company_id uuid references company (id),
    disabled_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
);

create table membership (
    company_id uuid not null references company (id),
    account_id uuid not null references account (id),
    role text not null check (role in ('admin', 'manager', 'user')),
    ended_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    primary key (company_id, account_id)
);
create index membership_account on membership (account_id);

----------------------------------------------------------------------------------------------- what a person holds

create table password (
    account_id uuid primary key references account (id) on delete cascade,
    hash text not null,
    changed_at timestamptz not null
);

create table totp (
    account_id uuid primary key references account (id) on delete cascade,
    seed_sealed bytea not null,
    confirmed_at timestamptz,
    -- The last time step that was accepted: each step is good for one sign-in.
    last_step bigint not null default 0,
    created_at timestamptz not null
);

create table backup_code (
    account_id uuid not null references account (id) on delete cascade,
    digest bytea not null,
    used_at timestamptz,
    created_at timestamptz not null,
    primary key (account_id, digest)
);

-- One account signed in in one browser, or by one API caller. Its id is the `sid` of tokens.
create table login (
    id uuid primary key,
    account_id uuid not null references account (id) on delete cascade,
    auth_time timestamptz not null,
    amr text[] not null,
    acr text not null,
    ip text,
    user_agent text,
    created_at timestamptz not null,
    last_seen_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz
);
create index login_account on login (account_id, created_at desc);
create index login_expiry on login (expires_at);

-- A link that was mailed: confirm an address, choose a new password, accept an invitation.
create table mail_token (
    digest bytea primary key,
    account_id uuid not null references account (id) on delete cascade,
    purpose text not null check (purpose in ('verify_email', 'reset_password', 'change_email', 'invitation')),
    -- For change_email the address to confirm.
    email text not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    created_at timestamptz not null
);
create index mail_token_account on mail_token (account_id, purpose);
create index mail_token_expiry on mail_token (expires_at);

----------------------------------------------------------------------------------------------------------- clients

create table client (
    id text primary key check (id ~ '^cli_[A-Za-z0-9_-]{1,60}$'),
    -- Null: the platform's own.
    company_id uuid references company (id),
    name text not null check (char_length(name) between 1 and 120),
    -- RFC 7591: client_secret_basic (client_secret_post is accepted alike) or none.
    token_endpoint_auth_method text not null
        check (token_endpoint_auth_method in ('client_secret_basic', 'client_secret_post', 'none')),
    secret_digest bytea,
    redirect_uris text[] not null default '{}',
    post_logout_redirect_uris text[] not null default '{}',
    grant_types text[] not null default '{authorization_code,refresh_token}',
    scopes text[] not null default '{openid,profile,email,phone,address,offline_access,company}',
    skip_consent boolean not null default false,
    client_uri text, logo_uri text, policy_uri text, tos_uri text,
    disabled_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    unique (company_id, id),
    check ((secret_digest is null) = (token_endpoint_auth_method = 'none'))
);

create table consent (
    company_id uuid not null,
    account_id uuid not null,
    client_id text not null references client (id) on delete cascade,
    scopes text[] not null,
    granted_at timestamptz not null,
    primary key (company_id, account_id, client_id),
    foreign key (company_id, account_id) references membership (company_id, account_id) on delete cascade
);
create index consent_account on consent (account_id);

-- RFC 6749 1.3: who let which client do what, for which company. Codes and refresh tokens hang from it.
create table authorization_grant (
    company_id uuid not null,
    id uuid not null,
    account_id uuid not null,
    client_id text not null references client (id) on delete cascade,
    login_id uuid not null references login (id) on delete cascade,
    scopes text[] not null,
    audience text not null,
    nonce text,
    -- OpenID Connect Core 5.5, as it was asked for.
    claims jsonb,
    auth_time timestamptz not null,
    amr text[] not null,
    acr text not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    ended_at timestamptz,
    primary key (company_id, id),
    foreign key (company_id, account_id) references membership (company_id, account_id) on delete cascade
);
create index authorization_grant_account on authorization_grant (company_id, account_id);
create index authorization_grant_login on authorization_grant (login_id);
create index authorization_grant_own on authorization_grant (account_id);
create index authorization_grant_expiry on authorization_grant (expires_at);

create table authorization_code (
    digest bytea primary key,
    company_id uuid not null,
    grant_id uuid not null,
    redirect_uri text not null,
    -- RFC 7636, S256.
    code_challenge text,
    expires_at timestamptz not null,
    used_at timestamptz,
    created_at timestamptz not null,
    foreign key (company_id, grant_id) references authorization_grant (company_id, id) on delete cascade
);
create index authorization_code_grant on authorization_code (company_id, grant_id);
create index authorization_code_expiry on authorization_code (expires_at);

create table refresh_token (
    digest bytea primary key,
    company_id uuid not null,
    grant_id uuid not null,
    -- The token that this one replaced, and when this one was itself first used or replaced.
    parent_digest bytea,
    used_at timestamptz,
    expires_at timestamptz not null,
    revoked_at timestamptz,
    created_at timestamptz not null,
    foreign key (company_id, grant_id) references authorization_grant (company_id, id) on delete cascade
);
create index refresh_token_grant on refresh_token (company_id, grant_id);
create index refresh_token_expiry on refresh_token (expires_at);

------------------------------------------------------------------------------------------------ what nobody owns

-- A browser's session as tower-sessions keeps it, found by the digest of the cookie's value.
create table browser_session (
    digest bytea primary key,
    data jsonb not null,
    expires_at timestamptz not null
);
create index browser_session_expiry on browser_session (expires_at);

-- One authorization request in flight in one browser tab.
create table flow (
    digest bytea primary key,
    -- Digest of the browser's session id: another browser cannot take the flow over.
    browser_digest bytea not null,
    request jsonb not null,
    created_at timestamptz not null,
    expires_at timestamptz not null,
    finished_at timestamptz
);
create index flow_expiry on flow (expires_at);

create table signing_key (
    kid text primary key,
    algorithm text not null,
    private_sealed bytea not null,
    public_jwk jsonb not null,
    state text not null check (state in ('next', 'current', 'previous')),
    created_at timestamptz not null,
    activated_at timestamptz,
    -- For a previous key: when the last token it signed has expired.
    retires_at timestamptz
);
-- At most one key of an algorithm signs, and at most one waits.
create unique index signing_key_current on signing_key (algorithm) where state = 'current';
create unique index signing_key_next on signing_key (algorithm) where state = 'next';

-- Mail on its way. Written in the transaction that it reports, sent by a job.
create table outbox (
    id uuid primary key,
    -- The whole message, sealed: links in it are secrets.
    message_sealed bytea not null,
    attempts integer not null default 0,
    next_attempt_at timestamptz not null,
    last_error text,
    sent_at timestamptz,
    created_at timestamptz not null
);
create index outbox_due on outbox (next_attempt_at) where sent_at is null;

create table throttle (
    -- Digest of what is limited (an address, an account) and of the name of the limit.
    key bytea primary key,
    failures integer not null,
    blocked_until timestamptz not null,
    expires_at timestamptz not null
);
create index throttle_expiry on throttle (expires_at);

------------------------------------------------------------------------------------------------------------ audit

create table event (
    id uuid not null,
    company_id uuid,
    -- Whose matter it is, and who did it when that is somebody else.
    account_id uuid,
    actor_id uuid,
    client_id text,
    action text not null,
    ip text,
    user_agent text,
    request_id text,
    detail jsonb not null default '{}',
    created_at timestamptz not null,
    primary key (created_at, id)
) partition by range (created_at);
create index event_company on event (company_id, created_at desc, id desc);
create index event_account on event (account_id, created_at desc, id desc);

-- Months of the trail: makes what is missing between two instants. Owned by the migrations' owner, because only a
-- table's owner can give it partitions.
create function event_make_months(first timestamptz, last timestamptz) returns integer
    language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    month timestamptz := date_trunc('month', first at time zone 'UTC') at time zone 'UTC';
    upto timestamptz;
    name text;
    made integer := 0;
begin
    if last > first + interval '36 months' then
        raise exception 'too many months' using errcode = 'invalid_parameter_value';
    end if;
    while month <= last loop
        upto := (date_trunc('month', month at time zone 'UTC') + interval '1 month') at time zone 'UTC';
        name := 'event_' || to_char(month at time zone 'UTC', 'YYYY_MM');
        if to_regclass('public.' || name) is null then
            execute format('create table public.%I partition of public.event for values from (%L) to (%L)', name, month, upto);
            execute format('alter table public.%I enable row level security, force row level security', name);
            made := made + 1;
        end if;
        month := upto;
    end loop;
    return made;
exception when duplicate_table then
    return made; -- another node was faster
end
$$;

-- Months whose last instant lies before the given one go, whole.
create function event_drop_months(before timestamptz) returns integer
    language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    part record;
    dropped integer := 0;
begin
    for part in
        select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
        where i.inhparent = 'public.event'::regclass and c.relname ~ '^event_\d{4}_\d{2}$'
          and (to_date(substr(c.relname, 7), 'YYYY_MM') + interval '1 month') at time zone 'UTC' <= before
    loop
        execute format('drop table public.%I', part.relname);
        dropped := dropped + 1;
    end loop;
    return dropped;
end
$$;
revoke all on function event_make_months(timestamptz, timestamptz), event_drop_months(timestamptz) from public;
grant execute on function event_make_months(timestamptz, timestamptz), event_drop_months(timestamptz) to countersign_app;

create table event_otherwise partition of event default;

--------------------------------------------------------------------------------------------------------- the wall

do $$
declare
    name text;
begin
    foreach name in array array['company', 'account', 'membership', 'password', 'totp', 'backup_code', 'login',
        'mail_token', 'client', 'consent', 'authorization_grant', 'authorization_code', 'refresh_token',
        'browser_session', 'flow', 'signing_key', 'outbox', 'throttle', 'event']
    loop
        execute format('alter table %I enable row level security, force row level security', name);
        execute format('grant select, insert, update, delete on %I to countersign_app', name);
    end loop;
end
$$;
alter table event_otherwise enable row level security, force row level security;
-- The trail is only ever added to.
revoke update, delete on event from countersign_app;
revoke delete on company, account from countersign_app;

-- A company's own rows.
create policy company_scope on company to countersign_app
    using (id = (select scope_company())) with check (id = (select scope_company()));
create policy company_scope on membership to countersign_app
    using (company_id = (select scope_company())) with check (company_id = (select scope_company()));
create policy company_scope on client to countersign_app
    using (company_id = (select scope_company())) with check (company_id = (select scope_company()));
create policy company_scope on consent to countersign_app
    using (company_id = (select scope_company())) with check (company_id = (select scope_company()));
create policy company_scope on authorization_grant to countersign_app
    using (company_id = (select scope_company())) with check (company_id = (select scope_company()));
create policy company_scope on authorization_code to countersign_app
    using (company_id = (select scope_company())) with check (company_id = (select scope_company()));
create policy company_scope on refresh_token to countersign_app
    using (company_id = (select scope_company())) with check (company_id = (select scope_company()));
create policy company_scope on event to countersign_app
    using (company_id = (select scope_company())) with check (company_id = (select scope_company()));
-- Names and addresses of its members, never their credentials; a company changes only what it created.
create policy company_scope on account for select to countersign_app
    using (exists (select from membership m where m.company_id = (select scope_company()) and m.account_id = account.id));
create policy company_scope_new on account for insert to countersign_app
    with check (home_company_id = (select scope_company()));
create policy company_scope_home on account for update to countersign_app
    using (home_company_id = (select scope_company())) with check (home_company_id = (select scope_company()));

-- A person's own rows, across companies.
create policy person_scope on account to countersign_app
    using (id = (select scope_person())) with check (id = (select scope_person()));
create policy person_scope on password to countersign_app
    using (account_id = (select scope_person())) with check (account_id = (select scope_person()));
create policy person_scope on totp to countersign_app
    using (account_id = (select scope_person())) with check (account_id = (select scope_person()));
create policy person_scope on backup_code to countersign_app
    using (account_id = (select scope_person())) with check (account_id = (select scope_person()));
create policy person_scope on login to countersign_app
    using (account_id = (select scope_person())) with check (account_id = (select scope_person()));
create policy person_scope on mail_token to countersign_app
    using (account_id = (select scope_person())) with check (account_id = (select scope_person()));
create policy person_scope on consent to countersign_app
    using (account_id = (select scope_person()));
create policy person_scope on authorization_grant to countersign_app
    using (account_id = (select scope_person()));
create policy person_scope on membership for select to countersign_app
    using (account_id = (select scope_person()));
create policy person_scope on company for select to countersign_app
    using (exists (select from membership m where m.company_id = company.id and m.account_id = (select scope_person())));
create policy person_scope on event for select to countersign_app
    using (account_id = (select scope_person()));
create policy person_scope_new on event for insert to countersign_app
    with check (account_id = (select scope_person()) and (company_id is null or exists (
        select from membership m where m.company_id = event.company_id and m.account_id = (select scope_person()))));

-- What no company owns. Platform clients can be read in every scope, written only from the platform's.
create policy platform_scope on browser_session to countersign_app
    using ((select scope_platform())) with check ((select scope_platform()));
create policy platform_scope on flow to countersign_app
    using ((select scope_platform())) with check ((select scope_platform()));
create policy platform_scope on signing_key to countersign_app
    using ((select scope_platform())) with check ((select scope_platform()));
create policy platform_scope on throttle to countersign_app
    using ((select scope_platform())) with check ((select scope_platform()));
create policy platform_scope on client to countersign_app
    using (company_id is null and (select scope_platform())) with check (company_id is null and (select scope_platform()));
create policy platform_clients on client for select to countersign_app using (company_id is null);
create policy platform_scope on outbox to countersign_app
    using ((select scope_platform())) with check ((select scope_platform()));
-- Any transaction may report by mail; only the job reads.
create policy any_scope_new on outbox for insert to countersign_app with check (true);
create policy platform_scope on event for select to countersign_app
    using (company_id is null and account_id is null and (select scope_platform()));
create policy platform_scope_new on event for insert to countersign_app
    with check (company_id is null and account_id is null and (select scope_platform()));

----------------------------------------------------------------------------------- found before a scope is known

-- `countersign_lookup` reads through its own policies; its functions, one per question, are all that ever runs as it.
do $$
declare
    name text;
begin
    foreach name in array array['company', 'account', 'membership', 'password', 'totp', 'client', 'mail_token',
        'authorization_grant', 'authorization_code', 'refresh_token', 'login', 'consent']
    loop
        execute format('grant select, update, delete on %I to countersign_lookup', name);
        execute format('create policy lookup on %I to countersign_lookup using (true) with check (true)', name);
    end loop;
end
$$;

-- Sign-in: what must be known about an address to check a password.
create function find_credentials(sought text)
    returns table (account_id uuid, password_hash text, email_verified boolean, disabled boolean, has_totp boolean,
                   home_company_id uuid)
    language sql stable security definer set search_path = pg_catalog, public as $$
    select a.id, p.hash, a.email_verified_at is not null, a.disabled_at is not null,
           exists (select from totp t where t.account_id = a.id and t.confirmed_at is not null), a.home_company_id
    from account a left join password p on p.account_id = a.id
    where a.email = sought
$$;

-- A client by its id, whoever owns it.
create function find_client(sought text) returns setof client
    language sql stable security definer set search_path = pg_catalog, public as $$
    select * from client where id = sought
$$;

-- Redeems a mailed link, once.
create function take_mail_token(sought bytea, wanted text, at timestamptz)
    returns table (account_id uuid, email text)
    language sql volatile security definer set search_path = pg_catalog, public as $$
    update mail_token set used_at = at
    where digest = sought and purpose = wanted and used_at is null and expires_at > at
    returning account_id, email
$$;

-- Whether a mailed link would still be good, without using it.
create function peek_mail_token(sought bytea, wanted text, at timestamptz)
    returns table (account_id uuid, email text)
    language sql stable security definer set search_path = pg_catalog, public as $$
    select m.account_id, m.email from mail_token m
    where m.digest = sought and m.purpose = wanted and m.used_at is null and m.expires_at > at
$$;

do $$
declare
    signature text;
begin
    foreach signature in array array['find_credentials(text)', 'find_client(text)',
        'take_mail_token(bytea, text, timestamptz)', 'peek_mail_token(bytea, text, timestamptz)']
    loop
        execute format('alter function %s owner to countersign_lookup', signature);
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to countersign_app', signature);
    end loop;
end
$$;
