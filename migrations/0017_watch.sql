-- What `countersign doctor` asks across companies: since when the oldest row of a table is over. Nothing else of the row is told.
create function oldest_expired() returns table (name text, since timestamptz)
    language sql stable security definer set search_path = pg_catalog, public, pg_temp as $$
    select 'authorization_grant', min(expires_at) from authorization_grant
    union all select 'authorization_code', min(expires_at) from authorization_code
    union all select 'refresh_token', min(expires_at) from refresh_token
    union all select 'mail_token', min(expires_at) from mail_token
    -- A login is kept for as long as a grant hangs from it.
    union all select 'login', (select l.expires_at from login l
        where not exists (select from authorization_grant g where g.login_id = l.id) order by l.expires_at limit 1)
$$;
alter function oldest_expired() owner to countersign_lookup;
revoke all on function oldest_expired() from public;
grant execute on function oldest_expired() to countersign_app;
