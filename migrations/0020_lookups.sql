-- What a code or a refresh token reads does not grow with its company, nor with its line.
--
-- Each is looked up by its digest, and its grant by the whole key. Where most companies have little and one has much, a plan for all of them
-- would rather read everything that a company has: a `limit` holds it to one row for each question, `is not distinct from` uses no index,
-- and no index of tokens or codes begins with the company.

create or replace function take_codes(secrets bytea[], companies uuid[], people uuid[], grants uuid[], ats timestamptz[], firsts boolean[],
                           refreshes bytea[], untils timestamptz[], binds jsonb[],
                           lines uuid[], clients text[], ips text[], user_agents text[], requests text[],
                           actions text[], details jsonb[], reuses text[])
    returns text[] language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
    words text[] := array_fill(null::text, array[cardinality(secrets)]);
    owner uuid;
    lower integer := 1;
    upper integer;
    taken integer[];
    n integer;
begin
    while lower <= cardinality(secrets) loop
        owner := companies[lower];
        upper := lower;
        while companies[upper + 1] = owner loop
            upper := upper + 1;
        end loop;
        perform set_config('app.company_id', owner::text, true), set_config('app.account_id', '', true);
        with used as (
            update public.authorization_code c set used_at = q.at
            from unnest(secrets[lower:upper], grants[lower:upper], ats[lower:upper], firsts[lower:upper]) with ordinality
                     as q(secret, granted, at, first, n)
            cross join lateral (
                select from public.authorization_grant g
                where g.company_id = owner and g.id = q.granted and g.ended_at is null and g.expires_at > q.at limit 1) g
            where q.first and c.company_id = owner and c.digest = q.secret and c.grant_id is not distinct from q.granted
              and c.used_at is null and c.expires_at > q.at
            returning q.n
        )
        select array_agg(u.n::integer + lower - 1) into taken from used u;
        if taken is not null then
            insert into public.refresh_token (digest, company_id, grant_id, expires_at, created_at)
            select refreshes[t.n], owner, grants[t.n], untils[t.n], ats[t.n] from unnest(taken) as t(n) where refreshes[t.n] is not null;
            insert into public.event (id, company_id, account_id, client_id, action, ip, user_agent, request_id, detail, created_at)
            select lines[t.n], owner, people[t.n], clients[t.n], actions[t.n], ips[t.n], user_agents[t.n], requests[t.n], details[t.n], ats[t.n]
            from unnest(taken) as t(n);
            foreach n in array taken loop
                if binds[n] is not null then
                    update public.authorization_grant g set confirmation = binds[n] where g.company_id = owner and g.id = grants[n];
                end if;
                words[n] := 'taken';
            end loop;
        end if;
        for n in lower .. upper loop
            if words[n] is null then
                words[n] := public.take_code(secrets[n], owner, people[n], grants[n], ats[n], refreshes[n], untils[n], binds[n],
                    lines[n], clients[n], ips[n], user_agents[n], requests[n], actions[n], details[n], reuses[n]);
            end if;
        end loop;
        lower := upper + 1;
    end loop;
    return words;
end
$$;

create or replace function take_refresh_tokens(secrets bytea[], companies uuid[], people uuid[], grants uuid[], ats timestamptz[], firsts boolean[],
                                    nexts bytea[],
                                    lines uuid[], clients text[], ips text[], user_agents text[], requests text[],
                                    actions text[], details jsonb[], reuses text[])
    returns text[] language plpgsql
    set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off as $$
declare
    words text[] := array_fill(null::text, array[cardinality(secrets)]);
    owner uuid;
    lower integer := 1;
    upper integer;
    locked integer[];
    taken integer[];
    n integer;
begin
    while lower <= cardinality(secrets) loop
        owner := companies[lower];
        upper := lower;
        while companies[upper + 1] = owner loop
            upper := upper + 1;
        end loop;
        perform set_config('app.company_id', owner::text, true), set_config('app.account_id', '', true);
        select array_agg(q.n::integer + lower - 1) into locked
        from unnest(grants[lower:upper], ats[lower:upper], firsts[lower:upper]) with ordinality as q(granted, at, first, n)
        cross join lateral (
            select from public.authorization_grant g
            where g.company_id = owner and g.id = q.granted and g.ended_at is null and g.expires_at > q.at
            for no key update limit 1) g
        where q.first;
        with good as (
            select l.n, t.expires_at from unnest(locked) as l(n)
            join public.refresh_token t on t.company_id = owner and t.digest = secrets[l.n] and t.grant_id is not distinct from grants[l.n]
            where t.used_at is null and t.revoked_at is null and t.expires_at > ats[l.n]
        ), used as (
            update public.refresh_token t set used_at = ats[g.n] from good g
            where nexts[g.n] is not null and t.company_id = owner and t.digest = secrets[g.n]
        ), born as (
            insert into public.refresh_token (digest, company_id, grant_id, parent_digest, expires_at, created_at)
            select nexts[g.n], owner, grants[g.n], secrets[g.n], g.expires_at, ats[g.n] from good g where nexts[g.n] is not null
        )
        select array_agg(g.n) into taken from good g;
        if taken is not null then
            insert into public.event (id, company_id, account_id, client_id, action, ip, user_agent, request_id, detail, created_at)
            select lines[t.n], owner, people[t.n], clients[t.n], actions[t.n], ips[t.n], user_agents[t.n], requests[t.n], details[t.n], ats[t.n]
            from unnest(taken) as t(n);
            foreach n in array taken loop
                words[n] := 'taken';
            end loop;
        end if;
        for n in lower .. upper loop
            if words[n] is null then
                words[n] := public.take_refresh_token(secrets[n], owner, people[n], grants[n], ats[n], nexts[n],
                    lines[n], clients[n], ips[n], user_agents[n], requests[n], actions[n], details[n], reuses[n]);
            end if;
        end loop;
        lower := upper + 1;
    end loop;
    return words;
end
$$;

-- What follows a refresh token is found by its grant. An index by the digest of what came before took each new token to a page of its own,
-- anywhere among those of all others: with five million tokens that was half of what a refresh writes. Only a token that is used a second
-- time asks for what follows it, and only while its grant lives.
create or replace function take_refresh_token(secret bytea, company uuid, person uuid, granted uuid, at timestamptz, next bytea,
                                              line uuid, client text, ip text, user_agent text, request text,
                                              action text, detail jsonb, reuse text)
    returns text language plpgsql as $$
declare
    token record;
begin
    perform set_config('app.company_id', company::text, true), set_config('app.account_id', person::text, true);
    perform from public.authorization_grant g
    where g.company_id = company and g.id = granted and g.ended_at is null and g.expires_at > at for no key update;
    if not found then
        return 'over';
    end if;
    select t.used_at, t.expires_at, t.revoked_at into token
    from public.refresh_token t where t.company_id = company and t.digest = secret;
    if not found or token.expires_at <= at then
        return 'over';
    end if;
    if token.revoked_at is not null or (token.used_at is not null and exists (
        select from public.refresh_token s
        where s.company_id = company and s.grant_id = granted and s.parent_digest = secret and s.used_at is not null))
    then
        update public.authorization_grant g set ended_at = at where g.company_id = company and g.id = granted;
        insert into public.event (id, company_id, account_id, client_id, action, ip, user_agent, request_id, detail, created_at)
        values (line, company, person, client, reuse, ip, user_agent, request, '{}', at);
        return 'reused';
    end if;
    if next is not null then
        if token.used_at is null then
            update public.refresh_token t set used_at = at where t.company_id = company and t.digest = secret;
        else
            -- Its answer was lost. What it gave then was never used, and gives way.
            update public.refresh_token t set revoked_at = at
            where t.company_id = company and t.grant_id = granted and t.parent_digest = secret and t.revoked_at is null;
        end if;
        insert into public.refresh_token (digest, company_id, grant_id, parent_digest, expires_at, created_at)
        values (next, company, granted, secret, token.expires_at, at);
    end if;
    insert into public.event (id, company_id, account_id, client_id, action, ip, user_agent, request_id, detail, created_at)
    values (line, company, person, client, action, ip, user_agent, request, detail, at);
    return 'taken';
end
$$;

-- `holdings` differs in this one condition, and nothing else of it is said again.
do $$
declare
    known text := pg_get_functiondef('holdings'::regproc);
begin
    known := replace(known, 's.used_at is not null and exists', 's.used_at is not null and g.ended_at is null and exists');
    known := replace(known, 'f.parent_digest = s.digest', 'f.grant_id = s.grant_id and f.parent_digest = s.digest');
    if known not like '%g.ended_at is null and exists%f.grant_id = s.grant_id and f.parent_digest%' then
        raise exception 'holdings is not what this migration knows';
    end if;
    execute known;
end
$$;

drop index refresh_token_parent;
drop index refresh_token_grant;
create index refresh_token_grant on refresh_token (grant_id);
drop index authorization_code_grant;
create index authorization_code_grant on authorization_code (grant_id);

-- Nobody has called these since `holdings`.
drop function held(text[], bytea[], uuid[], uuid[], timestamptz[]);
drop type living_grant;
