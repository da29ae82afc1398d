-- What the operator's jobs and commands need beyond any scope.

-- Sweeps one batch of expired rows; answers how many went. Small batches hold no lock for long.
create function sweep(at timestamptz, batch integer) returns bigint
    language plpgsql security definer set search_path = pg_catalog, public as $$
declare
    done bigint := 0;
    part bigint;
begin
    -- Codes and refresh tokens hang from grants and go with them.
    delete from authorization_grant where (company_id, id) in
        (select company_id, id from authorization_grant where expires_at < at limit batch for update skip locked);
    get diagnostics part = row_count; done := done + part;
    delete from authorization_code where digest in
        (select digest from authorization_code where expires_at < at - interval '1 day' limit batch for update skip locked);
    get diagnostics part = row_count; done := done + part;
    delete from refresh_token where digest in
        (select digest from refresh_token where expires_at < at limit batch for update skip locked);
    get diagnostics part = row_count; done := done + part;
    delete from mail_token where digest in
        (select digest from mail_token where expires_at < at limit batch for update skip locked);
    get diagnostics part = row_count; done := done + part;
    -- A login is kept for as long as a grant hangs from it.
    delete from login where id in
        (select l.id from login l where l.expires_at < at
            and not exists (select from authorization_grant g where g.login_id = l.id)
         limit batch for update skip locked);
    get diagnostics part = row_count; done := done + part;
    return done;
end
$$;

-- The operator's list of companies.
create function list_companies()
    returns table (id uuid, slug text, name text, require_mfa boolean, members bigint, created_at timestamptz)
    language sql stable security definer set search_path = pg_catalog, public as $$
    select c.id, c.slug, c.name, c.require_mfa,
           (select count(*) from membership m where m.company_id = c.id and m.ended_at is null), c.created_at
    from company c order by c.slug
$$;

-- The operator's list of clients, whoever owns them.
create function list_clients()
    returns table (id text, owner text, name text, method text, disabled boolean, created_at timestamptz)
    language sql stable security definer set search_path = pg_catalog, public as $$
    select k.id, c.slug, k.name, k.token_endpoint_auth_method, k.disabled_at is not null, k.created_at
    from client k left join company c on c.id = k.company_id order by c.slug nulls first, k.id
$$;

-- A company by its slug.
create function find_company(sought text) returns uuid
    language sql stable security definer set search_path = pg_catalog, public as $$
    select id from company where slug = sought
$$;

do $$
declare
    signature text;
begin
    foreach signature in array array['sweep(timestamptz, integer)', 'list_companies()', 'list_clients()', 'find_company(text)']
    loop
        execute format('alter function %s owner to countersign_lookup', signature);
        execute format('revoke all on function %s from public', signature);
        execute format('grant execute on function %s to countersign_app', signature);
    end loop;
end
$$;

-- The server asks at its start whether every migration it knows was applied.
do $$
begin
    if to_regclass('public._sqlx_migrations') is not null then
        grant select on public._sqlx_migrations to countersign_app;
    end if;
end
$$;
