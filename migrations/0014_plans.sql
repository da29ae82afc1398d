-- What is held, in one statement however many ask at one moment: access tokens, which name their company and grant, codes and refresh
-- tokens, which are found by their digests. Holding them is the permission: each question is answered with its own grant and nothing
-- else. `living` is the grant with what its company says of the person at this moment: null unless it is neither ended nor expired,
-- its client and its account are on and its membership has not ended. In PL/pgSQL, because that keeps its plans.
drop function held(text, bytea, uuid, uuid, timestamptz);
drop function living(uuid, uuid, timestamptz);
create function held(kinds text[], secrets bytea[], companies uuid[], grants uuid[], ats timestamptz[])
    returns table (n bigint, company_id uuid, account_id uuid, grant_id uuid, client_id text,
                   redirect_uri text, code_challenge text, dpop_jkt text,
                   used_at timestamptz, expires_at timestamptz, revoked_at timestamptz, successor_used boolean,
                   living living_grant)
    language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
#variable_conflict use_column
begin
    if 'access_token' = any (kinds) then
        return query
            select q.n, g.company_id, g.account_id, g.id, g.client_id, null::text, null::text, null::text,
                   null::timestamptz, null::timestamptz, null::timestamptz, false,
                   row(g.id, g.company_id, g.account_id, g.client_id, g.login_id, g.scopes, g.audience, g.nonce, g.claims, g.auth_time, g.amr,
                       g.acr, g.subject, g.confirmation, g.authorization_details, g.resources, c.slug, c.name, c.require_mfa, m.role,
                       a.email, a.email_verified_at, a.name, a.given_name, a.family_name, a.middle_name, a.nickname,
                       a.preferred_username, a.profile, a.picture, a.website, a.gender, a.birthdate, a.zoneinfo, a.locale,
                       a.phone_number, a.phone_number_verified, a.address, a.updated_at)::public.living_grant
            from unnest(kinds, companies, grants, ats) with ordinality as q(kind, company, granted, at, n)
            join public.authorization_grant g on g.company_id = q.company and g.id = q.granted
            join public.company c on c.id = g.company_id
            join public.membership m on m.company_id = g.company_id and m.account_id = g.account_id and m.ended_at is null
            join public.account a on a.id = g.account_id and a.disabled_at is null
            join public.client k on k.id = g.client_id and k.disabled_at is null
            where q.kind = 'access_token' and g.ended_at is null and g.expires_at > q.at;
    end if;
    if 'code' = any (kinds) then
        return query
            select q.n, g.company_id, g.account_id, g.id, g.client_id, s.redirect_uri, s.code_challenge, s.dpop_jkt,
                   s.used_at, s.expires_at, null::timestamptz, false,
                   case when g.ended_at is null and g.expires_at > q.at and m.account_id is not null and a.id is not null and k.id is not null then row(g.id, g.company_id, g.account_id, g.client_id, g.login_id, g.scopes, g.audience, g.nonce, g.claims, g.auth_time, g.amr,
                       g.acr, g.subject, g.confirmation, g.authorization_details, g.resources, c.slug, c.name, c.require_mfa, m.role,
                       a.email, a.email_verified_at, a.name, a.given_name, a.family_name, a.middle_name, a.nickname,
                       a.preferred_username, a.profile, a.picture, a.website, a.gender, a.birthdate, a.zoneinfo, a.locale,
                       a.phone_number, a.phone_number_verified, a.address, a.updated_at)::public.living_grant end
            from unnest(kinds, secrets, ats) with ordinality as q(kind, secret, at, n)
            join public.authorization_code s on s.digest = q.secret
            join public.authorization_grant g on g.company_id = s.company_id and g.id = s.grant_id
            join public.company c on c.id = g.company_id
            left join public.membership m on m.company_id = g.company_id and m.account_id = g.account_id and m.ended_at is null
            left join public.account a on a.id = g.account_id and a.disabled_at is null
            left join public.client k on k.id = g.client_id and k.disabled_at is null
            where q.kind = 'code';
    end if;
    if 'refresh_token' = any (kinds) then
        return query
            select q.n, g.company_id, g.account_id, g.id, g.client_id, null::text, null::text, null::text,
                   s.used_at, s.expires_at, s.revoked_at,
                   s.used_at is not null and exists (select from public.refresh_token f where f.company_id = s.company_id
                       and f.parent_digest = s.digest and f.used_at is not null),
                   case when g.ended_at is null and g.expires_at > q.at and m.account_id is not null and a.id is not null and k.id is not null then row(g.id, g.company_id, g.account_id, g.client_id, g.login_id, g.scopes, g.audience, g.nonce, g.claims, g.auth_time, g.amr,
                       g.acr, g.subject, g.confirmation, g.authorization_details, g.resources, c.slug, c.name, c.require_mfa, m.role,
                       a.email, a.email_verified_at, a.name, a.given_name, a.family_name, a.middle_name, a.nickname,
                       a.preferred_username, a.profile, a.picture, a.website, a.gender, a.birthdate, a.zoneinfo, a.locale,
                       a.phone_number, a.phone_number_verified, a.address, a.updated_at)::public.living_grant end
            from unnest(kinds, secrets, ats) with ordinality as q(kind, secret, at, n)
            join public.refresh_token s on s.digest = q.secret
            join public.authorization_grant g on g.company_id = s.company_id and g.id = s.grant_id
            join public.company c on c.id = g.company_id
            left join public.membership m on m.company_id = g.company_id and m.account_id = g.account_id and m.ended_at is null
            left join public.account a on a.id = g.account_id and a.disabled_at is null
            left join public.client k on k.id = g.client_id and k.disabled_at is null
            where q.kind = 'refresh_token';
    end if;
end
$$;
alter function held(text[], bytea[], uuid[], uuid[], timestamptz[]) owner to countersign_lookup;
revoke all on function held(text[], bytea[], uuid[], uuid[], timestamptz[]) from public;
grant execute on function held(text[], bytea[], uuid[], uuid[], timestamptz[]) to countersign_app;

create or replace function find_company(sought text) returns uuid
    language plpgsql stable security definer set search_path = pg_catalog, public, pg_temp as $$
begin
    return (select c.id from public.company c where c.slug = sought);
end
$$;

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
