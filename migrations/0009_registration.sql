-- How clients come to be: by their own request (RFC 7591), by a document that they publish (OAuth Client ID Metadata
-- Document), or as before by the operator and by companies. And the tokens that let somebody register.

alter table client drop constraint client_id_check;
alter table client
    add column origin text not null default 'own' check (origin in ('own', 'dynamic', 'document')),
    -- Of the token that manages a registration (RFC 7592).
    add column registration_digest bytea,
    -- When a document was last read, and when that was last tried.
    add column document_fetched_at timestamptz,
    add column document_tried_at timestamptz,
    add constraint client_id check (case when origin = 'document' then company_id is null and id ~ '^https://[!-~]+$' and char_length(id) <= 400
        else id ~ '^cli_[A-Za-z0-9_-]{1,60}$' end),
    add constraint client_registration check (registration_digest is null or origin = 'dynamic');
create index client_grants on authorization_grant (client_id);
create index client_consents on consent (client_id);
create index client_pushed_requests on pushed_request (client_id);

-- RFC 7591 1.2: lets its bearer register clients.
create table initial_access_token (
    digest bytea primary key,
    -- Who owns what is registered with it; null is the platform.
    company_id uuid references company (id),
    profile text not null default 'standard' check (profile in ('standard', 'high', 'legacy')),
    -- Null: any number.
    uses_left integer check (uses_left >= 0),
    expires_at timestamptz not null,
    created_at timestamptz not null
);
create index initial_access_token_company on initial_access_token (company_id);
create index initial_access_token_expiry on initial_access_token (expires_at);
alter table initial_access_token enable row level security, force row level security;
grant select, insert, update, delete on initial_access_token to countersign_app;
grant select, update, delete on initial_access_token to countersign_lookup;
create policy lookup on initial_access_token to countersign_lookup using (true) with check (true);
create policy company_scope on initial_access_token to countersign_app
    using (company_id = (select scope_company())) with check (company_id = (select scope_company()));
create policy platform_scope on initial_access_token to countersign_app
    using (company_id is null and (select scope_platform())) with check (company_id is null and (select scope_platform()));

-- Whose token this is, where it is still good; uses nothing up.
create function peek_initial_access_token(sought bytea, at timestamptz) returns table (company_id uuid, profile text)
    language sql stable security definer set search_path = pg_catalog, public as $$
    select t.company_id, t.profile from initial_access_token t
    where t.digest = sought and t.expires_at > at and (t.uses_left is null or t.uses_left > 0)
$$;

-- Uses it once. Whoever comes when no use is left gets false.
create function take_initial_access_token(sought bytea, at timestamptz) returns boolean
    language plpgsql volatile security definer set search_path = pg_catalog, public as $$
begin
    update initial_access_token set uses_left = uses_left - 1
    where digest = sought and expires_at > at and (uses_left is null or uses_left > 0);
    return found;
end
$$;

-- Sweeps one batch of tokens that are over, and of documents that nobody used since the given day; answers how many went.
create function sweep_registrations(at timestamptz, unused_since timestamptz, batch integer) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    done bigint := 0;
    part bigint;
begin
    delete from initial_access_token where digest in
        (select digest from initial_access_token where expires_at < at or uses_left = 0 limit batch for update skip locked);
    get diagnostics part = row_count; done := done + part;
    delete from client where id in
        (select k.id from client k where k.origin = 'document' and k.document_fetched_at < unused_since
            and not exists (select from authorization_grant g where g.client_id = k.id)
            and not exists (select from consent c where c.client_id = k.id)
         limit batch for update skip locked);
    get diagnostics part = row_count; done := done + part;
    return done;
end
$$;

do $$
declare
    signature text;
begin
    foreach signature in array array['peek_initial_access_token(bytea, timestamptz)',
        'take_initial_access_token(bytea, timestamptz)', 'sweep_registrations(timestamptz, timestamptz, integer)']
    loop
        execute format('alter function %s owner to countersign_lookup', signature);
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to countersign_app', signature);
    end loop;
end
$$;
