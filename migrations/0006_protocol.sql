-- What the protocol's extensions keep: metadata of clients beyond their first columns, tokens bound to a key, subjects that
-- differ by sector, pushed requests, proofs that work once, and registered resources.

alter table client drop constraint client_token_endpoint_auth_method_check;
alter table client drop constraint client_check;
alter table client
    -- RFC 7591 and its relatives, as `Metadata` of the source has it.
    add column metadata jsonb not null default '{}',
    add column profile text not null default 'standard' check (profile in ('standard', 'high', 'legacy')),
    -- client_secret_jwt needs the secret itself: sealed, for clients of that method only.
    add column secret_sealed bytea,
    add constraint client_auth_method check (token_endpoint_auth_method in ('client_secret_basic', 'client_secret_post',
        'client_secret_jwt', 'private_key_jwt', 'tls_client_auth', 'self_signed_tls_client_auth', 'none')),
    add constraint client_secret check ((secret_digest is not null)
        = (token_endpoint_auth_method in ('client_secret_basic', 'client_secret_post', 'client_secret_jwt'))),
    add constraint client_secret_sealed check (secret_sealed is null or token_endpoint_auth_method = 'client_secret_jwt');

alter table authorization_grant
    -- What the client knows the person by, where that is not the account's id (OpenID Connect Core 8.1).
    add column subject text,
    -- RFC 7800 `cnf`: the key or certificate that tokens of this grant are bound to.
    add column confirmation jsonb,
    -- RFC 9396, as it was granted.
    add column authorization_details jsonb,
    -- RFC 8707: the resources that tokens may be asked for; empty for none.
    add column resources text[] not null default '{}';

-- RFC 9449 10: the key that must redeem the code.
alter table authorization_code add column dpop_jkt text;

-- OpenID Connect Core 8.1: one person is somebody else in each sector.
create table pairwise_subject (
    account_id uuid not null references account (id) on delete cascade,
    sector text not null check (char_length(sector) <= 255),
    subject text not null unique,
    primary key (account_id, sector)
);

-- RFC 9126. Used up when the flow that it began gives its answer.
create table pushed_request (
    digest bytea primary key,
    client_id text not null references client (id) on delete cascade,
    request jsonb not null,
    expires_at timestamptz not null,
    used_at timestamptz,
    created_at timestamptz not null
);
create index pushed_request_expiry on pushed_request (expires_at);

-- Proofs that work once on all nodes: assertions of clients, DPoP proofs, request objects. The digest is of who made it and its `jti`.
create table replay (
    digest bytea primary key,
    expires_at timestamptz not null
);
create index replay_expiry on replay (expires_at);

-- RFC 8707: an API that tokens can be for.
create table resource (
    id uuid primary key,
    -- Null: the platform's own, for every company.
    company_id uuid references company (id),
    -- The `resource` parameter and the tokens' `aud`: an absolute URI.
    identifier text not null unique check (char_length(identifier) between 1 and 400),
    name text not null check (char_length(name) between 1 and 120),
    scopes text[] not null default '{}',
    token_lifetime_seconds integer check (token_lifetime_seconds between 30 and 86400),
    disabled_at timestamptz,
    created_at timestamptz not null,
    updated_at timestamptz not null
);
create index resource_company on resource (company_id);

do $$
declare
    name text;
begin
    foreach name in array array['pairwise_subject', 'pushed_request', 'replay', 'resource']
    loop
        execute format('alter table %I enable row level security, force row level security', name);
        execute format('grant select, insert, update, delete on %I to countersign_app', name);
    end loop;
    foreach name in array array['pairwise_subject', 'resource']
    loop
        execute format('grant select, insert on %I to countersign_lookup', name);
        execute format('create policy lookup on %I to countersign_lookup using (true) with check (true)', name);
    end loop;
end
$$;

create policy person_scope on pairwise_subject to countersign_app
    using (account_id = (select scope_person())) with check (account_id = (select scope_person()));
create policy platform_scope on pushed_request to countersign_app
    using ((select scope_platform())) with check ((select scope_platform()));
create policy platform_scope on replay to countersign_app
    using ((select scope_platform())) with check ((select scope_platform()));
create policy company_scope on resource to countersign_app
    using (company_id = (select scope_company())) with check (company_id = (select scope_company()));
create policy platform_scope on resource to countersign_app
    using (company_id is null and (select scope_platform())) with check (company_id is null and (select scope_platform()));
create policy platform_resources on resource for select to countersign_app using (company_id is null);

-- What this person is called in a sector; the given name is kept where there is none yet.
create function pairwise_subject_of(person uuid, asked text, fresh text) returns text
    language plpgsql volatile security definer set search_path = pg_catalog, public as $$
declare
    known text;
begin
    insert into pairwise_subject (account_id, sector, subject) values (person, asked, fresh) on conflict do nothing;
    select subject into known from pairwise_subject where account_id = person and sector = asked;
    return known;
end
$$;

-- Whom a name of a sector stands for.
create function find_pairwise_subject(sought text, asked text) returns uuid
    language sql stable security definer set search_path = pg_catalog, public as $$
    select account_id from pairwise_subject where subject = sought and sector = asked
$$;

-- A resource by its identifier, whoever owns it.
create function find_resource(sought text) returns setof resource
    language sql stable security definer set search_path = pg_catalog, public as $$
    select * from resource where identifier = sought
$$;

do $$
declare
    signature text;
begin
    foreach signature in array array['pairwise_subject_of(uuid, text, text)', 'find_pairwise_subject(text, text)', 'find_resource(text)']
    loop
        execute format('alter function %s owner to countersign_lookup', signature);
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to countersign_app', signature);
    end loop;
end
$$;
