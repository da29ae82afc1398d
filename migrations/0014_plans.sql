-- PostgreSQL plans a function in SQL anew at each call where it cannot be inlined, and keeps the plans of one in PL/pgSQL. What hot
-- requests call is in PL/pgSQL therefore.

drop function held(text, bytea, uuid, uuid, timestamptz);
drop function living(uuid, uuid, timestamptz);

create or replace function find_code(sought bytea)
    returns table (company_id uuid, account_id uuid, grant_id uuid, client_id text)
    language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
begin
    return query
        select g.company_id, g.account_id, g.id, g.client_id
        from public.authorization_code c
        join public.authorization_grant g on g.company_id = c.company_id and g.id = c.grant_id
        where c.digest = sought;
end
$$;

create or replace function find_refresh_token(sought bytea)
    returns table (company_id uuid, account_id uuid, grant_id uuid, client_id text)
    language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
begin
    return query
        select g.company_id, g.account_id, g.id, g.client_id
        from public.refresh_token r
        join public.authorization_grant g on g.company_id = r.company_id and g.id = r.grant_id
        where r.digest = sought;
end
$$;

create or replace function find_company(sought text) returns uuid
    language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    return (select c.id from public.company c where c.slug = sought);
end
$$;

-- What is held: an access token (its company and grant are in it), a code, or a refresh token (found by their digests). `living` is the
-- grant with what its company says of the person at this moment: null unless it is neither ended nor expired, its client and its
-- account are on and its membership has not ended.
create function held(kind text, secret bytea, company uuid, sought uuid, at timestamptz)
    returns table (company_id uuid, account_id uuid, grant_id uuid, client_id text,
                   redirect_uri text, code_challenge text, dpop_jkt text,
                   used_at timestamptz, expires_at timestamptz, revoked_at timestamptz, successor_used boolean,
                   living living_grant)
    language plpgsql as $$
#variable_conflict use_column
declare
    person uuid;
    whose text;
    alive living_grant;
begin
    if kind = 'code' then
        select f.company_id, f.account_id, f.grant_id, f.client_id into company, person, sought, whose from public.find_code(secret) f;
    elsif kind = 'refresh_token' then
        select f.company_id, f.account_id, f.grant_id, f.client_id into company, person, sought, whose
        from public.find_refresh_token(secret) f;
    end if;
    if company is null then
        return;
    end if;
    perform set_config('app.company_id', company::text, true);
    if person is not null then
        perform set_config('app.account_id', person::text, true);
    end if;
    select g.id, g.company_id, g.account_id, g.client_id, g.login_id, g.scopes, g.audience, g.nonce, g.claims, g.auth_time, g.amr,
               g.acr, g.subject, g.confirmation, g.authorization_details, g.resources, c.slug, c.name, c.require_mfa, m.role,
               a.email, a.email_verified_at, a.name, a.given_name, a.family_name, a.middle_name, a.nickname, a.preferred_username,
               a.profile, a.picture, a.website, a.gender, a.birthdate, a.zoneinfo, a.locale, a.phone_number, a.phone_number_verified,
               a.address, a.updated_at
    into alive
    from public.authorization_grant g
    join public.company c on c.id = g.company_id
    join public.membership m on m.company_id = g.company_id and m.account_id = g.account_id and m.ended_at is null
    join public.account a on a.id = g.account_id and a.disabled_at is null
    join public.client k on k.id = g.client_id and k.disabled_at is null
    where g.company_id = company and g.id = sought and g.ended_at is null and g.expires_at > at;
    if not found then
        if kind = 'access_token' then
            return;
        end if;
        alive := null;
    end if;
    if kind = 'code' then
        return query
            select company, person, sought, whose, c.redirect_uri, c.code_challenge, c.dpop_jkt,
                   c.used_at, c.expires_at, null::timestamptz, false, alive
            from public.authorization_code c where c.company_id = company and c.digest = secret;
    elsif kind = 'refresh_token' then
        return query
            select company, person, sought, whose, null::text, null::text, null::text, t.used_at, t.expires_at, t.revoked_at,
                   t.used_at is not null and exists (select from public.refresh_token s
                       where s.company_id = company and s.parent_digest = secret and s.used_at is not null), alive
            from public.refresh_token t where t.company_id = company and t.digest = secret;
    else
        company_id := alive.company_id; account_id := alive.account_id; grant_id := alive.id; client_id := alive.client_id;
        successor_used := false;
        living := alive;
        return next;
    end if;
end
$$;
revoke all on function held(text, bytea, uuid, uuid, timestamptz) from public;
grant execute on function held(text, bytea, uuid, uuid, timestamptz) to countersign_app;

-- Counts one attempt under several limits, one after the other, until one of them says no: when the next is heard then, and null
-- where all admit it. What costs nothing blocks until long ago, not until now: requests of one moment do not arrive here in the order
-- of their instants.
create function throttle_admit(keys bytea[], free integer[], step double precision[], most double precision[],
                               forgotten timestamptz[], at timestamptz)
    returns timestamptz language plpgsql as $$
declare
    until timestamptz;
begin
    for n in 1 .. array_length(keys, 1) loop
        insert into public.throttle as t (key, failures, blocked_until, expires_at) values (keys[n], 1, 'epoch', forgotten[n])
        on conflict (key) do update set
            failures = case when t.expires_at <= at then 1 else t.failures + 1 end,
            blocked_until = case when t.expires_at <= at or t.failures < free[n] then 'epoch'
                else at + make_interval(secs => least(most[n], step[n] * power(2, least(t.failures - free[n], 30)))) end,
            expires_at = forgotten[n]
        where t.blocked_until <= at;
        if not found then
            select t.blocked_until into until from public.throttle t where t.key = keys[n];
            return until;
        end if;
    end loop;
    return null;
end
$$;
revoke all on function throttle_admit(bytea[], integer[], double precision[], double precision[], timestamptz[], timestamptz) from public;
grant execute on function throttle_admit(bytea[], integer[], double precision[], double precision[], timestamptz[], timestamptz)
    to countersign_app;
